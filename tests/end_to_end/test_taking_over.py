"""Archives of aptly and reprepro are taken over, and apt goes on without a word."""

import shutil

import pytest
from end_to_end.clients import Apt, WebServer
from end_to_end.writers import WRITERS, build_packages

from debrepo.testing.packages import build_deb


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    return build_packages(tmp_path_factory.mktemp("packages"))


@pytest.fixture(scope="module")
def signing():
    from plugins.mirror.archives import Key

    key = Key()
    yield key
    key.close()


@pytest.mark.parametrize("writer", ["aptly", "reprepro"])
def test_apt_goes_on_without_a_word(archive, packages, signing, tmp_path, writer):
    if shutil.which(writer) is None:
        pytest.skip(f"needs {writer}")
    public, _ = WRITERS[writer](tmp_path / "written", packages, signing)
    (archive.root / "debrepo.toml").write_text(f'[storage.fs.default]\nroot = "{public}"\n')
    (tmp_path / "key.asc").write_bytes(signing("--armor", "--export-secret-keys"))
    archive("key", "import", tmp_path / "key.asc")
    archive("repo", "create", "tools", "--distribution", "stable")
    archive("repo", "add", "tools", packages)
    files = {path: path.stat() for path in public.rglob("*.deb")}
    assert files
    with WebServer(public) as server:
        key = "".join(f" {line or '.'}\n" for line in signing.public.splitlines())
        source = f"Types: deb deb-src\nURIs: {server.url}\nSuites: stable\nComponents: main\n"
        apt = Apt(tmp_path / "client", f"{source}Signed-By:\n{key}")
        apt.update()
        before = (public / "dists/stable/InRelease").read_bytes()

        words = ("publish", "repo", "tools", "--take-over")
        assert "notice nothing" in archive(*words, "--dry-run")
        assert (public / "dists/stable/InRelease").read_bytes() == before
        archive(*words)
        assert (public / "dists/stable/InRelease").read_bytes() != before
        apt("apt-get", "download", "hello")  # from the lists of before
        apt.update()
        assert apt.candidate("hello") == "1:2.10-3+b1"
        archive("publish", "verify", "stable")

        build_deb(tmp_path, "hello", "1:2.11")
        archive("repo", "add", "tools", tmp_path / "hello_2.11_amd64.deb")
        archive("publish", "update", "stable")
        apt.update()
        assert apt.candidate("hello") == "1:2.11"
    same = [path for path, stat in files.items() if path.stat().st_ino == stat.st_ino]
    assert len(same) == len(files)
