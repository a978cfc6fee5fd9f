"""Taking over: clients of another tool's archive go on, and find everything that they ask for."""

import gzip
import os
import shutil

import pytest
from databases.roots import copy_root
from plugins.publish.client import Client
from plugins.publish.crashing import Killed
from plugins.publish.signers import FINGERPRINT

from debrepo.errors import AlreadyExists, Conflict, DebrepoError, InvalidInput, NotFound
from debrepo.testing.packages import build_deb
from debrepo_publish.engine import ledger

DAY = 86400
NOW = 1_800_000_000
HELLO = {("hello", "1.0", "amd64")}


@pytest.fixture
def other(opened, tmp_path):
    """Another tool, which has published ``stable`` with its own Origin."""
    session = opened(tmp_path / "other")

    def publish(*debs, distribution="stable", **options):
        session.call("repo.create", name=distribution, distribution=distribution)
        list(session.call("repo.add", name=distribution, paths=debs))
        defaults = {"origin": "Old", "label": "Tool", "suite": "steady", "contents": False}
        session.call(
            "publish.create", kind="repo", names=[distribution], options=defaults | options
        )

    publish.session = session
    return publish


@pytest.fixture
def deb(tmp_path):
    directory = tmp_path / "debs"
    directory.mkdir()

    def build(name="hello", version="1.0", **more):
        return build_deb(directory, name, version, **more)

    return build


@pytest.fixture
def move(other, public):
    """Put the other tool's archive where ours publishes to."""

    def copy():
        shutil.copytree(other.session.root / "public", public, dirs_exist_ok=True)
        return Client(public)

    return copy


@pytest.fixture
def import_(session):
    def add(*debs, name="tools", distribution="stable"):
        session.call("repo.create", name=name, distribution=distribution)
        outcomes = list(session.call("repo.add", name=name, paths=debs))
        assert {one.status for one in outcomes} <= {"added"}, outcomes

    return add


@pytest.fixture
def take_over(session):
    def publish(*names, force=False, distribution="", **options):
        return session.call(
            "publish.take-over",
            kind="repo",
            names=names or ("tools",),
            distribution=distribution,
            options=options,
            force=force,
        )

    return publish


@pytest.fixture
def taken(other, move, import_, take_over, deb):
    hello = deb()
    other(hello)
    client = move()
    client.before = client.inrelease()
    import_(hello)
    take_over()
    return client


def test_clients_of_before_and_after_find_everything(taken):
    assert taken.packages() == HELLO
    assert taken.packages(taken.before) == HELLO
    taken.check_names()


def test_fields_that_apt_stops_at_stay(taken):
    text = taken.inrelease()
    for line in (b"Origin: Old\n", b"Label: Tool\n", b"Suite: steady\n", b"Codename: stable\n"):
        assert line in text
    assert text != taken.before


def test_package_files_are_not_written_again(other, move, import_, take_over, deb, public):
    hello = deb()
    other(hello)
    move()
    (path,) = public.rglob("*.deb")
    before = path.stat()
    import_(hello)
    result = take_over()
    after = path.stat()
    assert result.files == 0
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_superseded_files_go_when_their_grace_is_over(
    other, move, import_, take_over, deb, public, session, update, add, clock
):
    old, new = deb(), deb("hello", "2.0")
    other(old)
    client = move()
    before = client.inrelease()
    import_(new)
    take_over(keep_generations=1, index_grace=3 * DAY)
    for number in range(1, 4):
        add(f"more{number}")
        clock(NOW + DAY + number)
        update()
    assert client.packages(before) == HELLO
    clock(NOW + 5 * DAY)
    add("last")
    update()
    assert not list(public.rglob("hello_1.0_*"))
    assert ("hello", "2.0", "amd64") in client.packages()


def test_other_build_at_a_served_path_gets_one_of_its_own(
    other, move, import_, take_over, deb, tmp_path
):
    other(deb())
    client = move()
    before = client.inrelease()
    directory = tmp_path / "rebuilt"
    directory.mkdir()
    import_(build_deb(directory, "hello", "1.0", fields={"Description": "another build"}))
    take_over()
    assert client.packages() == HELLO
    assert client.packages(before) == HELLO


def test_distributions_share_files_until_each_is_taken_over(
    other, move, import_, take_over, deb, session, update, clock, public, add
):
    hello = deb()
    other(hello)
    other(hello, distribution="testing")
    client = move()
    import_(hello)
    take_over(keep_generations=0, grace=0)
    session.call("repo.remove", name="tools", queries=["hello"])
    add("more")
    for number in range(1, 4):
        clock(NOW + number * DAY)
        update(force=True)
    assert client.packages() == {("more", "1.0", "amd64")}
    testing = Client(public, "testing")
    assert testing.packages() == HELLO
    import_(hello, name="next", distribution="testing")
    take_over("next")
    assert testing.packages() == HELLO


