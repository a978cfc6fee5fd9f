"""Publications of verbatim mirrors: clients find what the archive has signed, and its own paths."""

import hashlib
import shutil
from contextlib import closing, suppress

import pytest
from plugins.mirror.archives import SmallArchive
from plugins.publish.client import Client
from plugins.publish.crashing import CrashingSession, Killed
from upstream import serving

from debrepo.plugins import load_plugins
from debrepo_mirror.upstream import reading

RELEASES = ("InRelease", "Release", "Release.gpg")
PUBLISH = ("publish", "mirror", "debian", "--verbatim")


@pytest.fixture
def wide(archive):
    """Let the archive have more than packages, and a package at an odd place."""
    archive.by_hash = True
    archive.source("alpha")
    archive.extra = {"main/i18n/Translation-en.bz2": b"translated", "main/Contents-amd64.gz": b"c"}
    path = archive.deb("odd")
    there = archive.root / "dists" / "stable" / "pool" / "odd.deb"
    there.parent.mkdir(parents=True)
    shutil.move(path, there)
    stanzas = archive.stanzas["main/binary-amd64/Packages"]
    name = str(path.relative_to(archive.root)).encode()
    stanzas[-1] = stanzas[-1].replace(name, b"dists/stable/pool/odd.deb")
    return archive.write()


@pytest.fixture
def whole(wide, trusting, server):
    """Mirror the archive verbatim; return what runs commands of mirrors."""
    trusting("create", "debian", server.url, "stable", "main", "--verbatim", "--with-sources")
    trusting("update", "debian")
    return trusting


@pytest.fixture
def public(debrepo_root):
    return debrepo_root / "public"


def files(root):
    return {str(path.relative_to(root)): path for path in root.rglob("*") if path.is_file()}


def digests(root):
    found = files(root).items()
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in found}


def client_of(root):
    return Client(root, text_of=reading.without_signature)


def without_plain(archive):
    """Return the files of an archive that are published, by path: what is packed is not doubled."""
    found = digests(archive.root)
    gone = ("/Packages", "/Sources")
    plain = {n: d for n, d in found.items() if "/by-hash/" not in n and not n.endswith(gone)}
    present = set(plain.values())
    return plain | {n: d for n, d in found.items() if n.rpartition("/")[2] in present}


def test_publication_is_the_archive_byte_for_byte(debrepo, wide, whole, public, server):
    server.fault("*", "drop", times=None)
    result = debrepo(*PUBLISH)
    assert "as its archive has signed it" in result.output
    assert digests(public) == without_plain(wide)
    debrepo("publish", "verify", "stable", "--files")
    debrepo("db", "check")


def test_signature_is_verified_with_the_key_of_the_archive(debrepo, whole, tmp_path):
    debrepo(*PUBLISH)
    debrepo("publish", "verify", "stable", "--keyring", tmp_path / "archive.asc")
    assert "verbatim" not in debrepo("key", "list").output


def test_update_publishes_the_new_state_and_keeps_the_old_by_hash(debrepo, wide, whole, public):
    debrepo(*PUBLISH)
    before = digests(public)
    wide.deb("epsilon")
    wide.write()
    whole("update", "debian")
    debrepo("publish", "update", "stable")
    now = digests(public)
    assert without_plain(wide).items() <= now.items()
    hashed = {name for name in before if "/by-hash/" in name or name.endswith(".deb")}
    assert hashed <= now.keys()
    assert "Nothing has changed" in debrepo("publish", "update", "stable").output
    debrepo("publish", "verify", "stable", "--files")


def test_what_the_archive_has_dropped_is_deleted_when_its_time_is_over(
    debrepo, wide, whole, public
):
    debrepo(*PUBLISH, "--keep-generations", "0", "--grace", "0")
    wide.stanzas["main/binary-amd64/Packages"].pop(0)
    wide.write()
    whole("update", "debian")
    debrepo("publish", "update", "stable")
    assert "alpha" not in " ".join(name for name in files(public) if name.endswith(".deb"))
    debrepo("db", "cleanup", "--no-trash")
    debrepo("publish", "verify", "stable", "--files")
    debrepo("publish", "drop", "stable")
    assert not files(public)


