"""Snapshots are compared, merged, filtered, pulled into, verified and searched."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from debrepo import packageset
from debrepo.package import PackageKey
from debrepo.testing.packages import build_deb
from debrepo.version import sort_key
from debrepo_snapshot import merging


@pytest.fixture
def snapshots(debrepo, tmp_path):
    """Return what makes a snapshot of the packages ``name version [architecture [fields]]``."""

    def make(snapshot, *packages):
        debrepo("repo", "create", snapshot)
        for number, package in enumerate(packages):
            name, version, *rest = package.split(" ", 3)
            architecture = rest[0] if rest else "amd64"
            fields = {"Depends": rest[1]} if len(rest) > 1 else {}
            directory = tmp_path / f"{snapshot}{number}"
            directory.mkdir()
            options = {"compression": "gzip"} if version.endswith("rebuilt") else {}
            version = version.removesuffix("rebuilt")
            deb = build_deb(directory, name, version, architecture, fields=fields, **options)
            debrepo("repo", "add", snapshot, deb)
        debrepo("snapshot", "create", snapshot, "from", "repo", snapshot)

    return make


def packages(debrepo, name):
    return debrepo("snapshot", "search", name).stdout.split()


def test_identical_snapshots_do_not_differ(debrepo, snapshots):
    snapshots("a", "x 1")
    debrepo("snapshot", "create", "b", "from", "snapshot", "a")
    assert debrepo("snapshot", "diff", "a", "b").stdout == "The snapshots are identical.\n"
    assert debrepo("snapshot", "diff", "a", "b", "--json").stdout == "[]\n"


def test_diff_prints_what_went_came_and_changed(debrepo, snapshots):
    snapshots("a", "gone 1", "same 1", "web 1.9")
    snapshots("b", "new 1 all", "same 1", "web 1.10")
    result = debrepo("snapshot", "diff", "a", "b")
    assert result.stdout == (
        "   Architecture  Package  a    b\n"
        "-  amd64         gone     1    -\n"
        "+  all           new      -    1\n"
        "!  amd64         web      1.9  1.10\n"
    )
    assert result.stderr == "1 added, 1 removed, 1 changed.\n"


def test_diff_shows_only_what_both_have_on_request(debrepo, snapshots):
    snapshots("a", "gone 1", "web 1")
    snapshots("b", "web 2", "web 3")
    lines = debrepo("snapshot", "diff", "a", "b", "--only-matching").stdout.splitlines()
    assert lines[1:] == ["!  amd64         web      1  2"]


def test_diff_in_markdown_is_a_table(debrepo, snapshots):
    snapshots("a")
    snapshots("b", "web 2")
    assert debrepo("snapshot", "diff", "a", "b", "--markdown").stdout == (
        "|   | Architecture | Package | a | b |\n"
        "| --- | ------------ | ------- | --- | --- |\n"
        "| + | amd64        | web     | - | 2 |\n"
    )


def test_diff_in_json_names_the_packages_of_both_sides(debrepo, snapshots):
    snapshots("a", "web 1")
    snapshots("b", "web 1rebuilt")
    (change,) = json.loads(debrepo("snapshot", "diff", "a", "b", "--json").stdout)
    assert change["left"].startswith("Pamd64 web 1 ")
    assert change["right"].startswith("Pamd64 web 1 ")
    assert change["left"] != change["right"]


def test_other_lists_are_compared_by_kind_and_name(debrepo, snapshots, tmp_path):
    snapshots("a", "web 1")
    debrepo("repo", "add", "a", build_deb(tmp_path, "more"))
    assert "+  amd64         more" in debrepo("snapshot", "diff", "a", "repo:a").stdout


def test_merge_takes_what_the_last_source_has(debrepo, snapshots):
    snapshots("a", "web 1", "web 2", "left 1")
    snapshots("b", "web 1.5", "right 1", "web 1 i386")
    result = debrepo("snapshot", "merge", "c", "a", "b")
    assert result.stdout == "Created snapshot c with 4 packages.\n"
    assert packages(debrepo, "c") == [
        "left_1_amd64",
        "right_1_amd64",
        "web_1.5_amd64",
        "web_1_i386",
    ]
    shown = json.loads(debrepo("snapshot", "show", "c", "--json").stdout)
    assert shown["description"] == "Merged from sources: 'a', 'b'"
    assert shown["sources"] == ["snapshot:a", "snapshot:b"]


def test_merge_takes_the_newest_on_request(debrepo, snapshots):
    snapshots("a", "web 1", "web 2", "app 1~rc1")
    snapshots("b", "web 1.5", "app 1")
    debrepo("snapshot", "merge", "c", "a", "b", "--latest")
    assert packages(debrepo, "c") == ["app_1_amd64", "web_2_amd64"]


def test_merge_keeps_everything_on_request(debrepo, snapshots):
    snapshots("a", "web 1", "web 2")
    snapshots("b", "web 1.5", "web 2rebuilt")
    debrepo("snapshot", "merge", "c", "a", "b", "--no-remove")
    assert packages(debrepo, "c") == ["web_2_amd64", "web_1.5_amd64", "web_1_amd64"]
    assert "web" not in debrepo("snapshot", "diff", "c", "b", "--only-matching").stdout


def test_merge_of_one_source_is_a_copy(debrepo, snapshots):
    snapshots("a", "web 1")
    debrepo("snapshot", "merge", "c", "a")
    assert packages(debrepo, "c") == ["web_1_amd64"]


def test_merge_policies_exclude_each_other(debrepo, snapshots):
    snapshots("a")
    result = debrepo("snapshot", "merge", "c", "a", "--latest", "--no-remove", exit_code=2)
    assert "exclude each other" in result.stderr


def test_merging_takes_a_policy_that_there_is(session, snapshots):
    from debrepo.errors import InvalidInput

    snapshots("a")
    with pytest.raises(InvalidInput, match=r"cannot merge by 'oldest'"):
        session.call("snapshot.merge", name="c", sources=["a"], policy="oldest")


def test_filter_keeps_what_matches_and_its_dependencies(debrepo, snapshots):
    snapshots("a", "web 1 amd64 lib", "lib 1", "other 1")
    debrepo("snapshot", "filter", "a", "b", "web", "Name (% o*)")
    assert packages(debrepo, "b") == ["other_1_amd64", "web_1_amd64"]
    debrepo("snapshot", "filter", "a", "c", "web", "--with-deps")
    assert packages(debrepo, "c") == ["lib_1_amd64", "web_1_amd64"]
    shown = json.loads(debrepo("snapshot", "show", "b", "--json").stdout)
    assert shown["description"] == "Filtered 'a', query was: 'web Name (% o*)'"


def test_filter_that_matches_nothing_gives_an_empty_snapshot(debrepo, snapshots):
    snapshots("a", "web 1")
    result = debrepo("snapshot", "filter", "a", "b", "nothing")
    assert result.stdout == "Created snapshot b with 0 packages.\n"


def test_pull_brings_the_newest_and_what_it_needs(debrepo, snapshots):
    snapshots("stable", "web 1", "lib 1", "other 1")
    snapshots(
        "testing",
        "web 2 amd64 lib (>= 2), base",
        "web 3 amd64 lib (>= 2), base",
        "lib 2",
        "base 1 all",
    )
    result = debrepo("snapshot", "pull", "stable", "testing", "next", "web", "--why")
    assert result.stdout.splitlines() == [
        "removed  lib_1_amd64",
        "removed  web_1_amd64",
        "added    web_3_amd64",
        "added    lib_2_amd64  (web_3_amd64 Depends: lib (>= 2))",
        "added    base_1_all  (web_3_amd64 Depends: base)",
        "Created snapshot next with 4 packages.",
    ]
    assert packages(debrepo, "next") == [
        "base_1_all",
        "lib_2_amd64",
        "other_1_amd64",
        "web_3_amd64",
    ]
    shown = json.loads(debrepo("snapshot", "show", "next", "--json").stdout)
    said = "Pulled into 'stable' with 'testing' as source, pull request was: 'web'"
    assert shown["description"] == said


def test_pull_leaves_dependencies_and_other_versions_on_request(debrepo, snapshots):
    snapshots("stable", "web 1")
    snapshots("testing", "web 2 amd64 lib", "web 3 amd64 lib", "lib 2")
    command = ("snapshot", "pull", "stable", "testing")
    debrepo(*command, "b", "web", "--no-deps", "--no-remove")
    assert packages(debrepo, "b") == ["web_3_amd64", "web_1_amd64"]
    debrepo(*command, "c", "web", "--no-deps", "--all-matches")
    assert packages(debrepo, "c") == ["web_3_amd64", "web_2_amd64"]


def test_pull_says_what_it_would_do(debrepo, snapshots):
    snapshots("stable", "web 1")
    snapshots("testing", "web 2")
    result = debrepo("snapshot", "pull", "stable", "testing", "next", "web", "--dry-run")
    assert result.stdout == "removed  web_1_amd64\nadded    web_2_amd64\n"
    assert debrepo("snapshot", "list", "--raw").stdout == "stable\ntesting\n"


def test_pull_keeps_to_the_architectures_of_the_target(debrepo, snapshots):
    snapshots("stable", "web 1")
    snapshots("testing", "web 2", "web 2 i386", "doc 1 all")
    debrepo("snapshot", "pull", "stable", "testing", "b", "web | doc")
    assert packages(debrepo, "b") == ["doc_1_all", "web_2_amd64"]
    debrepo("snapshot", "pull", "stable", "testing", "c", "web", "--architectures=i386")
    assert packages(debrepo, "c") == ["web_2_i386", "web_1_amd64"]
    words = ("web", "doc", "--architectures=i386", "--no-deps")
    debrepo("snapshot", "pull", "stable", "testing", "d", *words)
    assert packages(debrepo, "d") == ["doc_1_all", "web_2_i386", "web_1_amd64"]


def test_pull_says_what_is_missing(debrepo, snapshots):
    snapshots("stable", "web 1")
    snapshots("testing", "web 2 amd64 gone")
    result = debrepo("snapshot", "pull", "stable", "testing", "next", "web")
    assert "missing  web_2_amd64 lacks, in Depends: gone\n" in result.stderr


def test_verify_prints_what_nothing_satisfies(debrepo, snapshots):
    snapshots("a", "web 1 amd64 lib | zlib, base", "base 1 all")
    snapshots("b", "zlib 1")
    said = "web_1_amd64 lacks, in Depends: lib | zlib\n"
    assert debrepo("snapshot", "verify", "a").stdout == said
    assert debrepo("snapshot", "verify", "a", "b").stdout == "All dependencies are satisfied.\n"
    assert json.loads(debrepo("snapshot", "verify", "a", "b", "--json").stdout) == []


def test_verify_fails_when_it_is_to_be_strict(debrepo, snapshots):
    snapshots("a", "web 1 amd64 lib")
    result = debrepo("snapshot", "verify", "a", "--strict", exit_code=1)
    assert result.stderr == "Error: 1 dependency of a cannot be satisfied\n"


def test_a_snapshot_can_be_described_anew(debrepo, snapshots):
    snapshots("a")
    debrepo("snapshot", "edit", "a", "--description", "for the release")
    assert "Description: for the release" in debrepo("snapshot", "show", "a").stdout


@pytest.mark.parametrize(
    "command",
    [("merge", "a", "a"), ("filter", "a", "a", "web"), ("pull", "a", "a", "a", "web")],
    ids=lambda command: command[0],
)
def test_names_of_new_snapshots_have_to_be_free(debrepo, snapshots, command):
    snapshots("a", "web 1")
    result = debrepo("snapshot", *command, exit_code=4)
    assert result.stderr == "Error: snapshot a exists already\n"


def test_a_draft_is_made_again_when_its_source_has_changed(session, debrepo, snapshots, tmp_path):
    from debrepo_snapshot import drafts

    snapshots("a", "web 1")
    interfered = []

    def plan(txn):
        found = session.hook.debrepo_package_list(txn=txn, kind="repo", name="a")
        return drafts.draft("new", found.set_id, drafts.staging(txn), (found,), "")

    def plan_and_interfere(txn):
        planned = plan(txn)
        if not interfered:
            interfered.append(True)
            list(session.call("repo.add", name="a", paths=[build_deb(tmp_path, "more")]))
        return planned

    assert drafts.make(session, plan_and_interfere).size == 2


class CountingStore(dict):
    def __init__(self, *args):
        super().__init__(*args)
        self.reads = set()

    def __getitem__(self, key):
        self.reads.add(key)
        return super().__getitem__(key)


def numbered(count):
    return [PackageKey(f"p{n:06}", "amd64", "1", "0123456789abcdef").entry for n in range(count)]


@pytest.mark.parametrize("policy", ["rightmost", "latest", "all"])
def test_merging_near_equal_sets_reads_the_chunks_that_differ(policy):
    store = CountingStore()
    entries = numbered(30_000)
    left = packageset.build(store, entries)
    right = packageset.update(store, left, add=[entries[777].replace(b"\x001\0", b"\x002\0")])
    store.reads.clear()
    merged = merging.merge(store, [left, right], policy)
    assert len(store.reads) <= 8
    assert packageset.count(store, merged) == 30_000 + (policy != "latest")


names = st.sampled_from(["a", "b", "c"])
keys = st.builds(
    PackageKey,
    names,
    st.sampled_from(["amd64", "all"]),
    st.sampled_from(["1", "2", "10"]),
    st.sampled_from(["aaaaaaaa", "bbbbbbbb"]),
)
lists = st.dictionaries(keys.map(lambda k: k[:3]), keys.map(lambda k: k.hash), max_size=8).map(
    lambda found: {PackageKey(*short, digest) for short, digest in found.items()}
)


def expected(sources, policy):
    """Merge the plain way: by what each name and architecture has where."""
    merged = {}
    for source in sources:
        for group in {key[:2] for key in source}:
            new = {key[:3]: key for key in source if key[:2] == group}
            merged[group] = new if policy == "rightmost" else {**merged.get(group, {}), **new}
    if policy == "latest":
        for group, versions in merged.items():
            newest = max(versions.values(), key=lambda key: sort_key(key.version))
            merged[group] = {newest[:3]: newest}
    return {key for versions in merged.values() for key in versions.values()}


@settings(max_examples=100, deadline=None)
@given(st.lists(lists, min_size=1, max_size=4), st.sampled_from(["rightmost", "latest", "all"]))
def test_merging_is_what_the_plain_way_gives(sources, policy):
    store = {}
    sets = [packageset.build(store, [key.entry for key in source]) for source in sources]
    merged = packageset.entries(store, merging.merge(store, sets, policy))
    assert set(map(PackageKey.from_entry, merged)) == expected(sources, policy)
