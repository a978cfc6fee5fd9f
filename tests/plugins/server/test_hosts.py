"""The names that a server answers to: no page elsewhere reads it under a name of its own."""

import json
import socket

import pytest
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from debrepo.errors import InvalidInput
from debrepo_server.access import Access
from debrepo_server.app import build
from debrepo_server.hosts import Hosts

OURS = [
    "localhost",
    "localhost:8080",
    "LocalHost",
    "localhost.",
    "localhost.:8080",
    "debrepo.localhost",
    "127.0.0.1:8080",
    "127.8.9.1",
    "[::1]",
    "[::1]:8080",
    "[::FFFF:127.0.0.1]:8080",
    "192.168.0.7",
    "localhost:",
    socket.gethostname(),
]
OTHERS = [
    "evil.example",
    "evil.example:8080",
    "localhost.evil.example",
    "evillocalhost",
    "127.0.0.1.evil.example",
    "2130706433",
    "0x7f000001",
]
MALFORMED = [
    "",
    " ",
    "local host",
    "localhost:x",
    "localhost:99999",
    "localhost:-1",
    "localhost:8080:8080",
    "localhost, evil.example",
    "user@localhost",
    "http://localhost",
    "localhost/",
    "::1",
    "[::1",
    "[::g]",
    "[1.2.3.4]x",
    ".",
    ":8080",
    "%6cocalhost",
    "localh\xf6st",
    "x" * 300,
]


@pytest.fixture
def serve(session):
    """Make a client of a server in this process that answers to these names."""
    clients = []

    def make(*names, trusting=True, listen=""):
        session.config.override("server.hosts", names, "a test")
        app = build(session, Access(session, trusting=trusting), listen)
        clients.append(TestClient(app, base_url="http://localhost"))
        return clients[-1].__enter__()

    yield make
    for client in clients:
        client.__exit__(None, None, None)


def status(client, host, path="/api/version"):
    return client.get(path, headers=[("Host", host.encode("latin-1"))]).status_code


@pytest.mark.parametrize("host", OURS)
def test_server_answers_to_its_own_names_and_to_addresses(api, host):
    assert status(api, host) == 200


@pytest.mark.parametrize("host", OTHERS)
def test_server_that_trusts_everybody_answers_to_no_other_name(api, host):
    answer = api.get("/api/repos", headers={"Host": host})
    name = host.partition(":")[0]
    assert answer.status_code == 421
    assert answer.json() == {
        "error": f"this server is not called '{name}'",
        "hint": f'if it is, add "{name}" to the setting server.hosts',
        "kind": "NotAllowed",
    }


@pytest.mark.parametrize("trusting", [True, False])
@pytest.mark.parametrize("host", MALFORMED)
def test_malformed_host_is_refused_by_every_server(serve, host, trusting):
    assert status(serve("*", trusting=trusting), host) == 400


def test_every_route_is_behind_the_check(api, session):
    (session.root / "public").mkdir(parents=True)
    (session.root / "public/x").touch()
    for route in api.app.routes:
        assert isinstance(route, APIRoute)
        for method in route.methods:
            answer = api.request(method, route.path, headers={"Host": "evil.example"})
            assert answer.status_code == 421, (method, route.path)
    for path in ("/repos/-/x", "/none"):
        assert status(api, "evil.example", path) == 421


def test_names_are_those_of_the_configuration_besides_its_own(serve):
    client = serve("Repo.Example.org", "*.internal.")
    hosts = ("repo.example.org:443", "localhost", "a.internal", "internal", "a.example.org")
    assert [status(client, host) for host in hosts] == [200, 200, 200, 421, 421]


def test_any_name_will_do_where_the_configuration_says_so(serve):
    assert status(serve("*"), "evil.example") == 200


def test_server_that_asks_for_tokens_answers_to_any_name_unless_names_are_configured(serve):
    assert status(serve(trusting=False), "evil.example") == 200
    assert status(serve("repo.example.org", trusting=False), "evil.example") == 421


def test_name_that_is_listened_on_is_one_of_the_servers(serve):
    assert status(serve(listen="build.internal"), "build.internal:80") == 200


def test_server_whose_strangers_may_do_everything_is_no_exception(session, serve):
    session.config.override("server.anonymous", ("admin",), "a test")
    assert status(serve(trusting=False), "evil.example") == 421


@pytest.mark.parametrize("name", ["repo.example.org:80", "http://x", "", "a b", "a.*", "**", "-\n"])
def test_name_that_is_no_host_is_refused_when_the_server_starts(name):
    with pytest.raises(InvalidInput, match="is not the name of a host"):
        Hosts([name], trusting=True)


def said(address, *lines):
    """Send lines of a request, and return the status and the JSON of the answer."""
    kind = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(kind) as connection:
        connection.settimeout(20)
        connection.connect(address)
        connection.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode())
        head, _, body = b"".join(iter(lambda: connection.recv(65536), b"")).partition(b"\r\n\r\n")
        return int(head.split()[1]), json.loads(body)


def test_host_is_one_and_is_that_of_the_target(serving):
    host, _, port = serving().url.removeprefix("http://").partition(":")
    address = (host, int(port))
    assert said(address, "GET /api/version HTTP/1.1")[0] == 400
    assert said(address, "GET /api/version HTTP/1.1", "Host: a", "Host: a")[0] == 400
    assert (
        said(address, "GET /api/version HTTP/1.1", "Host: localhost", "host: localhost")[0] == 400
    )
    assert said(address, "GET /api/version HTTP/1.0")[0] == 200
    assert said(address, "GET /api/version HTTP/1.0", "Host: evil.example")[0] == 421
    whole = "GET http://{}/api/version HTTP/1.1".format
    assert said(address, whole("localhost:8080"), "Host: localhost")[0] == 200
    assert said(address, whole("evil.example"), "Host: localhost")[0] == 421
    assert said(address, whole("u:p@localhost"), "Host: localhost")[0] == 400
    assert said(address, whole("localhost"), "Host: evil.example")[0] == 421


def test_unix_socket_answers_to_any_name_but_not_to_what_is_malformed(serving, tmp_path):
    serving("--listen", f"unix:{tmp_path}/s")
    path = str(tmp_path / "s")
    assert said(path, "GET /api/version HTTP/1.1", "Host: anything.example")[0] == 200
    assert said(path, "GET /api/version HTTP/1.1", f"Host: {path}")[0] == 200
    assert said(path, "GET /api/version HTTP/1.1", f"Host: {path.replace('/', '%2F')}")[0] == 200
    assert said(path, "GET /api/version HTTP/1.1", "Host: a b")[0] == 400
    assert said(path, "GET /api/version HTTP/1.1", "Host: a", "Host: a")[0] == 400
    assert said(path, "GET /api/version HTTP/1.1")[0] == 400
