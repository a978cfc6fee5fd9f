"""Who may do what."""

import re

import pytest
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from debrepo.http import Caller, opening_of
from debrepo.testing.packages import build_deb
from debrepo_server import operations
from debrepo_server.access import Access
from debrepo_server.app import build
from debrepo_server.rates import Rates


@pytest.fixture
def guarded(session):
    """A server that asks for tokens."""
    with TestClient(build(session, Access(session, trusting=False))) as client:
        yield client


@pytest.fixture
def token(session):
    """Make a token with these scopes: headers to send."""

    def make(*scopes, name="", days=None):
        name = name or f"t{len(session.run(operations.list_tokens))}"
        secret = session.run(operations.create_token, name, scopes=scopes, days=days)
        return {"Authorization": f"Bearer {secret}"}

    return make


def requests(app):
    """Yield every route's method, path with something filled in, and opening."""
    for route in app.routes:
        assert isinstance(route, APIRoute)
        for method in sorted(route.methods):
            yield method, re.sub(r"\{[^}]+\}", "1", route.path), opening_of(route)


def test_every_route_with_every_role(guarded, session, token):
    stranger, reader, admin = token("download:none/none"), token("read"), token("admin")
    for method, path, opening in requests(guarded.app):
        if path.startswith("/api/v4/"):  # GitLab hides from strangers what is not theirs
            continue
        scopes = opening.scopes(session)
        assert scopes, path
        public = scopes == ["public"]
        readable = public or "read" in scopes

        def status(headers, method=method, path=path):
            return guarded.request(method, path, headers=headers).status_code

        open_to_all = public or scopes[0].startswith("download:")
        assert (status({}) == 401) is not open_to_all, (method, path)
        assert (status(stranger) == 403) is not public, (method, path)
        assert (status(reader) == 403) is not readable, (method, path)
        assert status(admin) not in {401, 403, 405, 500}, (method, path)


def test_scope_is_that_of_the_thing(guarded, token):
    web = token("repo:web:*")
    assert guarded.post("/api/repos", json={"Name": "web"}, headers=web).status_code == 201
    answer = guarded.post("/api/repos", json={"Name": "prod"}, headers=web)
    assert (answer.status_code, answer.json()["error"]) == (
        403,
        "token:t0 lacks the scope repo:prod:create",
    )
    assert guarded.delete("/api/repos/prod", headers=web).status_code == 403
    assert guarded.delete("/api/repos/web", headers=web).status_code == 200


def test_rename_needs_its_own_scope(guarded, token):
    admin, editor = token("admin"), token("repo:*:edit")
    guarded.post("/api/repos", json={"Name": "web"}, headers=admin)
    edited = guarded.put("/api/repos/web", json={"Comment": "c"}, headers=editor)
    renamed = guarded.put("/api/repos/web", json={"Name": "new"}, headers=editor)
    assert (edited.status_code, renamed.status_code) == (200, 403)


@pytest.mark.parametrize("header", ["X-Debrepo-Token", "PRIVATE-TOKEN", "Job-Token"])
def test_token_comes_in_a_header(guarded, token, header):
    secret = token("read")["Authorization"].removeprefix("Bearer ")
    assert guarded.get("/api/repos", headers={header: secret}).status_code == 200


def test_token_comes_as_a_password(guarded, token):
    secret = token("read")["Authorization"].removeprefix("Bearer ")
    assert guarded.get("/api/repos", auth=("whoever", secret)).status_code == 200
    assert guarded.get("/api/repos", auth=("whoever", "wrong")).status_code == 401


@pytest.mark.parametrize(
    "value", ["Basic !!", b"Basic \xc3\xa9", "Basic /w==", "Bearer x", "Bearer debrepo-x"]
)
def test_unknown_token_is_refused_even_where_none_is_needed(api, value):
    answer = api.get("/api/version", headers={"Authorization": value})
    assert answer.status_code == 401
    assert "Basic" in answer.headers["www-authenticate"]


def test_token_expires(guarded, token, session, monkeypatch):
    headers = token("read", days=1)
    assert guarded.get("/api/repos", headers=headers).status_code == 200
    monkeypatch.setattr("debrepo_server.tokens.Token.is_valid", lambda self, now: not self.expires)
    assert guarded.get("/api/repos", headers=headers).status_code == 401


def test_revoked_token_is_refused(guarded, token, session):
    headers = token("read", name="ci")
    session.run(operations.revoke_token, "ci")
    assert guarded.get("/api/repos", headers=headers).status_code == 401


