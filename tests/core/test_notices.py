"""Notices that plugins want again: kept, repeated, given up, and shown."""

import json
from contextlib import closing

import pytest
from click.testing import CliRunner

from debrepo import hookimpl, notices, repeats
from debrepo.cli import build_cli
from debrepo.errors import DatabaseFull
from debrepo.notices import Retry
from debrepo.session import Session
from debrepo.testing.packages import build_deb
from debrepo_admin.notice_operations import checkup

HOUR = 3600.0


class Post:
    """A plugin whose post office is closed on some days."""

    def __init__(self):
        self.closed = "the post office is closed"
        self.after = 0.0
        self.told = []
        self.actors = []

    def _post(self, session, **facts):
        self.actors.append(session.actor)
        if self.closed:
            raise Retry(self.closed, after=self.after)
        self.told.append(facts)

    @hookimpl
    def debrepo_published(self, session, publication, generation, before, after, paths):
        self._post(
            session,
            publication=publication,
            generation=generation,
            before=before,
            after=after,
            paths=paths,
        )

    @hookimpl
    def debrepo_packages_changed(self, session, target, before, added, removed):
        self._post(session, target=target, before=before, added=added, removed=removed)


class Listening(Post):
    """Another one, where every day is a good day."""

    def __init__(self):
        super().__init__()
        self.closed = ""


@pytest.fixture
def post(debrepo_plugins):
    plugin = Post()
    debrepo_plugins.register(plugin, "post")
    return plugin


@pytest.fixture
def listening(debrepo_plugins):
    plugin = Listening()
    debrepo_plugins.register(plugin, "listening")
    return plugin


def notes_of(session, monkeypatch):
    notes = []
    monkeypatch.setattr(session.progress, "note", notes.append)
    return notes


def publish(session, tmp_path):
    session.call("repo.create", name="web")
    list(session.call("repo.add", name="web", paths=[build_deb(tmp_path, "hello")]))
    options = {"skip_signing": True, "codename": "noble"}
    session.call("publish.create", kind="repo", names=["web"], distribution="d", options=options)


def at(session, now):
    return notices.repeat(session, now=lambda: now)


def make_due(session):
    """Let the only notice that waits be due at once."""
    (first,) = waiting(session)
    with session.db.write() as txn:
        repeats.drop(txn, first)
        repeats.put(txn, first._replace(due=0.0))


def waiting(session):
    with session.db.read() as txn:
        return list(repeats.all_(txn))


def test_notice_comes_again_with_what_it_was_told(session, post, listening, tmp_path):
    clerk = session.acting(actor="clerk")
    publish(clerk, tmp_path)
    assert [one.hook for one in waiting(session)] == [
        "debrepo_packages_changed",
        "debrepo_published",
    ]
    assert post.told == []
    post.closed = ""
    later = waiting(session)[-1].due + 1
    assert at(session, later) == (2, 0, False)
    assert waiting(session) == []
    assert post.told == listening.told
    assert post.actors == ["clerk"] * 4
    changed, published = post.told
    assert str(changed["target"]) == "repo:web"
    assert isinstance(next(iter(changed["added"])), bytes)
    assert (published["before"], published["after"].codename) == (None, "noble")


def test_pauses_double_and_a_plugin_may_wish_another_one(session, post, tmp_path, monkeypatch):
    notes = notes_of(session, monkeypatch)
    session.call("repo.create", name="web")
    list(session.call("repo.add", name="web", paths=[build_deb(tmp_path, "hello")]))
    (first,) = waiting(session)
    assert first.due == first.created + 10
    assert at(session, first.due - 1) == (0, 0, False)
    for pause in (20, 40, 80):
        (last,) = waiting(session)
        assert at(session, last.due) == (0, 1, False)
        assert waiting(session)[0].due == last.due + pause
    post.after = 7200
    (last,) = waiting(session)
    at(session, last.due)
    assert waiting(session)[0].due == last.due + 7200
    assert notes[0] == (
        "Warning: debrepo_packages_changed of plugin post failed: the post office is closed. "
        "What it was told about is done. It is called again in 10 seconds."
    )
    assert notes[1].endswith("failed: the post office is closed. It is called again in 20 seconds.")


