"""Whatever state the directory is in, one clear line comes of it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import lmdb
import pytest

from debrepo.database import Database
from debrepo.database.filesystem import refuse_network
from debrepo.errors import DatabaseError

pytestmark = pytest.mark.lmdb

ROOT = os.geteuid() == 0

# Does what the arguments after the path say, and prints what came of each.
STEPS = """
import fcntl, os, pathlib, resource, struct, sys  # while all of them can be read
from debrepo.database import Database, bytes_table
from debrepo.errors import DebrepoError
from debrepo.refs import TableRef
path, *steps = sys.argv[1:]
blobs = bytes_table("test.blobs")
db = None
for step in steps:
    try:
        if step == "open":
            db = Database(pathlib.Path(path), [TableRef("test.blobs", 1, "")])
        elif step == "read":
            with db.read() as txn:
                print("read", len(list(txn[blobs].items())))
            continue
        elif step == "nobody":
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            continue
        elif step == "limit":
            size = (pathlib.Path(path) / "data.mdb").stat().st_size
            resource.setrlimit(resource.RLIMIT_FSIZE, (size + 50_000, size + 50_000))
        elif step == "fill":
            for key in range(10_000):
                db.update(lambda txn: txn[blobs].update({b"%06d" % key: b"x" * 5_000}))
        elif step == "empty":
            while db.update(lambda txn: bool(txn[blobs]) and txn[blobs].popitem()):
                pass
        print(step, "ok")
    except DebrepoError as error:
        print(step, type(error).__name__, error)
