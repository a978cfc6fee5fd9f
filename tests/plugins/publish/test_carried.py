"""Installer images and AppStream metadata are published where their archive has them."""

import gzip
import hashlib
import io

import pytest

from debrepo import catalog, packageset
from debrepo.catalog import CHUNKS, Known
from debrepo.package import Package, PackageFile, PackageKey, encode, files_hash
from debrepo.testing.packages import build_deb
from debrepo_local import repos

YAML = b"---\nFile: DEP-11\nVersion: '1.0'\n"
ICONS = b"a tar archive of icons" * 100
IMAGES = {"netboot/mini.iso": b"an image", "SHA256SUMS": b"what upstream has summed"}
METADATA = {
    "Components-amd64.yml.gz": gzip.compress(YAML, mtime=0),
    "icons-64x64.tar.gz": gzip.compress(ICONS, mtime=0),
}


def digests(data):
    return [hashlib.new(name, data).hexdigest() for name in ("md5", "sha1", "sha256", "sha512")]


@pytest.fixture
def root(tmp_path):
    return tmp_path / "root"


@pytest.fixture
def session(opened, root, tmp_path):
    """Open a session with a repository ``r`` of one package."""
    session = opened(root)
    session.call("repo.create", name="r")
    list(session.call("repo.add", name="r", paths=[build_deb(tmp_path, "hello")]))
    return session


@pytest.fixture
def carry(session):
    """Let a repository carry files, as a mirror does: ``carry("appstream", {name: data})``."""

    def put(kind, contents, architecture="all", component="main", repo="r"):
        files = []
        for name, data in contents.items():
            with session.pool.stage(io.BytesIO(data)) as staged:
                assert b"".join(staged) == data
                staged.place(digests(data)[2])
            files.append(PackageFile(name, len(data), *digests(data)))
        key = PackageKey(kind, architecture, component, files_hash(files))
        stanza = f"Package: {kind}\nVersion: {component}\nArchitecture: {architecture}"
        package = Package(key, kind, stanza.encode(), tuple(files))
        with session.db.write() as txn:
            catalog.add(txn, [Known(key.entry, encode(package), b"")])
            there = repos.get(txn, repo)
            before = packageset.find(txn[CHUNKS], there.set_id, f"{kind}\0{architecture}".encode())
            set_id = packageset.update(
                txn[CHUNKS], there.set_id, add=[key.entry], remove=list(before)
            )
            repos.put(txn, there._replace(set_id=set_id))

    return put


def publish(session, **options):
    given = {"skip_signing": True, **options}
    return session.call(
        "publish.create", kind="repo", names=["r"], distribution="stable", options=given
    )


def update(session):
    return session.call("publish.update", distribution="stable")


def listed(root):
    """Return what Release lists: paths, and their SHA256."""
    text = (root / "public/dists/stable/Release").read_text().partition("SHA256:\n")[2]
    rows = (line.split() for line in text.splitlines() if line.startswith(" "))
    return {path: digest for digest, _, path in rows}


def test_metadata_is_published_as_it_is(session, carry, root):
    carry("appstream", METADATA)
    publish(session)
    there = root / "public/dists/stable/main/dep11"
    found = listed(root)
    for name, data in METADATA.items():
        assert (there / name).read_bytes() == data
        assert found[f"main/dep11/{name}"] == digests(data)[2]
        assert (there / "by-hash/SHA256" / digests(data)[2]).read_bytes() == data


def test_what_metadata_unpacks_to_is_listed_and_not_stored(session, carry, root):
    carry("appstream", METADATA)
    publish(session)
    found = listed(root)
    assert found["main/dep11/Components-amd64.yml"] == digests(YAML)[2]
    assert found["main/dep11/icons-64x64.tar"] == digests(ICONS)[2]
    assert not (root / "public/dists/stable/main/dep11/Components-amd64.yml").exists()


def test_images_are_published_with_their_checksums(session, carry, root):
    carry("installer", IMAGES, "amd64")
    publish(session)
    there = root / "public/dists/stable/main/installer-amd64/current/images"
    for name, data in IMAGES.items():
        assert (there / name).read_bytes() == data
        assert listed(root)[f"main/installer-amd64/current/images/{name}"] == digests(data)[2]


def test_neither_is_a_package_for_apt(session, carry, root):
    carry("installer", IMAGES, "amd64")
    carry("appstream", METADATA)
    publish(session)
    names = [path.name for path in (root / "public/pool").rglob("*") if path.is_file()]
    assert names == ["hello_1.0_amd64.deb"]
    text = (root / "public/dists/stable/main/binary-amd64/Packages.gz").read_bytes()
    assert gzip.decompress(text).count(b"Package: ") == 1


