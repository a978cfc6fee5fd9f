"""Odd requests, sent to every route: no 5xx, no traceback, and the next request is answered."""

import http.client
import json
import logging
import re
import socket
import threading
from typing import NamedTuple

import pytest
import uvicorn

from debrepo.testing.packages import build_deb
from debrepo_server.access import Access
from debrepo_server.app import build
from debrepo_server.protocol import Protocol

DIGITS = b"9" * 5000
#: What stands for a name or a number, in a path or a query, as it is on the wire.
WORDS = [
    b"",
    b"0",
    b"-1",
    b"%2B1",
    b"1_0",
    b"1e999",
    b"NaN",
    b"9" * 19,
    b"9" * 40,
    DIGITS,
    b"-" + DIGITS,
    b"%D9%A3",  # a digit in Arabic
    b"%C2%B2",  # a digit that int() refuses
    b"%00",
    b"a%00b",
    b"%2f",
    b"a%2F..%2F..%2Fb",
    b"..",
    b".",
    b"%ED%A0%80",  # half of a surrogate pair
    b"%FF%FE",
    b"%C0%AF",  # a slash in more bytes than it needs
    b"%F0%82%82%AC",
    b"%E2%80%AE%D7%90",
    b"%",
    b"%zz",
    b"%2500",
    b"%0d%0aX:%20y",
    b"%20",
    b"{0}%7B0%7D",
    b"*",
    b"-",
    b"--help",
    b"s3:none:x",
    b"x" * 300,
    b"%F0%9F%98%80" * 1500,
    b"(" * 3000,
]
FEW = [b"", b"-1", DIGITS, b"%C2%B2", b"%00", b"%ED%A0%80", b"%FF", b"x" * 5000, b"(" * 3000]
LONG = b"x" * 20_000

#: Values of headers, each of which is sent to every route.
HEADERS = {
    b"Range": [
        b"bytes=0-" + DIGITS,
        b"bytes=" + DIGITS + b"-",
        b"bytes=-" + DIGITS,
        b"bytes=\xb2-\xb3",
        b"bytes=2-1",
        b"bytes=-",
        b"bytes=-0",
        b"bytes=" + b"0-0," * 2000,
        b"lines=1-2",
    ],
    b"If-None-Match": [b'"', b"*", b"W/", b'"x",' * 3000, b"\xff\xfe", b""],
    b"If-Range": [b"\xff", DIGITS, b'W/"x"', b"Fri, 99 Foo 99999 99:99:99 GMT"],
    b"If-Modified-Since": [
        b"Thu, 01 Jan 99999999999 00:00:00 GMT",
        b"Thu, 01 Jan 0000 00:00:00 GMT",
        b"Thu, 01 Jan 1970 00:00:00 " + b"+" + b"9" * 400,
        b"Thu, 31 Feb 2024 25:61:61 GMT",
        DIGITS,
        b"\xb2 \xb2 \xb2",
        b"(" * 3000,
        b'"' * 3000,
    ],
    b"Accept-Encoding": [b"gzip;q=" + DIGITS, b"\xff", b"gzip," * 3000, b";;;=", b"*;q=-1"],
    b"Accept": [b"\xff/\xfe", b"*/*;q=NaN", b"/," * 3000],
    b"Prefer": [b"wait=" + DIGITS, b"wait=-1", b"wait=\xb2", b'wait="', b"wait=0", b"\xff"],
    b"Origin": [b"\xff", b"http://[", b"http://" + LONG, b"null", b"http://a:" + DIGITS],
    b"Cookie": [b"\xff=\xff", b";" * 5000],
    b"Forwarded": [b"for=" + LONG],
    b"X-Forwarded-For": [b"\xff"],
    b"Expect": [b"100-continue", b"\xff"],
    b"Upgrade": [b"websocket", b"h2c"],
    b"Referer": [b"\xff"],
}
CREDENTIALS = {
    b"Authorization": [
        b"",
        b"Basic",
        b"Basic !",
        b"Basic /w==",
        b"Basic \xc3\xa9",
        b"Basic " + b"A" * 20_001,
        b"Basic Og==",
        b"Basic " + b"AAAA" * 5000,
        b"Bearer",
        b"Bearer \xff\xfe",
        b"Bearer " + LONG,
        b"Digest username=x",
    ],
    b"PRIVATE-TOKEN": [b"\xff", LONG],
    b"X-Debrepo-Token": [b"\x80"],
}
REPLAYS = [b"\xff", b"x" * 256, b"k" * 20_000, b"\xf0\x9f\x98\x80", b"key"]
TYPES = [
    b"",
    b"application/json; charset=\xff",
    b"application/json; charset=utf-16",
    b"application/x-www-form-urlencoded; charset=none",
    b"multipart/form-data",
    b"multipart/form-data; boundary=",
    b"multipart/form-data; boundary=" + b"b" * 5000,
    b"multipart/form-data; boundary=\xff\xfe",
    b'multipart/form-data; boundary="',
    b"multipart/form-data; boundary*=utf-8''%ff",
    b"multipart/form-data; boundary*=none''x",
    b"multipart/form-data; boundary*0=" + b"x" * 300,
    b"multipart/form-data; " + b"a=b;" * 3000,
    b"\xff",
    b"x/" + LONG,
]
LENGTHS = [b"-1", DIGITS, b"0x1", b"1,1", b"+1", b"\xb2", b" ", b"18446744073709551617"]
DEEP = 100_000


