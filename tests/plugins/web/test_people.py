"""What people do in a browser, from the first click to the last."""

import re
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from debrepo.testing.packages import build_deb


@pytest.fixture
def archive(session, tmp_path):
    """An archive with hello, whose server answers when its gate is open: its URL, and the gate."""
    session.call("repo.create", name="upstream")
    list(session.call("repo.add", name="upstream", paths=[build_deb(tmp_path)]))
    words = {"kind": "repo", "names": ["upstream"], "distribution": "s"}
    session.call("publish.create", **words, options={"skip_signing": True})
    gate = threading.Event()
    gate.set()

    class Gated(SimpleHTTPRequestHandler):
        def do_GET(self):
            assert gate.wait(30)
            super().do_GET()

        def log_message(self, *args):
            pass

    handler = partial(Gated, directory=session.root / "public")
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", gate
    gate.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def mirror(session, archive):
    """A mirror m of the archive; its gate is closed."""
    url, gate = archive
    session.call(
        "mirror.create",
        name="m",
        url=url,
        distribution="s",
        options={"ignore_signatures": True},
    )
    gate.clear()
    return gate


def test_task_is_seen_live_and_leads_on_to_its_result(serving, session, mirror, visit):
    window = visit(f"{serving().url}/web/mirrors/m")
    window.get_by_role("button", name="Update this mirror").click()
    window.wait_for_url(re.compile(r"/web/tasks/1\?next="))
    window.get_by_text("running", exact=True).wait_for()
    mirror.set()
    window.wait_for_url("**/web/mirrors/m")
    assert "Done: Update mirror m" in window.get_by_role("status").first.inner_text()
    assert window.get_by_role("link", name="hello", exact=True).is_visible()


def test_task_is_cancelled_by_who_began_it(serving, session, mirror, visit):
    window = visit(f"{serving().url}/web/mirrors/m")
    window.get_by_role("button", name="Update this mirror").click()
    window.get_by_role("button", name="Cancel this task").click()
    window.wait_for_url("**/web/tasks/1")
    mirror.set()
    window.get_by_text("failed", exact=True).wait_for()
    assert "the task was cancelled" in window.get_by_label("Output of the task").inner_text()
    assert session.call("mirror.show", name="m").size == 0


def test_person_with_a_token_fills_a_repository_and_clears_it(serving, debrepo, visit, tmp_path):
    scopes = [f"--scope={scope}" for scope in ("read", "repo:tools:*")]
    secret = debrepo("token", "create", "ann", *scopes).stdout.strip()
    debs = [build_deb(tmp_path, name) for name in ("hello", "world")]
    window = visit(f"{serving('--require-token').url}/web/repos")
    window.get_by_label("Token").fill(secret)
    window.get_by_role("button", name="Sign in").click()
    window.get_by_label("Name of the repository").fill("other")
    window.get_by_role("button", name="Create repository").click()
    assert "lacks the scope repo:other:create" in window.get_by_role("alert").inner_text()
    window.go_back()
    window.get_by_label("Name of the repository").fill("tools")
    window.get_by_role("button", name="Create repository").click()
    window.get_by_text("Created repository tools.").wait_for()
    window.get_by_label("Package files").set_input_files(debs)
    window.get_by_role("button", name="Upload").click()
    window.get_by_role("status").filter(has_text="Done: Add 2 files").wait_for()
    window.get_by_label("Choose hello 1.0 amd64").check()
    window.get_by_role("button", name="Remove the marked").click()
    assert window.get_by_role("listitem").all_inner_texts() == ["hello 1.0 amd64"]
    window.get_by_role("button", name="Remove", exact=True).click()
    window.get_by_text("1 package removed from tools.").wait_for()
    assert window.get_by_role("link", name="world", exact=True).is_visible()
    window.locator("summary").filter(has_text="Drop").click()
    window.get_by_label("Drop tools").check()
    window.get_by_role("button", name="Drop").click()
    window.get_by_text("Dropped tools").wait_for()


def test_administrator_makes_a_token_and_revokes_it(serving, session, visit):
    window = visit(f"{serving().url}/web/tokens")
    window.on("dialog", lambda dialog: dialog.accept())
    window.get_by_label("Name", exact=True).fill("ci")
    window.get_by_label("Role", exact=True).select_option("reader")
    window.get_by_role("button", name="Create token").click()
    assert window.locator("#secret").inner_text().startswith("debrepo-")
    window.get_by_role("link", name="What it may do").click()
    window.get_by_role("button", name="Revoke this token").click()
    window.get_by_text("Token ci was revoked.").wait_for()
    assert session.call("token.list") == []


def test_changes_are_found_by_who_made_them(serving, session, visit):
    session.call("repo.create", name="web")
    session.acting(actor="token:ci").call("repo.create", name="tools")
    window = visit(f"{serving().url}/web/audit")
    window.get_by_label("By whom").fill("token:ci")
    window.get_by_role("button", name="Show", exact=True).click()
    assert window.get_by_role("rowheader").all_inner_texts() == ["repo.create"]
    assert window.get_by_role("link", name="repo:tools").get_attribute("href") == "/web/repos/tools"
