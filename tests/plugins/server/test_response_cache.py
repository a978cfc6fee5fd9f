"""The response cache: answers are repeated until something changes."""

import asyncio
import json
from itertools import count
from urllib.request import urlopen

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from debrepo.errors import NotAuthenticated
from debrepo.http import Caller
from debrepo_server import operations
from debrepo_server.access import Access
from debrepo_server.api import routes
from debrepo_server.app import build
from debrepo_server.response_cache import ResponseCache

VERSION, METRICS = (
    next(route for route in routes.routes if route.path == f"/api/{name}")
    for name in ("version", "metrics")
)
ANN = Caller("ann", ("read",))


class Front:
    """A route behind what keeps its answers, and how often it was asked itself."""

    def __init__(self, route=VERSION, body=b"[]", more=False, limit=100_000):
        self.route, self.body, self.more = route, body, more
        self.asked, self.state, self.caller = 0, 1, ANN
        self.settled = ResponseCache(self.answer, lambda: self.state, self.authenticate, limit)

    def authenticate(self, _):
        if self.caller is None:
            raise NotAuthenticated("no")
        return self.caller

    async def answer(self, scope, _, send):
        self.asked += 1
        scope["route"] = self.route
        scope["state"] = {"caller": self.caller}
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": self.body, "more_body": self.more})
        if self.more:
            await send({"type": "http.response.body", "body": b""})

    def get(self, path=b"/x", method="GET", **headers):
        sent = []

        async def send(message):
            sent.append(message.get("body", b""))

        scope = {"type": "http", "method": method, "client": ("127.0.0.1", 1), "raw_path": path}
        scope["headers"] = [(k.encode(), v.encode()) for k, v in headers.items()]
        asyncio.run(self.settled({**scope, "query_string": b""}, None, send))
        return b"".join(sent)


def test_same_request_in_the_same_state_asks_the_route_once():
    front = Front()
    assert [front.get() for _ in range(3)] == [b"[]"] * 3
    assert front.asked == 1


@pytest.mark.parametrize(
    "other",
    [{"path": b"/y"}, {"accept": "text/html"}, {"if_none_match": "x"}, {"method": "HEAD"}],
)
def test_another_request_asks_the_route(other):
    front = Front()
    front.get()
    front.get(**other)
    assert front.asked == 2


@pytest.mark.parametrize(
    ("what", "value"),
    [("state", 2), ("state", None), ("caller", Caller("bob", ())), ("caller", None)],
)
def test_another_state_or_caller_asks_the_route(what, value):
    front = Front()
    front.get()
    setattr(front, what, value)
    front.get()
    assert front.asked == 2


@pytest.mark.parametrize("how", [{"route": METRICS}, {"more": True}, {"body": bytes(1 << 20)}])
def test_answer_that_is_not_settled_or_long_is_not_kept(how):
    front = Front(**how)
    front.get()
    front.get()
    assert front.asked == 2


def test_oldest_answers_go_when_there_is_no_room():
    front = Front(limit=5000)
    for number in range(20):
        front.get(b"/%d" % number)
    front.get(b"/19")
    assert front.asked == 20
    front.get(b"/0")
    assert front.asked == 21


def test_change_by_another_process_is_seen_at_once(serving, debrepo):
    url = f"{serving().url}/api/repos"
    for name in ("a", "b", "c"):
        debrepo("repo", "create", name)
        with urlopen(url) as answer:
            assert json.load(answer)[-1]["Name"] == name


def test_token_that_was_revoked_or_may_no_more_is_refused_at_once(session):
    with TestClient(build(session, Access(session, trusting=False))) as client:
        secret = session.run(operations.create_token, "ci", scopes=["read"])
        sent = {"Authorization": f"Bearer {secret}"}
        assert [client.get("/api/repos", headers=sent).status_code for _ in range(2)] == [200, 200]
        assert client.get("/api/repos").status_code == 401
        session.run(operations.revoke_token, "ci")
        assert client.get("/api/repos", headers=sent).status_code == 401


def test_requests_are_counted_and_limited_however_they_are_answered(session, debrepo_root):
    debrepo_root.mkdir(exist_ok=True)
    (debrepo_root / "debrepo.toml").write_text("[server]\nrequests_per_second = 1\n")
    app = build(session, Access(session, trusting=True))
    with TestClient(app, base_url="http://localhost") as client:
        assert 429 in [client.get("/api/repos").status_code for _ in range(4)]


def test_task_is_listed_as_it_is_now(api):
    assert api.get("/api/tasks").json() == api.get("/api/tasks").json() == []
    number = api.post("/api/repos?_async=1", json={"Name": "x"}).json()["ID"]
    api.get(f"/api/tasks/{number}/wait")
    assert [task["State"] for task in api.get("/api/tasks").json()] == [2]


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["POST", "PUT", "DELETE", "GET", "GET", "GET"]), st.sampled_from("ab")
    ),
    max_size=12,
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(ACTS)
def test_answer_is_what_a_new_question_gets(api, acts):
    fresh = count()
    for method, name in acts:
        if method == "POST":
            api.post("/api/repos", json={"Name": name})
        elif method != "GET":
            api.request(method, f"/api/repos/{name}", json={"Comment": method + name})
        for path in ("/api/repos", f"/api/repos/{name}", f"/api/repos/{name}/packages"):
            new = api.get(path, headers={"X-New": str(next(fresh))})
            old = api.get(path)
            assert (old.status_code, old.content) == (new.status_code, new.content)
