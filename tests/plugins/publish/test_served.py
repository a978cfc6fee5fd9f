"""What is served: packages that an index lists, and no others."""

import gzip

import pytest
from plugins.publish.client import Client

from debrepo.errors import InvalidInput
from debrepo_publish.engine import ledger
from debrepo_publish.model import component_sources
from debrepo_publish.model.publication import Publication, one_place, split_place
from debrepo_publish.model.tables import GENERATIONS

NOW = 1_800_000_000
DAY = 86400


def problems(session, **where):
    """Return what a client would find wrong, but for signatures: those here are of paper."""
    found = session.call("publish.verify", distribution="stable", files=True, **where).problems
    return [one.text for one in found if one.kind.value != "signature"]


@pytest.fixture
def stocked(add):
    for architecture in ("amd64", "i386", "all"):
        add(f"hello-{architecture}", architecture=architecture)
    add("hello", "1.0-1", "source")


def pool(public):
    return {path.name for path in public.rglob("pool/**/*") if path.is_file()}


SOURCE = {"hello_1.0-1.dsc", "hello_1.0.orig.tar.xz", "hello_1.0-1.debian.tar.xz"}
BINARY = {name: f"hello-{name}_1.0_{name}.deb" for name in ("amd64", "i386", "all")}


def in_contents(public):
    return {path.name for path in (public / "dists/stable/main").glob("Contents-*")}


@pytest.mark.parametrize(
    ("architectures", "there", "contents"),
    [
        ((), {*BINARY.values(), *SOURCE}, {"amd64", "i386", "all", "source"}),
        (("i386",), {BINARY["i386"], BINARY["all"]}, {"i386", "all"}),
        (
            ("amd64", "source"),
            {BINARY["amd64"], BINARY["all"], *SOURCE},
            {"amd64", "all", "source"},
        ),
        (("source",), {BINARY["all"], *SOURCE}, {"all", "source"}),
        (("all",), {BINARY["all"]}, {"all"}),
    ],
)
def test_only_packages_of_the_architectures_are_published(
    session, stocked, create, public, architectures, there, contents
):
    result = create(architectures=architectures)
    assert pool(public) == there
    assert in_contents(public) == {f"Contents-{name}.gz" for name in contents}
    assert (public / "dists/stable/main/source/Sources.gz").exists() == ("source" in contents)
    assert result.packages == len(contents)
    assert problems(session) == []


def test_files_come_and_go_with_the_architectures(session, stocked, create, update, public, clock):
    create(architectures=("i386",), keep_generations=0)
    update(architectures=("i386", "amd64", "source"))
    assert pool(public) == {*BINARY.values(), *SOURCE}
    update(architectures=("amd64",))
    clock(NOW + 10 * DAY)
    update()
    assert pool(public) == {BINARY["amd64"], BINARY["all"]}
    assert problems(session) == []


def test_packages_of_other_architectures_publish_nothing(stocked, add, create, update, public):
    create(architectures=("i386",))
    add("more", architecture="arm64")
    update()
    assert pool(public) == {BINARY["i386"], BINARY["all"]}


def test_what_an_older_debrepo_published_beyond_the_indexes_goes_with_the_next_update(
    session, stocked, create, update, public, clock
):
    create(keep_generations=0)
    with session.db.write() as txn:  # it recorded no architectures, and served all packages
        for key, generation in list(txn[GENERATIONS].items()):
            chosen = generation.publication._replace(architectures=("i386",))
            txn[GENERATIONS][key] = generation._replace(served=(), publication=chosen)
    update(architectures=("i386",))
    clock(NOW + 10 * DAY)
    update()
    assert pool(public) == {BINARY["i386"], BINARY["all"]}
    with session.db.read() as txn:
        counts = [held.references for path, held in ledger.files(txn, ".") if "pool" in path]
    assert counts == [1, 1]


