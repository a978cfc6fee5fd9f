import shutil

import pytest
from end_to_end.archive import Archive
from end_to_end.clients import Apt, WebServer

from debrepo.testing.packages import build_deb, build_source


@pytest.fixture(scope="session")
def keys(tmp_path_factory):
    """The secret keys of a root, made once; making one takes longer than most tests."""
    root = tmp_path_factory.mktemp("keys")
    Archive(root)("key", "create", "--name", "Test archive")
    return root / "gnupg"


@pytest.fixture
def new_archive(tmp_path, keys):
    """A function that makes a root which has the key."""

    def make(name="root", **environment):
        root = tmp_path / name
        root.mkdir()
        shutil.copytree(keys, root / "gnupg", ignore=shutil.ignore_patterns("S.*"))
        return Archive(root, **environment)

    return make


@pytest.fixture
def archive(new_archive):
    return new_archive()


@pytest.fixture
def debs(tmp_path):
    """A directory of packages: two architectures, ``all``, a udeb and a source package."""
    directory = tmp_path / "debs"
    directory.mkdir()
    build_deb(directory, "hello", "1:2.10-3+b1", fields={"Multi-Arch": "same", "Section": "misc"})
    build_deb(directory, "hello", "1:2.10-3+b1", "arm64", compression="zstd")
    build_deb(directory, "libgreet", "0.9~rc1-1", "all", compression="gzip")
    build_deb(directory, "greeter", "1.0", "all", fields={"Depends": "libgreet (>= 0.9~)"})
    build_deb(directory, "hello-udeb", "2.10-3", extension="udeb")
    build_source(directory, "hello", "1:2.10-3")
    return directory


@pytest.fixture
def published(archive, debs):
    """An archive that serves the packages as ``stable``."""
    archive("repo", "create", "tools", "--distribution", "stable")
    archive("repo", "add", "tools", debs)
    archive("publish", "repo", "tools")
    return archive


@pytest.fixture
def web(archive):
    archive.public.mkdir(exist_ok=True)
    with WebServer(archive.public) as server:
        yield server


@pytest.fixture
def apt(tmp_path, published):
    return Apt(tmp_path / "client", published.source())