def test_reconciling_counts_what_is_not_taken_over_yet(
    other, move, import_, take_over, deb, session, public
):
    hello = deb()
    other(hello, deb("rest"), distribution="testing")
    other(hello)
    move()
    import_(hello)
    take_over()
    done = session.call("publish.repair", distribution="stable", reconcile=True)
    assert done.reconciled.deleted == []
    assert done.reconciled.recounted == []
    assert len(Client(public, "testing").packages()) == 2
    import_(hello, name="next", distribution="testing")
    take_over("next")
    assert Client(public, "testing").packages() == HELLO


def test_distribution_that_was_published_since_is_looked_at_again(
    other, move, import_, take_over, deb, session, public
):
    hello, more = deb(), deb("more")
    other(hello)
    other(hello, distribution="testing")
    move()
    import_(hello)
    take_over()
    theirs = other.session
    list(theirs.call("repo.add", name="testing", paths=[more]))
    theirs.call("publish.update", distribution="testing")
    for name in ("dists/testing", "pool"):
        shutil.copytree(theirs.root / "public" / name, public / name, dirs_exist_ok=True)
    before = Client(public, "testing").inrelease()
    import_(hello, name="next", distribution="testing")
    take_over("next")
    assert len(Client(public, "testing").packages(before)) == 2


def test_damaged_package_file_is_replaced(other, move, import_, take_over, deb, public):
    hello = deb()
    other(hello)
    client = move()
    (path,) = public.rglob("*.deb")
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    import_(hello)
    take_over()
    assert client.packages() == HELLO


def test_missing_package_file_is_put_there(other, move, import_, take_over, deb, public):
    hello, more = deb(), deb("more")
    other(hello, more)
    client = move()
    for path in public.rglob("*.deb"):
        path.unlink()
    import_(hello)
    take_over()
    assert client.packages() == HELLO


def test_broken_index_is_no_obstacle(other, move, import_, take_over, deb, public):
    hello = deb()
    other(hello)
    client = move()
    for path in public.glob("dists/stable/main/binary-*/Packages*"):
        path.write_bytes(b"not what it was")
    import_(hello)
    take_over()
    assert client.packages() == HELLO


def test_release_that_cannot_be_read_is_said(other, move, import_, take_over, deb, public):
    hello = deb()
    other(hello)
    move()
    (public / "dists/stable/InRelease").write_bytes(b"\0 no release")
    import_(hello)
    with pytest.raises(InvalidInput, match="InRelease cannot be read"):
        take_over()


def test_release_that_apt_reads_nevertheless_is_read(other, move, import_, take_over, deb, public):
    hello = deb()
    other(hello, skip_signing=True, description="Tools of")
    client = move()
    release = public / "dists/stable/Release"
    text = release.read_text().replace("Description: Tools of\n", "Description: Tools of\nAcme\n")
    release.write_text(text)
    import_(hello)
    take_over()
    assert client.packages() is None
    assert "Description: Tools of\n" in release.read_text()


def test_directory_that_is_no_distribution_is_left_alone(
    other, move, import_, take_over, deb, public
):
    hello = deb()
    other(hello)
    client = move()
    shutil.copytree(public / "dists/stable", public / "dists/old stable")
    import_(hello)
    take_over()
    assert client.packages() == HELLO
    assert (public / "dists/old stable/InRelease").exists()


def test_nothing_to_take_over(import_, take_over, deb):
    import_(deb())
    with pytest.raises(NotFound, match="no tool has published"):
        take_over()


def test_what_is_ours_is_not_taken_over(taken, take_over):
    with pytest.raises(AlreadyExists, match="published by this debrepo already"):
        take_over()


def test_another_key_is_refused_until_somebody_insists(
    other, move, import_, take_over, deb, session
):
    hello = deb()
    other(hello)
    client = move()
    before = client.inrelease()
    import_(hello)
    with pytest.raises(Conflict, match=f"is signed by {FINGERPRINT}, and would be signed by EEEE"):
        take_over(keys=("E" * 40,))
    assert client.inrelease() == before
    take_over(keys=("E" * 40,), force=True)
    assert client.packages() == HELLO


def test_adopted_generation_cannot_be_published_again(taken, session):
    with pytest.raises(NotFound, match="was published by another tool"):
        session.call("publish.rollback", distribution="stable", generation=1)