def test_architectures_served_are_named(debrepo, debrepo_root, tmp_path):
    from debrepo.testing.packages import build_deb, build_source

    build_deb(tmp_path)
    build_deb(tmp_path, architecture="i386")
    build_source(tmp_path)
    debrepo("repo", "create", "tools", "--distribution", "stable")
    debrepo("repo", "add", "tools", tmp_path)
    debrepo("publish", "repo", "tools", "--skip-signing")
    said = "publish", "repo", "tools", "more", "--skip-signing", "--architectures", "i386"
    debrepo(*said)
    assert debrepo("publish", "list").stdout.splitlines() == [
        "./stable\tmain: repo:tools\t[amd64, i386, source]\tunsigned",
        "more/stable\tmain: repo:tools\t[i386]\tunsigned",
    ]
    shown = debrepo("publish", "show", "stable").stdout
    assert "Architectures: amd64, i386, source\n" in shown
    assert "Skip signing: yes\n" in shown
    assert "Checksums: sha256\n" in shown
    shown = debrepo("publish", "show", "stable", "more").stdout
    assert "Architectures: i386\n" in shown
    assert "1 package," in shown


def test_distribution_is_not_guessed_if_a_source_has_none(session, add, create):
    add("hello")
    session.call("repo.create", name="bare")
    with pytest.raises(InvalidInput, match="cannot tell the distribution"):
        create("tools", "bare", components=("main", "more"), distribution="")
    create("tools", distribution="")


@pytest.mark.parametrize(
    ("names", "components"),
    [
        (["monday"], []),
        (["monday"], ["main"]),
        (["monday", "monday"], ["main", "more"]),
        (["monday", "monday"], ["more", "main"]),
        (["monday", "monday"], []),
    ],
)
def test_switch_turns_no_repository_into_a_snapshot(session, add, create, names, components):
    add("hello")
    session.call("snapshot.create", name="monday", kind="repo", source="tools")
    if len(names) == 1:
        create(place="team")
    else:  # one component is a snapshot's already
        create("tools", "tools", components=("main", "more"), place="team")
        session.call(
            "publish.source.update", distribution="stable", place="team",
            names=["snapshot:monday"], components=["more"],
        )  # fmt: skip
        session.call("publish.update", distribution="stable", place="team")
    before = session.call("publish.list")[0].sources
    with pytest.raises(InvalidInput, match="is of the repository tools, and would be of a") as said:
        session.call(
            "publish.switch", distribution="stable", place="team", names=names,
            components=components,
        )  # fmt: skip
    assert said.value.hint == (
        'run "debrepo publish source update stable snapshot:monday --component main --prefix team"'
        ', then "debrepo publish update stable team"'
    )
    assert session.call("publish.list")[0].sources == before


def test_component_that_joins_a_mixed_publication_leaves_the_others_of_their_kind():
    mixed = Publication("", ".", "stable", {"main": "repo:tools", "more": "snapshot:monday"})
    new = ("snapshot:tuesday", "snapshot:monday")
    joined = component_sources.switched(mixed, new, ("more", "third"), join=True)
    assert joined.sources == mixed.sources | dict(zip(("more", "third"), new, strict=True))
    with pytest.raises(
        InvalidInput, match=r"component main of \./stable is of the repository tools"
    ):
        component_sources.switched(mixed, new, ("main", "third"), join=True)


def test_what_a_refused_switch_says_to_do_can_be_done(session, add, create, update):
    add("hello")
    create()
    session.call("snapshot.create", name="monday", kind="repo", source="tools")
    names = {"names": ["snapshot:monday"], "components": ["main"]}
    session.call("publish.source.update", distribution="stable", **names)
    update()
    assert session.call("publish.list")[0].sources == {"main": "snapshot:monday"}
    session.call("publish.switch", distribution="stable", names=["monday"])
    with pytest.raises(InvalidInput, match="is of the snapshot monday, and would be of a repo"):
        session.call("publish.switch", distribution="stable", names=["tools"], kind="repo")