def test_package_files_of_a_lazy_mirror_come_when_it_is_published(
    debrepo, wide, trusting, server, public
):
    words = ("stable", "main", "--verbatim", "--download", "lazy", "--with-sources")
    trusting("create", "debian", server.url, *words)
    trusting("update", "debian")
    assert not server.asked("pool/*")
    debrepo(*PUBLISH)
    assert digests(public) == without_plain(wide)


def test_publish_that_dies_at_any_step_shows_one_state_and_is_finished_by_the_next(
    debrepo, debrepo_root, wide, whole, public, tmp_path
):
    debrepo(*PUBLISH)
    old = client_of(public).packages()
    before = client_of(public).inrelease()
    wide.stanzas["main/binary-amd64/Packages"].pop(0)
    wide.deb("epsilon")
    wide.extra["main/Contents-amd64.gz"] = b"other contents"
    wide.write()
    whole("update", "debian")
    expected = without_plain(wide)
    new = client_of(wide.root).packages()
    count = step = 0
    while step <= count:
        root = tmp_path / f"crashed-{step}"
        shutil.copytree(debrepo_root, root)
        with closing(CrashingSession(root, load_plugins())) as session:
            client = client_of(root / "public")
            session.fate.strike(step if step else None)
            with suppress(Killed):
                session.call("publish.update", distribution="stable")
            count = count or len(session.fate.seen)
            what = session.fate.seen[step - 1 if step else -1]
            session.fate.live()
            assert client.packages() in (old, new), what
            assert client.packages(before) == old, what
            session.call("publish.update", distribution="stable")
            assert client.packages() == new, what
            assert client.packages(before) == old, what
            assert expected.items() <= digests(root / "public").items(), what
        shutil.rmtree(root)
        step += 1
    assert count > 10


def test_damage_is_repaired_from_the_pool(debrepo, wide, whole, public):
    debrepo(*PUBLISH)
    wide.deb("epsilon")
    was = without_plain(wide)
    for name in ("InRelease", "Release.gpg", "main/binary-amd64/Packages.xz"):
        (public / "dists" / "stable" / name).unlink()
    (public / "pool/main/b/beta/beta_1.0_amd64.deb").unlink()
    wide.write()
    whole("update", "debian")  # what is repaired is what was published
    debrepo("publish", "repair", "stable")
    found = digests(public)
    assert {n: d for n, d in was.items() if "epsilon" not in n}.items() <= found.items()
    debrepo("publish", "verify", "stable", "--files")
    debrepo("publish", "repair", "stable", "--reconcile")


def test_publication_becomes_one_of_our_own_and_back(debrepo, wide, whole, public):
    at_once = ("--keep-generations", "0", "--grace", "0")
    debrepo("publish", "mirror", "debian", "--skip-signing", *at_once)
    debrepo("publish", "update", "stable", "--verbatim")
    assert without_plain(wide).items() <= digests(public).items()
    debrepo("publish", "verify", "stable", "--files")
    debrepo("publish", "update", "stable", "--no-verbatim", "--skip-signing")
    assert not (public / "dists/stable/InRelease").exists()
    debrepo("publish", "verify", "stable", "--files")


@pytest.mark.parametrize(
    "words", [("--label", "Ours"), ("--architectures", "amd64"), ("--valid-for", "1d")]
)
def test_what_only_the_archive_decides_is_refused(debrepo, whole, public, words):
    result = debrepo(*PUBLISH, *words, exit_code=2)
    assert "a verbatim publication is as its archive has signed it: it takes no" in result.output
    assert not files(public)


