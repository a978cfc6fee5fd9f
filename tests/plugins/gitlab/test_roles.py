"""Who may do what: the table of GitLab's roles."""

import re

import pytest

from debrepo.testing.packages import build_deb

PROJECT = "/api/v4/projects/1"
DISTRIBUTIONS = f"{PROJECT}/debian_distributions"
APT = f"{PROJECT}/packages/debian"


@pytest.fixture(autouse=True)
def unsigned(monkeypatch):
    monkeypatch.setenv("DEBREPO_PUBLISH_SKIP_SIGNING", "true")


@pytest.fixture
def token_of(session, secret):
    """Make the token of a caller that the table names."""

    def make(caller):
        if caller == "bad token":
            return "wrong"
        if caller == "non-member":
            return session.call("project.token.create", name="x", owner="stranger")
        if caller.startswith(("deploy", "job")):
            kind, _, access = caller.partition(" ")
            return session.call(
                "project.token.create",
                name="x",
                kind=kind,
                owner="acme/web",
                read="write" not in access,
                write="read" not in access,
            )
        return secret(caller) if caller != "anonymous" else None

    return make


#: read a public project, read a private one, create on either, delete on either
TABLE = {
    "anonymous": (200, 404, (401, 404), (401, 404)),
    "bad token": (401, 401, (401, 401), (401, 401)),
    "non-member": (200, 404, (403, 404), (403, 404)),
    "guest": (200, 403, (403, 403), (403, 403)),
    "reporter": (200, 200, (403, 403), (403, 403)),
    "developer": (200, 200, (201, 201), (403, 403)),
    "maintainer": (200, 200, (201, 201), (202, 202)),
    "owner": (200, 200, (201, 201), (202, 202)),
    "deploy read": (200, 200, (403, 403), (403, 403)),
    "deploy write": (200, 403, (201, 201), (403, 403)),
    "job": (200, 200, (201, 201), (403, 403)),
}


@pytest.mark.parametrize("caller", TABLE)
@pytest.mark.parametrize("visibility", ["public", "private"])
def test_distributions_api_by_role(guarded, session, project, token_of, caller, visibility):
    session.call("project.edit", path="acme/web", visibility=visibility)
    session.call("distribution.create", container="acme/web", codename="sid")
    token = token_of(caller)
    headers = {"PRIVATE-TOKEN": token} if token else {}
    private = visibility == "private"
    public_read, private_read, create, delete = TABLE[caller]

    def status(method, path):
        return guarded.request(method, path, headers=headers).status_code

    assert status("GET", DISTRIBUTIONS) == (private_read if private else public_read)
    assert status("GET", f"{DISTRIBUTIONS}/sid") == (private_read if private else public_read)
    assert status("POST", f"{DISTRIBUTIONS}?codename=new") == create[private]
    edited = 200 if create[private] == 201 else create[private]
    assert status("PUT", f"{DISTRIBUTIONS}/sid?suite=unstable") == edited
    assert status("DELETE", f"{DISTRIBUTIONS}/sid") == delete[private]


@pytest.mark.parametrize("header", ["PRIVATE-TOKEN", "Deploy-Token", "Job-Token", "Authorization"])
def test_distributions_api_takes_tokens_in_headers(guarded, secret, header):
    value = secret("reporter")
    value = f"Bearer {value}" if header == "Authorization" else value
    assert guarded.get(DISTRIBUTIONS, headers={header: value}).status_code == 200


def test_distributions_api_takes_no_passwords(guarded, session, secret):
    auth = ("maintainer", secret("maintainer"))
    assert guarded.get(DISTRIBUTIONS, auth=auth).status_code == 404
    session.call("project.edit", path="acme/web", visibility="public")
    answer = guarded.post(f"{DISTRIBUTIONS}?codename=sid", auth=auth)
    assert (answer.status_code, answer.json()) == (401, {"message": "401 Unauthorized"})


#: read the private project with apt; upload to the private and to the public one
APT_TABLE = {
    "anonymous": (401, 401, 401),
    "bad token": (401, 401, 401),
    "non-member": (404, 404, 403),
    "guest": (403, 403, 403),
    "reporter": (200, 403, 403),
    "developer": (200, 201, 201),
    "maintainer": (200, 201, 201),
    "deploy read": (200, 403, 403),
    "deploy write": (403, 201, 201),
    "job": (200, 201, 201),
}


