"""The pages of tokens: made, shown once, and revoked."""

import re

import pytest

from debrepo_server.scopes import ROLES
from debrepo_web import token_pages

HTML = {"Accept": "text/html"}


def send(api, path, **fields):
    text = api.get("/web/tokens", headers=HTML).text
    token = text.partition('name="form_token" value="')[2].partition('"')[0]
    return api.post(f"/web/{path}", data={**fields, "form_token": token}, headers=HTML)


def secret_of(answer):
    return re.search(r'id="secret" class="secret">([^<]+)<', answer.text)[1]


def test_roles_of_the_form_are_those_of_the_server():
    assert token_pages.ROLES.keys() == ROLES.keys()


def test_token_is_made_shown_once_and_revoked(api, debrepo_root):
    answer = send(api, "tokens/create", name="ci", scopes="read repo:web:add", days="30")
    secret = secret_of(answer)
    assert answer.headers["cache-control"] == "no-store"
    bearer = {"Authorization": f"Bearer {secret}"}
    assert api.get("/api/repos", headers=bearer).status_code == 200
    listed = api.get("/web/tokens", headers=HTML).text
    assert secret not in listed
    assert "<code>repo:web:add</code>" in listed
    assert secret.encode() not in (debrepo_root / "db/data.mdb").read_bytes()
    assert "<code>repo.add</code>" in api.get("/web/tokens/ci", headers=HTML).text
    answer = send(api, "tokens/ci/revoke")
    assert "Token ci was revoked." in answer.text
    assert "No tokens yet." in answer.text
    assert api.get("/api/repos", headers=bearer).status_code == 401


def test_token_of_a_role_is_for_its_repositories_and_places(api, session):
    secret_of(send(api, "tokens/create", name="ci", role="ci", repos="web tools", places=". x"))
    scopes = session.call("token.show", name="ci").token.scopes
    assert {"repo:web:add", "repo:tools:add", "publish:.:update", "publish:x:update"} <= {*scopes}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "ci"}, "needs a role, or at least one scope"),
        ({"name": "a/b", "scopes": "read"}, "cannot be a name"),
        ({"name": "ci", "scopes": "repo:web:ad"}, "nothing needs the scope"),
        ({"name": "ci", "scopes": "read", "days": "x"}, "not a number of days"),
        ({"name": "ci", "role": "king"}, "no role is called"),
    ],
)
def test_token_that_makes_no_sense_is_refused_on_a_page(api, session, fields, said):
    answer = send(api, "tokens/create", **fields)
    assert answer.status_code == 400
    assert said in answer.text
    assert session.call("token.list") == []


def test_unknown_token_has_no_page(api):
    assert api.get("/web/tokens/none", headers=HTML).status_code == 404
    assert send(api, "tokens/none/revoke").status_code == 404