@pytest.mark.lmdb  # it reads its file
def test_token_is_shown_once_and_stored_as_a_hash(debrepo, debrepo_root):
    secret = debrepo(
        "token", "create", "ci", "--scope", "repo:web:add", "--days", "9"
    ).stdout.strip()
    assert secret not in debrepo("token", "list", "--json").stdout
    assert "repo:web:add" in debrepo("token", "list").stdout
    assert secret.encode() not in (debrepo_root / "db/data.mdb").read_bytes()


def test_token_needs_a_scope_that_makes_sense(debrepo):
    assert "not a scope" in debrepo("token", "create", "x", "--scope", "a b", exit_code=2).output
    debrepo("token", "revoke", "none", exit_code=3)


def test_published_trees_can_be_private(session, token, monkeypatch):
    monkeypatch.setenv("DEBREPO_SERVER_ANONYMOUS", "")
    path = session.root / "public/web/dists/x/InRelease"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x")
    with TestClient(build(session, Access(session, trusting=False))) as client:
        url = "/repos/-/web/dists/x/InRelease"
        assert client.get(url).status_code == 401
        secret = token("download:-/web/*")["Authorization"].removeprefix("Bearer ")
        for how in ({"auth": ("apt", secret)}, {"headers": {"PRIVATE-TOKEN": secret}}):
            answer = client.get(url, **how)
            assert (answer.content, answer.headers["cache-control"]) == (b"x", "private, no-cache")
        assert client.get("/repos/-/other/x", auth=("apt", secret)).status_code == 403


def test_page_of_another_site_may_send_nothing(api):
    for origin, status in (("http://evil.example", 403), ("http://127.0.0.1:8080", 200)):
        assert api.get("/api/version", headers={"Origin": origin}).status_code == status


def test_guessing_tokens_is_slowed_down_and_locks_nobody_out(guarded, token):
    answers = [
        guarded.get("/api/repos", headers={"Authorization": f"Bearer {number}"})
        for number in range(40)
    ]
    assert [answers[0].status_code, answers[-1].status_code] == [401, 429]
    assert int(answers[-1].headers["retry-after"]) > 0
    assert guarded.get("/api/repos", headers=token("read")).status_code == 200


def test_rate_of_requests_is_limited_for_each_client(session, monkeypatch):
    monkeypatch.setenv("DEBREPO_SERVER_REQUESTS_PER_SECOND", "1")
    app = build(session, Access(session, trusting=True))
    with TestClient(app, base_url="http://localhost") as client:
        assert {client.get("/api/version").status_code for _ in range(20)} == {200, 429}


def test_rates_forget_who_has_not_come_for_long():
    rates = Rates("requests", 1.0, 1.0)
    for number in range(10_050):
        rates.take(str(number))
    assert len(rates._left) == 10_000


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text("ab:*", max_size=6), st.text("ab:", max_size=5))
def test_grant_that_covers_a_scope_meets_its_template(grant, name):
    caller = Caller("x", (grant,))
    if caller.may(f"repo:{name}:add"):
        assert caller.may_some("repo:{name}:add")


def operate(client, operation, headers, **arguments):
    url = f"/api/operations/{operation}"
    return client.post(url, json={"arguments": arguments}, headers=headers)


@pytest.mark.parametrize("place", ["", ".", ":.", ":", "fs:.", "fs:default:.", "filesystem::"])
def test_scope_has_one_spelling_of_a_place(guarded, session, token, place):
    answer = operate(guarded, "publish.update", token("publish:x:*"), distribution="d", place=place)
    assert (answer.status_code, answer.json()["error"]) == (
        403,
        "token:t0 lacks the scope publish:.:update",
    )
    granted = token("publish:.:*")
    answer = operate(guarded, "publish.update", granted, distribution="d", place=place)
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("grant", "place"),
    [("publish:f*:*", "fs:prod"), ("publish:fs:*", "fs::prod"), ("publish:/*", "/prod")],
)
def test_no_spelling_of_a_place_leads_past_its_scope(guarded, token, grant, place):
    answer = operate(guarded, "publish.drop", token(grant), distribution="d", place=place)
    assert (answer.status_code, answer.json()["error"]) == (
        403,
        "token:t0 lacks the scope publish:prod:drop",
    )


