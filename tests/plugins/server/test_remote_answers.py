"""Answers that no server of debrepo's gives: an error that says so, and never a traceback."""

import gc
import json
import socket
import threading

import pytest

from debrepo.testing.packages import build_deb


@pytest.fixture
def answering():
    """Make a server that answers every request with these bytes: its URL."""
    listeners = []

    def answer(listener, said):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(1 << 16)
                connection.sendall(said)

    def make(said):
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        threading.Thread(target=answer, args=(listener, said), daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield make
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def http(body, status="200 OK", *headers):
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(head).encode() + body


def result(value, **more):
    return http(json.dumps({"result": value, "iterator": False, "notes": [], **more}).encode())


ANSWERS = {
    "nothing": b"",
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "HTTP of which there is none": b"HTTP/9.9 200 OK\r\n\r\n",
    "a status without end": b"HTTP/1.1 99999999 OK\r\n\r\n",
    "a header without end": b"HTTP/1.1 200 OK\r\nA: " + b"x" * 100_000,
    "headers without end": b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 500,
    "a page": http(b"<!doctype html>"),
    "a page about an error": http(b"<h1>Bad gateway</h1>", "502 Bad Gateway"),
    "the way to elsewhere": http(b"", "301 Moved Permanently", "Location: http://x/"),
    "less than announced": b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}",
    "far less than announced": b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n{}",
    "a length that is none": b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n{}",
    "a length below zero": b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}",
    "a chunk that is none": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}",
    "a huge chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 15 + b"\r\n{",
    "no UTF-8": http(b'{"result": "\xff"}'),
    "a list": http(b"[]"),
    "null": http(b"null"),
    "an empty object": http(b"{}"),
    "deep lists": http(b"[" * 100_000),
    "a huge number": http(b'{"result": ' + b"9" * 5000 + b"}"),
    "text": result("x"),
    "a number": result(7),
    "a list of numbers": result([1, 2]),
    "deep values": result(json.loads("[" * 500 + "]" * 500)),
    "a module's function": result({"n": ["os:system", "id"]}),
    "another class": result([{"n": ["debrepo.package:PackageKey", "a", "b", "c", "d"]}]),
    "a class that is none": result([{"n": ["debrepo_local.repos:LocalRepo"]}]),
    "values of the wrong type": result([{"n": ["debrepo_local.repos:LocalRepo", 1, 2, 3, 4, 5]}]),
    "a kind of value that there is not": result({"z": 1}),
    "no hex": result({"b": "zz"}),
    "notes that are none": result([], notes=5),
    "notes of numbers": result([], notes=[{}]),
    "no notes": http(b'{"result": [], "iterator": false}'),
    "an iterator that is none": result([], iterator="x"),
    "an error without words": http(b"{}", "500 Internal Server Error"),
}


@pytest.mark.parametrize("said", ANSWERS.values(), ids=ANSWERS)
def test_odd_answer_is_an_error_of_the_server(debrepo, answering, said):
    output = debrepo("--server", answering(said), "repo", "list", exit_code=7).output
    assert output.startswith("Error: ")
    assert output.count("\n") <= 2


@pytest.mark.parametrize("kind", [None, 1, [], "DebrepoError", "annotations", "Unheard"])
def test_error_of_an_odd_kind_is_an_error_all_the_same(debrepo, answering, kind):
    body = json.dumps({"error": ["no"], "hint": 5, "kind": kind}).encode()
    said = debrepo("--server", answering(http(body, "400 No")), "repo", "list", exit_code=1).output
    assert said == "Error: ['no']\nHint: 5\n"


def test_server_cannot_steer_the_terminal(debrepo, answering):
    escape = "\x1b]0;x\x07\x9b2J"
    body = json.dumps({"error": f"a{escape}", "kind": "NotFound"}).encode()
    url = answering(http(body, "404 Not Found"))
    assert debrepo("--server", url, "repo", "list", exit_code=3).output == "Error: a�]0;x��2J\n"
    noted = debrepo("--server", answering(result([], notes=[escape])), "repo", "list")
    assert "\x1b" not in noted.output


