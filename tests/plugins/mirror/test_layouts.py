"""Layouts: flat repositories, udebs, installer images, AppStream, and indexes by patches."""

import gzip
import hashlib
import json
import subprocess
from itertools import pairwise

import pytest
from plugins.mirror.archives import PACKERS, SmallArchive
from upstream import serving

INDEX = "main/binary-amd64/Packages"


@pytest.fixture
def flat(tmp_path, archive_key):
    archive = SmallArchive(tmp_path / "flat", archive_key, "./")
    archive.deb("alpha")
    archive.source("beta")
    return archive.write()


@pytest.fixture
def flat_server(flat):
    with serving(flat.root) as server:
        yield server


def test_flat_repository_is_read(trusting, names, flat_server):
    trusting("create", "debian", flat_server.url, "./", "--architectures", "amd64")
    trusting("update", "debian")
    assert names() == ["alpha_1.0"]


def test_flat_repository_has_sources(trusting, names, flat_server):
    trusting("create", "debian", flat_server.url, "./", "--with-sources",
             "--architectures", "amd64")  # fmt: skip
    trusting("update", "debian")
    assert names() == ["alpha_1.0", "beta_1.0-1"]


def test_flat_repository_in_a_directory_has_paths_from_the_root(
    trusting, names, tmp_path, archive_key
):
    archive = SmallArchive(tmp_path / "flat", archive_key, "sub/")
    archive.deb("alpha")
    with serving(archive.write().root) as server:
        trusting("create", "debian", server.url, "sub/", "--architectures", "amd64")
        trusting("update", "debian")
    assert names() == ["alpha_1.0"]


def test_flat_repository_without_release(trusting, names, flat, flat_server):
    flat.signed = "none"
    flat.write()
    words = ("create", "debian", flat_server.url, "./", "--architectures", "amd64")
    assert "has neither InRelease nor Release" in trusting(*words, exit_code=7).output
    trusting(*words, "--without-release")
    trusting("update", "debian")
    assert names() == ["alpha_1.0"]
    flat.deb("gamma")
    flat.write()
    trusting("update", "debian")
    assert names() == ["alpha_1.0", "gamma_1.0"]
    assert "0 added, 0 removed" in trusting("update", "debian").output


def test_udebs_come_along(trusting, names, archive, server):
    archive.deb("part", index="main/debian-installer/binary-amd64/Packages", extension="udeb")
    archive.write()
    trusting("create", "debian", server.url, "stable", "--with-udebs")
    trusting("update", "debian")
    assert "part_1.0" in names()
    assert json.loads(trusting("search", "debian", "$PackageType (udeb)", "--json").output)


def test_packages_for_all_have_an_index_of_their_own(trusting, names, archive, server):
    archive.deb("data", architecture="all", index="main/binary-all/Packages")
    archive.fields["Architectures"] = "all amd64"
    archive.write()
    trusting("create", "debian", server.url, "stable")
    trusting("update", "debian")
    assert "data_1.0" in names()


def test_packages_for_all_stand_in_several_indexes(trusting, names, archive, server):
    archive.deb("data", architecture="all")
    stanza = archive.stanzas[INDEX][-1]
    archive.deb("tool", architecture="i386", index="main/binary-i386/Packages")
    archive.add("main/binary-i386/Packages", stanza)
    archive.write()
    trusting("create", "debian", server.url, "stable")
    trusting("update", "debian")
    assert names().count("data_1.0") == 1
    assert "problem" not in trusting("update", "debian", "--force").output


IMAGES = "main/installer-amd64/current/images"


