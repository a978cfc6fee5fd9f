"""A suite and its codename are one publication, under two names."""

import re

import pytest
from plugins.publish import test_crashes
from plugins.publish.client import Client
from plugins.publish.test_crashes import references, strays

from debrepo.errors import Conflict, InvalidInput, NotFound
from debrepo_publish.engine.dating import served_path
from debrepo_publish.model import dated

each_crash, ready = test_crashes.each_crash, test_crashes.ready  # fixtures

DAY = 86400
NOW = 1_800_000_000
ONE = {("hello", "1.0", "amd64")}
TWO = {("hello", "1.0", "amd64"), ("more", "1.0", "amd64")}


@pytest.fixture
def bookworm(add, create):
    """Publish bookworm, which is stable as well."""
    add("hello")
    create(distribution="bookworm", suite="stable", aliases=("stable",))


def served(public, *distributions):
    """Return what clients of distributions find, which is the same for all of them."""
    clients = [Client(public, name) for name in distributions]
    for client in clients:
        client.check_names()
    found = [client.packages() for client in clients]
    assert found.count(found[0]) == len(found)
    assert len({client.inrelease() for client in clients}) == 1
    return found[0]


def test_alias_serves_the_same(session, bookworm, add, update, public):
    assert served(public, "bookworm", "stable") == ONE
    add("more")
    update("bookworm")
    assert served(public, "bookworm", "stable") == TWO
    assert strays(session) == (set(), set())


def test_alias_can_be_added_and_taken_back(session, add, create, update, public, clock):
    add("hello")
    create(distribution="bookworm", suite="stable", grace=DAY, keep_generations=0)
    assert update("bookworm", aliases=("stable",)).changed
    assert served(public, "bookworm", "stable") == ONE
    update("bookworm", aliases=("",))
    assert Client(public, "stable").packages() == ONE  # until the grace is over
    clock(NOW + 2 * DAY)
    update("bookworm")
    assert not (public / "dists/stable").exists()
    assert served(public, "bookworm") == ONE
    assert strays(session) == (set(), set())


def test_alias_moves_to_another_distribution(session, bookworm, add, create, update, public, clock):
    add("new", repo="next")
    create("next", distribution="trixie", suite="testing")
    with pytest.raises(InvalidInput, match=r"\./trixie and \./bookworm would both be published"):
        update("trixie", suite="stable", aliases=("stable",))
    update("bookworm", suite="oldstable", aliases=("oldstable",))
    update("trixie", suite="stable", aliases=("stable",))
    assert served(public, "trixie", "stable") == {("new", "1.0", "amd64")}
    clock(NOW + 9 * DAY)
    update("bookworm", keep_generations=0, grace=0, force=True)
    assert served(public, "trixie", "stable") == {("new", "1.0", "amd64")}
    assert served(public, "bookworm", "oldstable") == ONE
    assert strays(session) == (set(), set())


@pytest.mark.parametrize("skip_signing", [False, True])
def test_alias_becomes_a_distribution_of_its_own(
    session, add, create, update, public, clock, skip_signing
):
    add("hello")
    create(distribution="bookworm", suite="stable", aliases=("stable",), skip_signing=skip_signing)
    add("new", repo="next")
    update("bookworm", suite="oldstable", aliases=("",))
    create("next", distribution="stable", skip_signing=skip_signing)
    clock(NOW + 9 * DAY)
    update("bookworm", keep_generations=0, grace=0, force=True)
    session.call("publish.drop", distribution="bookworm")
    assert "Codename: stable\n" in (public / "dists/stable/Release").read_text()
    if not skip_signing:
        assert served(public, "stable") == {("new", "1.0", "amd64")}
    assert strays(session) == (set(), set())


def test_dropping_takes_aliases_along(session, bookworm, public):
    session.call("publish.drop", distribution="bookworm")
    assert not list(public.rglob("*"))


def test_unsigned_publication_has_aliases_without_signatures(session, bookworm, update, public):
    update("bookworm", skip_signing=True)
    assert not list(public.rglob("InRelease"))
    release = [(public / f"dists/{name}/Release").read_bytes() for name in ("bookworm", "stable")]
    assert release[0] == release[1]
    update("bookworm", skip_signing=False)
    assert served(public, "bookworm", "stable") == ONE


def test_repair_brings_back_what_an_alias_has_lost(session, bookworm, public):
    (public / "dists/stable/InRelease").unlink()
    problems = session.call("publish.verify", distribution="bookworm").problems
    assert "dists/stable/InRelease: is not that of ./bookworm, whose alias it is" in map(
        str, problems
    )
    session.call("publish.repair", distribution="bookworm")
    assert served(public, "bookworm", "stable") == ONE


