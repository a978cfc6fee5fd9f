"""Two servers of one database: tasks, keys of requests and tokens are the same on both."""

import json
import signal
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress
from uuid import uuid4

import pytest

from debrepo.testing.packages import build_deb
from debrepo_server.answered import REPLAYS


class NodeAnswer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.text = status, headers, body.decode()

    def json(self):
        return json.loads(self.text)


class NodeClient:
    """Sends requests to one server."""

    def __init__(self, url, **headers):
        self.url, self.headers = url, headers

    def ask(self, method, path, body=None, headers=(), *, data=None):
        data = data if body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **self.headers, **dict(headers)}
        request = urllib.request.Request(self.url + path, data, sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return NodeAnswer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return NodeAnswer(error.code, error.headers, error.read())

    def get(self, path):
        return self.ask("GET", path)

    def post(self, path, body=None, **headers):
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask("POST", path, body, sent)


@pytest.fixture(params=[pytest.param("lmdb", marks=pytest.mark.lmdb), "postgresql"])
def start(request, serving, debrepo_root, tmp_path, monkeypatch):
    """Start servers: of one root, or each of its own, with one database, pool and upload area."""
    if request.param == "lmdb":
        return serving
    server = request.getfixturevalue("postgresql")
    monkeypatch.setenv("DEBREPO_DATABASE_URL", server.create(f"nodes_{uuid4().hex}"))
    monkeypatch.setenv("DEBREPO_DATABASE_SCHEMA", "debrepo")
    monkeypatch.setenv("DEBREPO_DATABASE_LEASE_SECONDS", "5")
    monkeypatch.setenv("DEBREPO_UPLOADS_DIRECTORY", str(tmp_path / "shared"))
    (tmp_path / "shared/pool").mkdir(parents=True)
    roots = iter([debrepo_root, *(tmp_path / f"root{number}" for number in range(2, 5))])

    def start(*options):
        root = next(roots)
        root.mkdir(exist_ok=True)
        (root / "pool").symlink_to(tmp_path / "shared/pool")
        return serving(*options, root=root)

    return start


@pytest.fixture
def nodes(start):
    """Return clients of two servers, and the first server."""
    first, second = start(), start()
    return NodeClient(first.url), NodeClient(second.url), first


def eventually(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def output_of(client, number):
    return client.get(f"/api/tasks/{number}/output").json()


def test_tasks_of_a_killed_server_are_resumed_or_said_to_have_failed_by_the_other(nodes, session):
    one, two, first = nodes
    two.post("/api/repos", {"Name": "web"})
    with session.leases.hold("db:cleanup"):
        again = one.post("/api/db/cleanup?_async=true").json()["ID"]
        once = one.post("/api/operations/db.cleanup", {}, Prefer="respond-async")
        once = once.json()["ID"]
        assert once == again + 1
        eventually(lambda: "Waiting for db:cleanup" in output_of(two, again))
        assert two.get(f"/api/tasks/{again}").json()["State"] == 1
        assert two.get("/api/tasks").json() == one.get("/api/tasks").json()
        first.process.kill()
        first.process.wait()
        eventually(lambda: two.get(f"/api/tasks/{once}").json()["State"] == 3)
        assert "has died" in output_of(two, once)
    assert two.get(f"/api/tasks/{again}/wait").json()["State"] == 2


@pytest.mark.parametrize("start", ["postgresql"], indirect=True)
def test_server_that_was_stopped_for_long_leaves_what_others_took_and_goes_on(nodes, session):
    one, two, first = nodes
    with session.leases.hold("db:cleanup"):
        once = one.post("/api/operations/db.cleanup", {}, Prefer="respond-async").json()["ID"]
        eventually(lambda: "Waiting for db:cleanup" in output_of(two, once))
        first.process.send_signal(signal.SIGSTOP)
        eventually(lambda: two.get(f"/api/tasks/{once}").json()["State"] == 3)
        said = output_of(two, once)
        first.process.send_signal(signal.SIGCONT)
    assert two.get("/api/tasks-wait").status == 200
    again = one.post("/api/db/cleanup?_async=true").json()["ID"]
    eventually(lambda: two.get(f"/api/tasks/{again}").json()["State"] == 2)
    assert one.get("/api/tasks").json() == two.get("/api/tasks").json()
    assert output_of(one, once) == output_of(two, once) == said
    assert "has died" in said


def test_task_is_cancelled_through_another_server(nodes, session):
    one, two, _ = nodes
    with session.leases.hold("db:cleanup"):
        number = one.post("/api/db/cleanup?_async=true").json()["ID"]
        eventually(lambda: "Waiting for db:cleanup" in output_of(two, number))
        two.post(f"/api/tasks/{number}/cancel")
    assert two.get(f"/api/tasks/{number}/wait").json()["State"] in {2, 3}
    assert two.ask("DELETE", f"/api/tasks/{number}").status == 200
    assert one.get("/api/tasks").json() == []


def test_request_with_a_key_is_done_once_whatever_server_it_is_sent_to(nodes, session):
    one, two, _ = nodes
    answers = []

    def post(client, name, key):
        return client.post("/api/repos", {"Name": name}, Idempotency_Key=key)

    assert post(one, "a", "k").status == 201
    again = post(two, "a", "k")
    assert (again.status, again.headers["idempotency-replayed"]) == (201, "true")
    assert again.json() == one.get("/api/repos/a").json()
    assert post(two, "b", "k").status == 409

    clients = [one, two] * 4
    threads = [
        threading.Thread(target=lambda c=client: answers.append(post(c, "c", "k2")))
        for client in clients
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done = [a for a in answers if a.status == 201 and "idempotency-replayed" not in a.headers]
    assert len(done) == 1
    assert {a.status for a in answers} <= {201, 409}
    assert all("still being handled" in a.text for a in answers if a.status == 409)


def test_key_whose_server_was_killed_says_so_and_one_whose_server_lives_says_wait(nodes, session):
    one, two, first = nodes

    def post(client):
        return client.post("/api/db/cleanup", Idempotency_Key="k")

    with session.leases.hold("db:cleanup"):
        threading.Thread(target=ignore, args=(post, one), daemon=True).start()
        eventually(lambda: kept(session))
        assert "still being handled" in post(two).text
        first.process.kill()
        first.process.wait()
        eventually(lambda: "the server stopped before it answered" in post(two).text)


def kept(session):
    with session.db.read() as txn:
        return len(txn[REPLAYS])


def ignore(post, client):
    with suppress(OSError):
        post(client)


def test_revoked_token_is_refused_at_once_by_every_server(start, session):
    secret = session.call("token.create", name="ci", scopes=["read"])
    clients = [
        NodeClient(start("--require-token").url, Authorization=f"Bearer {secret}") for _ in range(2)
    ]
    for _ in range(3):  # the answer may be repeated from memory
        assert [client.get("/api/repos").status for client in clients] == [200, 200]
    session.call("token.revoke", name="ci")
    assert [client.get("/api/repos").status for client in clients] == [401, 401]


def test_package_that_was_uploaded_to_one_node_is_added_and_published_by_another(
    nodes, session, tmp_path
):
    one, two, _ = nodes
    deb = build_deb(tmp_path, "hello")
    one.post("/api/repos", {"Name": "web", "DefaultDistribution": "sid"})
    assert one.ask("PUT", f"/api/files/d/{deb.name}", data=deb.read_bytes()).status == 200
    added = two.post("/api/repos/web/file/d").json()
    assert (added["FailedFiles"], len(added["Report"]["Added"])) == ([], 1)
    assert one.get("/api/repos/web/packages").json() == two.get("/api/repos/web/packages").json()
    assert one.get("/api/files").json() == []
