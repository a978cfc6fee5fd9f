"""Signing again: what is live gets new signatures and dates, and its indexes are not touched."""

import pytest
from databases.roots import copy_root
from plugins.publish.client import Client
from plugins.publish.crashing import Killed
from plugins.publish.signers import FINGERPRINT, signed_text

from debrepo.errors import Conflict, DebrepoError, InvalidInput, NotFound, RemoteError
from debrepo.signing import made_signatures
from debrepo_publish.model.tables import SWITCHES
from debrepo_publish_fs.storage import FileStorage

DAY = 86400
NOW = 1_800_000_000
OTHER = "BEEF" * 10
RELEASES = ["InRelease", "Release", "Release.gpg"]


@pytest.fixture
def live(add, create, clock):
    """Publish for ten days; then it is the day after."""
    add()
    create(valid_for=10 * DAY)
    clock(NOW + DAY)


def resign(session, distribution="stable", **options):
    return session.call("publish.resign", distribution=distribution, options=options)


def problems(session):
    """Return what verifying finds; gpgv cannot read the signatures of this signer."""
    found = session.call("publish.verify", distribution="stable").problems
    return [str(one) for one in found if one.text != "there is no good signature"]


def files(public):
    return {
        path.relative_to(public).as_posix(): path.read_bytes()
        for path in public.rglob("*")
        if path.is_file() and path.name not in RELEASES[:1] + RELEASES[2:]
    }


def release(public):
    text = (public / "dists/stable/Release").read_bytes()
    assert signed_text((public / "dists/stable/InRelease").read_bytes()) == text
    return text.decode()


def signers(public, name="InRelease"):
    found = made_signatures((public / "dists/stable" / name).read_bytes())
    return [one.fingerprint for one in found]


def test_only_the_dates_of_what_is_published_change(live, session, public):
    before, old = files(public), release(public)
    done = resign(session)
    assert (done.failed, done.fingerprints, done.expires) == ("", (FINGERPRINT,), NOW + 11 * DAY)
    new = release(public)
    assert (
        "Date: Sat, 16 Jan 2027 08:00:00 UTC\nValid-Until: Tue, 26 Jan 2027 08:00:00 UTC\n" in new
    )
    assert [line for line in new.splitlines() if line not in old.splitlines()] == (
        [line for line in new.splitlines() if line.startswith(("Date:", "Valid-Until:"))]
    )
    after = files(public)
    assert {path for path in before | after if before.get(path) != after.get(path)} == {
        "dists/stable/Release"
    }
    assert problems(session) == []
    assert not session.call("publish.update", distribution="stable").changed


def test_the_generation_stays_the_one_it_was(live, session):
    before = session.call("publish.show", distribution="stable").generations
    resign(session)
    after = session.call("publish.show", distribution="stable").generations
    assert [one.number for one in after] == [one.number for one in before] == [1]


@pytest.fixture
def touched(monkeypatch):
    """List the paths that a storage is asked for, or given, one by one or many at a time."""
    seen = []

    def count(name):
        method = getattr(FileStorage, name)

        def counted(storage, what, *args, **kwargs):
            seen.append(what if isinstance(what, str) else name)
            return method(storage, what, *args, **kwargs)

        monkeypatch.setattr(FileStorage, name, counted)

    for name in ("put", "put_all", "get", "link", "link_all", "delete", "stat", "list", "commit"):
        count(name)
    return seen


def test_no_index_is_read_or_written(live, session, touched):
    resign(session)
    assert {path.removeprefix("dists/stable/") for path in touched} == set(RELEASES)


def test_pending_changes_stay_pending(live, add, session, public):
    add("more")
    resign(session)
    assert Client(public).packages() == {("hello", "1.0", "amd64")}
    assert session.call("publish.update", distribution="stable").changed


def test_another_key_signs_from_now_on(live, session, public):
    assert resign(session, keys=(OTHER,)).fingerprints == (OTHER,)
    assert signers(public) == signers(public, "Release.gpg") == [OTHER]
    assert not session.call("publish.update", distribution="stable").changed
    assert problems(session) == []