@pytest.mark.parametrize(
    ("prefix", "scope"),
    [
        (":.", "publish:.:drop"),
        ("a_b", "publish:a/b:drop"),
        ("s3:cloud:a_b", "publish:s3:cloud:a/b:drop"),
        ("filesystem:disk:a", "publish:fs:disk:a:drop"),
    ],
)
def test_scope_of_a_place_is_that_of_its_route(guarded, token, prefix, scope):
    answer = guarded.delete(f"/api/publish/{prefix}/d", headers=token("publish:x:*"))
    assert answer.json()["error"] == f"token:t0 lacks the scope {scope}"
    assert guarded.delete(f"/api/publish/{prefix}/d", headers=token(scope)).status_code == 404


def test_missing_scope_of_every_operation_names_the_thing(guarded, session, token):
    nothing = token("download:")
    checked = 0
    for operation in session.operations.values():
        names = re.findall(r"\{(\w+)\}", operation.scopes[0])
        if operation.local or not names:
            continue
        sent = {name: "thing" if name != "kind" else "project" for name in names}
        expected = operation.scopes[0].format_map(sent)
        answer = operate(guarded, operation.name, nothing, **sent)
        assert answer.status_code == 403
        assert answer.json()["error"] == f"token:t0 lacks the scope {expected}"
        checked += 1
    assert checked > 25


@pytest.mark.parametrize(
    ("method", "path", "body", "scope"),
    [
        ("POST", "/api/repos", {"Name": "tools"}, "repo:tools:create"),
        ("DELETE", "/api/repos/tools", None, "repo:tools:drop"),
        ("PUT", "/api/repos/tools", {"Comment": "c"}, "repo:tools:edit"),
        ("POST", "/api/repos/tools/packages", {"PackageRefs": []}, "repo:tools:add"),
        ("POST", "/api/repos/tools/copy/other/a", {}, "repo:tools:add"),
        ("POST", "/api/snapshots", {"Name": "s"}, "snapshot:s:create"),
        ("POST", "/api/repos/tools/snapshots", {"Name": "s"}, "snapshot:s:create"),
        ("DELETE", "/api/snapshots/s", None, "snapshot:s:drop"),
        ("DELETE", "/api/publish/a_b/d", None, "publish:a/b:drop"),
        ("PUT", "/api/publish/:./d", {}, "publish:.:update"),
        ("POST", "/api/publish/a_b", {}, "publish:a/b:create"),
        ("POST", "/api/publish", {"Distribution": "d"}, "publish:.:create"),
    ],
)
def test_missing_scope_names_the_thing_at_every_door(guarded, token, method, path, body, scope):
    answer = guarded.request(method, path, json=body, headers=token("download:"))
    assert (answer.status_code, answer.json()["error"]) == (
        403,
        f"token:t0 lacks the scope {scope}",
    )


def test_long_body_is_not_read_to_name_what_a_caller_may_not_do(guarded, token):
    body = {"Name": "tools", "Comment": "x" * 70_000}
    answer = guarded.post("/api/repos", json=body, headers=token("download:"))
    assert answer.json()["error"] == "token:t0 lacks the scope repo:*:create"


@pytest.mark.parametrize("name", [["x"], 5, "a\nb", None, "x" * 999])
def test_odd_name_in_a_refusal_does_no_harm(guarded, token, name):
    answer = guarded.post("/api/repos", json={"Name": name}, headers=token("download:"))
    assert answer.status_code == 403
    assert len(answer.json()["error"]) < 300


def test_new_name_needs_what_creating_it_needs(guarded, session, token):
    session.call("repo.create", name="web")
    answer = operate(guarded, "repo.rename", token("repo:web:*"), name="web", new_name="prod")
    assert answer.json()["error"] == "token:t0 lacks the scope repo:prod:create"
    granted = token("repo:web:*", "repo:prod:create")
    answer = operate(guarded, "repo.rename", granted, name="web", new_name="prod")
    assert answer.status_code == 200


def test_moving_packages_needs_what_adding_and_removing_needs(guarded, session, token):
    for name in ("web", "prod"):
        session.call("repo.create", name=name)
    move = {"source": "web", "target": "prod", "queries": ["a"]}
    for grants, status in ((["repo:web:*"], 403), (["repo:web:remove", "repo:prod:add"], 200)):
        assert operate(guarded, "repo.move", token(*grants), **move).status_code == status


