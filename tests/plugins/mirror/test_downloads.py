"""Downloads into the pool, from a server that does wrong what it is told to."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.plugins.small_disk import fill, small_disk
from upstream import serving

from debrepo.errors import Cancelled, DatabaseError, DatabaseFull
from debrepo.package import PackageFile
from debrepo.progress import Progress
from debrepo.stopping import Watch, watching
from debrepo.transport import TransportOptions, Validators
from debrepo_mirror.download import Downloads, DownloadTerms, WantedFile
from debrepo_mirror.download.partial import PartialFile, PartialFiles
from debrepo_mirror.download.queue import check_space

SMALL = b"a small file" * 100
LARGE = bytes(range(256)) * 12_000


class Notes(Progress):
    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)


@pytest.fixture
def upstream(tmp_path):
    (tmp_path / "archive").mkdir()
    with serving(tmp_path / "archive") as upstream:
        yield upstream


@pytest.fixture
def session(session):
    session.root.mkdir()
    session.progress = Notes()
    return session


def listed(data, name="a.deb"):
    return PackageFile(
        name,
        len(data),
        *(hashlib.new(kind, data).hexdigest() for kind in ("md5", "sha1", "sha256", "sha512")),
    )


@pytest.fixture
def offer(upstream):
    def offer(path, data, **other):
        """Have a file upstream, and return how to want it."""
        upstream.put(path, data)
        file = listed(data, path.rpartition("/")[2])._replace(**other)
        return WantedFile((upstream.url + path,), file, path)

    return offer


class Outcome(dict):
    """What came of files, by their marks; ``waits`` are the pauses in seconds."""

    waits = ()


@contextmanager
def downloads(session, upstream, waits, **terms):
    transport = session.transport(upstream.url, TransportOptions())
    try:
        with session.pool.reserving() as pool:
            yield Downloads(session, pool, transport, DownloadTerms(**terms), wait=waits.append)
    finally:
        transport.close()


@pytest.fixture
def download(session, upstream):
    def download(*wanted, size=0, **terms):
        waits = []
        with downloads(session, upstream, waits, **terms) as queue:
            outcome = Outcome(
                (done.wanted.mark, done)
                for done in queue.fetch(wanted, files=len(wanted), size=size)
            )
        outcome.waits = waits
        return outcome

    return download


def kept(session):
    """Return the names of partial files."""
    return sorted(path.name for path in (session.root / "cache/mirror/partial").iterdir())


def part(session, file, data, url="", etag=""):
    """Leave a partial file behind, as a process that was killed does."""
    partials = PartialFiles(session.root / "cache/mirror/partial")
    partials.prepare()
    partial = partials.open(url, file)
    partial.write(data)
    if url:
        partial.begin(url, Validators(etag))
    partial.close()


@pytest.mark.parametrize("data", [b"", SMALL, LARGE], ids=["empty", "small", "large"])
def test_file_is_in_the_pool_with_all_its_digests(session, offer, download, data):
    wanted = offer("pool/a.deb", data, md5="", sha1="", sha512="")
    done = download(wanted)["pool/a.deb"]
    assert done.found == listed(data)
    assert session.pool.path(done.found.sha256).read_bytes() == data
    assert kept(session) == []


def test_file_without_size_and_checksums_is_taken(session, offer, download):
    wanted = offer("SHA256SUMS", LARGE, size=-1, md5="", sha1="", sha256="", sha512="")
    done = download(wanted)["SHA256SUMS"]
    assert done.found == listed(LARGE, "SHA256SUMS")
    assert kept(session) == []


def test_many_files_come_over_few_connections(session, upstream, offer, download):
    wanted = [offer(f"{n}.deb", b"%d" % n * 500) for n in range(300)]
    outcome = download(*wanted)
    assert len(outcome) == 300
    assert all(done.found for done in outcome.values())
    assert upstream.connections <= TransportOptions().connections


@pytest.mark.parametrize("kind", ["md5", "sha1", "sha256", "sha512"])
@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
def test_each_known_checksum_has_to_be_right(session, upstream, offer, download, kind, data):
    expected = listed(b"something else")
    wanted = offer("a", data, **{kind: getattr(expected, kind)})
    outcome = download(wanted, offer("b", SMALL))
    found = getattr(listed(data), kind)
    assert outcome["a"].found is None
    assert outcome["a"].reason == (
        f"{upstream.url}a: expected {kind.upper()} {getattr(expected, kind)}, found {found}"
    )
    assert "ignore checksums" in outcome["a"].hint
    assert outcome["b"].found
    assert listed(data).sha256 not in session.pool or data == SMALL
    assert kept(session) == []
    assert outcome.waits == []


def test_file_that_is_too_short_is_refused(upstream, offer, download):
    wanted = offer("a", SMALL, size=len(SMALL) + 1)
    outcome = download(wanted)
    assert outcome["a"].reason == (
        f"{upstream.url}a: expected {len(SMALL) + 1} bytes, found {len(SMALL)}"
    )


def test_file_that_is_too_long_is_refused_early(session, upstream, offer, download):
    wanted = offer("a", LARGE, size=len(LARGE) - 1)
    outcome = download(wanted)
    assert outcome["a"].reason.startswith(f"{upstream.url}a: more than the {len(LARGE) - 1} bytes")
    assert outcome.waits == []
    assert kept(session) == []


@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
def test_ignored_checksums_are_warned_of_and_the_real_ones_recorded(
    session, upstream, offer, download, data
):
    other = listed(b"something else")
    wanted = offer("a", data, sha256=other.sha256, size=7)
    outcome = download(wanted, ignore_checksums=True)
    assert outcome["a"].found == listed(data, "a")
    assert listed(data).sha256 in session.pool
    assert session.progress.notes == [
        f"Warning: {upstream.url}a: expected 7 bytes, found {len(data)}; taken, as checksums are"
        " ignored.",
        f"Warning: {upstream.url}a: expected SHA256 {other.sha256}, found"
        f" {listed(data).sha256}; taken, as checksums are ignored.",
    ]


def test_missing_file_is_named_and_not_asked_for_again(upstream, offer, download):
    wanted = offer("a", SMALL)
    upstream.hide("a")
    outcome = download(wanted, offer("b", SMALL))
    assert outcome["a"].missing
    assert outcome["a"].reason == (
        f"{upstream.url}a: the server answered 404 Not Found, expected a file of {len(SMALL)} bytes"
    )
    assert "--allow-missing" in outcome["a"].hint
    assert outcome["b"].found
    assert len(upstream.asked("a")) == 1


@pytest.mark.parametrize("fault", ["404", "503", "corrupt", "drop"])
def test_next_url_is_asked_where_one_has_nothing_of_use(upstream, offer, download, fault):
    wanted = offer("first", SMALL)
    upstream.put("second", SMALL)
    upstream.fault("first", fault, None)
    outcome = download(wanted._replace(urls=(upstream.url + "first", upstream.url + "second")))
    assert outcome["first"].found


def test_what_may_pass_is_tried_again(upstream, offer, download):
    wanted = offer("a", SMALL)
    upstream.fault("a", "500")
    upstream.fault("a", "503")
    outcome = download(wanted, offer("b", SMALL), tries=3)
    assert outcome["a"].found
    assert outcome["b"].found
    assert outcome.waits == [1, 2]


def test_tries_are_counted(upstream, offer, download):
    wanted = offer("a", SMALL)
    upstream.fault("a", "502", None)
    outcome = download(wanted, tries=4, pause=3)
    assert len(upstream.asked("a")) == 4
    assert outcome.waits == [3, 6, 12]
    assert outcome["a"].reason == (
        f"{upstream.url}a: the server answered 502 Bad Gateway, expected a file of"
        f" {len(SMALL)} bytes"
    )
    assert "later" in outcome["a"].hint


def test_server_that_is_busy_is_left_alone_as_long_as_it_wants(upstream, offer, download):
    wanted = [offer(f"{n}", SMALL) for n in range(100)]
    upstream.fault("*", "503", times=8, retry_after=17)
    outcome = download(*wanted)
    assert all(done.found for done in outcome.values())
    assert outcome.waits == [17]
    assert len(upstream.asked()) <= 108


def test_server_that_is_away_is_not_asked_for_every_file(upstream, offer, download):
    wanted = [offer(f"{n}", SMALL) for n in range(500)]
    upstream.fault("*", "drop", times=None)
    outcome = download(*wanted, tries=3)
    assert len(outcome) == 500
    assert not any(done.found for done in outcome.values())
    assert len(upstream.asked()) < 150
    assert "not tried" in outcome["499"].reason
    assert outcome.waits == [1, 2]


def test_nobody_listening_is_said_in_a_line(session, upstream, download):
    wanted = WantedFile(("http://127.0.0.1:9/a.deb",), listed(SMALL), "a")
    reason = download(wanted)["a"].reason
    assert reason.startswith("http://127.0.0.1:9/a.deb: ")
    assert "\n" not in reason


def test_large_file_goes_on_where_it_ended(session, upstream, offer, download):
    wanted = offer("a", LARGE)
    upstream.fault("a", "truncate", keep=2_000_000)
    assert download(wanted)["a"].found
    first, second = upstream.asked("a")
    assert second.headers["range"].startswith("bytes=")
    assert first.sent + second.sent <= len(LARGE) + (1 << 20)
    assert second.headers["if-range"].startswith('"')


def test_attempts_that_bring_much_are_not_counted(upstream, offer, download):
    data = LARGE * 4
    wanted = offer("a", data)
    upstream.fault("a", "truncate", times=6, keep=1_800_000)
    assert download(wanted, tries=2)["a"].found
    assert len(upstream.asked("a")) == 7


def test_file_that_changed_upstream_is_fetched_from_its_start(session, upstream, offer, download):
    wanted = offer("a", LARGE)
    part(session, wanted.listed, b"x" * 1000, wanted.urls[0], etag='"another"')
    assert download(wanted)["a"].found
    assert [seen.headers.get("range") for seen in upstream.asked("a")] == ["bytes=1000-"]


def test_part_of_something_else_is_dropped(session, upstream, offer, download):
    wanted = offer("a", LARGE)
    part(session, wanted.listed, b"x" * 1000)
    assert download(wanted)["a"].found
    assert [seen.headers.get("range") for seen in upstream.asked("a")] == ["bytes=1000-", None]
    assert kept(session) == []


def test_part_that_is_too_long_is_dropped(session, upstream, offer, download):
    wanted = offer("a", LARGE)
    part(session, wanted.listed, LARGE + b"more")
    assert download(wanted)["a"].found


def test_file_that_is_all_here_is_not_asked_for(session, upstream, offer, download):
    wanted = offer("a", LARGE)
    part(session, wanted.listed, LARGE, wanted.urls[0])
    assert download(wanted)["a"].found
    assert upstream.asked() == []
    assert kept(session) == []


def test_part_that_another_process_receives_is_let_be(session, upstream, offer, download):
    wanted = offer("a", LARGE)
    partials = PartialFiles(session.root / "cache/mirror/partial")
    partials.prepare()
    others = partials.open(wanted.urls[0], wanted.listed)
    others.write(b"something")
    try:
        assert download(wanted)["a"].found
        assert list(others.blocks()) == [b"something"]
    finally:
        others.close()
    assert kept(session) == [wanted.listed.sha256]


def test_old_parts_are_removed(session, upstream, offer, download):
    part(session, listed(b"old"), b"o")
    path = session.root / "cache/mirror/partial" / listed(b"old").sha256
    os.utime(path, (1, 1))
    download(offer("a", SMALL))
    assert kept(session) == []


def test_partial_file_that_went_into_the_pool_is_not_written_to(tmp_path):
    first = PartialFile.open(str(tmp_path / "a"))
    first.write(b"whole")
    (tmp_path / "a").rename(tmp_path / "pool")
    second = PartialFile.open(str(tmp_path / "a"))
    second.write(b"other")
    first.drop()
    second.close()
    assert (tmp_path / "pool").read_bytes() == b"whole"
    assert (tmp_path / "a").read_bytes() == b"other"


def test_pool_may_be_on_another_disk(session, upstream, offer, download):
    with tempfile.TemporaryDirectory(dir="/dev/shm") as elsewhere:
        if os.stat(elsewhere).st_dev == os.stat(session.root).st_dev:
            pytest.skip("/dev/shm is on the same disk")
        (session.root / "cache").symlink_to(elsewhere)
        done = download(offer("a", LARGE))["a"]
        assert session.pool.path(done.found.sha256).read_bytes() == LARGE
        assert kept(session) == []
        assert session.pool.sweep() == 0


def test_space_is_looked_at_before_the_first_file(session, upstream, offer, download):
    with pytest.raises(DatabaseFull, match=r"cannot fetch .* in 1 files: .* left") as caught:
        download(offer("a", SMALL), size=1 << 60)
    assert "filter" in caught.value.hint
    assert upstream.asked() == []


def test_space_for_many_small_files_counts_their_blocks(tmp_path):
    free = os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize
    check_space(tmp_path, tmp_path / "pool", 1, 1)
    with pytest.raises(DatabaseFull):
        check_space(tmp_path, tmp_path / "pool", 1, free // 1000)


@pytest.mark.parametrize("data", [SMALL * 200, LARGE], ids=["small", "large"])
def test_disk_that_fills_up_is_named_and_what_is_there_stays(
    tmp_path, session, upstream, offer, download, data
):
    with small_disk(tmp_path / "disk") as disk:
        session.root.rmdir()
        session.root.symlink_to(disk)
        first = offer("first", SMALL)
        assert download(first)["first"].found
        filler = fill(disk, leaving=100_000)
        wanted = offer("a", data)
        with pytest.raises(DatabaseFull, match=r"cannot write .*: No space left"):
            download(wanted)
        filler.unlink()
        assert first.listed.sha256 in session.pool
        assert download(wanted)["a"].found
        session.close()


def test_cache_that_cannot_be_written_is_named(session, upstream, offer, download):
    (session.root / "cache").write_text("no directory")
    with pytest.raises(
        DatabaseError, match=r"cannot write .*cache/mirror/partial: Not a directory"
    ):
        download(offer("a", SMALL))


def test_stopped_download_keeps_what_has_come(session, upstream, offer):
    wanted = offer("a", LARGE)
    upstream.fault("a", "hold", keep=2_000_000)
    watch = Watch()

    class Stopping(Progress):
        """Tells the work to end once the server holds the rest back."""

        def meter(self, label, *, files, size):
            class Counting(type(super().meter(label, files=files, size=size))):
                got = 0

                def add(self, size):
                    self.got += size
                    if self.got >= 1_900_000:
                        watch.stop("enough")

            return Counting()

    session.progress = Stopping()
    with (
        watching(watch),
        downloads(session, upstream, []) as queue,
        pytest.raises(Cancelled, match="enough"),
    ):
        list(queue.fetch([wanted], files=1, size=len(LARGE)))
    upstream.release()
    left = session.root / "cache/mirror/partial" / wanted.listed.sha256
    assert left.stat().st_size >= 1_900_000
    upstream.clear()
    session.progress = Notes()
    with downloads(session, upstream, []) as queue:
        (done,) = queue.fetch([wanted], files=1, size=len(LARGE))
    assert done.found
    assert upstream.received("a")[0] <= len(LARGE) - 1_900_000


KILLED = """
import sys
from pathlib import Path
from debrepo.package import PackageFile
from debrepo.plugins import load_plugins
from debrepo.session import Session
from debrepo_mirror.download import Downloads, DownloadTerms, WantedFile
from debrepo.transport import TransportOptions