@pytest.mark.parametrize("caller", APT_TABLE)
def test_debian_api_by_role(guarded, session, project, token_of, hello, caller):
    session.call("distribution.create", container="acme/web", codename="sid")
    session.call("distribution.publish", container="acme/web", codename="sid")
    token = token_of(caller)
    auth = ("gitlab-ci-token", token) if token else None
    read, private_upload, public_upload = APT_TABLE[caller]

    def upload():
        return guarded.put(f"{APT}/hello_1.0_amd64.deb", content=hello, auth=auth).status_code

    assert guarded.get(f"{APT}/dists/sid/Release", auth=auth).status_code == read
    assert upload() == private_upload
    session.call("project.edit", path="acme/web", visibility="public")
    reading = guarded.get(f"{APT}/dists/sid/Release", auth=auth).status_code
    assert reading == (401 if caller == "bad token" else 200)
    assert upload() == public_upload


def test_debian_api_takes_passwords_only(guarded, secret):
    headers = {"PRIVATE-TOKEN": secret("maintainer")}
    answer = guarded.get(f"{APT}/dists/sid/Release", headers=headers)
    assert answer.status_code == 401
    assert "Basic" in answer.headers["www-authenticate"]


def test_unknown_project_asks_strangers_for_a_password(guarded, secret):
    url = "/api/v4/projects/99/packages/debian/dists/sid/Release"
    assert guarded.get(url).status_code == 401
    assert guarded.get(url, auth=("a", secret("reporter"))).status_code == 404


def test_internal_project_is_open_to_everybody_with_a_token(guarded, session, project, token_of):
    session.call("project.edit", path="acme/web", visibility="internal")
    assert guarded.get(DISTRIBUTIONS).status_code == 404
    headers = {"PRIVATE-TOKEN": token_of("non-member")}
    assert guarded.get(DISTRIBUTIONS, headers=headers).status_code == 200


def test_role_in_a_group_holds_below_it(guarded, session, project):
    session.call("project.member", path="acme", kind="group", user="ann", role="developer")
    headers = {"PRIVATE-TOKEN": session.call("project.token.create", name="t", owner="ann")}
    assert guarded.post(f"{DISTRIBUTIONS}?codename=sid", headers=headers).status_code == 201
    session.call("project.create", path="other")
    assert (
        guarded.get("/api/v4/projects/2/debian_distributions", headers=headers).status_code == 404
    )


def test_role_that_was_taken_away_is_gone_at_once(guarded, session, headers):
    sent = headers("reporter")
    assert guarded.get(DISTRIBUTIONS, headers=sent).status_code == 200
    session.call("project.member", path="acme/web", user="reporter", role="")
    assert guarded.get(DISTRIBUTIONS, headers=sent).status_code == 404


def test_token_of_one_project_is_nothing_in_another(guarded, session, token_of):
    session.call("project.create", path="other")
    sent = {"Job-Token": token_of("job")}
    assert guarded.get("/api/v4/projects/2/debian_distributions", headers=sent).status_code == 404
    assert guarded.get("/api/repos", headers=sent).status_code == 403


def test_revoked_and_expired_tokens_are_refused(guarded, session, secret, monkeypatch):
    sent = {"PRIVATE-TOKEN": secret("reporter")}
    monkeypatch.setattr("debrepo_gitlab.tokens._expired", lambda token: True)
    assert guarded.get(DISTRIBUTIONS, headers=sent).status_code == 401
    monkeypatch.undo()
    session.call("project.token.revoke", name="of reporter")
    assert guarded.get(DISTRIBUTIONS, headers=sent).status_code == 401


def test_token_of_the_server_reaches_as_far_as_its_scopes(guarded, session, project):
    secret = session.call("token.create", name="ci", scopes=["gitlab:project:acme/*:*"])
    sent = {"Authorization": f"Bearer {secret}"}
    assert guarded.post(f"{DISTRIBUTIONS}?codename=sid", headers=sent).status_code == 201
    assert (
        guarded.get("/api/v4/groups/acme/-/debian_distributions", headers=sent).status_code == 404
    )


