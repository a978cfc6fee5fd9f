"""What is served is looked at as clients would, and repaired."""

import gzip
import shutil
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from plugins.publish.client import Client
from plugins.publish.crashing import CrashingStorage

from debrepo.errors import Conflict, InvalidInput, NotFound
from debrepo.signing import dearmored
from debrepo.storage import Storage
from debrepo_gpg.signer import GpgSigner
from debrepo_publish.checking import comparing
from debrepo_publish.checking.trees import StoredTree
from debrepo_publish.engine import ledger, places
from debrepo_publish.model.publication import generation_key
from debrepo_publish.model.tables import COMMITS

DAY = 86400
NOW = 1_800_000_000


@pytest.fixture
def published(session, add, create, public):
    """Publish two binary packages and a source package, without a signature."""
    add("hello")
    add("tool", architecture="all")
    add("hello", "1.0-1", "source")
    create(skip_signing=True, compressions=("gz", "xz", "zst", "bz2", "plain"))
    return public


def verify(session, **more):
    found = session.call("publish.verify", distribution="stable", **more)
    return [str(problem) for problem in found.problems]


def repair(session, **more):
    return session.call("publish.repair", distribution="stable", **more)


def only(public, pattern):
    (found,) = public.rglob(pattern)
    return found


def index(public, name="Packages.gz"):
    return public / "dists/stable/main/binary-amd64" / name


def test_whole_tree_has_no_problems(session, published):
    found = session.call("publish.verify", distribution="stable", files=True)
    assert found.problems == []
    assert found.files == 5
    assert found.indexes > 10


@pytest.mark.parametrize("name", ["hello_1.0_amd64.deb", "hello_1.0.orig.tar.xz"])
def test_damage_is_found_where_only_sha512_is_listed(session, published, update, public, name):
    update(sums=("sha512",))
    assert session.call("publish.verify", distribution="stable", files=True).problems == []
    path = only(public, name)
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(bytes([data[0] ^ 1]) + data[1:])
    (problem,) = session.call("publish.verify", distribution="stable", files=True).problems
    assert problem.path.endswith(name)
    assert problem.text.startswith("is damaged")


def delete_deb(public):
    only(public, "hello_1.0_amd64.deb").unlink()


def shorten_deb(public):
    path = only(public, "hello_1.0_amd64.deb")
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data[:-1])


def delete_part_of_source(public):
    only(public, "hello_1.0.orig.tar.xz").unlink()


def delete_index(public):
    index(public).unlink()


def change_index(public):
    index(public).write_bytes(gzip.compress(b"Package: evil\n"))


def delete_by_hash(public):
    shutil.rmtree(index(public).parent / "by-hash")


def change_release(public):
    path = public / "dists/stable/Release"
    path.write_bytes(path.read_bytes().replace(b"Suite: stable", b"Suite: sid"))


def delete_release(public):
    (public / "dists/stable/Release").unlink()


DAMAGE = [
    (delete_deb, "hello_1.0_amd64.deb: is missing"),
    (shorten_deb, "hello_1.0_amd64.deb: has "),
    (delete_part_of_source, "hello_1.0.orig.tar.xz: is missing"),
    (delete_index, "Packages.gz: is listed, but missing"),
    (change_index, "Packages.gz: has "),
    (delete_by_hash, "by-hash/SHA256"),
    (change_release, "is not what was committed as generation 1"),
    (delete_release, "Release: is missing"),
]


@pytest.mark.parametrize(
    ("damage", "said"), DAMAGE, ids=lambda value: getattr(value, "__name__", "")
)
def test_damage_is_found_and_repaired(session, published, damage, said):
    before = client_view(published)
    damage(published)
    assert any(said in problem for problem in verify(session))
    force = damage is change_release
    assert repair(session, dry_run=True, force=force).repaired
    assert any(said in problem for problem in verify(session))
    assert repair(session, force=force).left == []
    assert verify(session, files=True) == []
    assert client_view(published) == before


def client_view(public):
    """Return the content of every index, which a repaired tree has to have again."""
    return {p.name: p.read_bytes() for p in public.rglob("Packages*")}


def test_damage_within_a_package_is_found_when_files_are_read(session, published):
    path = only(published, "hello_1.0_amd64.deb")
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert verify(session) == []
    assert any("hello_1.0_amd64.deb: is damaged" in line for line in verify(session, files=True))
    assert repair(session, files=True).left == []
    assert verify(session, files=True) == []


