"""What packages need beyond what is there, by the rules of dpkg."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from debrepo import packageset
from debrepo.package import Package, PackageKey, encode
from debrepo.packageset import Lookup
from debrepo.resolver import Following, Universe, resolve, verify
from debrepo.selection import why

AMD64 = Following(architectures=("amd64",))


class World:
    """Lists of packages, written as short stanzas: ``a 1.0 amd64 Depends: b, c``."""

    def __init__(self):
        self.store = {}
        self.records = {}
        self.reads = []

    def lookup(self, *lines):
        entries = [self.add(line) for line in lines]
        return Lookup(self.store, packageset.build(self.store, entries))

    def add(self, line):
        name, version, architecture, *rest = line.split(" ", 3)
        said = "".join(rest).replace("; ", "\n")
        kind = "source" if architecture == "source" else "deb"
        if "Type: udeb" in said:
            kind = "udeb"
        key = PackageKey(name, architecture, version, "0123456789abcdef")
        stanza = f"Package: {name}\n{said}".strip().encode()
        self.records[key.entry] = encode(Package(key, kind, stanza, ()))
        return key.entry

    def record(self, entry):
        self.reads.append(entry)
        return self.records[entry]

    def universe(self, *offered, there=()):
        there = [self.lookup(*there)] if there else []
        return Universe(self.record, there=there, offered=[self.lookup(*offered)])


def named(entries):
    return [PackageKey.from_entry(entry).name for entry in entries]


def entries_of(world, *names):
    return [entry for entry in world.records if PackageKey.from_entry(entry).name in names]


def closure(root, *offered, there=(), following=AMD64):
    """Return what ``root`` brings, as ``name_version_architecture``, and what lacks."""
    world = World()
    universe = world.universe(root, *offered, there=there)
    found = resolve(universe, [world.add(root)], following)
    brought = [PackageKey.from_entry(b.entry).display for b in found.brought]
    return brought, [lack.requirement for lack in found.lacks]


def brought(root, *offered, **options):
    found, lacks = closure(root, *offered, **options)
    assert lacks == []
    return found


def test_dependencies_are_followed_to_the_end():
    found = brought(
        "a 1 amd64 Depends: b; Pre-Depends: c", "b 1 amd64 Depends: d", "c 1 all", "d 2 amd64"
    )
    assert found == ["c_1_all", "b_1_amd64", "d_2_amd64"]


def test_circles_end():
    assert brought("a 1 amd64 Depends: b", "b 1 amd64 Depends: a") == ["b_1_amd64"]


def test_the_newest_version_that_will_do_is_brought():
    versions = ["b 1.9 amd64", "b 1.10 amd64", "b 2~rc1 amd64", "b 2 amd64"]
    assert brought("a 1 amd64 Depends: b (<< 2)", *versions) == ["b_2~rc1_amd64"]
    assert brought("a 1 amd64 Depends: b (= 1.9)", *versions) == ["b_1.9_amd64"]


def test_the_first_alternative_is_preferred():
    assert brought("a 1 amd64 Depends: z | b", "b 1 amd64", "z 1 amd64") == ["z_1_amd64"]


def test_an_alternative_that_is_there_already_is_enough():
    assert brought("a 1 amd64 Depends: z | b", "z 1 amd64", there=["b 1 amd64"]) == []


def test_an_alternative_that_another_package_brought_is_enough():
    assert brought("a 1 amd64 Depends: b, z | b", "b 1 amd64", "z 1 amd64") == ["b_1_amd64"]


def test_an_alternative_that_lacks_something_itself_is_passed_over():
    offered = ["b 1 amd64 Depends: c", "c 1 amd64 Depends: gone", "z 1 amd64"]
    assert brought("a 1 amd64 Depends: b | z", *offered) == ["z_1_amd64"]


def test_an_older_version_is_brought_when_the_newest_lacks_something():
    assert brought("a 1 amd64 Depends: b", "b 1 amd64", "b 2 amd64 Depends: gone") == ["b_1_amd64"]


def test_what_cannot_be_had_at_all_is_told_where_it_is_missing():
    found = closure("a 1 amd64 Depends: b", "b 1 amd64 Depends: c (>= 2) | d", "c 1 amd64")
    assert found == (["b_1_amd64"], ["c (>= 2) | d"])


def test_all_variants_bring_every_alternative_and_version():
    following = AMD64._replace(all_variants=True)
    offered = ["b 1 amd64", "b 2 amd64", "z 1 amd64", "p 1 amd64 Provides: z"]
    found = brought("a 1 amd64 Depends: b | z", *offered, following=following)
    assert found == ["b_2_amd64", "b_1_amd64", "z_1_amd64", "p_1_amd64"]


def test_a_name_may_be_provided():
    assert brought("a 1 amd64 Depends: mta", "p 1 amd64 Provides: x, mta") == ["p_1_amd64"]


def test_a_package_of_the_name_is_preferred_to_one_that_provides_it():
    assert brought("a 1 amd64 Depends: z", "b 9 amd64 Provides: z", "z 1 amd64") == ["z_1_amd64"]


def test_of_those_that_provide_the_same_the_more_important_is_brought():
    offered = [
        "b 1 amd64 Provides: v; Priority: optional",
        "z 1 amd64 Provides: v; Priority: standard",
    ]
    assert brought("a 1 amd64 Depends: v", *offered) == ["z_1_amd64"]


def test_any_number_of_names_may_be_provided():
    names = [f"v{number}" for number in range(120)]
    offered = [f"p{name} 1 amd64 Provides: {name}" for name in names]
    assert len(brought(f"a 1 amd64 Depends: {', '.join(names)}", *offered)) == 120


@pytest.mark.parametrize(
    ("provides", "enough"),
    [("v", False), ("v (= 1)", False), ("v (= 2)", True), ("v (= 2:0)", True)],
)
def test_a_relation_to_a_version_takes_a_versioned_provides(provides, enough):
    _, lacks = closure("a 1 amd64 Depends: v (>= 2)", f"p 9 amd64 Provides: {provides}")
    assert (lacks == []) is enough


@pytest.mark.parametrize(
    ("relation", "candidate", "enough"),
    [
        ("b", "b 1 all", True),
        ("b", "b 1 i386", False),
        ("b", "b 1 i386 Multi-Arch: same", False),
        ("b", "b 1 i386 Multi-Arch: foreign", True),
        ("b", "b 1 i386 Multi-Arch: allowed", False),
        ("b:any", "b 1 i386 Multi-Arch: allowed", True),
        ("b:any", "b 1 amd64 Multi-Arch: allowed", True),
        ("b:any", "b 1 amd64", False),
        ("b:any", "b 1 amd64 Multi-Arch: foreign", False),
        ("b:i386", "b 1 i386", True),
        ("b:i386", "b 1 amd64", False),
        ("v", "b 1 i386 Provides: v; Multi-Arch: foreign", True),
        ("v", "b 1 i386 Provides: v", False),
        ("b", "b 1 amd64 Type: udeb", False),
    ],
)
def test_architectures_match_as_dpkg_has_it(relation, candidate, enough):
    _, lacks = closure(f"a 1 amd64 Depends: {relation}", candidate)
    assert (lacks == []) is enough


def test_the_own_architecture_is_preferred_to_a_newer_foreign_one():
    offered = ["b 2 i386 Multi-Arch: foreign", "b 1 amd64 Multi-Arch: foreign"]
    assert brought("a 1 amd64 Depends: b", *offered) == ["b_1_amd64"]


def test_a_package_for_all_architectures_needs_something_on_each():
    following = Following(architectures=("amd64", "i386"))
    found = brought("a 1 all Depends: b", "b 1 amd64", "b 1 i386", "b 1 arm64", following=following)
    assert found == ["b_1_amd64", "b_1_i386"]


def test_packages_of_other_architectures_ask_for_nothing():
    assert brought("a 1 i386 Depends: b", "b 1 i386") == []


def test_a_list_without_any_architecture_resolves_too():
    assert brought("a 1 all Depends: b", "b 1 all", following=Following()) == ["b_1_all"]


def test_udebs_need_udebs():
    offered = ["b 9 amd64", "b 1 amd64 Type: udeb"]
    assert brought("a 1 amd64 Type: udeb; Depends: b", *offered) == ["b_1_amd64"]


def test_recommended_and_suggested_packages_are_brought_on_request():
    offered = ["b 1 amd64", "c 1 amd64"]
    root = "a 1 amd64 Recommends: b; Suggests: c"
    assert brought(root, *offered) == []
    assert brought(root, *offered, following=AMD64._replace(recommends=True)) == ["b_1_amd64"]
    assert brought(root, *offered, following=AMD64._replace(suggests=True)) == ["c_1_amd64"]


def test_the_source_is_brought_on_request_in_the_version_it_was_built_from():
    offered = ["src 1 source", "src 2 source", "src 1 amd64"]
    following = AMD64._replace(source=True)
    assert brought("a 9 amd64 Source: src (1)", *offered, following=following) == ["src_1_source"]
    assert brought("src 1 amd64", *offered, following=following) == ["src_1_source"]


def test_what_building_takes_is_brought_on_request():
    following = AMD64._replace(build_depends=True, profiles=frozenset(["nodoc"]))
    root = (
        "a 1 source Build-Depends: b [amd64], c [!amd64], d <!nodoc>; Build-Depends-Arch: e:native;"
        " Build-Depends-Indep: f <nodoc>"
    )
    offered = [f"{name} 1 amd64" for name in "bcdef"]
    assert brought(root, *offered, following=following) == ["b_1_amd64", "e_1_amd64", "f_1_amd64"]
    assert brought(root, *offered) == []


def test_a_field_that_is_no_relation_is_told_and_harms_no_other_package():
    world = World()
    universe = world.universe("a 1 amd64 Depends: ((", "b 1 amd64 Depends: c", "c 1 amd64")
    found = resolve(universe, entries_of(world, "a", "b"), AMD64)
    assert [lack.requirement for lack in found.lacks] == ["(("]
    assert "column 1: expected a package name" in found.lacks[0].reason
    assert named(b.entry for b in found.brought) == ["c"]


def test_each_package_comes_with_the_one_that_asked_for_it():
    world = World()
    universe = world.universe(
        "a 1 amd64 Depends: b | c", "b 1 amd64 Depends: v", "d 1 all Provides: v"
    )
    first, second = resolve(universe, entries_of(world, "a"), AMD64).brought
    assert named([first.by, second.by]) == ["a", "b"]
    assert (first.field, first.requirement, first.architecture) == ("Depends", "b | c", "amd64")
    assert second.requirement == "v"


def test_names_alone_are_looked_up_where_nothing_has_to_be_provided():
    world = World()
    many = [f"p{i} 1 amd64" for i in range(1000)]
    universe = world.universe("a 1 amd64 Depends: p7", *many)
    resolve(universe, entries_of(world, "a"), AMD64)
    assert len(world.reads) <= 3


def test_verify_tells_what_a_list_lacks_and_where():
    world = World()
    universe = world.universe("a 1 all Depends: b, c | d", "b 1 amd64", "d 1 i386")
    lacks = verify(universe, entries_of(world, "a"), Following(architectures=("amd64", "i386")))
    told = [(lack.requirement, lack.architecture) for lack in lacks]
    assert told == [("c | d", "amd64"), ("b", "i386")]


def test_verify_of_all_variants_tells_each_alternative():
    world = World()
    universe = world.universe("a 1 amd64 Depends: b | c | d", "c 1 amd64")
    lacks = verify(universe, entries_of(world, "a"), AMD64._replace(all_variants=True))
    assert [lack.requirement for lack in lacks] == ["b", "d"]


relation = st.builds(
    lambda name, version: f"{name} (>= {version})" if version else name,
    st.sampled_from("abcdefgv"),
    st.sampled_from(["", "1", "2"]),
)
requirement = st.lists(relation, min_size=1, max_size=3).map(" | ".join)
packages = st.builds(
    lambda version, architecture, depends, provides: (
        f"{version} {architecture} Depends: {', '.join(depends)}; Provides: {provides}"
    ),
    st.sampled_from("123"),
    st.sampled_from(["amd64", "all"]),
    st.lists(requirement, max_size=3),
    st.sampled_from(["", "v", "v (= 2)", "a (= 1), v"]),
)
worlds = st.dictionaries(st.sampled_from("abcdefgh"), packages, min_size=1).map(
    lambda found: [f"{name} {rest}" for name, rest in found.items()]
)


def installable(world, universe):
    """Return, the naive way, the largest set of packages that need nothing outside of it."""
    good = set(world.records)
    while bad := {entry for entry in good if lacking(universe, entry, good)}:
        good -= bad
    return good


def lacking(universe, entry, good):
    from debrepo.resolver.rules import asked

    needs = [need for _, need in asked(universe.package(entry), AMD64).needs]
    return any(good.isdisjoint(universe.candidates(need)) for need in needs)


@settings(max_examples=60, deadline=None)
@given(worlds)
def test_a_closure_lacks_something_only_where_every_closure_does(lines):
    world = World()
    universe = world.universe(*lines)
    good = installable(world, universe)
    for root in world.records:
        found = resolve(universe, [root], AMD64)
        assert (not found.lacks) == (root in good)


@settings(max_examples=30, deadline=None)
@given(worlds, st.randoms(use_true_random=False))
def test_the_answer_does_not_depend_on_any_order(lines, rng):
    first = World()
    expected = resolve(first.universe(*lines), list(first.records), AMD64)
    again = World()
    universe = again.universe(*rng.sample(lines, len(lines)))
    assert resolve(universe, rng.sample(sorted(again.records), len(lines)), AMD64) == expected


def test_a_thousand_runs_give_one_answer():
    rng = random.Random(1)
    names = [f"p{i}" for i in range(40)]
    lines = [f"{n} 1 amd64 Depends: {' | '.join(rng.sample(names, 3))}; Provides: v" for n in names]
    answers = set()
    for _ in range(1000):
        world = World()
        rng.shuffle(lines)
        universe = world.universe(*lines)
        answers.add(resolve(universe, entries_of(world, "p0"), AMD64))
    assert len(answers) == 1


@pytest.mark.parametrize(
    "conflict",
    [
        "a 1 amd64 Depends: b | z; Conflicts: b",
        "a 1 amd64 Depends: b | z; Breaks: b (<< 2)",
        "a 1 amd64 Depends: b | z; Conflicts: v",
        "a 1 amd64 Depends: b | z; Provides: w",
        "a 1 amd64 Depends: c, b | z",
        "a 1 amd64 Depends: c, b | z; Provides: b",
    ],
)
def test_an_alternative_that_excludes_what_is_in_the_closure_is_passed_over(conflict):
    offered = ["b 1 amd64 Provides: v; Conflicts: w", "c 1 amd64 Breaks: b (<= 1)", "z 1 amd64"]
    found = brought(conflict, *offered)
    assert "z_1_amd64" in found or found == ["c_1_amd64"]
    assert "b_1_amd64" not in found


@pytest.mark.parametrize(
    "harmless",
    [
        "a 1 amd64 Depends: b | z; Breaks: b (<< 1)",
        "a 1 amd64 Depends: b | z; Conflicts: v (<< 2)",
        "a 1 amd64 Depends: b | z; Conflicts: b:arm64",
        "a 1 amd64 Depends: b | z; Conflicts: x (",
    ],
)
def test_a_conflict_counts_only_where_the_relation_holds(harmless):
    assert brought(harmless, "b 1 amd64 Provides: v; Conflicts: v", "z 1 amd64") == ["b_1_amd64"]


def test_packages_that_were_asked_for_may_exclude_one_another():
    roots = ["a 1 amd64 Depends: b; Conflicts: c", "c 1 amd64 Depends: d"]
    world = World()
    universe = world.universe(*roots, "b 1 amd64", "d 1 amd64 Conflicts: a | b")
    found = resolve(universe, [world.add(root) for root in roots], AMD64)
    assert [one.clash for one in found.brought] == [None, None]


def test_what_is_there_already_may_exclude_what_is_brought():
    assert brought("a 1 amd64 Depends: b | z", "b 1 amd64 Conflicts: x", there=["x 1 amd64"]) == [
        "b_1_amd64"
    ]


def test_a_conflict_that_cannot_be_helped_is_told():
    world = World()
    root = "a 1 amd64 Depends: b"
    universe = world.universe(root, "b 1 amd64 Breaks: a (<< 2)")
    found = resolve(universe, [world.add(root)], AMD64)
    assert found.lacks == ()
    (only,) = found.brought
    assert why(only) == "a_1_amd64 Depends: b; b_1_amd64 Breaks: a (<< 2), which is a_1_amd64"
