"""Tokens by role, what a token may do, and scopes that grant nothing."""

import json

import pytest
from fastapi.testclient import TestClient

from debrepo_server.access import Access
from debrepo_server.app import build
from debrepo_server.scopes import ROLES


@pytest.fixture
def guarded(session):
    """A server that asks for tokens."""
    with TestClient(build(session, Access(session, trusting=False))) as client:
        yield client


def scopes_of(debrepo, name):
    return json.loads(debrepo("token", "show", name, "--json").stdout)["scopes"]


def test_role_of_jobs_is_for_its_repositories_and_places(debrepo):
    debrepo("token", "create", "web", "--role", "ci", "--repo", "dev", "--publish", "./testing")
    assert scopes_of(debrepo, "web") == [
        "read",
        "upload:web*",
        "upload:~*",
        "repo:dev:add",
        "repo:dev:include",
        "publish:testing:update",
    ]


def test_role_and_scopes_add_up(debrepo):
    debrepo("token", "create", "x", "--role", "reader", "--scope", "read", "--scope", "key:check")
    assert scopes_of(debrepo, "x") == ["read", "key:check", "download:*"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "a token needs a role, or at least one scope"),
        (["--role", "ci"], "the role ci is for certain repositories or places"),
        (["--role", "reader", "--repo", "x"], "the role reader has nothing to do with --repo"),
        (["--repo", "x"], "repositories and places are those of a role"),
        (["--role", "ci", "--repo", "a b"], "not a scope: 'repo:a b:add'"),
        (["--role", "ci", "--publish", "../x"], "../x"),
    ],
)
def test_role_that_does_not_fit_is_refused(debrepo, words, said):
    assert said in debrepo("token", "create", "t", *words, exit_code=2).output


def test_role_that_is_not_known_is_refused(session):
    with pytest.raises(Exception, match="no role is called 'boss'"):
        session.call("token.create", name="t", role="boss")


@pytest.mark.parametrize(
    ("scope", "hint"),
    [
        ("repo:web:ad", "is repo:web:add meant?"),
        ("rpo:web:add", "is repo:web:add meant?"),
        ("publish:prod:updat", "is publish:prod:update meant?"),
        ("publish:update", "publish:{place}:create, "),
        ("nonsense", "scopes begin with: admin, download, "),
    ],
)
def test_scope_that_nothing_needs_is_refused_with_the_nearest_one(debrepo, scope, hint):
    result = debrepo("token", "create", "t", "--scope", scope, exit_code=2)
    assert f"nothing needs the scope {scope}" in result.output
    assert hint in result.output.replace("\n", " ")


@pytest.mark.parametrize(
    "scope",
    [
        "admin",
        "read",
        "tasks",
        "repo:*",
        "repo:*:add",
        "*:update",
        "download:-/prod/*",
        "upload:ci-*",
        "mirror:debian:download",
        "gitlab:project:acme/*:*",
        "publish:*",
        "*",
    ],
)
def test_scope_that_something_needs_is_granted(debrepo, scope):
    debrepo("token", "create", "t", "--scope", scope)


def test_every_role_grants_what_something_needs(debrepo):
    for role in ROLES:
        places = [] if role in {"admin", "reader"} else ["--repo", "dev", "--publish", "."]
        debrepo("token", "create", role, "--role", role, *places)
    lines = debrepo("doctor").stdout.splitlines()
    assert [line for line in lines if " token " in line] == [
        f"ok: token {role}" for role in sorted(ROLES)
    ]


def test_token_shows_what_it_may_do(debrepo):
    debrepo("token", "create", "web", "--role", "ci", "--repo", "dev", "--days", "3")
    found = json.loads(debrepo("token", "show", "web", "--json").stdout)
    assert "repo.add" in found["operations"]
    assert "repo.drop" not in found["operations"]
    assert "digest" not in found
    assert (
        "Scopes: read, upload:web*, upload:~*, repo:dev:add"
        in debrepo("token", "show", "web").stdout
    )
    debrepo("token", "show", "nobody", exit_code=3)


