"""Mirrors of archives that others write: read whole, published again, and installed from."""

import hashlib
import os
import shutil

import pytest
from end_to_end.clients import Apt, WebServer
from end_to_end.clients import run as run_client
from end_to_end.writers import WRITERS, build_packages

from debrepo.testing.packages import build_deb


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """A directory of packages: binary, for all, an installer's, and sources."""
    return build_packages(tmp_path_factory.mktemp("packages"))


@pytest.fixture(scope="module")
def signing():
    from plugins.mirror.archives import Key

    key = Key()
    yield key
    key.close()


@pytest.mark.parametrize("writer", WRITERS)
def test_archive_is_mirrored_whole_and_installed_from(archive, packages, signing, tmp_path, writer):
    if writer != "debrepo" and shutil.which(writer) is None:
        pytest.skip(f"needs {writer}")
    public, expected = WRITERS[writer](tmp_path / "written", packages, signing)
    (tmp_path / "key.asc").write_text(signing.public)
    archive("key", "trust", tmp_path / "key.asc")
    words = ["--with-sources", "--with-udebs"]
    if writer == "apt-ftparchive":  # it signs nothing
        words.append("--ignore-signatures")
    with WebServer(public) as server:
        archive("mirror", "create", "it", server.url, "stable", *words)
        archive("mirror", "update", "it")
        assert "up to date" in archive("mirror", "update", "it")
    assert set(archive("mirror", "search", "it").split()) == expected
    assert archive.json("mirror", "show", "--problems", "it")["faults"] == []
    assert digests(archive.root / "pool") >= digests(packages)
    archive("snapshot", "create", "monday", "from", "mirror", "it")
    archive("publish", "snapshot", "monday", "--distribution", "stable")
    apt = Apt(tmp_path / "client", archive.source())
    apt.update()
    apt("apt-get", "download", "hello", "libgreet")
    apt("apt-get", "source", "--download-only", "hello")
    archive("db", "check")


@pytest.fixture
def mirrored(published, new_archive):
    """Another archive, which mirrors the published one and publishes the mirror."""
    copy = new_archive("copy")
    with WebServer(published.public) as server:
        source = copy.root / "upstream.sources"
        source.write_text(published.source(server.url))
        copy("mirror", "create", "it", f"@{source}")
        copy("mirror", "update", "it")
        copy("snapshot", "create", "monday", "from", "mirror", "it")
        copy("publish", "snapshot", "monday", "--distribution", "stable")
        yield copy


@pytest.mark.skipif(os.geteuid() != 0, reason="dpkg installs as root only")
def test_apt_installs_from_a_published_mirror(mirrored, tmp_path):
    apt = Apt(tmp_path / "client", mirrored.source())
    apt.update()
    apt("apt-get", "install", "greeter")
    assert "ii  libgreet" in apt("dpkg", f"--root={apt.home}", "--list", "libgreet")
    assert (apt.home / "usr/share/doc/greeter/copyright").exists()


def keyring_of(archive, place):
    """Write the key of an archive as debootstrap wants it."""
    armored, binary = place / "key.asc", place / "key.gpg"
    armored.write_text(archive("key", "export"))
    run_client("gpg", "--dearmor", "--output", binary, armored, GNUPGHOME=str(place))
    return binary


@pytest.mark.skipif(shutil.which("debootstrap") is None, reason="there is no debootstrap")
@pytest.mark.skipif(os.geteuid() != 0, reason="debootstrap runs as root only")
def test_debootstrap_downloads_from_a_published_mirror(published, debs, mirrored, tmp_path):
    for name in ("base-files", "dpkg"):
        published("repo", "add", "tools", build_deb(debs, name, fields={"Priority": "required"}))
    published("repo", "add", "tools", build_deb(debs, "apt", "2:1.0"))
    published("publish", "update", "stable")
    mirrored("mirror", "update", "it")
    mirrored("snapshot", "create", "tuesday", "from", "mirror", "it")
    mirrored("publish", "switch", "stable", "tuesday")
    target = tmp_path / "system"
    with WebServer(mirrored.public) as server:
        said = run_client(
            "debootstrap", "--download-only", "--variant=minbase", "--arch=amd64",
            f"--keyring={keyring_of(mirrored, tmp_path)}", "--include=greeter", "stable", target,
            server.url, "sid",
        )  # fmt: skip
    assert "Valid Release signature" in said
    names = {path.name for path in (target / "var/cache/apt/archives").glob("*.deb")}
    assert {"apt_2%3a1.0_amd64.deb", "base-files_1.0_amd64.deb", "greeter_1.0_all.deb"} <= names


#: What debootstrap wants beside the packages of priority required, which includes no apt.
_MINIMAL = "Priority (required) | apt | usr-is-merged"


def debian():
    """Return the first Debian archive of this machine's apt: URL, codename and keyring options."""
    fields = "$(REPO_URI) $(CODENAME) $(COMPONENT) $(ARCHITECTURE) $(ORIGIN)"
    words = ("--format", fields, "Created-By: Packages", "Origin: Debian", "Component: main")
    lines = run_client("apt-get", "indextargets", *words).splitlines()
    found = [line.split() for line in lines if line.endswith(" Debian")]
    return next((one for one in found if "-" not in one[1] and "/" not in one[1]), None)


