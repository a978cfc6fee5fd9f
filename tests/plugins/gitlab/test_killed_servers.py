"""A server that is killed while jobs upload loses nothing that it has acknowledged."""

import base64
import http.client
import os
import random
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from urllib.parse import urlsplit

import pytest
from plugins.gitlab.builds import build

from debrepo.testing.packages import build_deb

APT = "/api/v4/projects/1/packages/debian"
JOBS = 6
ROUNDS = int(os.environ.get("DEBREPO_TEST_ROUNDS", "2"))
SEED = int(os.environ.get("DEBREPO_TEST_SEED", "1"))
DIRECT = "?distribution=sid&component=main"


@pytest.fixture(autouse=True)
def unsigned(monkeypatch):
    monkeypatch.setenv("DEBREPO_PUBLISH_SKIP_SIGNING", "true")


@pytest.fixture
def token(session):
    """A token of the public project acme/web; it and its group have the distribution sid."""
    session.call("project.create", path="acme", kind="group", visibility="public")
    session.call("project.create", path="acme/web", visibility="public")
    for container in ("group:acme", "acme/web"):
        session.call("distribution.create", container=container, codename="sid")
    made = session.call("project.token.create", name="ci", kind="job", owner="project:acme/web")
    session.close()
    return made


class Job:
    """Uploads one package after another until the server is gone; notes what was acknowledged."""

    def __init__(self, url, token, place, number):
        self.address = urlsplit(url)
        self.place, self.number = place, number
        basic = base64.b64encode(f"gitlab-ci-token:{token}".encode()).decode()
        self.headers = {"Authorization": f"Basic {basic}"}
        self.stored, self.live = set(), set()
        self.first = Event()

    def run(self):
        try:
            for count in range(1000):
                self.upload(f"{self.place.name}-{self.number}-{count}", count % 3)
        except (OSError, http.client.HTTPException):
            return

    def upload(self, name, kind):
        if kind == 2:  # lists a source and a binary package, of one name for all jobs
            version = f"{self.place.name[1:]}.{self.number}.{count_of(name)}-1"
            for path in build(self.place / name, version, "amd64"):
                self.put(path)
            self.stored.add(("hello", version))
            return
        deb = build_deb(self.place, name)
        self.put(deb, DIRECT + ("&wait=published" if kind else ""))
        (self.live if kind else self.stored).add((name, "1.0"))

    def put(self, path, query=""):
        connection = http.client.HTTPConnection(self.address.netloc, timeout=60)
        try:
            connection.request("PUT", f"{APT}/{path.name}{query}", path.read_bytes(), self.headers)
            answer = connection.getresponse()
            said = answer.read()
        finally:
            connection.close()
        assert answer.status == 201, said
        self.first.set()


def count_of(name):
    return name.rpartition("-")[2]


def shown(root, tree):
    """Return the names and versions in the index that clients see."""
    index = root / "public" / tree / "dists/sid/main/binary-amd64/Packages"
    if not index.exists():
        return set()
    fields = dict.fromkeys(("Package", "Version"), "")
    found = set()
    for line in index.read_text().splitlines():
        name, _, value = line.partition(": ")
        if name in fields:
            fields[name] = value
        if not line:
            found.add((fields["Package"], fields["Version"]))
    return found


def test_killed_server_loses_nothing_that_it_acknowledged(serving, token, debrepo_root, tmp_path):
    chance = random.Random(SEED)
    stored, live = set(), set()
    for number in range(ROUNDS):
        place = tmp_path / f"r{number}"
        place.mkdir()
        server = serving("--require-token")
        assert stored | live <= shown(debrepo_root, "projects/1")
        assert stored | live <= shown(debrepo_root, "groups/1")
        jobs = [Job(server.url, token, place, one) for one in range(JOBS)]
        with ThreadPoolExecutor(JOBS) as pool:
            running = [pool.submit(job.run) for job in jobs]
            if number % 2:  # a slow machine acknowledges something, too
                jobs[0].first.wait(60)
            time.sleep(chance.uniform(0.05, 2.5))
            server.process.kill()
            for one in running:
                one.result()
        server.process.wait()
        for job in jobs:
            stored |= job.stored
            live |= job.live
        assert live <= shown(debrepo_root, "projects/1")  # also before the next server starts
    serving("--require-token")
    for tree in ("projects/1", "groups/1"):
        assert stored | live <= shown(debrepo_root, tree)
    assert stored