@pytest.mark.parametrize("after", [float("nan"), -5.0, 0.0])
def test_wish_that_is_none_is_no_wish(after):
    first = repeats.Repeat("a", "post", "hook", "", "{}", 0, 0, 0, "")
    assert repeats.again(first, "closed", after, 0, HOUR).due == 10


def test_wish_has_limits():
    first = repeats.Repeat("a", "post", "hook", "", "{}", 0, 0, 0, "")
    assert repeats.again(first, "closed", 0.001, 0, HOUR).due == 1
    assert repeats.again(first, "closed", 1e300, 0, HOUR).due == 24 * HOUR
    assert repeats.again(first._replace(failures=99), "closed", 0, 0, HOUR).due == HOUR


def change(session, tmp_path):
    session.call("repo.create", name="web")
    list(session.call("repo.add", name="web", paths=[build_deb(tmp_path, "hello")]))


def test_notice_is_given_up_after_a_while_and_deleted_later(session, post, tmp_path):
    change(session, tmp_path)
    (first,) = waiting(session)
    assert checkup(session).concerns == ()
    now = first.created + session.config["notices.max_age"] + 1
    at(session, now)
    (given_up,) = waiting(session)
    assert (given_up.failed, given_up.failures) == (True, 2)
    (concern,) = checkup(session).concerns
    assert concern.text == (
        "debrepo_packages_changed of plugin post was given up: the post office is closed"
    )
    assert at(session, now + HOUR) == (0, 0, False)
    at(session, now + session.config["notices.keep_failed"])
    assert waiting(session) == []


def test_plugin_that_fails_otherwise_is_not_called_again(session, post, tmp_path, monkeypatch):
    change(session, tmp_path)
    monkeypatch.setattr(post, "_post", lambda *_, **more: 1 / 0)
    (first,) = waiting(session)
    assert at(session, first.due) == (0, 1, False)
    (given_up,) = waiting(session)
    assert (given_up.failed, given_up.error) == (True, "division by zero")


def test_notice_waits_for_a_plugin_that_is_away(session, post, tmp_path):
    change(session, tmp_path)
    session.plugins.unregister(post)
    (first,) = waiting(session)
    at(session, first.due)
    (still,) = waiting(session)
    assert (still.failed, still.error) == (False, "the plugin post is not loaded")


def test_notice_that_cannot_be_read_is_given_up(session, post, tmp_path):
    change(session, tmp_path)
    (first,) = waiting(session)
    with session.db.write() as txn:
        repeats.put(txn, first._replace(facts=json.dumps({"target": 7, "added": {"s": []}})))
    at(session, first.due)
    assert [one.failed for one in waiting(session)] == [True]


def test_no_more_are_kept_than_the_setting_says(session, post, tmp_path, monkeypatch):
    notes = notes_of(session, monkeypatch)
    session.config.override("notices.max_queued", 1, "test")
    publish(session, tmp_path)
    assert [one.hook for one in waiting(session)] == ["debrepo_packages_changed"]
    assert notes[-1].endswith("It is not called again: 1 calls wait.")


def test_notice_that_is_too_long_is_not_kept(session, post, tmp_path, monkeypatch):
    notes = notes_of(session, monkeypatch)
    monkeypatch.setattr(notices, "_LARGEST", 10)
    change(session, tmp_path)
    assert waiting(session) == []
    assert notes[-1].endswith("It is not called again: it is told too much.")


def test_notice_that_cannot_be_kept_is_a_warning(session, post, tmp_path, monkeypatch):
    notes = notes_of(session, monkeypatch)

    def full(*_):
        raise DatabaseFull("the disk is full")

    monkeypatch.setattr(repeats, "put", full)
    change(session, tmp_path)
    assert notes[-1].endswith("It is not called again: the disk is full.")


def test_hook_without_facts_is_not_kept(session, debrepo_plugins):
    class Ending:
        @hookimpl
        def debrepo_command_ended(self, session):
            raise Retry("not yet")

    debrepo_plugins.register(Ending(), "ending")
    notices.tell(session, "debrepo_command_ended")
    assert waiting(session) == []


@pytest.fixture
def debrepo_streams(debrepo_root, debrepo_plugins):
    """Run a command line; what is said comes in the order in which it was said."""

    def run(*words):
        cli = build_cli(debrepo_plugins)
        return CliRunner().invoke(cli, ["--root", str(debrepo_root), *map(str, words)])

    return run