def test_snapshot_of_a_verbatim_mirror_is_published_as_the_archive_was(
    debrepo, wide, whole, public
):
    debrepo("snapshot", "create", "monday", "from", "mirror", "debian")
    expected = without_plain(wide)
    for _ in range(2):  # of which the mirror keeps one
        wide.stanzas["main/binary-amd64/Packages"].pop(0)
        wide.write()
        whole("update", "debian")
    debrepo("snapshot", "create", "tuesday", "from", "mirror", "debian")
    debrepo("snapshot", "rename", "monday", "first")
    debrepo("db", "cleanup", "--no-trash")
    debrepo("publish", "snapshot", "first", "--verbatim")
    assert digests(public) == expected
    debrepo("publish", "switch", "stable", "tuesday")
    assert without_plain(wide).items() <= digests(public).items()
    debrepo("publish", "verify", "stable", "--files")
    result = debrepo("publish", "switch", "stable", "first", exit_code=2)
    assert "clients of ./stable ignore what is older" in result.output
    debrepo("publish", "drop", "stable")
    debrepo("snapshot", "drop", "first")
    debrepo("snapshot", "drop", "tuesday")
    debrepo("db", "check")


def test_lists_that_are_no_verbatim_mirror_are_refused(debrepo, whole):
    debrepo("snapshot", "create", "all", "from", "mirror", "debian")
    debrepo("snapshot", "filter", "all", "monday", "beta")
    result = debrepo("publish", "snapshot", "monday", "--verbatim", exit_code=2)
    assert "snapshot:monday cannot be published verbatim" in result.output
    whole("edit", "debian", "--no-verbatim")
    result = debrepo(*PUBLISH, exit_code=2)
    assert "mirror edit debian --verbatim" in result.output


def test_rollback_to_what_clients_would_ignore_is_refused(debrepo, wide, whole):
    debrepo(*PUBLISH)
    wide.deb("epsilon")
    wide.write()
    whole("update", "debian")
    debrepo("publish", "update", "stable")
    result = debrepo("publish", "rollback", "stable", exit_code=2)
    assert "stable is verbatim" in result.output


def test_other_bytes_at_a_path_that_is_served_are_refused(debrepo, wide, whole, public):
    debrepo(*PUBLISH)
    before = digests(public)
    wide.stanzas["main/binary-amd64/Packages"].clear()
    wide.deb("beta", content=b"built again, as the same version")
    wide.write()
    whole("update", "debian")
    result = debrepo("publish", "update", "stable", exit_code=11)
    path = "pool/main/b/beta/beta_1.0_amd64.deb"
    assert f"{path} was published with other bytes" in result.output
    assert digests(public) == before


def test_package_file_in_the_place_of_a_release_file_is_refused(
    debrepo, wide, trusting, server, public
):
    stanzas = wide.stanzas["main/binary-amd64/Packages"]
    stanzas[-1] = stanzas[-1].replace(b"dists/stable/pool/odd.deb", b"dists/other/odd.deb")
    (wide.root / "dists/other").mkdir()
    shutil.move(wide.root / "dists/stable/pool/odd.deb", wide.root / "dists/other/odd.deb")
    wide.write()
    trusting("create", "debian", server.url, "stable", "main", "--verbatim")
    trusting("update", "debian")
    result = debrepo(*PUBLISH, exit_code=2)
    assert "the archive has a package file at dists/other/odd.deb" in result.output
    assert not files(public)


def test_flat_repository_and_one_without_inrelease_are_refused(
    debrepo, tmp_path, archive_key, archive, trusting, server
):
    flat = SmallArchive(tmp_path / "flat", archive_key, "./")
    flat.deb("alpha")
    flat.write()
    with serving(flat.root) as other:
        trusting("create", "flat", other.url, "./", "--verbatim", "--architectures", "amd64")
        trusting("update", "flat")
    words = ("--distribution", "stable", "--verbatim")
    result = debrepo("publish", "mirror", "flat", *words, exit_code=2)
    assert "mirror:flat is a flat repository" in result.output
    archive.signed = "detached"
    archive.write()
    trusting("create", "debian", server.url, "stable", "main", "--verbatim")
    trusting("update", "debian")
    assert "has no InRelease" in debrepo(*PUBLISH, exit_code=2).output