class Spy(StoredTree):
    """A tree that remembers which files were read at once."""

    read_at_once: ClassVar[set[str]] = set()

    def read(self, path):
        self.read_at_once.add(path)
        return super().read(path)


def test_packages_are_never_in_memory_as_a_whole(session, published, monkeypatch):
    monkeypatch.setattr(comparing, "StoredTree", Spy)
    assert verify(session, files=True) == []
    assert {path.partition("/")[0] for path in Spy.read_at_once} == {"dists"}


def test_package_that_the_pool_has_lost_cannot_be_repaired(session, published):
    path = only(published, "hello_1.0_amd64.deb")
    shutil.rmtree(session.root / "pool")
    path.unlink()
    (left,) = [line for line in repair(session).left if "hello_1.0_amd64" in line]
    assert "the pool cannot help" in left


def test_nothing_wrong_is_nothing_done(session, published):
    before = (published / "dists/stable/Release").stat().st_mtime_ns
    done = repair(session)
    assert (done.repaired, done.left, done.generation) == ([], [], 0)
    assert (published / "dists/stable/Release").stat().st_mtime_ns == before


def test_what_somebody_else_has_published_is_not_repaired_over(session, published, update, add):
    path = published / "dists/stable/Release"
    theirs = path.read_bytes().replace(b"Suite: stable", b"Suite: theirs")
    path.write_bytes(theirs)
    only(published, "hello_1.0_amd64.deb").unlink()
    with pytest.raises(Conflict, match="dists/stable/Release is not what this debrepo left"):
        repair(session)
    with pytest.raises(Conflict, match="is not what this debrepo left"):
        repair(session, dry_run=True)
    assert path.read_bytes() == theirs
    assert repair(session, force=True).left == []
    assert verify(session) == []


def test_release_of_an_older_generation_is_ours_to_repair(session, published, update, add):
    path = published / "dists/stable/Release"
    older = path.read_bytes()
    add("newer")
    update()
    path.write_bytes(older)
    repair(session)
    assert verify(session) == []


def test_repair_publishes_what_was_live_and_nothing_newer(session, published, add):
    add("newer")
    delete_index(published)
    repair(session)
    assert not list(published.rglob("newer_*"))
    assert verify(session) == []


def test_expiry_is_seen(session, published, update, clock):
    update(valid_for=10 * DAY)
    assert verify(session) == []
    clock(NOW + 10 * DAY - 7200)
    assert verify(session) == ["dists/stable/Release: is valid for 2 more hours only"]
    clock(NOW + 11 * DAY)
    assert any("Valid-Until is over" in line for line in verify(session))


def test_date_never_goes_back_and_valid_until_goes_with_it(session, published, update, add, clock):
    add("newer")
    notes = []
    session.progress.note = notes.append
    clock(NOW - DAY)
    update(valid_for=10 * DAY)
    text = (published / "dists/stable/Release").read_text()
    assert "Date: Fri, 15 Jan 2027 08:00:01 UTC" in text
    assert "Valid-Until: Mon, 25 Jan 2027 08:00:01 UTC" in text
    (note,) = notes
    assert "2027-01-14 08:00:00" in note
    assert "2027-01-15 08:00:00" in note
    assert any("Date is in the future" in line for line in verify(session))
    clock(NOW + 1)
    assert verify(session) == []


def test_date_does_not_go_back_beyond_a_drop(session, published, clock):
    session.call("publish.drop", distribution="stable")
    clock(NOW - DAY)
    session.call("publish.create", kind="repo", names=["tools"], distribution="stable")
    text = (published / "dists/stable/Release").read_text()
    assert "Date: Fri, 15 Jan 2027 08:00:01 UTC" in text


def test_what_is_published_twice_within_a_second_has_one_date(published, update, add):
    add("newer")
    update()
    assert "Date: Fri, 15 Jan 2027 08:00:00 UTC" in (published / "dists/stable/Release").read_text()


def test_release_that_is_older_than_its_predecessor_is_seen(session, published, update, add, clock):
    add("newer")
    update()
    clock(NOW + 2 * 365 * DAY)  # of a predecessor dated in the future, clients have none
    with session.db.write() as txn:
        key = generation_key(". stable", 1).encode()
        txn[COMMITS][key] = txn[COMMITS][key].replace(b"15 Jan 2027", b"15 Jan 2028")
    assert any("dated before the generation that it replaced" in line for line in verify(session))
    repair(session)
    assert verify(session) == []


