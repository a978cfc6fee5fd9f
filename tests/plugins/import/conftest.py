"""Roots that the real aptly makes."""

import json
import shutil
import subprocess
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from debrepo.testing.packages import build_deb, build_source


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class Aptly:
    """An aptly with a root of its own."""

    def __init__(self, root):
        self.root = root
        self.config = root / "aptly.conf"
        root.mkdir(exist_ok=True)
        self.configure()

    def configure(self, **options):
        self.config.write_text(
            json.dumps({"rootDir": str(self.root), "gpgProvider": "gpg", **options})
        )

    def __call__(self, *words, exit_code=0):
        command = ["aptly", f"-config={self.config}", *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == exit_code, done.stdout + done.stderr
        return done.stdout

    def pool(self):
        return sorted(path for path in (self.root / "pool").rglob("*") if path.is_file())


@pytest.fixture(autouse=True)
def no_home(tmp_path, monkeypatch):
    monkeypatch.setenv("GNUPGHOME", str(tmp_path / "no-gnupg"))
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture(scope="session")
def kept(tmp_path_factory):
    """Return the root of an aptly with something of everything; copy it before it changes."""
    if not shutil.which("aptly"):
        pytest.skip("there is no aptly")
    place = tmp_path_factory.mktemp("kept")
    debs = place / "debs"
    debs.mkdir()
    long = "Depends", "libc6 (>= 2),\n libhello | other"
    build_deb(debs, "hello", "1:2.10-3", fields=dict([long, ("Provides", "a, b (= 1)")]))
    build_deb(debs, "libhello", "1.0", "all", fields={"Source": "hello (2.0)"})
    build_deb(debs, "boot", "1.0", extension="udeb")
    source = build_source(debs, "hello", "2.10-3", fields={"Build-Depends": "debhelper"})
    source.rename(debs / "hello.dsc")
    aptly = Aptly(place / "aptly")
    uploaders = place / "uploaders.json"
    uploaders.write_text(
        json.dumps({"groups": {"us": ["ABCD"]}, "rules": [{"condition": "hello", "allow": ["us"]}]})
    )
    aptly(
        "repo", "create", "-comment=for us", "-distribution=stable", "-component=contrib",
        f"-uploaders-file={uploaders}", "tools",
    )  # fmt: skip
    aptly("repo", "create", "other")
    aptly("repo", "add", "tools", debs)
    aptly("repo", "copy", "tools", "other", "libhello")
    aptly("snapshot", "create", "monday", "from", "repo", "tools")
    aptly("snapshot", "create", "empty", "empty")
    aptly("snapshot", "filter", "monday", "few", "Name (= hello)")
    aptly("snapshot", "merge", "both", "few", "empty")
    published = ("-skip-signing", "-batch", "-architectures=amd64,source")
    aptly("publish", "snapshot", *published, "-origin=Ours", "monday")
    aptly("publish", "repo", *published, "-distribution=test", "-label=L", "tools", "deep/er")
    handler = partial(_Quiet, directory=aptly.root / "public")
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://user:secret@127.0.0.1:{server.server_port}/"
        aptly(
            "-architectures=amd64", "mirror", "create", "-ignore-signatures", "-with-sources",
            "-filter=Name (~ hello)", "upstream", url, "stable",
        )  # fmt: skip
        aptly("mirror", "update", "-ignore-signatures", "upstream")
        server.shutdown()
    return aptly.root


@pytest.fixture
def aptly(kept, tmp_path):
    """Return an aptly of the test's own, with something of everything."""
    shutil.copytree(kept, tmp_path / "aptly", symlinks=True)
    return Aptly(tmp_path / "aptly")