def nested(deep):
    """A body whose values nest as deep; what JSON bears, others may not."""
    value = b"[" * deep + b"]" * deep
    wire = b'{"t":[' * deep + b"]}" * deep
    return b'{"Name": %s, "Sources": %s, "arguments": {"name": %s}}' % (value, value, wire)


BODIES = {
    "nothing": b"",
    "lists": b"[" * DEEP + b"]" * DEEP,
    "objects": b'{"Name":' * DEEP + b"1" + b"}" * DEEP,
    "open": b"[" * DEEP,
    "huge": b'{"Name": ' + DIGITS + b', "arguments": {"days": ' + DIGITS + b"}}",
    "large": b'{"Name": 1' + b"0" * 4000 + b', "arguments": {"days": 1' + b"0" * 4000 + b"}}",
    "floats": b'{"Name": 1e999, "arguments": {"days": -1e999, "name": NaN}}',
    "NaN": b'{"Name": NaN, "Sources": [Infinity], "Comment": -Infinity}',
    "twice": b'{"Name": "x", "name": [], "NAME": {}, "arguments": 1, "Arguments": {}}',
    "surrogates": rb'{"Name": "\ud800", "arguments": {"name": "\udfff", "\ud800": 1}}',
    "keys": rb'{"\u0000": 1, "": 2, "\ud800": 3, "arguments": {"": 1, "self": 2, "session": 3}}',
    "bytes": b'\xef\xbb\xbf{"Name": "\xff\xfe"}',
    "types": b'{"arguments": [], "Name": {}, "Sources": 1, "Signing": [], "Snapshots": "x"}',
    **{f"nested {deep}": nested(deep) for deep in (100, 300, 480, 700, 900, 2000)},
    "many": b'{"Name": "x", "Sources": [' + b"{}," * 50_000 + b"{}]}",
}


def form(*parts):
    return b"".join(b"--B\r\n" + part + b"\r\n" for part in parts) + b"--B--\r\n"


def file(name, data=b"x"):
    head = b'Content-Disposition: form-data; name="file"; filename=' + name
    return head + b"\r\n\r\n" + data