@pytest.mark.lmdb  # it reads its file
@pytest.mark.parametrize("how", [{"_async": "1"}, {}])
def test_new_token_is_kept_nowhere(guarded, session, token, how):
    headers = token("admin") | {"Idempotency-Key": "k", "Prefer": "respond-async"}
    body = {"arguments": {"name": "ci", "scopes": ["admin"]}}
    answer = guarded.post("/api/operations/token.create", json=body, headers=headers, params=how)
    secret = answer.json()["result"].removeprefix("debrepo-")
    assert guarded.get("/api/repos", headers={"PRIVATE-TOKEN": f"debrepo-{secret}"}).is_success
    assert guarded.get("/api/tasks", headers=headers).json() == []
    assert secret.encode() not in (session.root / "db/data.mdb").read_bytes()


@pytest.mark.parametrize("storage", ["fs:", "fs", "fs:default", "filesystem:", "default"])
def test_default_storage_has_one_name(api, session, storage):
    path = session.root / "public/x"
    path.parent.mkdir()
    path.touch()
    assert api.get("/repos/-/x").status_code == 200
    assert api.get(f"/repos/{storage}/x").status_code == 404


@pytest.mark.parametrize("storage", ["disk", "filesystem:disk", ":disk"])
def test_no_spelling_of_a_storage_leads_past_its_scope(guarded, token, storage):
    answer = guarded.get(f"/repos/{storage}/x", headers=token(f"download:{storage}/*"))
    assert answer.json()["error"] == "token:t0 lacks the scope download:fs:disk/x"


def test_name_that_was_made_to_lead_here_lets_no_page_in(api):
    page = {"Host": "evil.example", "Origin": "http://evil.example"}
    assert api.post("/api/repos", json={"Name": "x"}, headers=page).status_code == 421


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1", "[::1]:8080", "192.168.0.7"])
def test_page_from_here_is_let_in(api, host):
    page = {"Host": host, "Origin": f"http://{host}"}
    assert api.get("/api/repos", headers=page).status_code == 200


@pytest.mark.parametrize("origin", ["null", "http://[", "x", "http://127.0.0.1:8080@evil.example"])
def test_page_from_nowhere_is_not_let_in(api, origin):
    assert api.get("/api/repos", headers={"Origin": origin}).status_code == 403


def test_token_of_a_build_needs_no_more_than_it_says(guarded, session, token, tmp_path):
    session.call("repo.create", name="web")
    ci = token("repo:web:add", "upload:ci-*", "publish:prod:*")
    deb = build_deb(tmp_path).read_bytes()
    put = guarded.put("/api/files/ci-1/hello.deb", content=deb, headers=ci)
    added = guarded.post("/api/repos/web/file/ci-1", headers=ci)
    body = {"SourceKind": "local", "Sources": [{"Name": "web"}], "Distribution": "d"}
    body |= {"Signing": {"Skip": True}}
    published = guarded.post("/api/publish/prod", json=body, headers=ci)
    again = guarded.put("/api/publish/prod/d", json=body, headers=ci)
    assert [a.status_code for a in (put, added, published, again)] == [200, 200, 201, 200]
    for method, path in (("GET", "repos/web"), ("GET", "publish"), ("POST", "publish/dev")):
        assert guarded.request(method, f"/api/{path}", json=body, headers=ci).status_code == 403
    assert guarded.put("/api/files/x/f", content=b"", headers=ci).status_code == 403


def test_task_of_a_build_may_not_read_what_its_route_does_not_open(guarded, session, token):
    session.call("repo.create", name="web")
    stranger = token("repo:web:*", "publish:prod:*")
    for name in ("repo.show", "publish.verify", "key.export", "graph.draw", "audit.list"):
        assert operate(guarded, name, stranger).status_code == 403, name


def test_task_is_shown_to_who_asked_for_it_and_to_no_stranger(guarded, token):
    owner, stranger = token("repo:web:create"), token("repo:web:create")
    asked = {"json": {"Name": "web"}, "params": {"_async": "1"}}
    path = f"/api/tasks/{guarded.post('/api/repos', headers=owner, **asked).json()['ID']}"
    ways = [("GET", f"{path}{end}") for end in ("/wait", "", "/output", "/detail", "/return_value")]
    for method, way in (*ways, ("POST", f"{path}/cancel"), ("DELETE", path)):
        assert guarded.request(method, way, headers=stranger).status_code == 403
        assert guarded.request(method, way).status_code == 401
        assert guarded.request(method, way, headers=owner).status_code in {200, 400}
    assert guarded.get(path, headers=token("read")).status_code == 404
    assert guarded.get("/api/tasks", headers=owner).status_code == 403