def test_what_is_being_published_is_not_half_done(session, published, add):
    add("newer")
    session.fate.strike(5)
    with pytest.raises(BaseException, match=r"put|link|write"):
        session.call("publish.update", distribution="stable")
    session.fate.live()
    with places.hold(session, "."):
        assert not any("half done" in line for line in verify(session))
    assert any("half done" in line for line in verify(session))


def test_half_done_generation_is_seen(session, published, add):
    add("newer")
    session.fate.strike(5)
    with pytest.raises(BaseException, match=r"put|link|write"):
        session.call("publish.update", distribution="stable")
    session.fate.live()
    assert any("generation 2 was left half done" in line for line in verify(session))
    repair(session)
    assert not any("half done" in line for line in verify(session))


@pytest.fixture
def superseded(session, published, update, add):
    """Publish three times; return the superseded files of the first two generations."""
    for version in ("2.0", "3.0"):
        session.call("repo.remove", name="tools", queries=["hello, !$Architecture (source)"])
        add("hello", version)
        update()
    return sorted(published / path for path, held in rows(session).items() if not held.references)


def shorten(path):
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data[:-1])


@pytest.mark.parametrize("damage", [shorten, Path.unlink])
def test_lost_superseded_index_is_named_once_and_publishes_nothing(session, superseded, damage):
    indexes = [path for path in superseded if "dists" in path.parts]
    assert len(indexes) > 1
    for path in indexes:
        damage(path)
    assert len(repair(session, dry_run=True).left) == len(indexes)
    first = repair(session)
    assert (first.generation, first.repaired, len(first.left)) == (0, [], len(indexes))
    assert all(line.endswith("; it is gone") for line in first.left)
    second = repair(session)
    assert (second.generation, second.repaired, second.left) == (0, [], [])
    assert verify(session) == []
    assert not any(path.exists() for path in indexes)


def test_index_that_is_counted_and_not_needed_publishes_nothing(session, published):
    path = "dists/stable/main/binary-amd64/by-hash/SHA256/0123"
    with session.db.write() as txn:
        ledger.claim(txn, ".", [ledger.File(path, "0" * 64, 7)])
    for _ in range(2):
        done = repair(session)
        assert done.generation == 0
        assert done.left == [
            f"{path}: was published, but is missing; --reconcile counts what needs it"
        ]
    repair(session, reconcile=True)
    assert verify(session) == []


@pytest.mark.parametrize("damage", [shorten, Path.unlink])
def test_lost_superseded_package_comes_back_from_the_pool(session, superseded, damage):
    (path,) = [path for path in superseded if path.name == "hello_1.0_amd64.deb"]
    data = path.read_bytes()
    damage(path)
    done = repair(session)
    assert (done.generation, len(done.repaired), done.left) == (0, 1, [])
    assert path.read_bytes() == data
    assert verify(session) == []


def test_reconciling_never_deletes_what_debrepo_did_not_write(session, published):
    stranger = published / "pool/main/README"
    stranger.write_bytes(b"mine")
    done = repair(session, reconcile=True)
    assert done.reconciled.foreign == ["pool/main/README"]
    assert done.reconciled.deleted == []
    assert stranger.exists()


def test_reconciling_adopts_recounts_and_forgets(session, published):
    before = rows(session)
    paths = sorted(before)
    with session.db.write() as txn:
        ledger.remove(txn, ".", paths[:2])
        ledger.claim(txn, ".", [ledger.File(paths[3], before[paths[3]].sha256, 7)])
        ledger.set_count(txn, ".", "changelogs/nowhere", 0, None, NOW)
    done = repair(session, reconcile=True).reconciled
    assert done.adopted == paths[:2]
    assert done.recounted == [paths[3]]
    assert done.dropped == ["changelogs/nowhere"]
    assert {p: held.references for p, held in rows(session).items()} == {
        p: held.references for p, held in before.items()
    }


def rows(session):
    with session.db.read() as txn:
        return dict(ledger.files(txn, "."))


def test_reconciling_deletes_what_a_drop_left_behind(session, published, create):
    create(distribution="testing", skip_signing=True)
    session.call("publish.drop", distribution="testing", skip_cleanup=True)
    assert (published / "dists/testing/main").exists()
    done = repair(session, reconcile=True)
    assert done.reconciled.deleted
    assert not (published / "dists/testing").exists()
    assert verify(session) == []


