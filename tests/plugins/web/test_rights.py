"""Who may send which form, and that no other site can."""

import re

import pytest
from plugins.web.page_forms import HTML, form_token, send
from starlette.testclient import TestClient

from debrepo.http import opening_of
from debrepo.testing.packages import build_deb
from debrepo_server import operations
from debrepo_server.access import Access
from debrepo_server.app import build
from debrepo_web.routing import PageRoute

#: What each form sends, and the scopes that it needs.
ACTIONS = {
    "/web/repos/create": ({"name": "new"}, ["repo:new:create"]),
    "/web/repos/web/edit": ({"comment": "c"}, ["repo:web:edit"]),
    "/web/repos/web/upload": ({}, ["repo:web:add"]),
    "/web/repos/web/remove": ({"query": "hello", "sure": "1"}, ["repo:web:remove"]),
    "/web/repos/web/drop": ({"sure": "1"}, ["repo:web:drop"]),
    "/web/repos/web/copy": ({"query": "hello", "target": "other"}, ["repo:other:add"]),
    "/web/mirrors/web/update": ({}, ["mirror:web:update"]),
    "/web/mirrors/web/drop": ({"sure": "1"}, ["mirror:web:drop"]),
    "/web/snapshots/create": ({"name": "new"}, ["snapshot:new:create"]),
    "/web/snapshots/web/drop": ({"sure": "1"}, ["snapshot:web:drop"]),
    "/web/publications/create": (
        {"source": "repo:web", "place": "web", "distribution": "d"},
        ["publish:web:create"],
    ),
    "/web/publications/web/d/update": ({}, ["publish:web:update"]),
    "/web/publications/web/d/switch": (
        {"component": "main", "source": "snapshot:web"},
        ["publish:web:switch"],
    ),
    "/web/publications/web/d/promote": ({"source": "repo:web"}, ["publish:web:switch"]),
    "/web/publications/web/d/rollback": ({"generation": "1"}, ["publish:web:update"]),
    "/web/publications/web/d/drop": ({"sure": "1"}, ["publish:web:drop"]),
    "/web/tokens/create": ({"name": "new", "scopes": "read"}, ["admin"]),
    "/web/tokens/web/revoke": ({}, ["admin"]),
    "/web/tasks/1/cancel": ({}, ["tasks"]),
}
OPEN = {"/web/login", "/web/logout"}


@pytest.fixture
def guarded(session):
    """A server that asks for tokens, with a repository web."""
    for name in ("web", "other"):
        session.call("repo.create", name=name)
    with TestClient(build(session, Access(session, trusting=False))) as client:
        yield client


@pytest.fixture
def token(session):
    """Make a token with these scopes: headers to send."""

    def make(*scopes):
        name = f"t{len(session.run(operations.list_tokens))}"
        secret = session.run(operations.create_token, name, scopes=scopes)
        return {"Authorization": f"Bearer {secret}"}

    return make


def forms_of(app):
    """Yield the path and the opening of every route of pages that takes a form."""
    for route in app.routes:
        if isinstance(route, PageRoute) and route.methods - {"GET", "HEAD"}:
            assert route.methods == {"POST"}
            yield route.path, opening_of(route)


def shape(path):
    """Return the pattern of the addresses of a route."""
    return re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path))


def test_every_form_is_in_the_table_of_this_test(guarded):
    paths = {path for path, _ in forms_of(guarded.app)} - OPEN
    missing = {path for path in paths if not any(map(shape(path).fullmatch, ACTIONS))}
    assert missing == set()


def sent(client, path, fields, headers):
    files = [("file", ("x.deb", b"x"))] if path.endswith("/upload") else None
    return send(client, path, headers=headers, files=files, **fields)


@pytest.mark.parametrize("path", ACTIONS)
def test_form_needs_the_scope_of_the_thing(guarded, token, path):
    fields, scopes = ACTIONS[path]
    assert sent(guarded, path, fields, {}).status_code == 401
    other = [scope.replace(":web:", ":x:").replace(":other:", ":x:") for scope in scopes]
    other = [scope.replace(":new:", ":x:") for scope in other]
    for headers in (token("read"), token(*other) if other != scopes else token("read")):
        answer = sent(guarded, path, fields, headers)
        assert answer.status_code == 403
        assert f"lacks the scope {scopes[0]}" in answer.text.replace(":*:", ":web:") or (
            headers is not None and "lacks the scope" in answer.text
        )
    allowed = sent(guarded, path, fields, token(*scopes))
    assert allowed.status_code not in {401, 403, 405, 500}


@pytest.mark.parametrize("path", [*ACTIONS, *sorted(OPEN)])
def test_no_other_site_sends_a_form(api, session, path):
    session.call("repo.create", name="web")
    form_token(api)  # this browser has the cookie that its own forms are made from
    elsewhere = form_token(TestClient(api.app, base_url="http://127.0.0.1:8080"))
    files = [("file", ("x.deb", b"x"))] if path.endswith("/upload") else None
    before = session.db.serial()
    for proof in ({}, {"form_token": "0" * 64}, {"form_token": elsewhere}):
        answer = api.post(path, data=proof, files=files, headers=HTML)
        assert answer.status_code == 400
        assert "not sent by a page of this server" in answer.text
        script = {**HTML, "X-Form-Token": proof.get("form_token", "")}
        assert api.post(path, files=files, headers=script).status_code == 400
    assert session.db.serial() == before


def test_token_of_a_form_is_of_one_caller(guarded, token):
    one, two = token("admin"), token("admin")
    stolen = form_token(guarded, {**HTML, "Cookie": f"debrepo-token={one['Authorization'][7:]}"})
    answer = guarded.post(
        "/web/repos/create",
        data={"name": "x", "form_token": stolen},
        headers={**HTML, "Cookie": f"debrepo-token={two['Authorization'][7:]}"},
    )
    assert answer.status_code == 400


@pytest.fixture
def filled(session, guarded, tmp_path):
    assert len(list(session.call("repo.add", name="web", paths=[build_deb(tmp_path)]))) == 1
    session.call("snapshot.create", name="web", kind="repo", source="web")
    words = {"kind": "snapshot", "names": ["web"], "place": "web", "distribution": "d"}
    session.call("publish.create", **words, options={"skip_signing": True})


PAGES = [
    "/web/repos",
    "/web/repos/web",
    "/web/snapshots",
    "/web/snapshots/web",
    "/web/publications",
    "/web/publications/web/d",
    "/web/tasks",
]


@pytest.mark.parametrize("path", PAGES)
def test_reader_is_shown_no_form_that_would_be_refused(guarded, filled, token, path):
    text = guarded.get(path, headers={**HTML, **token("read")}).text
    assert re.findall(r'<form[^>]*method="post"', text) == []
    assert "/update" not in text
    assert "/switch" not in text


@pytest.mark.parametrize("path", ["/web/audit", "/web/tokens", "/web/publications/create"])
def test_reader_sees_no_page_of_administrators_nor_a_link_to_it(guarded, token, path):
    reader = {**HTML, **token("read")}
    assert guarded.get(path, headers=reader).status_code == 403
    assert f'href="{path}"' not in guarded.get("/web/publications", headers=reader).text
