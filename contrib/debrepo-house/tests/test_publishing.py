"""What clients see: roll-outs, owners, maintainers; and what the webhook is told."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from debrepo_house.index import MaintainersIndex

from debrepo.testing import IndexKindContract
from debrepo.testing.packages import build_deb

# Other plugins that are installed do not decide how these tests end.
pytestmark = pytest.mark.debrepo_plugins(
    only=["admin", "house", "local", "publish", "publish-fs", "server"]
)


class TestMaintainersIndex(IndexKindContract):
    options = {"maintainers": True}  # noqa: RUF012  # never changed

    @pytest.fixture
    def kind(self):
        return MaintainersIndex()


@pytest.fixture
def published(debrepo, debrepo_root, tmp_path):
    """Publish a repository with two packages; return the directory of the distribution."""
    debrepo("repo", "create", "tools", "--distribution", "stable")
    for name in ("hello", "world"):
        debrepo("repo", "add", "tools", build_deb(tmp_path, name))
    debrepo("publish", "repo", "tools", "--skip-signing")
    return debrepo_root / "public/dists/stable"


def test_release_names_the_owners(debrepo, published):
    assert "House-Owners" not in (published / "Release").read_text()
    debrepo("house", "own", "tools", "backend")
    debrepo("publish", "update", "stable", "--force")
    assert "House-Owners: backend\n" in (published / "Release").read_text()


def test_package_is_rolled_out_step_by_step(debrepo, published):
    packages = published / "main/binary-amd64/Packages.gz"
    debrepo("house", "phase", "tools", "hello", "20")
    debrepo("publish", "update", "stable", "--compressions", "gz,plain")
    text = packages.with_suffix("").read_text()
    assert text.count("Phased-Update-Percentage: 20\n") == 1
    assert "Package: hello\n" in text.split("Phased-Update-Percentage: 20\n")[0]
    debrepo("house", "phase", "tools", "hello", "100")
    debrepo("publish", "update", "stable")
    assert "Phased" not in packages.with_suffix("").read_text()


def test_maintainers_are_published_on_demand(debrepo, published):
    debrepo("publish", "update", "stable", "--maintainers", "--compressions", "plain")
    lines = (published / "main/maintainers/amd64").read_text().splitlines()
    assert lines[0] == "# maintainers of stable"
    assert [line.split()[0] for line in lines[1:]] == ["hello", "world"]


class Receiver(HTTPServer):
    """A webhook that keeps what it is told."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.told = []
        self.status = 204


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        self.server.told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *arguments):
        pass


@pytest.fixture
def receiver(debrepo_root):
    """Return a webhook that the configuration names."""
    with Receiver() as receiver:
        thread = threading.Thread(target=receiver.serve_forever, args=(0.01,))
        thread.start()
        debrepo_root.mkdir(exist_ok=True)
        url = f"http://127.0.0.1:{receiver.server_port}/"
        (debrepo_root / "debrepo.toml").write_text(f'[house]\nwebhook = "{url}"\n')
        yield receiver
        receiver.shutdown()
        thread.join()


def test_webhook_is_told_of_a_publish_and_of_a_drop(receiver, debrepo, published):
    debrepo("publish", "drop", "stable")
    first, last = receiver.told
    assert first["publication"] == last["publication"] == "./stable"
    assert "dists/stable/Release" in first["paths"]
    assert "dists/stable/Release" in last["paths"]


def test_publish_succeeds_when_the_webhook_fails_and_it_is_told_later(receiver, debrepo, published):
    receiver.status = 500
    result = debrepo("publish", "update", "stable", "--label", "Tools")
    *_, warning = result.output.splitlines()
    assert warning.startswith("Warning: debrepo_published of plugin house failed: ")
    assert warning.endswith("It is called again in 10 seconds.")
    receiver.status = 204
    assert debrepo("plugin", "retry", "--all").stdout == "1 notice arrived.\n"
    assert receiver.told[2] == receiver.told[1]