def test_what_a_drop_left_goes_with_the_next_update_in_the_place(
    session, add, create, update, public
):
    add("hello")
    add("other", repo="others")
    create()
    create("others", distribution="testing")
    create("others", place="elsewhere", distribution="testing")
    session.call("publish.drop", distribution="testing", skip_cleanup=True)
    assert "other_1.0_amd64.deb" in pool(public)
    session.call("publish.update", distribution="stable", skip_cleanup=True)
    assert (public / "dists/testing/main").exists()
    assert not update().changed
    assert not (public / "dists/testing").exists()
    assert {path.name for path in (public / "pool").rglob("*.deb")} == {"hello_1.0_amd64.deb"}
    assert (public / "elsewhere/dists/testing").exists()


def test_what_a_drop_left_goes_with_the_next_drop_in_the_place(session, add, create, public):
    add("hello")
    for distribution in ("stable", "testing", "sid"):
        create(distribution=distribution)
    session.call("publish.drop", distribution="testing", skip_cleanup=True)
    session.call("publish.drop", distribution="stable")
    assert sorted(path.name for path in (public / "dists").iterdir()) == ["sid"]
    assert pool(public) == {"hello_1.0_amd64.deb"}


def test_distribution_that_is_published_again_keeps_what_it_needs(session, add, create, public):
    add("hello")
    create()
    session.call("publish.drop", distribution="stable", skip_cleanup=True)
    create()
    assert Client(public, "stable").packages()
    assert problems(session) == []


def test_source_date_epoch_dates_what_is_written_and_nothing_else(
    session, add, create, update, public, clock, monkeypatch
):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    for version in range(1, 9):
        session.call("repo.remove", name="tools", queries=["Name"]) if version > 1 else None
        add("hello", f"{version}")
        update(valid_for=10 * DAY) if version > 1 else create(keep_generations=1)
    assert len(pool(public)) == 8  # the grace of none is over
    assert "Date: Tue, 14 Nov 2023 22:13:" in (public / "dists/stable/Release").read_text()
    shown = session.call("publish.show", distribution="stable")
    assert all(one.created.startswith("2027-01-15") for one in shown.generations)
    clock(NOW + 4 * DAY)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    update()
    assert pool(public) == {"hello_8_amd64.deb"}
    assert ["Valid-Until is over" in text for text in problems(session)] == [True]


@pytest.mark.parametrize(
    ("text", "place", "parts"),
    [
        (":team:web", ":team:web", ("", "team:web")),
        ("fs:default:team:web", ":team:web", ("", "team:web")),
        ("fs:web:team:a:b", "fs:web:team:a:b", ("fs:web", "team:a:b")),
        ("s3:default:a:b", "s3:default:a:b", ("s3", "a:b")),
        ("filesystem:web:a:b/c", "fs:web:a:b/c", ("fs:web", "a:b/c")),
        (":plain", "plain", ("", "plain")),
        (":", ".", ("", ".")),
    ],
)
def test_prefix_may_have_colons(text, place, parts):
    assert split_place(text) == parts
    assert Publication(*parts, "stable", {}).place == place
    assert one_place(text) == one_place(place) == place


def test_prefix_with_a_colon_is_published(session, add, create, update, public):
    add("hello")
    create(place=":team:web")
    (known,) = session.call("publish.list")
    assert (known.place, known.prefix) == (":team:web", "team:web")
    add("more")
    assert update(place=known.place).changed
    index = public / "team:web/dists/stable/main/binary-amd64/Packages.gz"
    assert b"Package: more\n" in gzip.decompress(index.read_bytes())
    assert problems(session, place=known.place) == []
    session.call("publish.drop", distribution="stable", place=known.place)
    assert not (public / "team:web/dists").exists()


def test_prefix_that_looks_like_a_storage_is_an_error_that_names_its_spelling(add, create):
    add("hello")
    with pytest.raises(InvalidInput, match="no storage scheme called 'team'") as error:
        create(place="team:web")
    assert error.value.hint.endswith("is spelt ':team:web' in the default storage")
    create(place=":team:web")
