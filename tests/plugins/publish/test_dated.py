"""What clients saw of a publication stays readable under a path that says when."""

import shutil

import pytest
from plugins.publish import test_crashes
from plugins.publish.client import Client
from plugins.publish.test_crashes import references, strays

from debrepo.errors import Conflict, InvalidInput
from debrepo_publish.checking.verification import Fault
from debrepo_publish.engine import ledger
from debrepo_publish.engine.dating import served_path
from debrepo_publish.model import dated, documents
from debrepo_publish.model.options import declared
from debrepo_publish.model.publication import Publication
from debrepo_publish.model.tables import DATED, GENERATIONS

each_crash, ready = test_crashes.each_crash, test_crashes.ready  # fixtures

DAY = 86400
NOW = 1_800_000_000
ONE = {("hello", "1.0", "amd64")}
TWO = {("hello", "2.0", "amd64")}
FIRST, SECOND = dated.name(NOW), dated.name(NOW + DAY)


@pytest.fixture
def replace(session, add):
    """Replace the package by another version."""

    def replace(version):
        session.call("repo.remove", name="tools", queries=["hello"])
        add("hello", version)

    return replace


@pytest.fixture
def twice(session, add, create, update, replace, clock):
    """Publish a version, and another one a day later."""
    session.config.override("storage.fs.default.public_url", "http://deb.example.org", "the test")
    add("hello", "1.0")
    create(snapshots="all")
    replace("2.0")
    clock(NOW + DAY)
    update()
    return session


def seen(public, name, distribution="stable"):
    """Return what clients find at a time: by both paths, and by plain names as well."""
    beside, before = (
        Client(public, f"{distribution}/{name}"),
        Client(public / "snapshots" / name, distribution),
    )
    beside.check_names()
    before.check_names()
    assert beside.packages() == before.packages()
    return beside.packages()


def names(public):
    return sorted(path.name for path in (public / "snapshots").glob("*"))


def verified(session):
    """Return what is wrong, besides the signatures, which are of paper."""
    found = session.call("publish.verify", distribution="stable").problems
    return [str(one) for one in found if one.kind is not Fault.SIGNATURE]


def test_each_generation_stays_readable_under_its_date(twice, public):
    assert Client(public).packages() == seen(public, SECOND) == TWO
    assert seen(public, FIRST) == ONE
    assert verified(twice) == []


def test_release_tells_apt_where_dated_archives_are(twice, public, update):
    text = (public / "dists/stable/Release").read_text()
    assert "Snapshots: http://deb.example.org/snapshots/@SNAPSHOTID@/\n" in text
    update(snapshots="")
    assert "Snapshots:" not in (public / "dists/stable/Release").read_text()


def test_indexes_of_dated_archives_take_no_space(twice, public):
    hashed = {path.stat().st_ino for path in (public / "dists/stable/main").rglob("by-hash/*/*")}
    for name in (FIRST, SECOND):
        found = list((public / "dists/stable" / name / "main").rglob("*.gz"))
        assert {path.stat().st_ino for path in found} <= hashed != set()
    assert not list((public / "snapshots").rglob("*.deb"))


def test_package_files_stay_as_long_as_a_dated_archive_names_them(twice, public, update, clock):
    clock(NOW + 400 * DAY)
    update(keep_generations=0, grace=0)
    twice.call("db.cleanup")
    assert seen(public, FIRST) == ONE
    assert verified(twice) == []


def test_oldest_archives_go_when_there_are_too_many(twice, public, update, replace, clock):
    update(keep_generations=0, grace=0, snapshots="2")
    replace("3.0")
    clock(NOW + 2 * DAY)
    update()
    third = dated.name(NOW + 2 * DAY)
    assert names(public) == [SECOND, third]
    assert not (public / "dists/stable" / FIRST).exists()
    assert not list(public.rglob("hello_1.0*"))
    assert seen(public, SECOND) == TWO
    assert strays(twice) == (set(), set())


def test_archives_go_when_their_time_is_over(twice, public, update, replace, clock):
    update(keep_generations=0, grace=0, snapshots="30d")
    clock(NOW + 30 * DAY)
    update()
    assert seen(public, FIRST) == ONE  # it was live until 29 days ago
    clock(NOW + 32 * DAY)
    update()
    assert names(public) == [SECOND]
    assert seen(public, SECOND) == TWO


