"""A server in a process of its own: sockets, signals, and the command line beside it."""

import http.client
import json
import logging
import os
import pwd
import signal
import socket
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from debrepo.errors import InvalidInput
from debrepo_server.logs import JSONFormatter
from debrepo_server.serving import bind, is_local


class PathConnection(http.client.HTTPConnection):
    """A connection to a Unix socket."""

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.host)


def ask(url, method="GET", body=None, **headers):
    data = None if body is None else json.dumps(body).encode()
    kind = {"Content-Type": "application/json"} if data else {}
    request = urllib.request.Request(url, data, kind | headers, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def test_server_and_command_line_share_a_root(serving, debrepo):
    server = serving("--no-lock")
    debrepo("repo", "create", "cli")
    ask(f"{server.url}/api/repos", "POST", {"Name": "api"})
    assert [repo["Name"] for repo in ask(f"{server.url}/api/repos")] == ["api", "cli"]
    assert debrepo("repo", "list", "--raw").output == "api\ncli\n"
    debrepo("repo", "drop", "api")
    assert [repo["Name"] for repo in ask(f"{server.url}/api/repos")] == ["cli"]
    assert server.stop() == 0


def test_server_counts_for_prometheus(serving):
    server = serving()
    ask(f"{server.url}/api/version")
    with urllib.request.urlopen(f"{server.url}/api/metrics") as answer:
        text = answer.read().decode()
    assert 'debrepo_http_requests_total{method="GET",path="/api/version",code="200"} 1' in text
    assert server.stop() == 0


def test_socket_tells_who_is_there(serving, tmp_path):
    path = tmp_path / "s"
    server = serving("--listen", f"unix:{path}")
    assert path.stat().st_mode & 0o777 == 0o660
    connection = PathConnection(str(path))
    connection.request("POST", "/api/repos?_async=1&Name=x")
    assert connection.getresponse().status == 202
    connection.close()
    assert server.stop() == 0
    assert not path.exists()
    assert pwd.getpwuid(os.getuid()).pw_name


def test_socket_asks_for_tokens_where_they_are_required(serving, debrepo, tmp_path):
    """Else all clients of a proxy could do everything."""
    secret = debrepo("token", "create", "root", "--scope", "admin").stdout.strip()
    serving("--listen", f"unix:{tmp_path}/s", "--require-token")
    for headers, status in (({}, 401), ({"X-Debrepo-Token": secret}, 200)):
        connection = PathConnection(f"{tmp_path}/s")
        connection.request("GET", "/api/repos", headers=headers)
        assert connection.getresponse().status == status
        connection.close()


def test_socket_that_nobody_listens_on_is_taken_over(tmp_path):
    bind(f"unix:{tmp_path}/s").close()
    listener = bind(f"unix://{tmp_path}/s")
    assert is_local(listener)
    with pytest.raises(InvalidInput, match="another server listens on"):
        bind(f"unix:{tmp_path}/s")
    listener.close()
    (tmp_path / "file").touch()
    with pytest.raises(InvalidInput, match="is not a socket"):
        bind(f"unix:{tmp_path}/file")


@pytest.mark.parametrize("text", ["", "8080", "host:port", "127.0.0.1:99999", "unix:/none/s"])
def test_listening_nowhere_is_refused(text):
    with pytest.raises(InvalidInput, match="cannot listen on"):
        bind(text)


def test_listening_beyond_this_machine_needs_tokens(debrepo, serving):
    said = debrepo("serve", "--listen", "0.0.0.0:0", exit_code=2).output
    assert "no token exists" in said
    said = debrepo("api", "serve", "--listen", ":0", exit_code=2).output
    assert "--insecure" in said
    secret = debrepo("token", "create", "root", "--scope", "admin").stdout.strip()
    server = serving("--listen", "0.0.0.0:0")
    with pytest.raises(urllib.error.HTTPError, match="401"):
        ask(f"{server.url}/api/repos")
    assert ask(f"{server.url}/api/repos", Authorization=f"Bearer {secret}") == []
    assert server.stop() == 0


def test_insecure_lets_everybody_in(serving):
    server = serving("--listen", "0.0.0.0:0", "--insecure")
    assert ask(f"{server.url}/api/repos") == []


def test_socket_of_systemd_is_used(serving):
    listener = bind("127.0.0.1:0")
    port = listener.getsockname()[1]
    wrapper = f'exec env LISTEN_PID=$$ LISTEN_FDS=1 "$0" -m debrepo "$@" 3<&{listener.fileno()}'
    server = serving(command=["bash", "-c", wrapper, sys.executable], pass_fds=[listener.fileno()])
    listener.close()
    assert server.url.endswith(f":{port}")
    assert ask(f"{server.url}/api/repos") == []
    assert server.stop() == 0


def test_upload_that_is_cut_off_leaves_nothing(serving, debrepo_root):
    server = serving()
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        head = "PUT /api/files/d/f HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n"
        connection.sendall(head.encode() + b"x" * 5000)
    assert server.stop() == 0
    assert list(debrepo_root.glob("upload/**/*")) == []


def test_upload_that_goes_on_when_the_server_ends_is_told_so(serving, debrepo_root):
    debrepo_root.mkdir(exist_ok=True)
    (debrepo_root / "debrepo.toml").write_text("[server]\ngrace = 2\n")
    server = serving()
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        head = "PUT /api/files/d/f HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n"
        connection.sendall(head.encode() + b"Expect: 100-continue\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 100 ")
        server.stop()
        assert connection.recv(4096).startswith(b"HTTP/1.1 503 ")
    assert [path for path in debrepo_root.glob("upload/**/*") if path.is_file()] == []


def test_second_signal_is_not_needed_while_clients_wait(serving):
    server = serving()
    with ThreadPoolExecutor(8) as pool:
        names = [f"r{number}" for number in range(40)]
        made = [
            pool.submit(ask, f"{server.url}/api/repos", "POST", {"Name": name}) for name in names
        ]
        assert sorted(job.result()["Name"] for job in made) == sorted(names)
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(60) == 0


def test_server_without_its_libraries_says_what_to_install(tmp_path):
    code = (
        "import sys; sys.modules['uvicorn'] = None; from debrepo.cli import main; "
        f"sys.argv[1:] = ['--root', {str(tmp_path)!r}, 'serve', '--listen', '127.0.0.1:0']; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 9
    assert "debrepo-manager[serve]" in done.stderr


def test_log_is_for_people_or_programs(debrepo, debrepo_root):
    debrepo_root.mkdir()
    (debrepo_root / "debrepo.toml").write_text('[server]\nlog_format = "csv"\n')
    assert (
        "it can be: text, json" in debrepo("serve", "--listen", "127.0.0.1:0", exit_code=2).output
    )
    record = logging.LogRecord("debrepo.requests", logging.INFO, "", 0, "GET %s", ("/x",), None)
    assert json.loads(JSONFormatter().format(record))["message"] == "GET /x"


def test_server_that_was_killed_leaves_no_task_unanswered(serving, debrepo):
    server = serving()
    for number in range(30):
        ask(f"{server.url}/api/repos?_async=1", "POST", {"Name": f"r{number}"})
    server.process.kill()
    server.process.wait()
    server = serving()
    ask(f"{server.url}/api/tasks-wait")
    tasks = ask(f"{server.url}/api/tasks")
    assert (len(tasks), {task["State"] for task in tasks} <= {2, 3}) == (30, True)
    made = set(debrepo("repo", "list", "--raw").output.split())
    assert {task["Name"].split()[-1] for task in tasks if task["State"] == 2} <= made
    for task in tasks:
        said = ask(f"{server.url}/api/tasks/{task['ID']}/output")
        assert said == "Task succeeded" or "had this task has died" in said