def test_another_time_of_validity_and_signed_by_stay(live, session, public):
    resign(session, valid_for=0, signed_by=OTHER)
    assert "Valid-Until" not in release(public)
    assert f"\nSigned-By: {OTHER}\n" in release(public)
    assert not session.call("publish.update", distribution="stable").changed
    resign(session, valid_for=DAY, signed_by="")
    assert "Valid-Until: Sun, 17 Jan 2027" in release(public)
    assert "Signed-By" not in release(public)


def test_what_is_not_signed_gets_new_dates(add, create, clock, session, public):
    add()
    create(skip_signing=True, valid_for=DAY)
    clock(NOW + 600)
    assert resign(session).fingerprints == ()
    text = (public / "dists/stable/Release").read_text()
    assert "Valid-Until: Sat, 16 Jan 2027 08:10:00 UTC" in text
    assert not (public / "dists/stable/InRelease").exists()
    assert problems(session) == []
    with pytest.raises(InvalidInput, match="is not signed"):
        resign(session, keys=(OTHER,))


def test_other_options_and_unknown_names_are_refused(live, session, public):
    before = release(public)
    with pytest.raises(InvalidInput, match="cannot change origin"):
        resign(session, origin="Us")
    with pytest.raises(NotFound, match="nothing is published as testing"):
        resign(session, distribution="testing")
    with pytest.raises(InvalidInput, match="valid_for"):
        resign(session, valid_for="soon")
    with pytest.raises(DebrepoError, match="valid_for cannot be negative"):
        resign(session, valid_for=-1)
    assert release(public) == before


def test_what_another_publisher_has_published_since_is_left_alone(live, session, public):
    path = public / "dists/stable/InRelease"
    path.write_bytes(b"Theirs")
    with pytest.raises(Conflict, match="not what this debrepo left there"):
        resign(session)
    assert path.read_bytes() == b"Theirs"


def test_signing_all_leaves_out_what_fails_and_signs_the_others(
    add, create, clock, session, public, tmp_path
):
    add()
    for distribution in ("stable", "testing", "lost"):
        create(distribution=distribution, place="" if distribution != "lost" else "other")
    clock(NOW + DAY)
    (public / "dists/testing/InRelease").write_bytes(b"Theirs")
    done = {one.publication: one for one in session.call("publish.resign-all", options={})}
    assert list(done) == ["./stable", "./testing", "other/lost"]
    assert [bool(one.failed) for one in done.values()] == [False, True, False]


def test_a_clock_that_went_back_does_not_make_clients_ignore_it(live, clock, session, public):
    clock(NOW - DAY)
    resign(session)
    assert "Date: Fri, 15 Jan 2027 08:00:01 UTC" in release(public)


def test_archive_that_was_dated_by_a_clock_that_was_ahead_can_be_dated_anew(
    live, clock, session, public, add
):
    clock(NOW + 400 * DAY)
    add("new")
    session.call("publish.update", distribution="stable")
    clock(NOW + DAY)
    (said,) = problems(session)
    assert "Date is in the future: Sat, 19 Feb 2028 08:00:00 UTC (if the clock was" in said
    resign(session)
    assert "Date: Sat, 19 Feb 2028 08:00:01 UTC" in release(public)
    session.call("publish.resign-all", date_now=True)
    text = release(public)
    assert "Date: Sat, 16 Jan 2027 08:00:00 UTC\nValid-Until: Tue, 26 Jan 2027 08:00:00" in text
    assert problems(session) == []
    add("later")
    clock(NOW + 2 * DAY)
    session.call("publish.update", distribution="stable")
    assert "Date: Sun, 17 Jan 2027 08:00:00 UTC" in release(public)
    assert problems(session) == []