def test_without_archives_to_keep_they_go_like_other_superseded_files(
    twice, public, update, clock, replace
):
    update(snapshots="", keep_generations=0)
    assert seen(public, FIRST) == ONE
    replace("3.0")
    clock(NOW + 9 * DAY)
    update()
    clock(NOW + 18 * DAY)
    update()
    assert names(public) == []
    assert strays(twice) == (set(), set())
    with twice.db.read() as txn:
        assert list(txn[DATED]) == []


def test_dropping_takes_the_archives_along(twice, public):
    twice.call("publish.drop", distribution="stable")
    assert not list(public.rglob("*"))


def test_two_publishes_of_one_second_have_archives_of_their_own(
    session, add, create, update, replace, public
):
    add("hello", "1.0")
    create(snapshots="10")
    replace("2.0")
    update()
    assert seen(public, FIRST) == ONE
    assert seen(public, dated.name(NOW + 1)) == TWO


def test_distributions_of_one_second_share_the_path_to_the_pool(
    session, add, create, update, public
):
    add("hello", "1.0")
    for distribution in ("stable", "team/testing"):
        create(distribution=distribution, snapshots="all")
    assert seen(public, FIRST) == seen(public, FIRST, "team/testing") == ONE
    session.call("publish.drop", distribution="stable")
    assert seen(public, FIRST, "team/testing") == ONE
    session.call("publish.drop", distribution="team/testing")
    assert not list(public.rglob("*"))


def test_rollback_leaves_the_archives_as_they_are(twice, public, clock):
    clock(NOW + 2 * DAY)
    twice.call("publish.rollback", distribution="stable")
    third = dated.name(NOW + 2 * DAY)
    assert Client(public).packages() == seen(public, third) == ONE
    assert seen(public, SECOND) == TWO
    shown = twice.call("publish.show", distribution="stable").publication
    assert shown.snapshots == "all"


def test_history_names_the_archives(twice, update, clock, replace):
    rows = twice.call("publish.history", distribution="stable")
    assert [one.row.dated for one in rows] == [SECOND, FIRST]


def test_reconciling_leaves_archives_alone(twice, public):
    done = twice.call("publish.repair", distribution="stable", reconcile=True)
    assert not any(done.reconciled)
    assert seen(public, FIRST) == ONE


def test_first_archive_begins_with_the_publish_that_asks_for_it(
    session, add, create, update, public, clock
):
    add("hello", "1.0")
    create()
    assert names(public) == []
    clock(NOW + DAY)
    update(snapshots="3d")
    assert names(public) == [SECOND]
    assert update().changed is False


def test_publication_without_archives_is_not_published_anew(session, add, create, update):
    add("hello", "1.0")
    before = create().publication
    assert before.fingerprint() == before._replace(snapshots="").fingerprint()
    assert "snapshots" not in before.fingerprinted


@pytest.mark.parametrize("deadly", [True, False])
def test_publish_with_archives_dies_anywhere(
    ready,
    add,
    update,
    clock,
    each_crash,
    deadly,
):
    old = {("hello", "1.0", "amd64"), ("tool", "1.0", "all"), ("old", "1.0", "amd64")}
    options = {"snapshots": "1", "keep_generations": 0, "grace": 0}
    ready.call(
        "publish.create", kind="repo", names=["tools"], distribution="stable", options=options
    )
    ready.call("repo.remove", name="tools", queries=["old"])
    new = old - {("old", "1.0", "amd64")}
    clock(NOW + DAY)

    def again(session):
        return session.call("publish.update", distribution="stable")

    for session, what in each_crash(ready, again, deadly=deadly):
        public = session.root / "public"
        live = Client(public)
        assert live.packages() in (old, new), what
        again(session)
        clock(NOW + 2 * DAY)
        again(session)
        assert live.packages() == new, what
        (name,) = names(public)
        assert seen(public, name) == new, what
        assert strays(session) == (set(), set()), what
        assert set(references(session).values()) <= {1, 2}, what
        clock(NOW + DAY)