def test_whether_a_token_may_do_something_is_told_scope_by_scope(debrepo):
    debrepo("token", "create", "web", "--role", "ci", "--repo", "dev")
    words = ("token", "can", "web", "repo.add", "name=dev")
    assert debrepo(*words, "upload=web-42").stdout.splitlines() == [
        "repo:dev:add: granted by repo:dev:add",
        "upload:web-42: granted by upload:web*",
    ]
    result = debrepo(*words, "upload=other", "--json", exit_code=12)
    assert json.loads(result.stdout) == {
        "allowed": False,
        "scopes": {"repo:dev:add": "repo:dev:add", "upload:other": ""},
    }
    assert "token web may not call repo.add" in result.stderr


def test_arguments_are_spelled_as_scopes_are(debrepo):
    debrepo("token", "create", "web", "--scope", "publish:testing:update")
    words = ("token", "can", "web", "publish.update", "distribution=x")
    debrepo(*words, "place=./testing/")
    assert "publish:.:update: not granted" in debrepo(*words, exit_code=12).stdout


@pytest.mark.parametrize(
    ("words", "exit_code", "said"),
    [
        (["repo.ad"], 3, "is repo.add meant?"),
        (["zzz"], 3, "no operation called zzz"),
        (["repo.add"], 2, "add name=VALUE"),
        (["repo.add", "nam=x"], 2, "repo.add has no argument nam"),
        (["repo.add", "name"], 2, "not an argument"),
    ],
)
def test_question_that_makes_no_sense_says_what_is_missing(debrepo, words, exit_code, said):
    debrepo("token", "create", "web", "--scope", "read")
    assert said in debrepo("token", "can", "web", *words, exit_code=exit_code).output


def test_what_is_told_of_a_token_is_what_the_server_does(guarded, session):
    """The answer of `token can` and that of a request with the token are the same."""
    secret = session.call("token.create", name="web", role="ci", repos=["dev"])
    session.call("repo.create", name="dev")
    session.call("repo.create", name="prod")
    for name, status in (("dev", 200), ("prod", 403)):
        verdict = session.call(
            "token.can",
            token="web",
            operation="repo.add",
            arguments={"name": name, "upload": "web-1"},
        )
        answer = guarded.post(
            "/api/operations/repo.add",
            json={"arguments": {"name": name, "paths": []}},
            headers={"Authorization": f"Bearer {secret}"},
        )
        assert (answer.status_code, verdict.allowed) == (status, status == 200)


def test_token_that_expires_soon_or_grants_nothing_is_a_concern(debrepo, session):
    debrepo("token", "create", "short", "--scope", "read", "--days", "3")
    from debrepo_server.tokens import TOKENS

    with session.db.write() as txn:
        token = txn[TOKENS]["short"]
        txn[TOKENS]["old"] = token._replace(name="old", scopes=("repo:web:ad",), expires="")
        txn[TOKENS]["gone"] = token._replace(name="gone", expires="2020-01-01T00:00:00+00:00")
    session.close()
    text = debrepo("doctor").stdout
    assert "warning: token short: expires on" in text
    assert "warning: token old: nothing needs its scope repo:web:ad" in text
    assert "warning: token gone: expired on 2020-01-01" in text


def test_token_for_what_is_not_there_yet_is_made_with_a_warning(debrepo, debrepo_root):
    debrepo("repo", "create", "dev", "--distribution", "stable")
    words = ("--role", "ci", "--repo", "dev", "--repo", "deb", "--publish", "./testing")
    made = debrepo("token", "create", "web", *words)
    assert made.stderr.splitlines() == [
        "Warning: there is no repository called deb yet; is dev meant?",
        "Warning: there is nothing published to testing yet.",
    ]
    assert made.stdout.startswith("debrepo-")
    debrepo("publish", "repo", "dev", "testing", "--skip-signing", "--architectures", "amd64")
    made = debrepo("token", "create", "again", "--scope", "publish:testing:update")
    assert made.stderr == ""
    made = debrepo("token", "create", "any", "--scope", "repo:*:add", "--scope", "publish:*:update")
    assert made.stderr == ""