FORMS = [
    b"",
    b"--B",
    b"--B--",
    b"--B\r\n",
    b"x" * 5000,
    form(),
    form(b""),
    form(b"no colon\r\n\r\nx"),
    form(b": empty\r\n\r\nx"),
    form(b"A: " + LONG + b"\r\n\r\nx"),
    form(b"A: b\r\n" * 200 + b"\r\nx"),
    form(file(b'""')),
    form(file(b'"\0"')),
    form(file(b'"\xff\xfe.deb"')),
    form(file(b'"../../x"')),
    form(file(b'".."')),
    form(file(b'"' + b"x" * 5000 + b'"')),
    form(file(b'"a"'), file(b'"a"'), file(b'"d/a"')),
    form(b"Content-Disposition: form-data; filename*=utf-8''%ff%00\r\n\r\nx"),
    form(b"Content-Disposition: form-data; filename*=none''x\r\n\r\nx"),
    form(b"Content-Disposition: " + b";" * 5000 + b"\r\n\r\nx"),
    form(b'Content-Disposition: form-data; name="Name"\r\n\r\n\xff\0'),
    form(b'Content-Disposition: form-data; name="' + b"n" * 5000 + b'"\r\n\r\nx'),
    form(*[b'Content-Disposition: form-data; name="Name"\r\n\r\nx'] * 1500),
]
FORM = b"multipart/form-data; boundary=B"
#: Heads that are not HTTP, or hardly.
HEADS = [
    b"GET /%\xff HTTP/1.1",
    b"GET /\xe2\x80\xae HTTP/1.1",
    b"GET http:// HTTP/1.1",
    b"GET http://localhost HTTP/1.1",
    b"GET //localhost/api/version HTTP/1.1",
    b"GET http://[::1/api/version HTTP/1.1",
    b"GET http://localhost:" + DIGITS + b"/ HTTP/1.1",
    b"GET ?q HTTP/1.1",
    b"GET api/version HTTP/1.1",
    b"OPTIONS * HTTP/1.1",
    b"CONNECT localhost:80 HTTP/1.1",
    b"TRACE /api/version HTTP/1.1",
    b"PROPFIND /api/version HTTP/1.1",
    b"BREW /api/version HTTP/1.1",
    b"GET /api/version HTTP/9.9",
    b"GET /api/version HTTP/1.1" + DIGITS,
    b"GET /api/version",
    b"GET  /api/version  HTTP/1.1",
    b"PRI * HTTP/2.0",
]


class Answer(NamedTuple):
    """What came of a request; status 0 is a connection that was closed without an answer."""

    status: int
    body: bytes


class Line:
    """A connection that is opened again when the server has closed it."""

    def __init__(self, address):
        self._address = address
        self._socket = None
        self.opened = 0

    def ask(self, line, headers=(), body=b"", *, host=True, length=True):
        head = [line, *([b"Host: localhost"] if host else [])]
        head += [name + b": " + value for name, value in headers]
        head += [b"Content-Length: %d" % len(body)] if body and length else []
        return self.say(b"\r\n".join([*head, b"", body]), line.partition(b" ")[0])

    def say(self, said, method=b"GET"):
        if self._socket is None:
            self._socket = socket.create_connection(self._address, 60)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.opened += 1
        try:
            self._socket.sendall(said)
            answer = http.client.HTTPResponse(self._socket, method=method.decode())
            answer.begin()
            body = answer.read()
            if answer.will_close or answer.status == 101:
                self.close()
            return Answer(answer.status, body)
        except (http.client.RemoteDisconnected, ConnectionError):
            self.close()
            return Answer(0, b"")

    def leave(self, line, headers, body):
        """Send a part of a request, and hang up."""
        head = [line, b"Host: localhost", *(name + b": " + value for name, value in headers)]
        with socket.create_connection(self._address, 60) as connection:
            connection.sendall(b"\r\n".join([*head, b"", body]))

    def close(self):
        if self._socket is not None:
            self._socket.close()
            self._socket = None


@pytest.fixture
def server(session):
    """A server in a thread, that lets everybody do everything: its application and address."""
    app = build(session, Access(session, trusting=True))
    config = uvicorn.Config(app, http=Protocol, ws="none", log_config=None, lifespan="on")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield app, listener.getsockname()
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def line(server):
    """A connection to the server."""
    opened = Line(server[1])
    yield opened
    opened.close()