def test_second_try_of_one_second_replaces_what_a_failed_one_has_left(
    twice, public, update, replace, clock
):
    replace("3.0")
    clock(NOW + 2 * DAY)
    third = dated.name(NOW + 2 * DAY)
    twice.fate.live()
    twice.fate.strike(10**6)
    for step in range(10, 40, 3):
        twice.fate.strike(step, deadly=False)
        try:
            update()
        except Exception:
            twice.fate.live()
    twice.fate.live()
    update()
    assert Client(public).packages() == {("hello", "3.0", "amd64")}
    assert third in names(public) or len(names(public)) > 2
    clock(NOW + 3 * DAY)
    update(force=True, keep_generations=0, grace=0)
    for name in names(public):
        assert seen(public, name)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (f"snapshots/{FIRST}/dists/stable/InRelease", f"dists/stable/{FIRST}/InRelease"),
        (f"snapshots/{SECOND}/dists/stable/a/b", f"dists/stable/{SECOND}/a/b"),
        ("snapshots/20270115T235959Z/dists/stable/x", f"dists/stable/{FIRST}/x"),
        ("snapshots/20990101T000000Z/dists/stable/x", f"dists/stable/{SECOND}/x"),
        ("snapshots/20990101T000000Z/pool/main/h/x.deb", "pool/main/h/x.deb"),
        ("snapshots/20260101T000000Z/dists/stable/x", None),
        ("snapshots/20990101T000000Z/dists/other/x", None),
        ("snapshots/20990101T000000Z/dists/stable", None),
        ("snapshots/20990101T000000Z/other/x", None),
        ("snapshots/now/dists/stable/x", None),
        ("team/snapshots/20990101T000000Z/dists/stable/x", None),
        ("dists/stable/InRelease", None),
    ],
)
def test_server_finds_the_archive_of_any_time(twice, asked, found):
    with twice.db.read() as txn:
        assert served_path(txn, "", asked) == found


@pytest.mark.parametrize("text", ["banana", "-1", "3 days", "30x", "²", "10000000", "1.5", "d"])
def test_impossible_archives_to_keep_are_refused(text):
    with pytest.raises(InvalidInput, match="not dated archives to keep"):
        dated.checked(text)


def test_no_archives_may_be_asked_for_as_a_count():
    assert [dated.checked(text) for text in ("", "0", "00", "7", "30d", "all")] == [
        "", "", "", "7", "30d", "all",
    ]  # fmt: skip


def test_names_of_archives_are_kept_for_them(session, add, create):
    add("hello")
    with pytest.raises(InvalidInput, match=f"component {FIRST}"):
        create(components=[FIRST], snapshots="all")
    create(snapshots="all")
    with pytest.raises(InvalidInput, match="called as a dated archive of"):
        create(distribution=f"stable/{FIRST}")


def test_foreign_file_in_the_way_of_a_link_stops_the_publish(session, add, create, public):
    add("hello")
    (public / f"snapshots/{FIRST}/pool").mkdir(parents=True)
    with pytest.raises(Conflict, match="in the way of a link"):
        create(snapshots="all")
    assert not (public / "dists/stable/InRelease").exists()


def test_verbatim_publication_has_no_archives_of_its_own(session):
    one = Publication("", ".", "stable", {}, snapshots="30d")  # as the configuration says
    verbatim = declared(session.hook)
    assert documents.changed(one, {"verbatim": True}, verbatim).snapshots == ""
    with pytest.raises(InvalidInput, match="it takes no snapshots"):
        documents.changed(one, {"verbatim": True, "snapshots": "all"}, verbatim)


def test_setting_is_the_default_of_new_publications(session, add, create, update):
    session.config.override("publish.snapshots", "7d", "the test")
    add("hello")
    assert create().publication.snapshots == "7d"


def test_generation_without_indexes_has_no_files_of_an_archive(twice):
    from debrepo_publish.engine.layout import written_files

    with twice.db.read() as txn:
        one = next(iter(txn[GENERATIONS].values()))
    assert written_files(one._replace(indexes={})) == []


def repaired(session, **options):
    found = session.call("publish.repair", distribution="stable", **options)
    assert found.left == []
    assert verified(session) == []
    return found