@pytest.mark.parametrize(
    "url",
    [
        "http://",
        "http://[::1",
        "http://host:port",
        "http://host:99999",
        "http://user:secret@127.0.0.1:1",
        "http://127.0.0.1:1/below",
        "127.0.0.1:8080",
        "unix",
    ],
)
def test_address_that_is_none_is_refused(debrepo, url):
    said = debrepo("--server", url, "repo", "list", exit_code=2).output
    assert "give http://HOST:PORT or unix:PATH" in said


@pytest.mark.parametrize("url", ["http://" + "x" * 300, "unix:" + "x" * 300, "http://.."])
def test_address_that_leads_nowhere_is_an_error(debrepo, url):
    debrepo("--server", url, "repo", "list", exit_code=7)


@pytest.mark.parametrize("token", ["a\nb", "t\xf6ken"])
def test_token_that_is_none_is_refused_and_not_shown(debrepo, monkeypatch, token):
    monkeypatch.setenv("DEBREPO_TOKEN", token)
    said = debrepo("--server", "http://127.0.0.1:1", "repo", "list", exit_code=2).output
    assert token not in said


@pytest.fixture
def slow():
    """Make a server that accepts, and does with each connection what ``give`` does: its URL."""
    listeners = []

    def make(give):
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def serve():
            held = []
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    break
                held.append(connection)
                give(connection, connection.recv(1 << 16), held)
            for connection in held:
                connection.close()

        threading.Thread(target=serve, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield make
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\n\r\n{",  # the end of the connection would be the end of the answer
    ],
)
def test_server_that_goes_silent_is_an_error_and_no_wait_without_end(
    debrepo, slow, monkeypatch, tmp_path, said
):
    monkeypatch.setenv("DEBREPO_SERVER_TIMEOUT", "0.1")
    url = slow(lambda connection, request, held: connection.sendall(said) if said else None)
    build_deb(tmp_path, "hello")
    for words in (["repo", "list"], ["repo", "add", "web", tmp_path]):
        output = debrepo("--server", url, *words, exit_code=7).output
        assert f"Error: {url} has not answered for 0.1 seconds\nHint: look at" in output
    gc.collect()  # a socket that was left open would be an error here


def test_long_operation_is_waited_for_while_the_server_lives(debrepo, slow, monkeypatch):
    monkeypatch.setenv("DEBREPO_SERVER_TIMEOUT", "0.1")

    def give(connection, request, held):
        """Answer the third question whether the server is alive, and then the operation."""
        if request.startswith(b"GET /api/healthy "):
            connection.sendall(http(b"{}"))
            if len(held) == 4:
                held[0].sendall(result([]))

    output = debrepo("--server", slow(give), "repo", "list", "--json").output
    assert output == "[]\n"


def test_server_behind_a_proxy_that_lost_it_is_silent(debrepo, slow, monkeypatch):
    monkeypatch.setenv("DEBREPO_SERVER_TIMEOUT", "0.1")

    def give(connection, request, held):
        if request.startswith(b"GET /api/healthy "):
            connection.sendall(http(b"", "502 Bad Gateway"))

    assert "has not answered" in debrepo("--server", slow(give), "repo", "list", exit_code=7).output


@pytest.mark.parametrize("seconds", ["0", "-1", "soon", "nan", "inf", ""])
def test_timeout_that_is_none_is_refused(debrepo, monkeypatch, seconds):
    monkeypatch.setenv("DEBREPO_SERVER_TIMEOUT", seconds)
    said = debrepo("--server", "http://127.0.0.1:1", "repo", "list", exit_code=2).output
    assert said.startswith(f"Error: DEBREPO_SERVER_TIMEOUT is {seconds!r}\n")