def test_reconciling_leaves_aliases_alone(session, bookworm, public):
    done = session.call("publish.repair", distribution="bookworm", reconcile=True)
    assert not any(done.reconciled)
    assert served(public, "bookworm", "stable") == ONE


def test_dated_archives_are_found_by_aliases_too(session, add, create, public):
    add("hello")
    create(distribution="bookworm", suite="stable", aliases=("stable",), snapshots="all")
    name = dated.name(NOW)
    place = public / "snapshots" / name
    assert served(place, "bookworm", "stable") == ONE
    with session.db.read() as txn:
        found = served_path(txn, "", f"snapshots/{name}/dists/stable/InRelease")
    assert found == f"dists/bookworm/{name}/InRelease"
    session.call("publish.drop", distribution="bookworm")
    assert not list(public.rglob("*"))


@pytest.mark.parametrize("deadly", [True, False])
def test_publish_with_an_alias_dies_anywhere(ready, add, clock, each_crash, deadly):
    old = {("hello", "1.0", "amd64"), ("tool", "1.0", "all"), ("old", "1.0", "amd64")}
    options = {"suite": "suite", "aliases": ("suite",), "keep_generations": 0, "grace": 0}
    ready.call(
        "publish.create", kind="repo", names=["tools"], distribution="stable", options=options
    )
    add("extra")
    new = old | {("extra", "1.0", "amd64")}
    clock(NOW + 3600)

    def again(session):
        return session.call("publish.update", distribution="stable")

    for session, what in each_crash(ready, again, deadly=deadly):
        public = session.root / "public"
        for name in ("stable", "suite"):
            assert Client(public, name).packages() in (old, new), (name, what)
        again(session)
        assert served(public, "stable", "suite") == new, what
        again(session)
        assert strays(session) == (set(), set()), what
        assert set(references(session).values()) == {1}, what


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"aliases": ("other",)}, "apt warns of other: it is neither Suite nor Codename"),
        ({"aliases": ("stable",)}, "stable is named twice"),
        ({"aliases": ("x", "x"), "suite": "x"}, "x is named twice"),
        ({"aliases": ("../x",), "suite": "../x"}, "cannot be a distribution"),
        ({"aliases": ("stable/updates",)}, "stable/updates and stable are in each other's way"),
    ],
)
def test_impossible_alias_is_refused_and_nothing_written(add, create, public, options, said):
    add("hello")
    with pytest.raises(InvalidInput, match=re.escape(said)):
        create(**options)
    assert not (public / "dists").exists()


def test_distribution_is_not_published_over_an_alias(bookworm, create):
    with pytest.raises(InvalidInput, match="would both be published in dists/stable/") as raised:
        create(distribution="stable")
    assert raised.value.hint == 'run "debrepo publish update bookworm --alias=" first'


def test_error_for_the_name_of_an_alias_says_whose_it_is(session, bookworm):
    with pytest.raises(NotFound) as raised:
        session.call("publish.show", distribution="stable")
    assert raised.value.hint == "it is an alias of bookworm: name that instead"


def test_distribution_of_somebody_else_is_not_replaced(session, add, create, update, public):
    add("hello")
    create(distribution="bookworm", suite="stable")
    (public / "dists/stable").mkdir()
    (public / "dists/stable/InRelease").write_text("theirs")
    with pytest.raises(Conflict, match="another publisher has published stable"):
        update("bookworm", aliases=("stable",))
    assert (public / "dists/stable/InRelease").read_text() == "theirs"
    update("bookworm", aliases=("stable",), force=True)
    assert served(public, "bookworm", "stable") == ONE


def test_publication_without_aliases_is_not_published_anew(add, create):
    add("hello")
    assert "aliases" not in create().publication.fingerprinted


def test_rollback_brings_aliases_back_as_it_does_the_suite(session, bookworm, add, update, public):
    add("more")
    update("bookworm", suite="now", aliases=("now",))
    session.call("publish.rollback", distribution="bookworm")
    shown = session.call("publish.show", distribution="bookworm").publication
    assert (shown.suite, shown.aliases) == ("stable", ("stable",))


def test_signing_again_reaches_the_alias(session, bookworm, update, public, clock):
    before = Client(public, "bookworm").inrelease()
    clock(NOW + DAY)
    session.call("publish.resign", distribution="bookworm")
    assert served(public, "bookworm", "stable") == ONE
    assert Client(public, "stable").inrelease() != before