@pytest.fixture
def images(archive):
    """Add installer images to the archive; return what writes their list anew."""

    def write(listed=True):
        files = {"netboot/linux": b"kernel", "netboot/initrd.gz": b"initrd" * 100}
        rows = "".join(
            f"{hashlib.sha256(data).hexdigest()}  ./{name}\n" for name, data in files.items()
        )
        for name, data in files.items():
            archive.put(archive.dists / IMAGES / name, data)
        archive.put(archive.dists / IMAGES / "SHA256SUMS", rows.encode())
        signature = archive.key("--detach-sign", data=rows.encode())
        archive.put(archive.dists / IMAGES / "SHA256SUMS.gpg", signature)
        archive.extra = {f"{IMAGES}/SHA256SUMS": rows.encode()} if listed else {}
        archive.write()

    return write


def shown(debrepo, key):
    return debrepo("package", "show", "--with-files", key).output


@pytest.mark.parametrize("listed", [True, False])
def test_installer_images_come_verified(trusting, names, server, images, debrepo, listed):
    images(listed)
    trusting("create", "debian", server.url, "stable", "--with-installer")
    trusting("update", "debian")
    assert "installer_main" in names()
    assert server.asked(f"dists/stable/{IMAGES}/netboot/linux")
    assert bool(server.asked("*SHA256SUMS.gpg")) == (not listed)
    debrepo("db", "check")


def test_forged_list_of_installer_images_is_refused(trusting, server, images, archive):
    images(False)
    trusting("create", "debian", server.url, "stable", "--with-installer")
    server.fault("*SHA256SUMS", "other", data=b"evil\n")
    trusting("update", "debian", exit_code=6)


def test_forged_installer_image_is_refused(trusting, server, images):
    images()
    trusting("create", "debian", server.url, "stable", "--with-installer")
    server.fault("*netboot/linux", "corrupt", times=None)
    assert "netboot/linux" in trusting("update", "debian", exit_code=7).output


def test_archive_without_installer_images_is_no_failure(trusting, names, server):
    trusting("create", "debian", server.url, "stable", "--with-installer")
    trusting("update", "debian")
    assert len(names()) == 3


def test_appstream_metadata_come_along_and_stay_while_unchanged(trusting, names, server, archive):
    archive.extra = {
        "main/dep11/Components-amd64.yml": b"File: DEP-11\n",
        "main/dep11/Components-amd64.yml.gz": gzip.compress(b"File: DEP-11\n"),
        "main/dep11/Components-i386.yml.gz": gzip.compress(b"other"),
        "main/dep11/icons-64x64.tar.gz": gzip.compress(b"icons"),
    }
    archive.write()
    trusting("create", "debian", server.url, "stable", "--with-appstream")
    trusting("update", "debian")
    assert "appstream_main" in names()
    assert {seen.path.rpartition("/")[2] for seen in server.asked("*/dep11/*")} == {
        "Components-amd64.yml.gz", "icons-64x64.tar.gz",
    }  # fmt: skip
    archive.deb("delta")
    archive.write()
    server.clear()
    trusting("update", "debian")
    assert not server.asked("*/dep11/*")
    assert {"appstream_main", "delta_1.0"} <= set(names())


def test_extras_stay_in_filtered_and_lazy_mirrors(trusting, names, server, images):
    images()
    trusting("create", "debian", server.url, "stable", "--with-installer",
             "--filter", "alpha", "--download", "lazy")  # fmt: skip
    trusting("update", "debian")
    assert names() == ["alpha_1.0", "installer_main"]


def test_snapshot_with_extras_is_published(trusting, server, images, archive, debrepo):
    archive.extra["main/dep11/Components-amd64.yml.gz"] = gzip.compress(b"File: DEP-11\n")
    images()
    trusting("create", "debian", server.url, "stable", "--with-installer", "--with-appstream")
    trusting("update", "debian")
    debrepo("snapshot", "create", "monday", "from", "mirror", "debian")
    debrepo("key", "create", "--name", "Somebody")
    debrepo("publish", "snapshot", "monday", "--distribution", "stable")