root, url, *files = sys.argv[1:]
session = Session(Path(root), load_plugins())
wanted = []
for file in files:
    name, size, sha256 = file.split(":")
    wanted.append(WantedFile((url + name,), PackageFile(name, int(size), sha256=sha256), name))
transport = session.transport(url, TransportOptions())
with session.pool.reserving() as pool:
    for done in Downloads(session, pool, transport, DownloadTerms()).fetch(wanted, files=1, size=1):
        print(done.wanted.mark, flush=True)
"""


def test_killed_download_costs_a_file_for_each_connection_at_most(
    session, upstream, offer, download
):
    held = [offer(f"large{n}", LARGE + b"%d" % n) for n in range(3)]
    whole = [offer(f"small{n}", b"%d" % n * 500) for n in range(40)]
    upstream.fault("large*", "hold", times=3, keep=2_500_000)
    words = [f"{w.mark}:{w.listed.size}:{w.listed.sha256}" for w in [*held, *whole]]
    command = [sys.executable, "-c", KILLED, session.root, upstream.url, *words]
    partials = session.root / "cache/mirror/partial"
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        ended = {process.stdout.readline().strip() for _ in whole}
        while sum(os.stat(p).st_size > 2_000_000 for p in partials.iterdir()) < 3:
            pass
        process.kill()
    upstream.release()
    assert ended == {w.mark for w in whole}
    before = len(upstream.asked())
    outcome = download(*held)
    assert all(done.found for done in outcome.values())
    assert len(kept(session)) == 0
    again = upstream.asked()[before:]
    assert all(seen.headers["range"] for seen in again)
    assert sum(seen.sent for seen in again) < 3 * (len(LARGE) - 2_000_000)


def test_closing_early_leaves_nothing_open(session, upstream, offer):
    wanted = [offer(f"{n}", LARGE + b"%d" % n) for n in range(4)]
    before = len(os.listdir("/proc/self/fd"))
    with downloads(session, upstream, []) as queue:
        running = queue.fetch(wanted, files=4, size=1)
        next(running)
        running.close()
    upstream.hang_up()
    assert len(os.listdir("/proc/self/fd")) <= before
    shutil.rmtree(Path(session.root))