def test_failure_leaves_the_place_to_the_other_tool(other, move, import_, take_over, deb, session):
    hello = deb()
    other(hello)
    client = move()
    before = client.inrelease()
    import_(hello)
    session.signer.broken = True
    with pytest.raises(DebrepoError, match="the paper is wet"):
        take_over()
    assert client.inrelease() == before
    assert client.packages() == HELLO
    assert session.call("publish.list") == []


def test_take_over_survives_a_crash_anywhere(
    other, move, import_, deb, session, opened, tmp_path, take_over
):
    hello, more = deb(), deb("more")
    other(hello)
    client = move()
    before = client.inrelease()
    import_(hello, more)
    session.fate.live()
    saved, count = tmp_path / "saved", 0
    session.close()
    copy_root(session.root, saved)
    for end in range(0, 200, 3):
        shutil.rmtree(session.root)
        copy_root(saved, session.root)
        run = opened(session.root)
        run.fate.strike(end)
        words = {"kind": "repo", "names": ("tools",), "distribution": "", "options": {}}
        try:
            run.call("publish.take-over", **words)
        except Killed:
            count += 1
        else:
            break
        finally:
            run.close()
        assert client.packages(before) == HELLO, end
        assert client.packages(), end
        again = opened(session.root)
        try:
            again.call("publish.take-over", **words)
        except AlreadyExists:
            again.call("publish.update", distribution="stable")
        again.close()
        assert len(client.packages()) == 2, end
        assert client.packages(before) == HELLO, end
    assert count > 5


def test_field_that_was_absent_stays_absent(other, move, import_, take_over, deb, public, update):
    hello = deb()
    other(hello, skip_signing=True)
    client = move()
    release = public / "dists/stable/Release"
    lines = release.read_text().splitlines(keepends=True)
    release.write_text("".join(line for line in lines if not line.startswith(("Origin", "Suite"))))
    import_(hello)
    take_over()
    text = release.read_text()
    assert "Origin:" not in text
    assert "Suite:" not in text
    assert "Label: Tool\n" in text
    assert client.inrelease() is None
    update(origin="Ours")
    assert "Origin: Ours\n" in release.read_text()
    assert "Suite:" not in release.read_text()


def test_difference_of_a_take_over_is_what_clients_would_see(
    other, move, import_, deb, session, public
):
    other(deb(), deb("tool", "2.0"), deb("gone"))
    move()
    import_(deb("hello", "1.1"), deb("tool", "1.9"), deb("fresh"))
    before = {path: path.stat().st_mtime_ns for path in public.rglob("*")}
    found = session.call(
        "publish.diff", kind="repo", names=["tools"], take_over=True, options={"origin": "New"}
    )
    changes = {(one.change, one.name, one.before, one.after) for one in found.packages}
    assert changes == {
        ("upgraded", "hello", "1.0", "1.1"),
        ("downgraded", "tool", "2.0", "1.9"),
        ("removed", "gone", "1.0", ""),
        ("added", "fresh", "", "1.0"),
    }
    (field,) = found.fields
    assert (field.name, field.before, field.after, field.stops) == ("Origin", "Old", "New", True)
    assert {path: path.stat().st_mtime_ns for path in public.rglob("*")} == before
    assert session.call("publish.list") == []


def test_difference_of_an_update(taken, add, session):
    add("hello", "2.0")
    found = session.call("publish.diff", distribution="stable")
    assert [one.change for one in found.packages] == ["upgraded"]
    assert found.fields == ()


def test_difference_names_another_build(other, move, import_, deb, session, tmp_path):
    other(deb())
    move()
    (tmp_path / "again").mkdir()
    import_(build_deb(tmp_path / "again", "hello", "1.0", fields={"Description": "again"}))
    found = session.call("publish.diff", kind="repo", names=["tools"], take_over=True)
    assert [one.change for one in found.packages] == ["rebuilt"]


def test_files_of_both_are_counted_twice(taken, session, public):
    (path,) = (str(one.relative_to(public)) for one in public.rglob("*.deb"))
    with session.db.read() as txn:
        assert ledger.get(txn, ".", path).references == 1


def test_indexes_of_other_kinds_stay_until_the_grace_is_over(
    other, move, import_, take_over, deb, public
):
    hello = deb()
    other(hello)
    move()
    extra = public / "dists/stable/main/i18n/Translation-en.gz"
    extra.parent.mkdir(parents=True)
    extra.write_bytes(gzip.compress(b""))
    link = public / "dists/steady"
    os.symlink("stable", link)
    import_(hello)
    take_over()
    assert extra.exists()
    assert link.is_symlink()
