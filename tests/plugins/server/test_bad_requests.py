"""Bad requests, sent to every route: no 5xx, and JSON that says what is wrong."""

import inspect
import re

import pytest
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from debrepo_server.access import Access
from debrepo_server.app import build

SEGMENTS = [
    "..",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "%252e%252e%252fetc",
    "a%2F..%2F..%2Fb",
    "a%00b",
    "a%0d%0aSet-Cookie:x",
    "%ff%fe",
    "%ED%A0%80",
    "%F0%9F%98%80%E2%80%AE",
    "x" * 4000,
    "9" * 400,
    "-1",
    "_._",
    "s3:none:x",
    "%20",
    "%25s%7B0%7D%24(id)%60",
]
DEEP = 20_000  # ten times what Python itself bears
BODIES = {
    "nothing": b"",
    "cut off": b'{"Name": "x',
    "no object": b"[1]",
    "null": b"null",
    "NaN": b"NaN",
    "text": b"Name=x",
    "not UTF-8": b'{"Name": "\xff"}',
    "UTF-16": '{"Name": "x"}'.encode("utf-16"),
    "surrogate": rb'{"Name": "\ud800", "arguments": {"name": "\ud800"}}',
    "NUL": rb'{"Name": "a\u0000b", "arguments": {"name": "a\u0000b"}}',
    "twice": b'{"Name": "x", "name": 7, "NAME": []}',
    "lists": b"[" * DEEP + b"]" * DEEP,
    "objects": b'{"arguments":' * DEEP + b"1" + b"}" * DEEP,
    "huge number": b'{"Name": ' + b"9" * 5000 + b', "arguments": {"days": ' + b"9" * 4000 + b"}}",
    "infinity": b'{"Name": 1e999, "arguments": {"days": 1e999}}',
    "wire": b'{"arguments": {"name": {"n": ["os:system", "id"]}, "paths": [{"p": "../../x"}]}}',
    "strings": b'{"arguments": {"paths": ["/etc/passwd"], "name": "r", "keyring": "/etc/passwd"}}',
}
#: What tells something about operations that it does not tell about other routes.
OF_OPERATIONS = ("nothing", "surrogate", "objects", "wire", "strings")
#: Values of the wrong type, for every field of a body.
WRONG = [
    -1, 1.5, "\0", "../x", "x" * 5000, [[None]], {}, {"n": ["debrepo.encoding:encode", []]},
]  # fmt: skip


@pytest.fixture
def sent(session):
    """Send requests to a server that lets everybody do everything."""
    app = build(session, Access(session, trusting=True))
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client


def routes(client, *methods):
    for route in client.app.routes:
        assert isinstance(route, APIRoute)
        for method in sorted(route.methods & set(methods)):
            yield method, route


def judge(answer, *about):
    """Hold an answer against what an answer to bad input has to be."""
    about = (*(str(part)[:80] for part in about), answer.status_code, answer.text[:300])
    assert answer.status_code < 500, about
    if answer.status_code >= 400 and answer.request.method != "HEAD":
        said = answer.json()
        assert said.get("error") or said.get("message"), about
        assert len(answer.content) < 20_000, about


def test_bad_paths(sent):
    for method, route in routes(sent, "GET", "HEAD", "POST", "PUT", "DELETE"):
        if "{" not in route.path:
            continue
        for segment in SEGMENTS:
            path = re.sub(r"\{[^}]+\}", lambda _, s=segment: s, route.path)
            judge(sent.request(method, path), method, route.path, segment)


def test_bad_bodies(sent):
    for method, route in routes(sent, "POST", "PUT", "DELETE"):
        path = re.sub(r"\{[^}]+\}", "x", route.path)
        for name, body in BODIES.items():
            if "/operations/" in path and name not in OF_OPERATIONS:
                continue
            headers = {"Content-Type": "application/json"}
            judge(sent.request(method, path, content=body, headers=headers), method, path, name)


def fields(route):
    if route.body_field is None:
        return []
    kind = route.body_field.field_info.annotation
    models = [kind, *getattr(kind, "__args__", ())]
    found = next(model for model in models if hasattr(model, "model_fields"))
    return [field.alias or name for name, field in found.model_fields.items()]


def test_values_of_the_wrong_type(sent):
    for method, route in routes(sent, "POST", "PUT", "DELETE"):
        if "/operations/" in route.path:
            continue
        path = re.sub(r"\{[^}]+\}", "x", route.path)
        for field in fields(route):
            for value in WRONG:
                judge(sent.request(method, path, json={field: value}), method, path, field, value)


def test_operations_with_arguments_of_the_wrong_type(sent, session):
    for operation in session.operations.values():
        if operation.local:
            continue
        names = list(inspect.signature(operation.ref.load()).parameters)[1:]
        path = f"/api/operations/{operation.name}"
        for value in WRONG:
            arguments = dict.fromkeys(names, value)
            judge(sent.post(path, json={"arguments": arguments}), path, value)
        judge(sent.post(path, json={"arguments": {"unheard": 1}}), path)


def test_queries_that_make_no_sense(sent):
    sent.post("/api/repos", json={"Name": "x"})
    bad = ["%ff", "%00", "(" * 5000, "a (~ '(')", "1&q=2", "!" * 5000 + "a", "%ED%A0%80"]
    for _, route in routes(sent, "GET"):
        path = re.sub(r"\{[^}]+\}", "x", route.path)
        for value in bad:
            judge(sent.get(f"{path}?q={value}&withDeps=1&sort=x&format=x"), path, value)
