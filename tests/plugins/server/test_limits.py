"""What one client can take from a server: time, threads, connections, and its end."""

import json
import os
import resource
import signal
import socket
import time
import urllib.error
import urllib.request
from contextlib import suppress

import pytest

SLOW = """#!/bin/sh
echo $$ >> {log}
exec sleep 600
"""


@pytest.fixture
def slow(tmp_path):
    """A GnuPG that never answers: its environment, and the processes that were started."""
    program, log = tmp_path / "slow-gpg", tmp_path / "pids"
    program.write_text(SLOW.format(log=log))
    program.chmod(0o755)
    log.touch()
    environment = {**os.environ, "DEBREPO_SIGNING_GPG_PROGRAM": str(program)}

    def pids():
        return [int(line) for line in log.read_text().split()]

    return environment, pids


def eventually(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def address(server):
    host, port = server.url.removeprefix("http://").split(":")
    return host, int(port)


def send(server, operation, **arguments):
    """Send a call of an operation and return the connection, on which nobody waits."""
    body = json.dumps({"arguments": arguments}).encode()
    head = (
        f"POST /api/operations/{operation} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    connection = socket.create_connection(address(server), 60)
    connection.sendall(head.encode() + body)
    return connection


def ask(server, path, body=None, method=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        server.url + path, data, {"Content-Type": "application/json"}, method=method
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def refusal(server, path, body=None):
    with pytest.raises(urllib.error.HTTPError) as caught:
        ask(server, path, body)
    with caught.value as error:
        return error.code, json.load(error)


def test_read_ends_with_its_child_process_when_the_client_leaves(serving, slow):
    environment, pids = slow
    server = serving(env=environment)
    send_it = send(server, "key.trusted")
    eventually(pids)
    send_it.close()
    eventually(lambda: gone(pids()[0]))
    assert server.stop() == 0
    assert len(pids()) == 1


def test_task_that_reads_is_cancelled_with_its_child_process(serving, slow):
    environment, pids = slow
    server = serving(env=environment)
    with send(server, "key.trusted"):
        eventually(pids)
        eventually(lambda: ask(server, "/api/tasks"))
        [task] = ask(server, "/api/tasks")
        ask(server, f"/api/tasks/{task['ID']}/cancel", method="POST")
        eventually(lambda: gone(pids()[0]))
    assert server.stop() == 0


def test_read_that_takes_too_long_is_stopped_and_names_the_setting(serving, slow):
    environment, pids = slow
    server = serving(env={**environment, "DEBREPO_SERVER_READ_SECONDS": "1"})
    status, said = refusal(server, "/api/operations/key.trusted", {"arguments": {}})
    assert (status, said["error"]) == (503, "this takes more than 1 seconds")
    assert "server.read_seconds" in said["hint"]
    assert gone(pids()[0])
    status, said = refusal(server, "/api/gpg/keys")
    assert (status, said["error"]) == (503, "this takes more than 1 seconds")


def test_slow_reads_keep_nobody_from_writing_nor_others_from_reading(serving, slow, debrepo):
    environment, pids = slow
    secret = debrepo("token", "create", "other", "--scope", "read").stdout.strip()
    server = serving(env={**environment, "DEBREPO_SERVER_READS": "4"})
    waiting = [send(server, "key.trusted") for _ in range(30)]
    for _ in range(60):
        connection = socket.create_connection(address(server), 60)
        connection.sendall(b"GET /api/gpg/keys HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        waiting.append(connection)
    eventually(lambda: len(pids()) >= 4)
    arguments = {"name": "ci", "scopes": {"t": ["read"]}}
    assert ask(server, "/api/operations/token.create", {"arguments": arguments})["result"]
    assert ask(server, "/api/repos?_async=1", {"Name": "a"})["ID"]
    assert ask(server, "/api/repos", {"Name": "b"})["Name"] == "b"
    assert len(pids()) == 4  # two tasks, and two requests in the threads that all share
    request = urllib.request.Request(
        f"{server.url}/api/graph.dot", headers={"Authorization": f"Bearer {secret}"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 200
    for connection in waiting:
        connection.close()
    assert server.stop() == 0


def test_server_that_is_told_to_end_stops_what_runs(serving, slow):
    environment, pids = slow
    server = serving(env={**environment, "DEBREPO_SERVER_GRACE": "2"})
    with send(server, "key.trusted") as connection:
        eventually(pids)
        server.process.send_signal(signal.SIGTERM)
        said = connection.recv(65536)
        assert said.startswith(b"HTTP/1.1 503 ")
        assert b"the server is stopping" in said
        assert server.process.wait(60) == 0
    assert all(map(gone, pids()))


def test_second_signal_ends_the_server_at_once_and_loses_nothing(serving, slow, debrepo):
    environment, pids = slow
    server = serving(env={**environment, "DEBREPO_SERVER_GRACE": "600"})
    with send(server, "key.trusted"):
        eventually(pids)
        ask(server, "/api/repos", {"Name": "acknowledged"})
        server.process.send_signal(signal.SIGTERM)
        eventually(lambda: not _listens(server))
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(60) == 1
    eventually(lambda: all(map(gone, pids())))
    assert debrepo("repo", "list", "--raw").output == "acknowledged\n"


def test_server_is_gone_when_its_time_is_over_whatever_clients_do(serving):
    server = serving(env={**os.environ, "DEBREPO_SERVER_GRACE": "1"})
    with socket.create_connection(address(server), 60) as connection:
        head = b"PUT /api/files/d/f HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999\r\n\r\n"
        connection.sendall(head + b"x")
        ask(server, "/api/version")
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(60) in {0, 1}


def _listens(server):
    try:
        socket.create_connection(address(server), 60).close()
    except ConnectionRefusedError:
        return False
    return True


def test_idle_connections_keep_nobody_out(serving, tmp_path):
    log = tmp_path / "log"
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (96, 96)); "
        "from debrepo.cli import main; main()"
    )
    command = ["bash", "-c", f'exec "$@" 2> >(tee {log} >&2)', "-", "python", "-c", code]
    server = serving(command=command, env=os.environ)
    idle = [socket.create_connection(address(server), 60) for _ in range(200)]
    assert ask(server, "/api/version")["Version"]
    assert ask(server, "/api/repos", {"Name": "a"})["Name"] == "a"
    idle[0].settimeout(60)
    with suppress(ConnectionResetError):
        assert idle[0].recv(1) == b""  # it waited for the longest time
    for connection in idle:
        connection.close()
    assert server.stop() == 0
    assert log.read_text().count("closing the longest idle") == 1
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 96


def test_connection_is_refused_where_all_others_are_busy(serving, slow):
    environment, pids = slow
    server = serving(env={**environment, "DEBREPO_SERVER_CONNECTIONS": "4"})
    busy = [send(server, "key.trusted") for _ in range(4)]
    eventually(lambda: len(pids()) == 4)
    status, said = refusal(server, "/api/version")
    assert (status, said["error"]) == (503, "too many requests are in progress")
    busy.pop().close()
    eventually(lambda: sum(map(gone, pids())) == 1)
    assert ask(server, "/api/version")["Version"]
    for connection in busy:
        connection.close()


def test_list_in_a_request_has_as_many_elements_as_are_allowed(api, session):
    session.config.override("server.list_length", 3, "test")
    body = {"arguments": {"keys": ["a"] * 4}}
    answer = api.post("/api/operations/key.export", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"] == ("a list of the request has 4 elements, and the limit is 3")
    assert "server.list_length" in answer.json()["hint"]
    answer = api.post("/api/repos/a/packages", json={"PackageRefs": ["Pamd64 a 1 00000000"] * 4})
    assert "has 4 elements" in answer.json()["error"]