def patched(archive, merged=False):
    """Write the archive with patches from each index that it had, the oldest first."""
    target = f"{INDEX}.diff"
    new = archive.index(INDEX)
    history = archive.__dict__.setdefault("history", [])
    texts = [*history, new]
    rows = {"History": "", "Patches": "", "Download": ""}
    pairs = [(t, new) for t in history] if merged else list(pairwise(texts))
    for number, (old, following) in enumerate(pairs):
        script = ed(archive.root, old, following)
        packed = gzip.compress(script, mtime=0)
        name = f"T-{number}"
        archive.put(archive.dists / target / f"{name}.gz", packed)
        for field, data, suffix in (
            ("History", old, ""), ("Patches", script, ""), ("Download", packed, ".gz"),
        ):  # fmt: skip
            digest = hashlib.sha256(data).hexdigest()
            rows[field] += f"\n {digest} {len(data)} {name}{suffix}"
    text = f"SHA256-Current: {hashlib.sha256(new).hexdigest()} {len(new)}\n"
    text += "".join(f"SHA256-{field}:{value}\n" for field, value in rows.items())
    text += "X-Patch-Precedence: merged\n" if merged else ""
    archive.extra = {f"{target}/Index": text.encode()}
    archive.write()
    history.append(new)


def ed(place, old, new):
    (place / "old").write_bytes(old)
    (place / "new").write_bytes(new)
    done = subprocess.run(
        ["diff", "--ed", "old", "new"], cwd=place, capture_output=True, check=False
    )
    return done.stdout


@pytest.fixture
def many(archive):
    for number in range(30):
        archive.deb(f"many{number}")
    return archive


@pytest.mark.parametrize("merged", [False, True])
def test_patches_are_fetched_where_they_are_smaller(trusting, names, server, many, merged):
    patched(many, merged)
    trusting("create", "debian", server.url, "stable")
    trusting("update", "debian")
    for name in ("new1", "new2"):
        many.deb(name)
        patched(many, merged)
    server.clear()
    trusting("update", "debian")
    assert {"new1_1.0", "new2_1.0"} <= set(names())
    fetched = [seen.path.rpartition("/")[2] for seen in server.asked(f"*{INDEX}*")]
    expected = ["Index", "T-0.gz"] if merged else ["Index", "T-0.gz", "T-1.gz"]
    assert sorted(fetched) == expected  # patches are fetched side by side
    many.stanzas[INDEX].pop(0)
    patched(many, merged)
    server.clear()
    trusting("update", "debian")
    assert "alpha_1.0" not in names()
    assert not server.asked(f"*{INDEX}.?z")


@pytest.mark.parametrize("kind", ["corrupt", "404", "other"])
def test_patches_that_are_broken_are_done_without(trusting, names, server, many, kind):
    patched(many)
    trusting("create", "debian", server.url, "stable")
    trusting("update", "debian")
    many.deb("new")
    patched(many)
    if kind == "404":
        server.hide("*/T-0.gz")
    else:
        server.fault("*/T-0.gz", kind, times=None, data=gzip.compress(b"1d\n"))
    trusting("update", "debian")
    assert "new_1.0" in names()


def test_index_in_each_compression_is_read(trusting, names, server, archive):
    for suffix in PACKERS:
        archive.suffixes = (suffix,)
        archive.deb(f"packed{len(suffix)}{suffix[1:2]}")
        archive.write()
        name = f"m{suffix.replace('.', '-')}"
        trusting("create", name, server.url, "stable")
        trusting("update", name)
        assert len(names(name)) == len(archive.stanzas[INDEX])


def test_flat_repository_brings_the_architectures_of_the_mirror(trusting, names, flat, flat_server):
    flat.deb("foreign", architecture="armhf")
    flat.deb("data", architecture="all")
    flat.write()
    trusting("create", "debian", flat_server.url, "./", "--architectures", "amd64")
    assert "problem" not in trusting("update", "debian").output
    assert names() == ["alpha_1.0", "data_1.0"]
