"""What dpkg-deb and apt-ftparchive say of real packages, debrepo says too."""

import contextlib
import shutil
import subprocess
from pathlib import Path

import pytest

from debrepo import archive
from debrepo.stanza import Fields, split
from debrepo.testing.packages import SUFFIXES, ar, compress, stanza, tar

NAMES = [
    "hostname",
    "base-files",
    "tzdata",
    "libc6",
    "bash-doc",
    "debian-archive-keyring",
    "zlib1g",
]
ARCHIVES = Path("/var/cache/apt/archives")

pytestmark = pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="needs dpkg-deb")


def run(*command, cwd=None):
    return subprocess.run(command, cwd=cwd, check=True, capture_output=True, timeout=100).stdout


def fetch(*arguments, cwd):
    """Let apt-get download something, if it can."""
    command = ["apt-get", "-o", "Acquire::Retries=0", *arguments]
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(command, cwd=cwd, check=False, capture_output=True, timeout=30)


@pytest.fixture(scope="module")
def packages(request):
    """Return the packages of apt's cache, and a few that are downloaded once."""
    cache = request.config.cache.mkdir("packages")
    if not any(cache.glob("*.deb")) and shutil.which("apt-get"):
        fetch("download", *NAMES, cwd=cache)
    found = [*cache.glob("*.deb"), *sorted(ARCHIVES.glob("*.deb"), key=_size)[:40]]
    if not found:
        pytest.skip("apt-get can download no packages here, and has none in its cache")
    return found


def _size(path):
    return path.stat().st_size


def test_fields_are_those_of_dpkg_deb(packages):
    for path in packages:
        package = archive.read(path).package
        assert dict(Fields(package.stanza)) == dict(Fields(run("dpkg-deb", "-f", path).rstrip()))


def test_paths_are_those_of_dpkg_deb(packages, tmp_path):
    data = tmp_path / "data.tar"
    for path in packages:
        data.write_bytes(run("dpkg-deb", "--fsys-tarfile", path))
        listing = run("tar", "-tf", data, "--quoting-style=literal")
        paths = {line.removeprefix(b"./") for line in listing.splitlines() if line[-1:] != b"/"}
        assert archive.read(path).paths.splitlines() == sorted(paths)


@pytest.mark.skipif(not shutil.which("apt-ftparchive"), reason="needs apt-ftparchive")
def test_digests_are_those_of_apt_ftparchive(packages, tmp_path):
    for path in packages:
        (tmp_path / path.name).symlink_to(path)
    found = {}
    for text in split(run("apt-ftparchive", "packages", tmp_path)):
        fields = Fields(text)
        found[Path(fields["Filename"]).name] = fields
    assert len(found) == len({path.name for path in packages})
    for path in packages:
        package, fields = archive.read(path).package, found[path.name]
        file = package.files[0]
        assert (str(file.size), file.md5, file.sha1, file.sha256, file.sha512) == tuple(
            fields[name] for name in ("Size", "MD5sum", "SHA1", "SHA256", "SHA512")
        )
        assert package.key.display == "_".join(
            fields[name] for name in ("Package", "Version", "Architecture")
        )


@pytest.mark.parametrize("compressor", ["gzip", "xz", "zstd", "none"])
def test_packages_that_dpkg_deb_builds_are_read(tmp_path, compressor):
    root = tmp_path / "root"
    (root / "DEBIAN").mkdir(parents=True)
    control = {"Package": "a", "Version": "1:2-3", "Architecture": "all", "Maintainer": "x <x@y>"}
    (root / "DEBIAN/control").write_bytes(stanza(control | {"Description": "d\n long\n .\n x"}))
    long = root / ("usr/share/" + "long-directory/" * 12)
    long.mkdir(parents=True)
    (long / ("f" * 120)).write_bytes(b"data")
    (long / "hard").hardlink_to(long / ("f" * 120))
    (root / "link").symlink_to("x" * 150)
    built = tmp_path / "odd.deb"
    run("dpkg-deb", "--root-owner-group", f"-Z{compressor}", "-b", root, built)
    package, paths = archive.read(built)
    assert package.stanza == (root / "DEBIAN/control").read_bytes().rstrip(b"\n")
    directory = "usr/share/" + "long-directory/" * 12
    assert paths.decode().splitlines() == ["link", directory + "f" * 120, directory + "hard"]


@pytest.mark.parametrize("compression", SUFFIXES)
def test_what_dpkg_deb_lists_is_what_is_read(tmp_path, compression):
    paths = {"usr/bin/a": b"x" * 4000, "usr/b": "a", "\u00e4/c": b""}
    control = stanza({"Package": "a", "Version": "1", "Architecture": "all"})
    path = tmp_path / "a.deb"
    path.write_bytes(
        ar(
            [
                ("debian-binary", b"2.0\n"),
                ("control.tar.xz", compress(tar({"control": control}), "xz")),
                (f"data.tar{SUFFIXES[compression]}", compress(tar(paths), compression)),
            ]
        )
    )
    assert len(run("dpkg-deb", "-c", path).splitlines()) == 7
    assert archive.read(path).paths.decode().splitlines() == sorted(paths)


@pytest.mark.skipif(not shutil.which("apt-ftparchive"), reason="needs apt-ftparchive")
def test_real_source_package_is_read(tmp_path):
    fetch("source", "-d", "hostname", "debian-archive-keyring", cwd=tmp_path)
    sources = list(tmp_path.glob("*.dsc"))
    if not sources:
        pytest.skip("apt-get can download no source packages here")
    text = {
        Fields(text)["Package"]: Fields(text)
        for text in split(run("apt-ftparchive", "sources", tmp_path))
    }
    for path in sources:
        package = archive.read_source(path)
        listed = text[package.key.name]["Checksums-Sha256"].split()
        assert sorted(file.sha256 for file in package.files) == sorted(listed[::3])