@pytest.mark.parametrize("deadly", [True, False])
def test_signing_again_dies_anywhere(live, opened, session, tmp_path, deadly):
    """Clients see the old signatures or the new ones, and the next run completes either."""
    session.close()
    for step in range(20):
        root = tmp_path / f"crashed-{step}"
        copy_root(session.root, root)
        copy = opened(root)
        copy.fate.strike(step, deadly=deadly)
        died = ""
        try:
            resign(copy, keys=(OTHER,))
        except (Killed, RemoteError):
            died = copy.fate.seen[step]
        copy.fate.live()
        client = Client(root / "public")
        assert client.packages() == {("hello", "1.0", "amd64")}, died
        copy.hook.debrepo_resume(session=copy)
        with copy.db.read() as txn:
            assert not list(txn[SWITCHES])
        done = resign(copy, keys=(OTHER,))
        assert (done.failed, done.generation) == ("", 1)
        assert signers(root / "public") == [OTHER]
        assert problems(copy) == []
        assert not copy.call("publish.update", distribution="stable").changed
        copy.close()
        if not died:
            assert step >= 5
            return
    raise AssertionError("it has more steps than there are attempts")


def test_half_done_work_is_said_by_verify_and_finished_by_an_update(live, session, public):
    session.fate.strike(3)  # the database, Release and Release.gpg are written by then
    with pytest.raises(Killed):
        resign(session)
    session.fate.live()
    assert any("signing it again was left half done" in text for text in problems(session))
    assert not session.call("publish.update", distribution="stable").changed
    assert "Date: Sat, 16 Jan 2027" in release(public)
    assert problems(session) == []


def renew(session, **how):
    return session.call("publish.renew", **how)


def test_what_has_less_than_a_third_of_its_time_left_is_renewed(live, clock, session, public):
    clock(NOW + 6 * DAY)
    assert renew(session).due == {}
    clock(NOW + 7 * DAY)
    due = {"./stable": "is valid for 3.0 more days only"}
    before = release(public)
    assert renew(session, dry_run=True) == (due, [])
    assert release(public) == before
    found = renew(session)
    assert found.due == due
    assert [(one.publication, one.expires) for one in found.done] == [("./stable", NOW + 17 * DAY)]
    assert renew(session).due == {}


def test_what_is_past_its_date_is_renewed_too(live, clock, session):
    clock(NOW + 20 * DAY)
    assert renew(session).due == {"./stable": "is not valid any more"}
    assert problems(session) == []


def test_when_it_is_renewed_is_a_setting(live, session, monkeypatch, opened):
    session.close()
    with (session.root / "debrepo.toml").open("a") as file:
        file.write("publish.renew_left = 95\n")
    assert renew(opened(session.root)).due


def test_what_other_keys_sign_now_is_renewed(live, session, opened, public):
    session.close()
    with (session.root / "debrepo.toml").open("a") as file:
        file.write(f'signing.paper.keys = ["{OTHER}"]\n')
    again = opened(session.root)
    assert "which does not sign it any more" in renew(again).due["./stable"]
    assert signers(public) == [OTHER]
    assert renew(again).due == {}


def test_what_is_valid_for_ever_is_never_due(add, create, clock, session):
    add()
    create()
    create(distribution="open", skip_signing=True)
    clock(NOW + 1000 * DAY)
    assert renew(session) == ({}, [])


class Idle:
    def is_idle(self):
        return True

    def has_work(self):
        return False


def test_a_server_renews_what_is_due_and_says_once_what_it_cannot_renew(
    live, clock, session, public, caplog
):
    job = session.hook.debrepo_background()
    (found,) = [one["renew"] for one in job if "renew" in one]
    look = found.ref.load()(session, Idle())
    look()
    before = release(public)
    clock(NOW + 8 * DAY)
    look()
    assert release(public) != before
    clock(NOW + 18 * DAY)
    (public / "dists/stable/InRelease").write_bytes(b"Theirs")
    look()
    look()
    assert caplog.text.count("./stable cannot be signed again") == 1
