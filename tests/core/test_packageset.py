"""Package sets: the algebra held against plain sets, and what it reads counted."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from debrepo import packageset
from debrepo.package import PackageKey
from debrepo.packageset import EMPTY
from debrepo.version import sort_key

VERSIONS = ["1.0", "1.0-1", "1.0~rc1", "2:0.1", "10", "9", "1.00"]


class CountingStore(dict):
    """A store that remembers which keys were read."""

    def __init__(self, *args):
        super().__init__(*args)
        self.reads = []

    def __getitem__(self, key):
        self.reads.append(key)
        return super().__getitem__(key)


def entry(name, architecture="amd64", version="1.0", digest="0123456789abcdef"):
    return PackageKey(name, architecture, version, digest).entry


def many(count, *, seed=0):
    rng = random.Random(seed)
    names = rng.sample(range(10 * count), count)
    return [entry(f"p{n:07}", rng.choice(["amd64", "all"]), f"{n % 7}.{n % 5}") for n in names]


#: Few names and many versions: chunks get cut, and groups run across the cuts.
ENTRIES = st.builds(
    entry,
    st.integers(0, 400).map(lambda n: f"pkg{n}"),
    st.sampled_from(["amd64", "all", "source"]),
    st.sampled_from(VERSIONS),
    st.sampled_from(["aaaaaaaa", "bbbbbbbb"]),
)
SETS = st.one_of(
    st.sets(ENTRIES, max_size=30),
    st.builds(
        lambda seed, size: set(random.Random(seed).sample(UNIVERSE, size)),
        st.integers(0, 9),
        st.integers(0, 3000),
    ),
)
UNIVERSE = [
    entry(f"pkg{n}", architecture, version, digest)
    for n in range(401)
    for architecture in ("amd64", "all", "source")
    for version in VERSIONS
    for digest in ("aaaaaaaa", "bbbbbbbb")
]
quick = settings(max_examples=60, deadline=None)


def check(store, set_id, expected):
    """A set is right when it holds the entries, and is what building it anew gives."""
    assert list(packageset.entries(store, set_id)) == sorted(expected)
    assert packageset.count(store, set_id) == len(expected)
    assert packageset.build({}, expected) == set_id


@quick
@given(SETS)
def test_a_set_does_not_depend_on_the_order_it_was_given_in(items):
    store = {}
    check(store, packageset.build(store, sorted(items, reverse=True)), items)


@quick
@given(SETS, st.sets(ENTRIES, max_size=20), st.sets(ENTRIES, max_size=20))
def test_updating_gives_what_building_anew_gives(items, add, remove):
    store = {}
    before = packageset.build(store, items)
    after = packageset.update(store, before, add=add, remove=remove)
    check(store, after, (items - remove) | add)


@quick
@given(SETS, st.integers(0, 50), st.randoms(use_true_random=False))
def test_removing_many_members_gives_what_building_anew_gives(items, size, rng):
    store = {}
    gone = set(rng.sample(sorted(items), min(size, len(items))))
    after = packageset.update(store, packageset.build(store, items), remove=gone)
    check(store, after, items - gone)


@quick
@given(SETS, SETS)
def test_algebra_agrees_with_plain_sets(left, right):
    store = {}
    a, b = packageset.build(store, left), packageset.build(store, right)
    check(store, packageset.union(store, a, b), left | right)
    check(store, packageset.intersection(store, a, b), left & right)
    check(store, packageset.difference(store, a, b), left - right)
    assert packageset.diff(store, a, b) == (sorted(left - right), sorted(right - left))


@quick
@given(SETS, SETS)
def test_merge_takes_the_right_hand_versions_of_every_package(left, right):
    store = {}
    merged = packageset.merge(store, packageset.build(store, left), packageset.build(store, right))
    theirs = {packageset.group(e) for e in right}
    check(store, merged, {e for e in left if packageset.group(e) not in theirs} | right)


@quick
@given(SETS, SETS)
def test_merge_latest_keeps_one_version_of_every_package(left, right):
    store = {}
    left, right = ({packageset.short(e): e for e in items} for items in (left, right))
    left, right = set(left.values()), set(right.values())
    a, b = packageset.build(store, left), packageset.build(store, right)
    best = {}
    theirs = {packageset.short(e) for e in right}
    for e in sorted({e for e in left if packageset.short(e) not in theirs} | right):
        key = packageset.group(e)
        version = sort_key(PackageKey.from_entry(e).version)
        if key not in best or version >= best[key][0]:
            best[key] = (version, e)
    check(store, packageset.merge_latest(store, a, b), {e for _, e in best.values()})


@quick
@given(SETS, st.sets(ENTRIES, max_size=9), st.sets(ENTRIES, max_size=9))
def test_three_way_merge_keeps_both_sides_changes(base, ours, theirs):
    store = {}
    ids = [packageset.build(store, items) for items in (base, base | ours, base | theirs)]
    check(store, packageset.merge_three_way(store, *ids), base | ours | theirs)


@quick
@given(SETS, ENTRIES)
def test_look_ups_agree_with_plain_sets(items, wanted):
    store = {}
    set_id = packageset.build(store, items)
    assert packageset.contains(store, set_id, wanted) == (wanted in items)
    prefix = wanted[: wanted.index(b"\0") + 1]
    found = list(packageset.find(store, set_id, prefix))
    assert found == sorted(e for e in items if e.startswith(prefix))
    amd64 = [e for e in sorted(items) if e.split(b"\0")[1] == b"amd64"]
    assert list(packageset.entries(store, set_id, architecture="amd64")) == amd64


@quick
@given(SETS, st.lists(ENTRIES, max_size=20))
def test_conflicts_are_members_of_the_same_name_architecture_and_version(items, wanted):
    single = {packageset.short(e): e for e in sorted(items)}
    store = {}
    set_id = packageset.build(store, single.values())
    expected = {e: single[packageset.short(e)] for e in wanted if packageset.short(e) in single}
    assert packageset.conflicts(store, set_id, wanted) == expected


@quick
@given(SETS)
def test_nodes_are_all_that_a_set_needs(items):
    store = {}
    set_id = packageset.build(store, items)
    alone = {node: store[node] for node in packageset.nodes(store, set_id) if node in store}
    assert sorted(packageset.entries(alone, set_id)) == sorted(items)


def test_the_empty_set_needs_no_store():
    assert list(packageset.entries({}, EMPTY)) == []
    assert packageset.build({}, []) == EMPTY


@pytest.fixture(scope="module")
def large():
    store = CountingStore()
    return store, packageset.build(store, many(60_000))


def test_chunks_are_of_a_useful_size(large):
    store, set_id = large
    sizes = [chunk.size for chunk in packageset.chunks(store, set_id)]
    assert 150 < sum(sizes) / len(sizes) < 400
    assert max(sizes) < 256 * 12


def test_adding_one_package_writes_one_chunk_and_the_list_above(large):
    store, set_id = large
    before = len(store)
    packageset.update(store, set_id, add=[entry("p0000001x")])
    assert len(store) - before <= 4


def test_diff_of_near_equal_sets_reads_only_what_differs(large):
    store, set_id = large
    other = packageset.update(store, set_id, add=[entry("p0000001x")], remove=many(60_000)[:1])
    store.reads.clear()
    removed, added = packageset.diff(store, set_id, other)
    assert (len(removed), len(added)) == (1, 1)
    assert len(store.reads) <= 2 * 2 + 2 * 3


def test_union_merge_and_latest_of_near_equal_sets_read_no_shared_chunk(large):
    store, set_id = large
    other = packageset.update(
        store, set_id, add=[entry("p0000001x"), entry("p0000001x", version="2")]
    )
    for operation in (packageset.union, packageset.merge, packageset.merge_latest):
        store.reads.clear()
        operation(store, set_id, other)
        chunks = [key for key in store.reads if dict.__getitem__(store, key)[:1] == b"L"]
        assert len(chunks) <= 8


def test_looking_up_one_package_reads_one_chunk(large):
    store, set_id = large
    wanted = many(60_000)[7]
    store.reads.clear()
    assert packageset.contains(store, set_id, wanted)
    assert sum(dict.__getitem__(store, key)[:1] == b"L" for key in store.reads) == 1


@pytest.mark.parametrize(("start", "stop"), [(0, 3), (700, 1100), (59_990, 70_000), (5, 5)])
def test_a_part_of_a_large_set_is_what_a_slice_is(large, start, stop):
    store, set_id = large
    everything = list(packageset.entries(store, set_id))
    assert packageset.part(store, set_id, start, stop) == everything[start:stop]


def test_a_part_reads_the_chunks_that_have_it(large):
    store, set_id = large
    store.reads.clear()
    assert len(packageset.part(store, set_id, 10_000, 10_100)) == 100
    assert len(store.reads) <= 6


def test_one_name_with_many_versions_is_cut_too():
    store = {}
    set_id = packageset.build(store, [entry("linux", version=f"{n}") for n in range(5000)])
    assert len(packageset.chunks(store, set_id)) > 5


@settings(max_examples=30, deadline=None)
@given(SETS)
def test_lookup_finds_what_going_through_the_set_does(entries):
    store = {}
    lookup = packageset.Lookup(store, packageset.build(store, entries))
    for name in {e.partition(b"\0")[0] for e in entries} | {b"absent", b"pkg", b"zzz", b""}:
        found = sorted(e for e in entries if e.partition(b"\0")[0] == name)
        assert lookup.named(name) == found
        assert all(e in lookup for e in found)
    assert list(lookup) == sorted(entries)


def test_lookup_reads_each_chunk_once():
    store = CountingStore()
    entries = many(5000)
    lookup = packageset.Lookup(store, packageset.build(store, entries))
    store.reads.clear()
    for e in entries:
        lookup.named(e.partition(b"\0")[0])
    assert len(store.reads) == len(set(store.reads))