"""


def steps(path, *words):
    """Run the steps in a process of their own."""
    command = [sys.executable, "-c", STEPS, str(path), *words]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.stderr == ""
    assert result.returncode == 0
    return result.stdout.splitlines()


def fill_up(disk):
    """Leave no byte free."""
    with (disk / "rest").open("wb", buffering=0) as rest, pytest.raises(OSError, match="No space"):
        while rest.write(b"x" * 4096):
            pass


@pytest.fixture
def full_of_blobs(open_db, blobs, tmp_path):
    """The path of a database with some content, which nobody has open."""
    db = open_db()
    with db.write() as txn:
        txn[blobs].put_many((b"%d" % key, b"x" * 3_000) for key in range(100))
    db.close()
    return tmp_path / "db"


@pytest.fixture
def mount(tmp_path):
    """Mount something for the length of a test; a way to full and read-only disks."""
    mounted = []

    def mount_(*options):
        target = tmp_path / f"mount{len(mounted)}"
        target.mkdir()
        command = ["mount", *options, str(target)]
        if not ROOT or subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("mounting is not allowed here")
        mounted.append(target)
        return target

    yield mount_
    for target in mounted:
        subprocess.run(["umount", str(target)], check=True)


def test_missing_directories_are_created(open_db, tmp_path):
    open_db(tmp_path / "a" / "b" / "db").close()
    assert sorted(os.listdir(tmp_path / "a" / "b" / "db")) == ["data.mdb", "lock.mdb"]


def test_the_lock_file_has_all_its_blocks(db, tmp_path):
    found = (tmp_path / "db" / "lock.mdb").stat()
    assert found.st_blocks * 512 >= found.st_size


def test_opening_for_reading_creates_nothing(open_db, tmp_path):
    with pytest.raises(DatabaseError, match="there is no database in"):
        open_db(read_only=True)
    assert os.listdir(tmp_path) == []


def test_database_opened_for_reading_refuses_to_write(full_of_blobs, open_db, blobs):
    db = open_db(read_only=True)
    with db.read() as txn:
        assert len(txn[blobs]) == 100
    with pytest.raises(DatabaseError, match="it was opened for reading"):
        db.update(lambda txn: None)


@pytest.mark.parametrize("where", ["db", "db/below"])
def test_file_in_the_way_is_refused(open_db, tmp_path, where):
    (tmp_path / "db").write_text("a file")
    with pytest.raises(DatabaseError, match="a file is in its way"):
        open_db(tmp_path / where)


@pytest.mark.parametrize(
    "content", [b"x", b"not a database" * 1000, b"\0" * 8192, b"\xff" * 100_000]
)
def test_file_that_is_no_database_is_damaged(open_db, tmp_path, content):
    (tmp_path / "db").mkdir()
    (tmp_path / "db" / "data.mdb").write_bytes(content)
    with pytest.raises(DatabaseError, match=r"the database in .*/db is damaged"):
        open_db()


@pytest.mark.parametrize("kept", [0.02, 0.3, 0.99])
def test_truncated_database_is_damaged(full_of_blobs, open_db, kept):
    data = full_of_blobs / "data.mdb"
    os.truncate(data, int(data.stat().st_size * kept))
    with pytest.raises(DatabaseError, match="is damaged") as caught:
        open_db()
    assert caught.value.hint.startswith("restore a backup")


def test_overwritten_pages_are_reported_when_they_are_read(full_of_blobs, open_db, blobs):
    data = full_of_blobs / "data.mdb"
    with data.open("r+b") as file:
        file.seek(2 * 4096)
        file.write(b"\0" * (data.stat().st_size - 2 * 4096))
    with pytest.raises(DatabaseError, match="is damaged"), open_db().read() as txn:
        list(txn[blobs].items())


def test_short_file_that_misses_nothing_is_opened(full_of_blobs, open_db, blobs):
    db = open_db()
    db.update(lambda txn: txn[blobs].clear())
    db.update(lambda txn: txn[blobs].update({b"large": b"x" * 8_000_000}))
    db.update(lambda txn: txn[blobs].clear())
    db.update(lambda txn: txn[blobs].update({b"key": b"value"}))
    db.close()
    data = full_of_blobs / "data.mdb"
    os.truncate(data, data.stat().st_size - 4096)  # where the large value ended
    with open_db().read() as txn:
        assert dict(txn[blobs]) == {b"key": b"value"}


def test_an_empty_file_becomes_a_database(open_db, tmp_path):
    (tmp_path / "db").mkdir()
    (tmp_path / "db" / "data.mdb").touch()
    open_db().update(lambda txn: None)


def test_lost_lock_file_is_made_again(full_of_blobs, open_db, blobs):
    (full_of_blobs / "lock.mdb").unlink()
    with open_db().read() as txn:
        assert len(txn[blobs]) == 100


def test_full_disk_still_reads_and_deletes(mount):
    path = mount("-t", "tmpfs", "-o", "size=3m", "tmpfs") / "db"
    said = steps(path, "open", "fill", "read")
    assert said[1].startswith("fill DatabaseFull no space is left on the disk of ")
    fill_up(path.parent)
    number = said[2].split()[1]
    assert int(number) > 10
    assert steps(path, "open", "read", "empty", "read") == [
        "open ok",
        f"read {number}",
        "empty ok",
        "read 0",
    ]


def test_full_disk_without_a_lock_file_still_reads(mount, full_of_blobs):
    path = mount("-t", "tmpfs", "-o", "size=1m", "tmpfs") / "db"
    path.mkdir()
    shutil.copy(full_of_blobs / "data.mdb", path)
    fill_up(path.parent)
    assert steps(path, "open", "read", "empty") == [
        "open ok",
        "read 100",
        "empty DatabaseError cannot write to the database: No space left on device",
    ]


def test_full_disk_gets_no_new_database(mount):
    disk = mount("-t", "tmpfs", "-o", "size=64k", "tmpfs")
    fill_up(disk)
    said = steps(disk / "db", "open")
    assert said[0].startswith("open DatabaseFull cannot create")


def test_limit_on_the_size_of_files_is_named(full_of_blobs):
    said = steps(full_of_blobs, "open", "limit", "fill", "read")
    assert said[2].startswith("fill DatabaseFull ")
    assert said[2].endswith("data.mdb has reached the limit on the size of files")
    assert said[3].startswith("read 1")


def test_read_only_file_system_is_read(mount, full_of_blobs):
    disk = mount("--bind", str(full_of_blobs.parent))
    subprocess.run(["mount", "-o", "remount,ro,bind", str(disk)], check=True)
    assert steps(disk / "db", "open", "read", "empty") == [
        "open ok",
        "read 100",
        "empty DatabaseError cannot write to the database: the file system is read-only",
    ]
    assert steps(disk / "none", "open") == [
        f"open DatabaseError cannot create {disk / 'none'}: Read-only file system"
    ]


@pytest.fixture
def seen_by_nobody(full_of_blobs):
    """The database again, in a directory that another user can get to."""
    if not ROOT:
        pytest.skip("only root can become another user")
    place = Path(f"/tmp/debrepo-test-{os.getpid()}")
    shutil.copytree(full_of_blobs, place / "db")
    place.chmod(0o755)
    yield place / "db"
    shutil.rmtree(place)


def test_other_user_may_read(seen_by_nobody):
    said = steps(seen_by_nobody, "nobody", "open", "read", "empty")
    assert said[:2] == ["open ok", "read 100"]
    assert said[2].startswith("empty DatabaseError cannot write to the database: there is no perm")


def test_other_user_may_not_read_what_is_in_use(seen_by_nobody, tables):
    db = Database(seen_by_nobody, tables)
    said = steps(seen_by_nobody, "nobody", "open")
    assert said[0].startswith("open DatabaseBusy ")
    assert "is in use, and cannot be read without writing its lock file" in said[0]
    (seen_by_nobody / "lock.mdb").chmod(0o666)
    assert steps(seen_by_nobody, "nobody", "open", "read") == ["open ok", "read 100"]
    db.close()


@pytest.mark.parametrize("secret", ["data.mdb", "lock.mdb", "."])
def test_other_user_without_permission_is_told_so(seen_by_nobody, secret):
    (seen_by_nobody / secret).chmod(0)
    said = steps(seen_by_nobody, "nobody", "open")
    assert said[0].startswith("open DatabaseError ")
    assert "ermission" in said[0]


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "ceph", "lustre"])
def test_network_file_systems_are_refused(kind, tmp_path):
    mounts = tmp_path / "mountinfo"
    shared = Path("/proc")  # any place without a disk of its own
    device = shared.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    mounts.write_text(
        "22 1 254:0 / / rw shared:1 - ext4 /dev/vda rw\n"
        f"36 22 {number} / /srv/with\\040space rw,relatime shared:2 - {kind} host:/export rw\n"
    )
    with pytest.raises(DatabaseError, match="on a network file system") as caught:
        refuse_network(shared, mounts)
    assert kind in str(caught.value)
    assert caught.value.hint.startswith("keep the root on a disk of this machine")


@pytest.mark.parametrize("kind", ["tmpfs", "overlay", "btrfs", "fuse.mergerfs"])
def test_other_file_systems_without_a_disk_are_fine(kind, tmp_path):
    mounts = tmp_path / "mountinfo"
    device = Path("/proc").stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    mounts.write_text(f"36 22 {number} / /srv rw - {kind} none rw\n")
    refuse_network(Path("/proc"), mounts)
    refuse_network(Path("/proc"), tmp_path / "no-mountinfo")


def test_process_that_dies_while_it_makes_a_database_leaves_none(tmp_path, monkeypatch):
    class Killed(BaseException):
        pass

    def half(path, **_):
        (Path(path) / "data.mdb").write_bytes(bytes(4096))
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(lmdb, "open", half)
        with pytest.raises(Killed):
            Database(tmp_path, [])
    assert not (tmp_path / "data.mdb").exists()
    Database(tmp_path, []).close()
    assert {path.name for path in tmp_path.iterdir()} == {"data.mdb", "lock.mdb"}