@pytest.mark.timeout(1800)
@pytest.mark.skipif(
    not os.environ.get("DEBREPO_TEST_DEBIAN"), reason="DEBREPO_TEST_DEBIAN is not set"
)
@pytest.mark.skipif(shutil.which("debootstrap") is None, reason="there is no debootstrap")
@pytest.mark.skipif(os.geteuid() != 0, reason="debootstrap runs as root only")
def test_debootstrap_builds_a_system_from_a_mirror_of_debian(archive, tmp_path):
    """Set DEBREPO_TEST_DEBIAN to the keyring of the archive: it is mirrored, and installed from."""
    found = debian()
    if found is None:
        pytest.skip("apt has no lists of Debian")
    url, codename, component, architecture, _ = found
    choice = ("--architectures", architecture, "--filter", _MINIMAL, "--filter-with-deps")
    trust = ("--keyring", os.environ["DEBREPO_TEST_DEBIAN"])
    archive("mirror", "create", "debian", url, codename, component, *choice, *trust)
    archive("mirror", "update", "debian")
    assert "up to date" in archive("mirror", "update", "debian")
    archive("snapshot", "create", "today", "from", "mirror", "debian")
    archive("publish", "snapshot", "today", "--distribution", codename, "--skip-contents")
    target = tmp_path / "system"
    with WebServer(archive.public) as server:
        run_client(
            "debootstrap", "--variant=minbase", f"--arch={architecture}",
            f"--keyring={keyring_of(archive, tmp_path)}", codename, target, server.url,
        )  # fmt: skip
    installed = run_client("dpkg-query", f"--admindir={target}/var/lib/dpkg", "--show", "-f",
                           "${Package} ${db:Status-Status}\n")  # fmt: skip
    assert {"apt installed", "base-files installed", "dpkg installed"} <= set(
        installed.splitlines()
    )
    archive("db", "check")


def digests(directory):
    """Return the checksums of the files below a directory, except for those that nobody lists."""
    return {
        hashlib.sha256(path.read_bytes()).hexdigest()
        for path in directory.rglob("*")
        if path.is_file() and path.suffix != ".udeb"
    }


@pytest.fixture
def upstream(packages, signing, tmp_path):
    """An archive of Debian's kind, with indexes by hash, and its server."""
    from plugins.mirror.archives import SmallArchive

    small = SmallArchive(tmp_path / "upstream", signing)
    small.by_hash = True
    small.deb("hello", Depends="libgreet")
    small.deb("libgreet", architecture="all")
    small.source("hello")
    small.write()
    with WebServer(small.root) as server:
        yield server


def test_apt_installs_through_a_lazy_mirror_also_when_its_archive_is_away(
    archive, signing, serving, upstream, tmp_path
):
    """Let apt install from ``/mirrors``, with the signature of the archive, and stop that."""
    (tmp_path / "key.asc").write_text(signing.public)
    archive("key", "trust", tmp_path / "key.asc")
    words = ["--with-sources", "--download", "lazy"]
    archive("mirror", "create", "it", upstream.url, "stable", *words)
    archive("mirror", "update", "it")
    assert not [path for path in upstream.asked if "/pool/" in path]
    url = serving("--require-token").url
    token = archive("token", "create", "web1", "--scope", "mirror:it:download").split()[-1]
    source = (
        f"Types: deb deb-src\nURIs: {url}/mirrors/it\nSuites: stable\nComponents: main\n"
        f"Signed-By: {tmp_path / 'key.asc'}\n"
    )

    def client(name):
        apt = Apt(tmp_path / name, source)
        login = tmp_path / name / "etc/apt/auth.conf"
        login.write_text(f"machine {url} login x password {token}\n")
        apt.update()
        apt("apt-get", "install", "hello")
        apt("apt-get", "source", "--download-only", "hello")
        return sorted(path.name for path in (tmp_path / name).rglob("*.deb"))

    fetched = client("first")
    assert fetched == ["hello_1.0_amd64.deb", "libgreet_1.0_all.deb"]
    asked = [path for path in upstream.asked if "/pool/" in path]
    assert len(asked) == len(set(asked))
    shutil.rmtree(tmp_path / "upstream")
    assert client("second") == fetched
    archive("db", "check")


@pytest.mark.parametrize("writer", ["reprepro", "aptly", "debrepo"])
def test_apt_installs_from_a_verbatim_publication_with_the_key_of_the_archive(
    archive, packages, signing, tmp_path, writer
):
    if writer != "debrepo" and shutil.which(writer) is None:
        pytest.skip(f"needs {writer}")
    public, _ = WRITERS[writer](tmp_path / "written", packages, signing)
    key = tmp_path / "key.asc"
    key.write_text(signing.public)
    archive("key", "trust", key)
    with WebServer(public) as server:
        archive("mirror", "create", "it", server.url, "stable", "--with-sources", "--verbatim")
        archive("mirror", "update", "it")
    archive("publish", "mirror", "it", "--verbatim")
    for name in ("InRelease", "Release"):
        published = archive.public / "dists" / "stable" / name
        assert published.read_bytes() == (public / "dists" / "stable" / name).read_bytes()
    with WebServer(archive.public) as server:
        apt = Apt(
            tmp_path / "client",
            f"Types: deb deb-src\nURIs: {server.url}\nSuites: stable\nComponents: main\n"
            f"Signed-By: {key}\n",
        )
        apt.update()
        apt("apt-get", "download", "hello")
        apt("apt-get", "install", "libgreet")
        apt("apt-get", "source", "--download-only", "hello")
        assert any("/by-hash/" in path for path in server.asked) == (writer == "debrepo")