def test_new_token_of_an_old_name_reaches_no_task_of_its_predecessor(guarded, session, token):
    old = token("repo:*:create", name="ci")
    asked = {"json": {"Name": "web"}, "params": {"_async": "1"}}
    path = f"/api/tasks/{guarded.post('/api/repos', headers=old, **asked).json()['ID']}"
    assert guarded.get(f"{path}/wait", headers=old).status_code == 200
    assert guarded.get(path, headers=old).status_code == 200
    session.call("token.revoke", name="ci")
    new = token("repo:*:create", name="ci")
    for method, way in (("GET", path), ("GET", f"{path}/output"), ("DELETE", path)):
        assert guarded.request(method, way, headers=new).status_code == 403
    assert guarded.get(path, headers=token("read")).status_code == 200


def test_reader_may_verify_but_not_make_the_server_ask_others(guarded, token):
    def verify(headers, **more):
        return operate(guarded, "publish.verify", headers, distribution="d", place="p", **more)

    asked = {"url": "http://127.0.0.1:1/"}
    reader = token("read")
    assert (verify(reader).status_code, verify(reader, **asked).status_code) == (404, 403)
    granted = token("read", "publish:p:fetch:http://127.0.0.1:1/*")
    assert verify(granted, **asked).status_code == 502


def test_trusting_keys_does_not_make_the_server_ask_any_key_server(guarded, token):
    def fetch(headers):
        asked = {"keys": ["A" * 40], "server": "hkp://127.0.0.1:1"}
        return operate(guarded, "key.fetch", headers, **asked)

    assert fetch(token("key:trust")).status_code == 403
    assert fetch(token("key:trust", "key:fetch:hkp://127.0.0.1:1")).status_code == 502


def test_scope_of_an_argument_is_needed_where_it_is_given(guarded, session, token):
    session.call("project.create", path="g", kind="group")
    editor = token("gitlab:group:g:edit")
    edited = operate(guarded, "project.edit", editor, path="g", kind="group", visibility="public")
    moved = operate(guarded, "project.edit", editor, path="g", kind="group", new_path="h")
    assert (edited.status_code, moved.status_code) == (200, 403)


@pytest.fixture
def uploads(guarded, token, tmp_path, session):
    """A repository, and a package of somebody else's in ``ci-42``."""
    session.call("repo.create", name="web")
    data = build_deb(tmp_path, "hello").read_bytes()
    url = "/api/files/ci-42/hello_1.0_amd64.deb"
    assert guarded.put(url, content=data, headers=token("upload:ci-42")).status_code == 200
    return session.root / "upload/ci-42"


@pytest.mark.parametrize(
    "request_",
    [
        ("/api/repos/web/file/ci-42", None),
        ("/api/repos/web/file/ci-42/hello_1.0_amd64.deb", None),
        ("/api/repos/web/include/ci-42", None),
        ("/api/operations/repo.add", {"name": "web", "paths": [{"p": "ci-42"}]}),
        ("/api/operations/repo.include", {"repo": "web", "paths": [{"p": "ci-42"}]}),
    ],
    ids=str,
)
def test_adding_uploads_needs_the_right_to_their_directory(guarded, token, uploads, request_):
    url, sent = request_
    body = {"arguments": sent} if sent else {}
    for grants in (["repo:web:*"], ["repo:web:*", "upload:ci-43", "upload:~*", "upload:*/*"]):
        answer = guarded.post(url, json=body, headers=token(*grants))
        assert answer.status_code == 403, grants
        assert "lacks the scope upload:ci-42" in answer.json()["error"]
    assert [path.name for path in uploads.iterdir()] == ["hello_1.0_amd64.deb"]
    allowed = guarded.post(url, json=body, headers=token("repo:web:*", "upload:ci-*"))
    assert allowed.status_code == 200


