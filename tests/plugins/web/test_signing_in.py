"""Signing in: a token in a cookie that counts on pages alone."""

import pytest

HTML = {"Accept": "text/html"}


@pytest.fixture
def secret(debrepo):
    """A token that may read."""
    return debrepo("token", "create", "ann", "--scope", "read").stdout.strip()


def test_person_signs_in_and_out(serving, secret, visit):
    window = visit(f"{serving('--require-token').url}/web")
    assert window.title() == "Sign in · debrepo"
    window.get_by_label("Token").fill(secret)
    window.get_by_role("button", name="Sign in").click()
    window.wait_for_url("**/web/publications")
    assert window.get_by_role("banner").get_by_text("ann").is_visible()
    window.get_by_role("button", name="Sign out").click()
    window.wait_for_url("**/web/login")
    window.goto(window.url.replace("/login", "/publications"))
    assert window.title() == "Sign in · debrepo"


def test_wrong_token_is_told(serving, secret, visit):
    window = visit(f"{serving('--require-token').url}/web/login")
    window.get_by_label("Token").fill("debrepo-wrong")
    window.get_by_role("button", name="Sign in").click()
    assert "not known" in window.get_by_role("alert").inner_text()


def test_cookie_counts_on_pages_alone(serving, secret, visit):
    url = serving("--require-token").url
    window = visit(f"{url}/web/login")
    window.get_by_label("Token").fill(secret)
    window.get_by_role("button", name="Sign in").click()
    window.wait_for_url("**/web/publications")
    asked = window.context.request
    assert asked.get(f"{url}/web/publications", headers=HTML).status == 200
    assert asked.get(f"{url}/api/repos").status == 401


def test_form_without_its_token_is_refused(api):
    answer = api.post("/web/login", data={"token": "x"}, headers=HTML)
    assert answer.status_code == 400
    assert "not sent by a page of this server" in answer.text


@pytest.mark.parametrize("to", ["//evil.example", "/web/\\evil", "https://evil.example", "/api"])
def test_nobody_is_sent_elsewhere_after_signing_in(api, to):
    assert f'value="{to}"' not in api.get("/web/login", params={"next": to}, headers=HTML).text


@pytest.fixture
def ann(serving, secret, visit):
    """The window of somebody who has signed in, on a server that asks for tokens."""
    window = visit(f"{serving('--require-token').url}/web/login")
    window.get_by_label("Token").fill(secret)
    window.get_by_role("button", name="Sign in").click()
    window.wait_for_url("**/web/publications")
    return window


def test_person_whose_token_was_revoked_signs_in_with_another(ann, debrepo):
    debrepo("token", "revoke", "ann")
    ann.reload()
    assert ann.title() == "Sign in · debrepo"
    ann.get_by_label("Token").fill(
        debrepo("token", "create", "bob", "--scope", "read").stdout.strip()
    )
    ann.get_by_role("button", name="Sign in").click()
    ann.get_by_role("banner").get_by_text("bob").wait_for()


def test_public_page_is_there_for_a_token_that_was_revoked(ann, debrepo):
    debrepo("token", "revoke", "ann")
    ann.goto(ann.url.replace("/web/publications", "/"))
    assert ann.title().startswith("Debian packages")
    assert "debrepo-token" not in {cookie["name"] for cookie in ann.context.cookies()}


def test_form_can_be_sent_after_other_pages_were_opened(ann):
    other = ann.context.new_page()
    other.goto(ann.url.replace("/web/publications", "/"))
    ann.get_by_role("button", name="Sign out").click()
    ann.wait_for_url("**/web/login")