def test_warning_comes_after_the_result(debrepo_streams, post, tmp_path):
    debrepo_streams("repo", "create", "web")
    result = debrepo_streams("repo", "add", "web", build_deb(tmp_path, "hello"))
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[-1].startswith("Warning: debrepo_packages_changed of plugin post failed: ")
    assert not any(line.startswith("Warning") for line in lines[:-1])
    words = ("publish", "repo", "web", "--distribution", "stable", "--skip-signing")
    lines = debrepo_streams(*words).output.splitlines()
    at = [number for number, line in enumerate(lines) if line.startswith("Warning")]
    assert at == [len(lines) - 1]
    assert any("stable" in line for line in lines[:-1])


def test_next_command_makes_the_call_again(
    debrepo_streams, post, tmp_path, debrepo_root, debrepo_plugins
):
    debrepo_streams("repo", "create", "web")
    debrepo_streams("repo", "add", "web", build_deb(tmp_path, "hello"))
    post.closed = ""
    debrepo_streams("repo", "list")
    assert post.told == []  # it is not due yet
    with closing(Session(debrepo_root, debrepo_plugins)) as session:
        make_due(session)
    debrepo_streams("repo", "list")
    assert [str(told["target"]) for told in post.told] == ["repo:web"]


def test_notices_can_be_seen_called_again_and_given_up(debrepo, post, tmp_path):
    debrepo("repo", "create", "web")
    debrepo("repo", "add", "web", build_deb(tmp_path, "hello"))
    (shown,) = json.loads(debrepo("plugin", "notices", "--json").stdout)
    assert (shown["plugin"], shown["failures"], shown["failed"]) == ("post", 1, False)
    assert "the post office is closed" in debrepo("plugin", "notices").stdout
    failed = debrepo("plugin", "retry", shown["id"], exit_code=9)
    assert 'Error: 1 notice did not\nHint: run "debrepo plugin notices"\n' in failed.output
    post.closed = ""
    assert debrepo("plugin", "retry", "--all").stdout == "1 notice arrived.\n"
    assert debrepo("plugin", "notices").output == ""
    post.closed = "closed for ever"
    debrepo("repo", "add", "web", build_deb(tmp_path, "other"))
    assert debrepo("plugin", "give-up", "--all").stdout == "Gave up 1 notice.\n"
    assert debrepo("plugin", "notices").output == ""
    debrepo("plugin", "retry", exit_code=2)
    debrepo("plugin", "retry", "none", exit_code=3)


def test_server_makes_calls_again_and_counts_them(api, session, post, tmp_path):
    change(session, tmp_path)
    text = api.get("/api/metrics").text
    assert "debrepo_notices_queued 1\n" in text
    assert "debrepo_notices_failed 0\n" in text
    make_due(session)
    post.closed = ""
    notices.in_background(session, None)()
    assert [str(told["target"]) for told in post.told] == ["repo:web"]
    assert "debrepo_notices_queued 0\n" in api.get("/api/metrics").text


def test_server_tells_warnings_apart_from_notes(api, session, post, tmp_path):
    session.call("repo.create", name="web")
    answer = api.post(
        "/api/operations/repo.rename", json={"arguments": {"name": "web", "new_name": "net"}}
    ).json()
    assert answer["warnings"] == []
    list(session.call("repo.add", name="net", paths=[build_deb(tmp_path, "hello")]))
    answer = api.post(
        "/api/operations/repo.remove", json={"arguments": {"name": "net", "queries": ["hello"]}}
    ).json()
    assert answer["notes"] == []
    assert answer["warnings"][0].startswith("Warning: debrepo_packages_changed of plugin post")


def test_retry_before_something_happens_stops_it_as_any_error_does(debrepo, debrepo_plugins):
    class Early:
        @hookimpl
        def debrepo_created(self, name):
            raise Retry(f"{name} cannot be taken note of now")

    debrepo_plugins.register(Early(), "early")
    result = debrepo("repo", "create", "tools", exit_code=1)
    assert result.stderr == "Error: tools cannot be taken note of now\n"
    assert debrepo("repo", "list").stdout == ""