def test_unknown_publication_is_an_error(session):
    with pytest.raises(NotFound, match="nothing is published as stable"):
        verify(session)


class Handler(SimpleHTTPRequestHandler):
    cache = ""

    def end_headers(self):
        if self.cache:
            self.send_header("Cache-Control", self.cache)
        super().end_headers()

    def log_message(self, *arguments):
        """Be quiet."""


@pytest.fixture
def serve(public):
    """Serve the tree: ``serve(cache="max-age=86400")`` returns the URL."""
    servers = []

    def start(cache=""):
        handler = type("H", (Handler,), {"cache": cache})
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(public)))
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_address[1]}/"

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


def test_served_tree_is_verified_too(session, published, serve):
    assert verify(session, url=serve(), files=True) == []
    delete_deb(published)
    assert any("is missing" in line for line in verify(session, url=serve()))


def test_cache_that_keeps_release_files_is_a_problem(session, published, serve):
    lines = verify(session, url=serve("max-age=86400"))
    assert any("caches may keep it too long" in line for line in lines)
    assert verify(session, url=serve("max-age=86400, no-cache")) == []


def test_only_http_can_be_verified(session, published):
    with pytest.raises(InvalidInput, match="not an http or https URL"):
        verify(session, url="file:///etc")


needs_gpgv = pytest.mark.skipif(not shutil.which("gpgv"), reason="needs gpg and gpgv")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Make a GnuPG home with one key."""
    home = tmp_path_factory.mktemp("keys") / "gnupg"
    GpgSigner(home).create(
        [
            *("Key-Type: EDDSA", "Key-Curve: ed25519", "Key-Usage: sign"),
            *("Name-Real: Archive", "Expire-Date: 0", "%no-protection", "%commit"),
        ]
    )
    return home


@pytest.fixture
def signed(session, home, add, create, public, monkeypatch):
    """Publish with a real signature, in the real present."""
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    monkeypatch.setattr("debrepo.clock.now", lambda: int(time.time()))
    (session.root / "debrepo.toml").write_text(f'signing.gpg.home = "{home}"\n')
    add("hello")
    create()
    return public / "dists/stable"


def signer_with_key(home, expire):
    """Return a signer in a home of its own, with one key."""
    signer = GpgSigner(home)
    signer.create(
        [
            *("Key-Type: EDDSA", "Key-Curve: ed25519", "Key-Usage: sign"),
            *("Name-Real: Other", f"Expire-Date: {expire}", "%no-protection", "%commit"),
        ]
    )
    return signer


@needs_gpgv
def test_signatures_are_checked(session, signed):
    assert verify(session) == []


@needs_gpgv
def test_text_outside_of_the_signed_block_is_found(session, signed):
    path = signed / "InRelease"
    path.write_bytes(b"Origin: Evil\n" + path.read_bytes())
    assert any("text outside of the signed block" in line for line in verify(session))


@needs_gpgv
def test_changed_text_is_found(session, signed):
    for name in ("InRelease", "Release"):
        path = signed / name
        path.write_bytes(path.read_bytes().replace(b"Suite: stable", b"Suite: sid"))
    lines = verify(session)
    assert any("InRelease: the signature is wrong" in line for line in lines)
    assert any("Release.gpg: the signature is wrong" in line for line in lines)


@needs_gpgv
def test_mixed_generations_are_found_and_repaired(session, signed, update, add):
    old = (signed / "Release").read_bytes()
    add("extra")
    update()
    (signed / "Release").write_bytes(old)
    assert any("of another generation than Release" in line for line in verify(session))
    repair(session)
    assert verify(session) == []


@needs_gpgv
def test_keyring_of_somebody_else_does_not_do(session, signed, tmp_path):
    other = signer_with_key(tmp_path / "other", "0")
    lines = verify(session, keyring=other.export(other.resolve([])))
    assert any("the key is not in the keyring" in line for line in lines)


@needs_gpgv
def test_repair_signs_with_the_keys_that_are_ours_now(session, signed, tmp_path, opened):
    signer_with_key(tmp_path / "other", "0")
    (session.root / "debrepo.toml").write_text(f'signing.gpg.home = "{tmp_path / "other"}"\n')
    session.close()
    session = opened(session.root)
    assert any("the key is not in the keyring" in line for line in verify(session))
    done = repair(session)
    assert done.left == []
    assert any("the key is not in the keyring" in line for line in done.repaired)
    assert verify(session) == []


@needs_gpgv
def test_key_that_expires_soon_is_not_published_over(session, signed, tmp_path, opened):
    signer_with_key(tmp_path / "brief", "10d")
    (session.root / "debrepo.toml").write_text(f'signing.gpg.home = "{tmp_path / "brief"}"\n')
    session.close()
    session = opened(session.root)
    assert repair(session).generation == 2
    done = repair(session)
    assert done.generation == 0
    assert ["expires on" in line for line in done.left] == [True]


def test_keyring_that_is_not_armored_stays_as_it_is():
    assert dearmored(b"\x99\x01binary") == b"\x99\x01binary"


def test_commands_print_a_line_for_each_problem(debrepo, debrepo_root):
    debrepo("repo", "create", "tools")
    debrepo(
        *("publish", "repo", "tools", "--distribution", "stable"),
        *("--architectures", "amd64", "--skip-signing"),
    )
    assert debrepo("publish", "verify", "stable").stdout == "There are no problems in ./stable.\n"
    index(debrepo_root / "public").unlink()
    result = debrepo("publish", "verify", "stable", exit_code=6)
    path = "dists/stable/main/binary-amd64/Packages.gz"
    assert f"{path}: is listed, but missing\n" in result.stdout
    assert "problem" in result.stderr
    result = debrepo("publish", "repair", "stable")
    assert result.stdout.endswith("Published ./stable again, as generation 2.\n")
    debrepo("publish", "verify", "stable")


def test_command_names_lost_superseded_files_once(debrepo, debrepo_root):
    words = ("repo", "tools", "--distribution", "stable", "--architectures", "amd64")
    debrepo("repo", "create", "tools")
    debrepo("publish", *words, "--skip-signing")
    debrepo("publish", "update", "stable", "--architectures", "arm64")
    lost = debrepo_root / "public/dists/stable/main/binary-amd64/by-hash"
    shutil.rmtree(lost)
    said = debrepo("publish", "repair", "stable", exit_code=6)
    assert "cannot be repaired: dists/stable/main/binary-amd64/by-hash/SHA256/" in said.stdout
    assert "what is superseded and gone is named this once" in said.stderr
    assert "nothing to repair" in debrepo("publish", "repair", "stable").stdout
    assert "nothing to repair" in debrepo("publish", "repair", "stable").stdout


def test_client_sees_the_same_after_a_repair(session, add, create, public):
    add("hello")
    create()
    client = Client(public)
    before = client.packages()
    shutil.rmtree(public)
    repair(session)
    assert client.packages() == before


@pytest.mark.parametrize("check", [verify, repair])
def test_storage_is_asked_for_all_checksums_at_once(session, published, monkeypatch, check):
    asked = []

    def sha256_all(self, paths):
        asked.append(sorted(paths))
        return Storage.sha256_all(self, asked[-1])

    monkeypatch.setattr(CrashingStorage, "sha256_all", sha256_all)
    check(session, files=True)
    (paths,) = asked
    assert len(paths) == len(set(paths)) >= 3


def test_size_of_a_package_that_is_read_is_not_asked_for(session, published, monkeypatch):
    asked = set()
    stat_all = CrashingStorage.stat_all

    def noting(self, paths):
        paths = list(paths)
        asked.update(paths)
        return stat_all(self, paths)

    monkeypatch.setattr(CrashingStorage, "stat_all", noting)
    assert verify(session) == []
    packages = {path for path in asked if path.startswith("pool/")}
    assert len(packages) >= 3
    asked.clear()
    assert verify(session, files=True) == []
    assert not asked & packages
    path = only(published, "hello_1.0_amd64.deb")
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data[:-1])
    (problem,) = verify(session, files=True)
    assert f"has {len(data) - 1} bytes, and not {len(data)}" in problem
    assert asked & packages == {str(path.relative_to(published))}


def test_wrong_size_in_an_index_is_found_though_the_checksum_is_right(session, published):
    with session.db.write() as txn:
        place = session.call("publish.list")[0].place
        rows = dict(ledger.files(txn, place))
        (path,) = (path for path in rows if path.endswith("hello_1.0_amd64.deb"))
        row = rows[path]
        ledger.remove(txn, place, [path])
        ledger.set_count(txn, place, path, 1, ledger.File(path, row.sha256, row.size + 1), 0)
    for files in (False, True):
        said = [line for line in verify(session, files=files) if "and not" in line]
        assert said
        assert all("hello_1.0_amd64.deb: has" in line for line in said)
