"""Stored answers are sent before uvicorn makes a task of a request; nobody can tell."""

import logging
import re
import socket
import threading

import pytest
import uvicorn

from debrepo_server.access import Access
from debrepo_server.app import build
from debrepo_server.protocol import Protocol


class Client:
    """One connection to a server."""

    def __init__(self, address, app):
        self.connection = socket.create_connection(address, 20)
        self.app = app
        self.file = self.connection.makefile("rb")

    def send(self, *paths, headers=(), body=b""):
        """Send requests together, and return status, headers and body of each answer."""
        lines = ["Host: 127.0.0.1", *headers, "", ""]
        heads = ["\r\n".join([f"GET {path} HTTP/1.1", *lines]).encode() for path in paths]
        self.connection.sendall(b"".join(head + body for head in heads))
        return [self.read() for _ in paths]

    def read(self):
        status = int(self.file.readline().split()[1])
        headers = {}
        while line := self.file.readline().strip():
            name, _, value = line.decode().partition(": ")
            headers[name] = value
        return status, headers, self.file.read(int(headers.get("content-length", 0)))


@pytest.fixture
def app(session):
    return build(session, Access(session, trusting=True))


@pytest.fixture
def client(app):
    """A client of a server in a thread."""
    repeats = []

    def repeat(scope, url):
        found = app.state.repeat(scope, url)
        if found is not None:
            repeats.append(url.decode())
        return found

    kind = type("Repeating", (Protocol,), {"repeat": staticmethod(repeat)})
    config = uvicorn.Config(app, http=kind, log_config=None, access_log=False, lifespan="on")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            client = Client(listener.getsockname(), app)
            client.repeats = repeats
            yield client
            client.file.close()
            client.connection.close()
        finally:
            server.should_exit = True
            thread.join()


@pytest.mark.lmdb  # no answer is repeated where nodes share a database
def test_a_repeated_answer_is_the_same(client):
    first, second, third = (client.send("/api/repos")[0] for _ in range(3))
    assert client.repeats == ["/api/repos"] * 2
    for one in (first, second, third):
        one[1].pop("date")
    assert first == second == third
    assert first[0] == 200


def test_an_answer_is_new_after_a_change(client, session):
    client.send("/api/repos")
    session.call("repo.create", name="r")
    assert b'"r"' in client.send("/api/repos")[0][2]
    assert client.repeats == []


@pytest.mark.lmdb  # no answer is repeated where nodes share a database
def test_requests_in_one_packet_are_answered_in_their_order(client):
    client.send("/api/repos")
    paths = ("/api/repos", "/api/version", "/api/repos", "/api/snapshots", "/api/repos")
    found = [body for _, _, body in client.send(*paths)]
    assert b"Version" in found[1]
    assert found[0] == found[2] == found[4] == client.send("/api/repos")[0][2]
    assert client.repeats


def test_a_get_with_a_body_leaves_the_next_request_readable(client):
    length = ["Content-Length: 3"]
    for _ in range(3):
        assert client.send("/api/repos", headers=length, body=b"abc")[0][0] == 200
    assert client.repeats == []


def test_a_condition_is_repeated_as_well(client, session):
    session.call("repo.create", name="r")
    tag = client.send("/api/repos/r/packages")[0][1].get("etag")
    condition = [f"If-None-Match: {tag}"]
    found = [client.send("/api/repos/r/packages", headers=condition)[0] for _ in range(3)]
    assert {status for status, _, _ in found} == {304}


def test_other_hosts_and_wrong_tokens_get_no_stored_answer(client):
    client.send("/api/repos")
    assert client.send("/api/repos", headers=["Host: example.org"])[0][0] == 400
    assert client.send("/api/repos", headers=["X-Debrepo-Token: no"])[0][0] == 401
    assert client.send("/api/repos", headers=["Origin: http://example.org"])[0][0] == 403
    assert client.repeats == []


def test_a_client_that_wants_to_end_the_connection_sees_it_end(client):
    client.send("/api/repos")
    close = ["Connection: close"]
    assert client.send("/api/repos", headers=close)[0][1]["connection"] == "close"
    assert client.file.read() == b""


@pytest.mark.lmdb  # no answer is repeated where nodes share a database
def test_repeated_answers_are_counted_and_logged(client, caplog):
    with caplog.at_level(logging.INFO, "debrepo.requests"):
        for _ in range(3):
            client.send("/api/repos?x=1")
    assert client.repeats == ["/api/repos?x=1"] * 2
    lines = [record.getMessage() for record in caplog.records]
    assert {re.sub(r" [0-9.]+$", "", line) for line in lines} == {
        "anonymous@127.0.0.1 GET /api/repos 200 2"
    }
    rows = {key: row.requests for key, row in client.app.state.requests.rows()}
    assert rows["GET", "/api/repos", 200] == 3
    assert client.app.state.requests.in_flight == 0