@pytest.fixture
def judge(caplog):
    """Hold an answer against what an answer to odd input has to be."""
    caplog.set_level(logging.INFO)

    def judge(answer, *about):
        about = (*(part[:90] if isinstance(part, (bytes, str)) else part for part in about), answer)
        excused = b'"kind":"RemoteError"' in answer.body  # somebody else's server was named
        assert answer.status, (*about, "hung up on")
        assert answer.status < 500 or excused, about
        if answer.status >= 400 and answer.body:
            if answer.body.startswith(b"{"):  # GitLab's are plain text here and there
                said = json.loads(answer.body)
                assert said.get("error") or said.get("message"), about
            assert len(answer.body) < 20_000, about
        for record in caplog.records:
            assert record.exc_info is None, (*about, record, record.exc_text)
            assert record.levelno < logging.ERROR, (*about, record)
        caplog.clear()

    return judge


@pytest.fixture
def stocked(session, tmp_path):
    """Things called x, and what is published of them."""
    session.call("repo.create", name="x")
    list(session.call("repo.add", name="x", paths=[build_deb(tmp_path, "hello", "1.0")]))
    session.call("snapshot.create", name="x", kind="repo", source="x")
    session.call("project.create", path="x", kind="group")
    session.call("project.create", path="x/x")
    session.call(
        "publish.create",
        kind="repo",
        names=["x"],
        place="x",
        distribution="x",
        options={"skip_signing": True},
    )
    session.call("distribution.create", container="x/x", codename="x")
    for path in ("public/x/x", "upload/x/x"):
        (session.root / path).parent.mkdir(parents=True, exist_ok=True)
        (session.root / path).write_bytes(b"0123456789")


def routes(app, *methods):
    """Yield method, path with braces for its parameters, and route; what deletes comes last."""
    for method in methods:
        for route in app.routes:
            if method in route.methods and "/operations/" not in route.path:
                yield method.encode(), route.path.encode(), route


BRACES = re.compile(rb"\{[^}]+\}")


THERE = {b"{storage}": b"-", b"{path:path}": b"x/x"}


def filled(path, brace=b"", word=b""):
    """Return a path with a word for one parameter, and for the others what is there."""
    usual = b"1" if b"/v4/" in path or b"/tasks/" in path else b"x"
    return BRACES.sub(lambda found: word if found[0] == brace else THERE.get(found[0], usual), path)


def test_words_in_paths(server, line, stocked, judge):
    for method, path, _ in routes(server[0], "GET", "HEAD", "POST", "PUT", "DELETE"):
        for brace in BRACES.findall(path):
            for word in WORDS:
                target = filled(path, brace, word)
                judge(line.ask(method + b" " + target + b" HTTP/1.1"), method, target)


def parameters(route):
    """Yield the names of the parameters that a route takes in its query."""
    left = [route.dependant]
    while left:
        one = left.pop()
        left += one.dependencies
        yield from (field.alias.encode() for field in one.query_params)


def test_words_in_queries(server, line, stocked, judge):
    for method, path, route in routes(server[0], "GET", "POST", "PUT", "DELETE"):
        target = method + b" " + filled(path) + b"?%s HTTP/1.1"
        names = {*parameters(route), *([] if method == b"GET" else [b"_async"])}
        for name in sorted(names):
            for word in FEW:
                judge(line.ask(target % (name + b"=" + word)), target, name, word)
        queries = [
            b"&".join(name + b"=1&" + name + b"=2" for name in names),
            b"&" * 5000 + b"=" * 5000,
            b"%00=%00&%ff=%ff&[]=1&a[b][c]=1",
            b"&".join(b"a%d=1" % number for number in range(3000)),
        ]
        for query in queries:
            judge(line.ask(target % query), target, query)