@pytest.mark.parametrize("what", ["dists/stable/{}", "snapshots/{}"])
def test_dated_archive_that_was_deleted_is_put_back(twice, public, what):
    shutil.rmtree(public / what.format(FIRST))
    assert any(FIRST in problem for problem in verified(twice))
    planned = twice.call("publish.repair", distribution="stable", dry_run=True)
    assert planned.repaired
    assert any(FIRST in problem for problem in verified(twice))
    repaired(twice)
    assert seen(public, FIRST) == ONE
    assert seen(public, SECOND) == TWO


def test_repair_of_a_dated_archive_publishes_nothing_else(add, create, update, session, public):
    add("hello", "1.0")
    create(snapshots="all", skip_signing=True)
    before = (public / "dists/stable/Release").stat().st_ino
    shutil.rmtree(public / "dists/stable" / FIRST)
    assert repaired(session).generation == 0
    assert (public / "dists/stable/Release").stat().st_ino == before
    assert (public / "dists/stable" / FIRST / "Release").is_file()


def test_indexes_of_a_dated_archive_are_made_again(twice, public):
    bad = public / "dists/stable" / FIRST / "main/binary-amd64/Packages.gz"
    bad.write_bytes(bad.read_bytes()[:-1] + b"\xff")  # a hard link to what has its hash as name
    assert verified(twice) == []  # the sizes are right
    found = twice.call("publish.verify", distribution="stable", files=True).problems
    damaged = {str(one) for one in found if one.kind is Fault.DATED}
    name = f"dists/stable/{FIRST}/main/binary-amd64/Packages.gz"
    assert f"{name}: is damaged" in damaged
    repaired(twice, files=True)
    assert seen(public, FIRST) == ONE
    found = twice.call("publish.verify", distribution="stable", files=True).problems
    assert [one for one in found if one.kind is not Fault.SIGNATURE] == []


def test_index_of_another_size_is_found_without_reading_it(twice, public):
    (public / "dists/stable" / FIRST / "main/binary-amd64/Packages.gz").unlink()
    (public / "dists/stable" / FIRST / "main/binary-amd64/Packages.gz").write_bytes(b"x")
    (said,) = verified(twice)
    assert said.startswith(f"dists/stable/{FIRST}/main/binary-amd64/Packages.gz: has 1 bytes, and")
    repaired(twice)
    assert seen(public, FIRST) == ONE


def test_by_hash_index_of_a_dated_archive_is_put_back_without_a_publish(
    session, add, create, update, replace, public, clock
):
    add("hello", "1.0")
    create(snapshots="all", skip_signing=True)
    replace("2.0")
    clock(NOW + DAY)
    update()
    with session.db.read() as txn:
        rows = dict(ledger.files(txn, "."))
    over = [path for path, held in rows.items() if not held.references and "/by-hash/" in path]
    for path in over:
        (public / path).unlink(missing_ok=True)
    assert repaired(session).generation == 0
    assert all((public / path).exists() for path in over)
    assert repaired(session).repaired == []


def test_forged_release_of_a_dated_archive_is_found_and_replaced(twice, public):
    commit = public / "dists/stable" / FIRST / "InRelease"
    data = commit.read_bytes()
    commit.unlink()
    commit.write_bytes(data.replace(b"stable", b"sta8le"))
    said = verified(twice)
    assert f"dists/stable/{FIRST}/InRelease: is not what was committed at that time" in said
    repaired(twice)
    assert commit.read_bytes() == data


def test_lost_detached_signature_of_a_dated_archive_is_made_again(twice, public):
    (public / "dists/stable" / FIRST / "Release.gpg").unlink()
    repaired(twice)
    assert (public / "dists/stable" / FIRST / "Release.gpg").is_file()


def test_what_cannot_be_made_again_is_named(twice, public, update):
    update(label="other")
    small = public / "dists/stable" / FIRST / "main/binary-amd64/Release"
    small.write_bytes(b"x" * small.stat().st_size)
    left, *_ = twice.call("publish.repair", distribution="stable", files=True).left
    assert left.startswith(
        f"dists/stable/{FIRST}/: cannot be put in place again: dists/stable/main"
    )
    assert left.endswith(" is gone, and what it was made of as well")
