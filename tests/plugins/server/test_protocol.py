"""Connections of clients that are slow, or that send what is no request."""

import json
import socket
import threading
import time
from contextlib import contextmanager

import pytest
import uvicorn

from debrepo_server import protocol
from debrepo_server.access import Access
from debrepo_server.app import build


@pytest.fixture
def patience(monkeypatch):
    monkeypatch.setattr(protocol, "_HEAD_PATIENCE", 0.2)
    monkeypatch.setattr("debrepo.http.bodies._PATIENCE", 0.2)
    monkeypatch.setattr("debrepo.http.receiving._PATIENCE", 0.2)
    monkeypatch.setattr(protocol, "_ANSWER_PATIENCE", 0.5)


@pytest.fixture
def server(session, patience):
    """A server with little patience, in a thread: its address."""
    app = build(session, Access(session, trusting=True))
    config = uvicorn.Config(app, http=protocol.Protocol, log_config=None, lifespan="on")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield listener.getsockname()
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def connected(address):
    with socket.create_connection(address, 20) as connection:
        yield connection


def answer(connection):
    """Return status and JSON of all that the server says before it hangs up."""
    said = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = said.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def head(line, *headers):
    return "\r\n".join([line, "Host: 127.0.0.1", "Connection: close", *headers, "", ""]).encode()


@pytest.mark.parametrize("said", [b"", b"GET /api/ver", b"\r\n\r\n", b"GET / HTTP/1.1\r\nA: b\r\n"])
def test_request_that_does_not_come_is_not_waited_for(server, said):
    with connected(server) as connection:
        connection.sendall(said)
        assert answer(connection)[0] == 408


def test_request_that_comes_in_drops_is_not_waited_for(server):
    with connected(server) as connection, pytest.raises(OSError, match=r"reset|[Bb]roken"):
        for _ in range(2000):
            connection.sendall(b"\r\n")
            time.sleep(0.01)


def test_body_that_does_not_come_is_not_waited_for(server):
    with connected(server) as connection:
        kind = "Content-Type: application/json"
        connection.sendall(head("POST /api/repos HTTP/1.1", kind, "Content-Length: 99") + b'{"N')
        status, said = answer(connection)
    assert (status, said["error"]) == (400, "the body did not arrive within 0 seconds")


@pytest.mark.parametrize("path", ["files/d/f", "v4/projects/1/packages/debian/f.deb"])
def test_upload_that_stalls_leaves_nothing_behind(server, session, path):
    session.call("project.create", path="g", kind="group")
    session.call("project.create", path="g/p")
    with connected(server) as connection:
        connection.sendall(head(f"PUT /api/{path} HTTP/1.1", "Content-Length: 99") + b"x")
        assert answer(connection)[0] == 400
    assert list(session.root.glob("upload/**/*")) == []


@pytest.mark.parametrize(
    "said",
    [
        b"no HTTP at all\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /api/version HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET /api/version HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST /api/repos HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /api/repos HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_not_http_is_refused(server, said):
    with connected(server) as connection:
        connection.sendall(said)
        assert answer(connection)[0] == 400


def test_headers_may_not_be_of_any_length(server):
    with connected(server) as connection:
        connection.sendall(b"GET /api/version HTTP/1.1\r\nX: " + b"x" * 60_000)
        time.sleep(0.1)
        connection.sendall(b"x" * 10_000)
        assert answer(connection)[0] == 431


@pytest.mark.parametrize("how", ["Content-Length: 20000000", "Transfer-Encoding: chunked"])
def test_bodies_may_not_be_of_any_length(server, how):
    line = f"{20_000_000:x}\r\n".encode() if "chunked" in how else b""
    with connected(server) as connection:
        kind = "Content-Type: application/json"
        connection.sendall(head("POST /api/repos HTTP/1.1", kind, how) + line)
        try:
            connection.sendall(b" " * 20_000_000)
            assert answer(connection)[0] == 413
        except OSError:
            return  # hung up on, while there was more to say


def test_client_that_takes_nothing_is_hung_up_on(server, session):
    large = session.root / "public/large"
    large.parent.mkdir(parents=True)
    with large.open("wb") as file:
        file.truncate(64 << 20)
    with connected(server) as connection:
        connection.sendall(head("GET /repos/-/large HTTP/1.1"))
        time.sleep(3)
        with pytest.raises(OSError, match="reset"):
            while connection.recv(1 << 20):
                pass


def test_connection_lives_on_between_requests(server):
    with connected(server) as connection:
        for _ in range(3):
            connection.sendall(b"GET /api/version HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert connection.recv(65536).startswith(b"HTTP/1.1 200")
            time.sleep(0.3)