def test_private_project_is_hidden_in_the_published_trees_too(guarded, session, secret):
    session.call("distribution.create", container="acme/web", codename="sid")
    session.call("distribution.publish", container="acme/web", codename="sid")
    for url in ("/repos/-/projects/1/dists/sid/Release", "/repos/-/projects%2F1/dists/sid/Release"):
        assert guarded.get(url).status_code == 404
        bearer = {"Authorization": f"Bearer {secret('guest', f'g{len(url)}')}"}
        assert guarded.get(url, headers=bearer).status_code in {403, 404}
        session.call("project.edit", path="acme/web", visibility="public")
        assert guarded.get(url).status_code == 200
        session.call("project.edit", path="acme/web", visibility="private")


@pytest.fixture
def contrib(guarded, session, project, tmp_path):
    """The distribution sid of acme/web, whose component contrib has a package."""
    session.call(
        "distribution.create", container="acme/web", codename="sid", components=["main", "contrib"]
    )
    session.call(
        "distribution.upload",
        container="acme/web",
        paths=[build_deb(tmp_path, "hello", "1.0")],
        distribution="sid",
        component="contrib",
    )
    session.call("distribution.publish", container="acme/web", codename="sid")


INDEX = f"{APT}/dists/sid/contrib/binary-amd64/Packages"


def wait_for_publish(session):
    session.call("distribution.publish", container="acme/web", codename="sid")


def test_developer_who_removes_a_component_removes_no_package(guarded, session, secret, contrib):
    token = secret("developer")
    headers, auth = {"PRIVATE-TOKEN": token}, ("developer", token)
    answer = guarded.put(f"{DISTRIBUTIONS}/sid?components=main", headers=headers)
    assert answer.json()["components"] == ["main"]
    wait_for_publish(session)
    assert "contrib" not in guarded.get(f"{APT}/dists/sid/Release", auth=auth).text
    (package,) = guarded.get(f"{PROJECT}/packages", headers=headers).json()
    url = f"{PROJECT}/packages/{package['id']}"
    assert guarded.delete(url, headers=headers).status_code == 403
    answer = guarded.put(f"{DISTRIBUTIONS}/sid?components=main,contrib", headers=headers)
    assert answer.json()["components"] == ["contrib", "main"]
    wait_for_publish(session)
    assert "Package: hello\n" in guarded.get(INDEX, auth=auth).text


def test_maintainer_deletes_what_a_removed_component_has(guarded, session, headers, contrib):
    sent = headers("maintainer")
    guarded.put(f"{DISTRIBUTIONS}/sid?components=main", headers=sent)
    (package,) = guarded.get(f"{PROJECT}/packages", headers=sent).json()
    assert len(session.call("repo.list")) == 2
    answer = guarded.delete(f"{PROJECT}/packages/{package['id']}", headers=sent)
    assert answer.status_code == 204
    wait_for_publish(session)
    assert guarded.get(f"{PROJECT}/packages", headers=sent).json() == []
    assert len(session.call("repo.list")) == 1


def test_removed_component_is_gone_by_name_when_the_release_lists_it_no_more(
    guarded, session, secret, contrib
):
    token = secret("developer")
    headers, auth = {"PRIVATE-TOKEN": token}, ("developer", token)
    release = guarded.get(f"{APT}/dists/sid/Release", auth=auth).text
    digest = re.search(r" ([0-9a-f]{64}) +\d+ contrib/binary-amd64/Packages\n", release)[1]
    by_hash = f"{APT}/dists/sid/contrib/binary-amd64/by-hash/SHA256/{digest}"
    session.call("distribution.edit", container="acme/web", codename="sid", components=["main"])
    assert guarded.get(INDEX, auth=auth).status_code == 200  # the Release still lists it
    wait_for_publish(session)
    for index in (INDEX, f"{INDEX}.gz", INDEX.replace("amd64", "all")):
        assert guarded.get(index, auth=auth).status_code == 404
    assert guarded.get(by_hash, auth=auth).status_code == 200  # for those who have read that
    guarded.put(f"{DISTRIBUTIONS}/sid?components=main,contrib", headers=headers)
    wait_for_publish(session)
    assert guarded.get(INDEX, auth=auth).status_code == 200


def test_distribution_takes_its_removed_components_along(guarded, session, headers, contrib):
    sent = headers("maintainer")
    guarded.put(f"{DISTRIBUTIONS}/sid?components=main", headers=sent)
    session.call("repo.rename", name="acme.web-sid-contrib", new_name="renamed")
    assert guarded.delete(f"{DISTRIBUTIONS}/sid", headers=sent).status_code == 202
    assert session.call("repo.list") == []
