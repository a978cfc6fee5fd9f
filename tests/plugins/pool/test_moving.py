"""Package files in a storage: moved there, fetched when somebody needs them, deleted at last."""

import hashlib
import itertools
from contextlib import closing, contextmanager

import pytest

from debrepo import hookimpl
from debrepo.errors import RemoteError
from debrepo.session import Session
from debrepo.testing import crashes as crashing
from debrepo.testing.packages import build_deb
from debrepo_admin.checks import problems
from debrepo_pool import moving, places

PLACE = "fs:far:packages"
OPTIONS = {"skip_signing": True}


@pytest.fixture
def far(tmp_path):
    return tmp_path / "far"


@pytest.fixture
def configure(debrepo_root, far):
    """Return a function that writes the configuration."""
    debrepo_root.mkdir()

    def configure(**pool):
        given = {"storage": PLACE, "cache": 0} | pool
        lines = [f"{name} = {str(value).lower() if isinstance(value, bool) else repr(value)}"
                 for name, value in given.items()]  # fmt: skip
        text = "\n".join(["[pool]", *lines, "[storage.fs.far]", f"root = '{far}'", "link = 'copy'"])
        (debrepo_root / "debrepo.toml").write_text(text + "\n")

    configure()
    return configure


@pytest.fixture
def session(configure, session):
    return session


def add(session, directory, *names):
    if not directory.exists():
        directory.mkdir()
        session.call("repo.create", name="tools")
    paths = [build_deb(directory, name) for name in names]
    assert {one.status for one in session.call("repo.add", name="tools", paths=paths)} == {"added"}


def there(far):
    return sorted(path.parent.name + path.name for path in far.glob("packages/*/*"))


def here(session):
    return list(session.pool)


def publish(session):
    return session.call(
        "publish.create", kind="repo", names=["tools"], distribution="stable", options=OPTIONS
    )


def test_files_are_moved_under_their_checksums_and_gone_here(session, tmp_path, far):
    add(session, tmp_path / "debs", "hello", "greeter")
    before = here(session)
    done = session.call("pool.move")
    assert (done.files, done.removed, done.deleted) == (2, 2, 0)
    assert there(far) == before
    assert here(session) == []
    assert session.call("pool.move") == (0, 0, 0, 0)


def test_the_cache_keeps_as_much_as_it_has_room_for(configure, session, tmp_path):
    configure(cache=10 << 20)
    add(session, tmp_path / "debs", "hello")
    assert session.call("pool.move").removed == 0
    assert len(here(session)) == 1


def test_what_is_published_comes_back_and_is_verified(session, tmp_path, debrepo_root):
    add(session, tmp_path / "debs", "hello")
    session.call("pool.move")
    publish(session)
    published = list((debrepo_root / "public").glob("pool/main/h/hello/*.deb"))
    assert [path.name for path in published] == ["hello_1.0_amd64.deb"]


def test_what_is_damaged_there_is_refused_and_named(session, tmp_path, far):
    add(session, tmp_path / "debs", "hello")
    session.call("pool.move")
    (digest,) = there(far)
    file = far / "packages" / digest[:2] / digest[2:]
    file.write_bytes(bytes(file.stat().st_size))
    with pytest.raises(RemoteError, match="is damaged: its SHA256 checksum is"):
        publish(session)
    assert here(session) == []
    file.unlink()
    assert list(problems(session, files=True)) == []
    found = [one for one in session.call("doctor", thorough=True) if one.area == "pool"]
    assert [concern.text for one in found for concern in one.concerns] == [
        f"1 file is missing from {PLACE.rpartition(':')[0]}, such as {digest}"
    ]


def test_a_database_is_in_order_whose_files_are_elsewhere(session, tmp_path):
    add(session, tmp_path / "debs", "hello")
    session.call("pool.move")
    assert list(problems(session, files=True)) == []


def test_what_no_package_names_any_more_is_deleted_there_unless_others_may_need_it(
    configure, session, tmp_path, far
):
    add(session, tmp_path / "debs", "hello", "greeter")
    session.call("pool.move")
    session.call("repo.remove", name="tools", queries=["hello"])
    session.call("db.cleanup", trash=False)
    assert len(there(far)) == 2
    assert session.call("pool.move").deleted == 1
    assert len(there(far)) == 1


def test_package_in_the_trash_keeps_its_file_there_and_comes_back(session, tmp_path, far):
    add(session, tmp_path / "debs", "hello")
    session.call("pool.move")
    session.call("repo.remove", name="tools", queries=["hello"])
    assert session.call("db.cleanup").trashed == 1
    assert session.call("pool.move").deleted == 0
    assert len(there(far)) == 1
    assert len(session.call("db.restore", everything=True, repo="tools").packages) == 1
    assert list(problems(session, files=True)) == []


def test_nothing_is_deleted_from_a_place_that_is_shared(configure, session, tmp_path, far):
    configure(shared=True)
    add(session, tmp_path / "debs", "hello")
    session.call("pool.move")
    session.call("repo.remove", name="tools", queries=["hello"])
    session.call("db.cleanup", trash=False)
    assert session.call("pool.move").deleted == 0
    assert len(there(far)) == 1