def test_headers(server, line, stocked, judge):
    for method, path, _ in routes(server[0], "GET", "HEAD", "POST", "PUT", "DELETE"):
        request = method + b" " + filled(path) + b" HTTP/1.1"
        for turn in range(max(map(len, HEADERS.values()))):
            headers = [(name, values[turn % len(values)]) for name, values in HEADERS.items()]
            judge(line.ask(request, headers), request, turn)
        twice = [(name, value) for name, values in HEADERS.items() for value in values[:2]]
        judge(line.ask(request, twice), request)


def test_headers_of_downloads(line, stocked, judge):
    for name, values in HEADERS.items():
        for value in values:
            for method in (b"GET", b"HEAD"):
                request = method + b" /repos/-/x/x HTTP/1.1"
                judge(line.ask(request, [(name, value)]), request, name, value)
                judge(line.ask(request, [(b"Range", b"bytes=1-2"), (name, value)]), name, value)


def test_credentials(server, line, stocked, judge):
    for method, path, _ in routes(server[0], "GET", "PUT"):
        request = method + b" " + filled(path) + b" HTTP/1.1"
        for name, values in CREDENTIALS.items():
            for value in values:
                judge(line.ask(request, [(name, value)]), request, name, value)
            judge(line.ask(request, [(name, value) for value in values[:2]]), request, name)


def test_idempotency_keys(server, line, stocked, judge):
    for method, path, _ in routes(server[0], "POST"):
        request = method + b" " + filled(path) + b" HTTP/1.1"
        for key in REPLAYS:
            for body in (b"{}", b"[]"):
                headers = [(b"Idempotency-Key", key), (b"Content-Type", b"application/json")]
                judge(line.ask(request, headers, body), request, key)


def test_types_and_lengths_of_bodies(server, line, stocked, judge):
    for method, path, _ in routes(server[0], "POST", "PUT", "DELETE"):
        request = method + b" " + filled(path) + b" HTTP/1.1"
        for kind in TYPES:
            judge(line.ask(request, [(b"Content-Type", kind)], b'{"Name": "x"}'), request, kind)
        for length in LENGTHS:
            headers = [(b"Content-Type", b"application/json"), (b"Content-Length", length)]
            answer = line.ask(request, headers, b"{}", length=False)
            line.close()
            judge(answer, request, length)


def test_bodies(server, line, stocked, judge):
    for method, path, _ in routes(server[0], "POST", "PUT", "DELETE"):
        request = method + b" " + filled(path) + b" HTTP/1.1"
        for name, body in BODIES.items():
            answer = line.ask(request, [(b"Content-Type", b"application/json")], body)
            judge(answer, request, name)


def test_arguments_of_operations(server, line, stocked, session, judge):
    for name, operation in session.operations.items():
        if operation.local:
            continue
        request = b"POST /api/operations/" + name.encode() + b" HTTP/1.1"
        for about, body in BODIES.items():
            answer = line.ask(request, [(b"Content-Type", b"application/json")], body)
            judge(answer, request, about)


def test_forms(server, line, stocked, judge):
    for method, path, _ in routes(server[0], "POST", "PUT"):
        request = method + b" " + filled(path) + b" HTTP/1.1"
        for body in FORMS:
            judge(line.ask(request, [(b"Content-Type", FORM)], body), request, body)


def test_what_is_hardly_http(line, judge):
    for head in HEADS:
        judge(line.ask(head), head)
        line.close()
    assert line.ask(b"GET /api/version HTTP/1.1").status == 200


def test_client_that_leaves_in_the_middle_of_a_body(server, line, stocked, judge):
    for method, path, _ in routes(server[0], "POST", "PUT"):
        request = method + b" " + filled(path) + b" HTTP/1.1"
        for kind in (b"application/json", FORM, b"text/plain"):
            headers = [(b"Content-Type", kind), (b"Content-Length", b"999")]
            line.leave(request, headers, b"--B\r\n")
    judge(line.ask(b"GET /api/version HTTP/1.1"))
