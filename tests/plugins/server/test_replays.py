"""Requests that are sent again with their idempotency key."""

import asyncio
import threading
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.testclient import TestClient

from debrepo_server import replays
from debrepo_server.access import Access
from debrepo_server.app import build
from debrepo_server.body_digest import BodyDigest


def test_request_with_a_key_is_done_once(api):
    def post(name, key="k"):
        return api.post("/api/repos", json={"Name": name}, headers={"Idempotency-Key": key})

    assert (post("a").status_code, post("a").status_code) == (201, 201)
    assert post("a").headers["idempotency-replayed"] == "true"
    assert post("b").status_code == 409
    assert post("a", "other").status_code == 409
    assert post("a", "k" * 256).status_code == 400


BOUNDARIES = st.text("ab-", min_size=1, max_size=3).map(str.encode)


@settings(max_examples=200, deadline=None)
@given(BOUNDARIES, BOUNDARIES, st.lists(st.sampled_from([None, b"x", b"\r\n"])), st.data())
def test_form_has_one_digest_whatever_its_boundary_and_its_chunks(one, other, parts, data):
    def digest(boundary):
        body = b"".join(boundary if part is None else part for part in parts)
        cuts = sorted(data.draw(st.sets(st.integers(0, len(body)), max_size=4)))
        pieces = [body[i:j] for i, j in pairwise([0, *cuts, len(body)])]

        async def receive():
            return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

        kind = b'multipart/form-data; boundary="%s"' % boundary
        headers = [(b"content-type", kind), (b"content-length", b"9")]
        scope = {"type": "http", "method": "POST", "headers": headers}
        return asyncio.run(BodyDigest(Request(scope, receive)).finish())

    assert digest(one) == digest(other) != ""


def test_key_stands_for_the_content_of_an_upload_whatever_its_boundary(api):
    def post(content, boundary="b"):
        head = 'Content-Disposition: form-data; name="file"; filename="f"'
        body = f"--{boundary}\r\n{head}\r\n\r\n{content}\r\n--{boundary}--\r\n"
        kind = f"multipart/form-data; boundary={boundary}"
        headers = {"Idempotency-Key": "k", "Content-Type": kind}
        answer = api.post("/api/files/d", content=body, headers=headers)
        return answer.status_code, answer.headers.get("idempotency-replayed")

    assert post("one") == (200, None)
    assert post("two") == (409, None)
    assert post("one") == post("one", "bee") == (200, "true")


def test_key_stands_for_a_body_that_the_route_does_not_read(api):
    api.post("/api/repos", json={"Name": "r"})

    def post(body):
        headers = {"Idempotency-Key": "k"}
        answer = api.post("/api/tasks-clear", content=body, headers=headers)
        return answer.status_code, answer.headers.get("idempotency-replayed")

    assert (post("{}"), post("{}"), post("[]"), post("")) == (
        (200, None),
        (200, "true"),
        (409, None),
        (409, None),
    )


def test_new_token_of_an_old_name_gets_nothing_of_its_predecessor(session):
    def post(secret):
        headers = {"Idempotency-Key": "k", "Authorization": f"Bearer {secret}"}
        return client.post("/api/repos", json={"Name": "a"}, headers=headers).status_code

    with TestClient(build(session, Access(session, trusting=False))) as client:
        first = session.call("token.create", name="ci", scopes=["repo:*:create"])
        assert (post(first), post(first)) == (201, 201)
        session.call("token.revoke", name="ci")
        assert post(session.call("token.create", name="ci", scopes=["repo:*:create"])) == 409


def test_answers_are_forgotten_by_age_while_the_server_runs(session, monkeypatch):
    looked = threading.Semaphore(0)

    class Noticed(replays.Replays):
        def delete_old(self):
            super().delete_old()
            looked.release()

    monkeypatch.setattr("debrepo_server.app.Replays", Noticed)
    monkeypatch.setattr(replays, "_LOOKED_AT_EVERY", 0.01)
    app = build(session, Access(session, trusting=True))
    with TestClient(app, base_url="http://localhost") as client:
        headers = {"Idempotency-Key": "k"}
        client.post("/api/repos", json={"Name": "a"}, headers=headers)
        assert kept(session) == 1
        monkeypatch.setattr(replays, "_KEPT_FOR", -1)
        for _ in range(20):  # some looks may have begun before
            assert looked.acquire(timeout=20)
        assert kept(session) == 0


def kept(session):
    with session.db.read() as txn:
        return len(txn[replays.REPLAYS])


def test_failed_request_may_come_again_with_its_key(api):
    headers = {"Idempotency-Key": "k"}
    assert api.post("/api/repos", json={"Name": ""}, headers=headers).status_code == 400
    assert api.post("/api/repos", json={"Name": "a"}, headers=headers).status_code == 201