def test_a_package_that_is_added_again_before_its_file_is_deleted_keeps_it(session, tmp_path, far):
    add(session, tmp_path / "debs", "hello")
    session.call("pool.move")
    session.call("repo.remove", name="tools", queries=["hello"])
    session.call("db.cleanup", trash=False)
    add(session, tmp_path / "debs", "hello")
    assert session.call("pool.move").deleted == 0
    assert len(there(far)) == 1
    assert list(problems(session, files=True)) == []


def test_adding_a_moved_package_again_is_no_repair(session, tmp_path):
    add(session, tmp_path / "debs", "hello")
    session.call("pool.move")
    again = session.call("repo.add", name="tools", paths=[tmp_path / "debs"])
    assert [one.status for one in again] == ["skipped"]


def test_two_nodes_share_a_place_and_send_each_file_once(
    session, debrepo_plugins, debrepo_root, tmp_path, far
):
    add(session, tmp_path / "debs", "hello")
    session.call("pool.move")
    (written,) = [path.stat().st_ino for path in far.glob("packages/*/*")]
    session.close()
    other = type(session)(tmp_path / "other", debrepo_plugins)
    try:
        (tmp_path / "other").mkdir()
        text = (debrepo_root / "debrepo.toml").read_text()
        (tmp_path / "other/debrepo.toml").write_text(text)
        add(other, tmp_path / "others", "hello")
        assert other.call("pool.move").files == 1
    finally:
        other.close()
    assert [path.stat().st_ino for path in far.glob("packages/*/*")] == [written]


def test_nothing_is_removed_here_while_somebody_publishes(session, tmp_path):
    add(session, tmp_path / "debs", "hello")
    with session.leases.hold("publish ."):
        assert session.call("pool.move").removed == 0
    assert session.call("pool.move").removed == 1


def test_server_that_has_nothing_to_do_is_in_nobodys_way(session, tmp_path):
    add(session, tmp_path / "debs", "hello")
    with session.leases.hold("server:one"), session.leases.hold("background:renew"):
        assert session.call("pool.move").removed == 1


def test_what_is_reserved_stays_here(session, tmp_path):
    add(session, tmp_path / "debs", "hello")
    (digest,) = here(session)
    with session.pool.reserving() as pool:
        pool.reserve(digest)
        moving.move(session, places.configured(session))
    assert here(session) == [digest]


def test_a_move_that_is_killed_anywhere_leaves_every_file_somewhere(
    configure, debrepo_root, debrepo_plugins, tmp_path, far
):
    numbers = itertools.count()

    @contextmanager
    def opened():  # anew in each process: a database does not survive a fork
        session = Session(debrepo_root, debrepo_plugins)
        with closing(session):
            yield session

    def move():
        with opened() as session:
            moving.move(session, places.configured(session))

    with opened() as session:
        add(session, tmp_path / "debs", "first")
    for _ in crashing.crashes(move, points=12):
        with opened() as session:
            known = {*there(far), *here(session)}
            with session.db.read() as txn:
                moved = {key.hex() for key in txn[moving.MOVED]}
            assert moved <= {*there(far)}
            assert list(problems(session, files=True)) == []
        move()
        assert {*there(far)} == known
        with opened() as session:
            add(session, tmp_path / "debs", f"new{next(numbers)}")


def test_a_place_that_was_changed_is_named(configure, session, tmp_path):
    add(session, tmp_path / "debs", "hello")
    session.call("pool.move")
    configure(storage="")
    del session.config
    with pytest.raises(RemoteError, match=r"in fs:far, which pool.storage does not name"):
        publish(session)


@pytest.mark.parametrize("given", ["s3", "s3:", ":x", "fs:far:../x"])
def test_a_place_that_is_none_is_said_to_be_none(configure, debrepo, given):
    configure(storage=given)
    assert debrepo("pool", "move", exit_code=2).exception


def test_without_a_place_there_is_nothing_to_move(configure, debrepo):
    configure(storage="")
    assert "pool.storage names no storage" in debrepo("pool", "move", exit_code=2).output


def test_the_command_says_what_it_has_done(debrepo, session, tmp_path):
    add(session, tmp_path / "debs", "hello")
    session.close()
    assert "removed 1 file here, deleted 0 files there." in debrepo("pool", "move").output
    assert '"files": 0' in debrepo("pool", "move", "--json").output


def test_a_server_moves_files_by_itself(session, tmp_path, far):
    work = moving.background(session, None)
    add(session, tmp_path / "debs", "hello")
    work()
    assert len(there(far)) == 1


class Keeper:
    """A plugin that keeps a file in the pool, and opens it."""

    digest = hashlib.sha256(b"kept").hexdigest()

    @hookimpl
    def debrepo_live_files(self, txn):
        return [self.digest]


@pytest.mark.debrepo_plugins(more=[Keeper()])
def test_what_plugins_keep_in_the_pool_stays_here(session, tmp_path):
    session.pool.put(Keeper.digest, b"kept")
    add(session, tmp_path / "debs", "hello")
    assert session.call("pool.move").files == 1
    assert here(session) == [Keeper.digest]