def test_right_to_a_directory_covers_what_is_below(guarded, token, uploads, session):
    mine = token("upload:team-*", "repo:web:add")
    put = guarded.put("/api/files/team-a%2Fx/a.txt", content=b"x", headers=mine)
    assert (put.status_code, (session.root / "upload/team-a/x/a.txt").exists()) == (200, True)
    for place in ("ci-42", "ci-42%2Fteam-a", "%2Fci-42%2F%2Fteam-a", "ci-42%2F..%2Fteam-a"):
        refused = guarded.put(f"/api/files/{place}/a.txt", content=b"x", headers=mine)
        assert refused.status_code in {400, 403}, place
    by_its_end = token("upload:*-a")
    assert guarded.delete("/api/files/ci-42%2Fx-a", headers=by_its_end).status_code == 403
    assert guarded.delete("/api/files/team-a", headers=by_its_end).status_code == 200


def test_directory_with_a_tilde_is_of_the_caller(guarded, token, session):
    one, other = (token("upload:~*", "repo:web:add", "read") for _ in range(2))
    assert guarded.put("/api/files/~x/a.txt", content=b"1", headers=one).status_code == 200
    assert guarded.get("/api/files/~x", headers=one).json() == ["a.txt"]
    assert guarded.get("/api/files/~x", headers=other).status_code == 404
    (home,) = guarded.get("/api/files", headers=one).json()
    for name in (home, f"{home}%2Fx"):
        assert guarded.get(f"/api/files/{name}", headers=other).status_code == 404
    assert guarded.delete("/api/files/~x", headers=other).status_code == 200
    assert (session.root / "upload" / home / "x/a.txt").exists()


def test_no_directory_of_ones_own_leads_to_those_of_others(guarded, token):
    theirs, own = token("upload:db-*", "read"), token("upload:~*")
    assert guarded.put("/api/files/db-1/a.txt", content=b"1", headers=theirs).status_code == 200
    for directory in ("~..", "~..%2Fdb-1", "~.", "~a%2F~.."):
        place = f"/api/files/{directory}"
        assert guarded.put(f"{place}/b.txt", content=b"2", headers=own).status_code == 400
        assert guarded.delete(f"{place}/a.txt", headers=own).status_code == 400
        assert guarded.delete(place, headers=own).status_code == 400
    assert guarded.get("/api/files/db-1", headers=theirs).json() == ["a.txt"]


def test_link_leads_nowhere(guarded, token, session, tmp_path):
    admin = token("admin")
    area = session.root / "upload"
    (tmp_path / "away").mkdir()
    (area / "sub").mkdir(parents=True)
    (area / "link").symlink_to(tmp_path / "away")
    (area / "sub/link").symlink_to(tmp_path / "away")
    session.call("repo.create", name="web")
    build_deb(tmp_path / "away", "secret")
    for method, path in (
        ("PUT", "/api/files/link/x"),
        ("GET", "/api/files/link"),
        ("DELETE", "/api/files/link"),
        ("DELETE", "/api/files/link/secret_1.0_amd64.deb"),
        ("POST", "/api/repos/web/file/link"),
        ("POST", "/api/repos/web/file/sub"),
        ("POST", "/api/repos/web/include/sub"),
    ):
        answer = guarded.request(method, path, headers=admin)
        assert answer.status_code == 400, (method, path)
        assert "leads out of the upload area" in answer.text
    assert [path.name for path in (tmp_path / "away").iterdir()] == ["secret_1.0_amd64.deb"]


def test_refused_call_is_one_line_of_the_log(guarded, token, caplog):
    editor = token("repo:web:edit")
    for sent in ({"name": "web", "comment": 5}, {"name": "web\n", "comment": {"z": 1}}):
        answer = guarded.post("/api/operations/repo.edit", json={"arguments": sent}, headers=editor)
        assert answer.status_code == 400
    lines = [one for one in caplog.records if one.name == "debrepo.operations"]
    assert [one.getMessage() for one in lines] == [
        "token:t0: refused repo.edit: repo.edit: comment has to be text or nothing, "
        "not a whole number (5)",
        "token:t0: refused repo.edit: what was sent is not what debrepo sends",
    ]
    assert not any(one.exc_info for one in lines)


def test_refused_request_is_logged_with_the_name_of_its_token(guarded, token, caplog):
    caplog.set_level("INFO", "debrepo.requests")
    mine = token("repo:web:add", name="ci")
    assert guarded.delete("/api/repos/web", headers=mine).status_code == 403
    assert guarded.get("/api/v4/projects/9/packages", headers=mine).status_code == 404
    assert guarded.post("/api/operations/repo.drop", json={}, headers=mine).status_code == 403
    lines = [one.getMessage() for one in caplog.records if one.name == "debrepo.requests"]
    assert [line.split()[0] for line in lines] == ["token:ci"] * 3