def test_only_the_component_that_they_belong_to_has_them(session, carry, root):
    carry("appstream", METADATA, component="contrib")
    carry("installer", IMAGES, "amd64", component="contrib")
    publish(session)
    assert not any("dep11" in path or "installer" in path for path in listed(root))


def test_images_of_other_architectures_stay_out(session, carry, root):
    carry("installer", IMAGES, "arm64")
    publish(session, architectures=("amd64",))
    assert not any("installer" in path for path in listed(root))


def test_what_has_not_changed_is_not_written_again(session, carry, root, tmp_path):
    carry("installer", IMAGES, "amd64")
    carry("appstream", METADATA)
    publish(session)
    image = root / "public/dists/stable/main/installer-amd64/current/images/netboot/mini.iso"
    before, was = image.stat().st_ino, listed(root)
    list(session.call("repo.add", name="r", paths=[build_deb(tmp_path, "more")]))
    update(session)
    assert image.stat().st_ino == before
    carried = {p: d for p, d in was.items() if "dep11" in p or "installer" in p}
    assert len(carried) == 6
    assert carried.items() <= listed(root).items()


def test_new_images_take_the_place_of_old_ones_and_can_be_rolled_back(session, carry, root):
    carry("installer", IMAGES, "amd64")
    publish(session)
    image = root / "public/dists/stable/main/installer-amd64/current/images/netboot/mini.iso"
    carry("installer", {**IMAGES, "netboot/mini.iso": b"a newer image"}, "amd64")
    update(session)
    assert image.read_bytes() == b"a newer image"
    session.call("publish.rollback", distribution="stable")
    assert image.read_bytes() == b"an image"
    assert not session.call("publish.verify", distribution="stable", files=True).problems


def test_images_that_are_gone_are_removed(session, carry, root):
    carry("installer", IMAGES, "amd64")
    publish(session, keep_generations=0, grace=0)
    with session.db.write() as txn:
        there = repos.get(txn, "r")
        gone = list(packageset.find(txn[CHUNKS], there.set_id, b"installer\0"))
        set_id = packageset.update(txn[CHUNKS], there.set_id, remove=gone)
        repos.put(txn, there._replace(set_id=set_id))
    update(session)
    update(session)
    assert not any("installer" in path for path in listed(root))


def test_metadata_that_cannot_be_unpacked_is_published_all_the_same(session, carry, root):
    carry("appstream", {"Components-amd64.yml.gz": b"\x1f\x8bnot gzip"})
    publish(session)
    found = listed(root)
    assert "main/dep11/Components-amd64.yml.gz" in found
    assert "main/dep11/Components-amd64.yml" not in found


def test_names_that_lead_elsewhere_are_left_out(session, carry, root):
    carry("installer", {"../../x": b"x", "by-hash/SHA256/00": b"y", "a b": b"z"}, "amd64")
    publish(session)
    assert not any("installer" in path for path in listed(root))


def test_database_check_finds_nothing_wrong_with_them(session, carry):
    carry("installer", IMAGES, "amd64")
    carry("appstream", METADATA)
    publish(session)
    assert not list(session.call("db.check"))


def test_images_that_were_lost_or_damaged_are_repaired(session, carry, root):
    carry("installer", IMAGES, "amd64")
    carry("appstream", METADATA)
    publish(session)
    there = root / "public/dists/stable/main"
    (there / "installer-amd64/current/images/netboot/mini.iso").unlink()
    (there / "dep11/Components-amd64.yml.gz").write_bytes(b"something else")
    assert session.call("publish.verify", distribution="stable").problems
    session.call("publish.repair", distribution="stable")
    assert not session.call("publish.verify", distribution="stable", files=True).problems
    assert (there / "installer-amd64/current/images/netboot/mini.iso").read_bytes() == b"an image"


def test_second_distribution_of_a_place_has_images_of_its_own(session, carry, root):
    carry("installer", IMAGES, "amd64")
    publish(session)
    carry("installer", {**IMAGES, "netboot/mini.iso": b"a newer image"}, "amd64")
    options = {"skip_signing": True}
    session.call(
        "publish.create", kind="repo", names=["r"], distribution="testing", options=options
    )
    image = "main/installer-amd64/current/images/netboot/mini.iso"
    assert (root / "public/dists/stable" / image).read_bytes() == b"an image"
    assert (root / "public/dists/testing" / image).read_bytes() == b"a newer image"
    session.call("publish.drop", distribution="testing")
    assert (root / "public/dists/stable" / image).read_bytes() == b"an image"
