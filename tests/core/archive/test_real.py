"""What dpkg-deb and apt-ftparchive say of real packages, debrepo says too."""

import contextlib
import shutil
import subprocess
from pathlib import Path

import pytest

from debrepo import archive
from debrepo.stanza import Fields, split
from debrepo.testing.packages import SUFFIXES, ar, compress, stanza, tar

DIGESTS = ["Checksums-Sha1", "Checksums-Sha256", "Checksums-Sha512"]
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


@pytest.fixture(scope="module")
def sources(request):
    """Return a directory of source packages, downloaded once from where apt gets its binaries."""
    cache = request.config.cache.mkdir("sources")
    if not any(cache.glob("*.dsc")) and shutil.which("apt-get"):
        wanted = [
            "indextargets",
            "--format",
            "$(REPO_URI) $(RELEASE) $(COMPONENT)",
            "Component: main",
        ]
        origin = run("apt-get", *wanted).decode().splitlines()
        (cache / "lists/partial").mkdir(parents=True, exist_ok=True)
        (cache / "sources.list").write_text(
            f"deb-src [trusted=yes] {origin[0] if origin else ''}\n"
        )
        private = [
            f"-oDir::Etc::sourcelist={cache}/sources.list",
            "-oDir::Etc::sourceparts=-",
            f"-oDir::State::lists={cache}/lists",
        ]
        fetch(*private, "update", cwd=cache)
        fetch(*private, "source", "-d", "hostname", "debian-archive-keyring", "sed", cwd=cache)
    if not any(cache.glob("*.dsc")):
        pytest.skip("apt-get can download no source packages here")
    return cache


@pytest.mark.skipif(not shutil.which("apt-ftparchive"), reason="needs apt-ftparchive")
def test_source_packages_are_what_apt_ftparchive_says(sources):
    said = [Fields(text) for text in split(run("apt-ftparchive", "sources", sources))]
    text = {fields["Package"]: fields for fields in said}
    for path in sources.glob("*.dsc"):
        package = archive.read_source(path)
        for field, digest in (("Files", 2), ("Checksums-Sha256", 4), ("Checksums-Sha512", 5)):
            lines = [line.split() for line in text[package.key.name][field].split("\n") if line]
            found = {(file[digest], str(file.size), file.name) for file in package.files}
            assert {tuple(line) for line in lines if line} == found
        for name, value in Fields(package.stanza).items():
            said_of_it = text[package.key.name].get(name, value)
            assert name in ("Source", "Files", *DIGESTS) or value.split() == said_of_it.split()
