"""Notifications: who is told of what, how often, and what becomes of what cannot be told."""

import json
import os
import signal
import subprocess
import sys
import threading
from base64 import b64decode
from functools import partial

import pytest

from debrepo import hookimpl
from debrepo.arrival import Arrival, RefusedPackage
from debrepo.errors import InvalidInput, NotFound, RemoteError
from debrepo.package import PackageKey, PackageList
from debrepo.packageset import EMPTY
from debrepo.testing.packages import build_deb
from debrepo_notify import deliveries, events, targets
from debrepo_notify.delivering import deliver, in_background
from debrepo_notify.sending import signature


def bodies(receiver):
    return [json.loads(body) for _, body in receiver.got]


def listed(debrepo, *options):
    return json.loads(debrepo("notify", "list", "--json", *options).stdout)


def test_events_are_told_with_their_data(debrepo, configure, receiver, tmp_path):
    configure(ci={"url": receiver.url})
    debrepo("repo", "create", "web")
    debrepo("repo", "add", "web", build_deb(tmp_path))
    debrepo("snapshot", "create", "monday", "from", "repo", "web")
    debrepo("publish", "snapshot", "monday", "--distribution", "stable", "--skip-signing")
    debrepo("publish", "drop", "stable")
    debrepo("snapshot", "rename", "monday", "tuesday")
    debrepo("snapshot", "drop", "tuesday")
    debrepo("repo", "drop", "web")
    assert receiver.got == []
    assert debrepo("notify", "deliver").stdout == "Delivered 10 notifications.\n"
    assert receiver.events == [
        "repo.created",
        "repo.changed",
        "snapshot.created",
        "publication.created",
        "publication.published",
        "publication.dropped",
        "publication.unpublished",
        "snapshot.renamed",
        "snapshot.dropped",
        "repo.dropped",
    ]
    found = {body["type"]: body for body in bodies(receiver)}
    changed = found["repo.changed"]
    assert (changed["version"], changed["data"]["added_count"]) == (1, 1)
    assert changed["data"]["added"][0].startswith("Pamd64 hello 1.0 ")
    assert found["snapshot.renamed"]["data"] == {
        "kind": "snapshot",
        "name": "tuesday",
        "old": "monday",
    }
    published = found["publication.published"]["data"]
    assert (published["name"], published["generation"]) == ("./stable", 1)
    assert published["components"] == {"main": "snapshot:monday"}
    assert "dists/stable/Release" in published["paths"]
    assert found["publication.unpublished"]["data"]["generation"] == 0
    assert listed(debrepo) == []


def test_packages_that_a_rule_keeps_out_are_told(debrepo, debrepo_root, configure, tmp_path):
    configure(ci={"url": "http://127.0.0.1:9/", "events": ["*.refused"]})
    with (debrepo_root / "debrepo.toml").open("a") as file:
        file.write('[policy.house]\nrepo = ["web"]\nnames = ["acme-*"]\n')
    for name in ("web", "other"):
        debrepo("repo", "create", name)
    debs = [build_deb(tmp_path, name) for name in ("hello", "acme-tool", "world")]
    debrepo("repo", "add", "web", *debs, exit_code=1)
    debrepo("repo", "add", "other", *debs)
    debrepo("repo", "copy", "other", "web", "world", exit_code=2)
    first, second = (
        json.loads(debrepo("notify", "show", one["id"], "--json").stdout) for one in listed(debrepo)
    )
    assert (first["event"], first["name"]) == ("repo.refused", "repo:web")
    data = first["body"]["data"]
    assert data["refused_count"] == 2
    hello, world = data["refused"]
    assert hello["package"].startswith("Pamd64 hello 1.0 ")
    assert hello["reason"].startswith("hello_1.0_amd64 breaks the rule house: expected a name like")
    assert (hello["source"], hello["signers"]) == ("", [])
    assert world["package"].startswith("Pamd64 world 1.0 ")
    (copied,) = second["body"]["data"]["refused"]
    assert copied["source"] == "repo:other"


def test_refusals_have_an_end(session, configure):
    configure(ci={"url": "http://127.0.0.1:9/", "events": ["repo.refused"]})
    key = PackageKey("hello", "amd64", "1.0", "0123456789abcdef")
    one = RefusedPackage(key, "no " * 1000, "", Arrival("repo:other", ("F" * 40,)))
    target = PackageList("repo", "web", EMPTY)
    events.were_refused(session, target, [one] * 600)
    with session.db.read() as txn:
        ((delivery, _),) = deliveries.all_(txn)
    data = json.loads(delivery.body)["data"]
    assert data["refused_count"] == 600
    assert 50 < len(data["refused"]) < 100
    assert len(data["refused"][0]["reason"]) == 1000


def test_only_what_a_target_wants_is_queued(debrepo, configure):
    configure(
        a={"url": "http://127.0.0.1:9/", "events": ["repo.*"], "names": ["web"]},
        b={"url": "http://127.0.0.1:9/", "events": ["*.dropped"]},
        c={"url": "http://127.0.0.1:9/", "names": ["repo:old"]},
    )
    debrepo("repo", "create", "web")
    debrepo("repo", "create", "old")
    debrepo("repo", "rename", "old", "new")
    debrepo("repo", "drop", "web")
    assert sorted((one["target"], one["event"], one["name"]) for one in listed(debrepo)) == [
        ("a", "repo.created", "repo:web"),
        ("a", "repo.dropped", "repo:web"),
        ("b", "repo.dropped", "repo:web"),
        ("c", "repo.created", "repo:old"),
        ("c", "repo.renamed", "repo:new"),
    ]
    assert len(listed(debrepo, "--target", "b")) == 1


def test_change_that_is_undone_queues_nothing(debrepo, configure):
    configure(ci={"url": "http://127.0.0.1:9/"})
    debrepo("repo", "create", "web")
    debrepo("repo", "create", "web", exit_code=4)
    assert [one["event"] for one in listed(debrepo)] == ["repo.created"]


def test_delivery_is_signed_as_standard_webhooks_are(session, configure, receiver):
    key = "whsec_plJ3nmyCDGBKInavdOK15jsl"
    configure(ci={"url": receiver.url, "secret": key})
    session.call("repo.create", name="web")
    deliver(session)
    ((headers, body),) = receiver.got
    assert headers["webhook-id"].startswith("msg_")
    at = int(headers["webhook-timestamp"])
    key = targets.get(session.config, "ci").key
    assert headers["webhook-signature"] == signature(key, headers["webhook-id"], at, body)


def test_signature_is_that_of_the_published_example():
    body = b'{"event_type":"ping","data":{"success":true}}'
    key = b64decode("plJ3nmyCDGBKInavdOK15jsl")
    assert signature(key, "msg_loFOjxBNrRLzqYUf", 1731705121, body) == (
        "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0="
    )


def test_secret_is_shown_nowhere(debrepo, configure, receiver):
    configure(ci={"url": receiver.url, "secret": "hunter2"})
    assert "hunter2" not in debrepo("config", "show", "--json").output
    debrepo("repo", "create", "web")
    (one,) = listed(debrepo)
    assert "hunter2" not in debrepo("notify", "show", one["id"]).output


@pytest.mark.parametrize("status", [302, 400, 500])
def test_failure_is_tried_again_later_with_the_same_id(session, configure, receiver, status):
    configure(ci={"url": receiver.url})
    session.call("repo.create", name="web")
    receiver.answers = [status]
    with session.db.read() as txn:
        (start,) = [one.created for one, _ in deliveries.all_(txn)]
    now = [start + 1]
    assert deliver(session, now=lambda: now[0])[:2] == (0, 1)
    (shown,) = session.call("notify.list")
    assert f"answered {status}" in shown.delivery.error
    assert shown.delivery.due == now[0] + 10
    now[0] += 9
    assert deliver(session, now=lambda: now[0])[:2] == (0, 0)
    now[0] += 1
    assert deliver(session, now=lambda: now[0])[:2] == (1, 0)
    first, second = (headers["webhook-id"] for headers, _ in receiver.got)
    assert first == second
    assert session.call("notify.list") == []


def test_redirect_is_not_followed(session, configure, receiver):
    configure(ci={"url": receiver.url})
    session.call("repo.create", name="web")
    receiver.answers = [307]
    deliver(session)
    assert len(receiver.got) == 1
    (shown,) = session.call("notify.list")
    assert shown.delivery.error == "answered 307, and redirects are not followed"


def test_pauses_grow_to_an_hour_and_end_with_the_age(session, configure, receiver):
    configure(ci={"url": receiver.url}, max_age=10_000)
    session.call("repo.create", name="web")
    (shown,) = session.call("notify.list")
    receiver.answers = [500] * 100
    now, pauses = shown.delivery.created, []
    while not shown.failed:
        now = max(now, shown.delivery.due)
        deliver(session, now=partial(float, now))
        (shown,) = session.call("notify.list")
        pauses.append(round(shown.delivery.due - now))
    assert pauses[:-1] == [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600][: len(pauses) - 1]
    assert shown.delivery.failures == len(pauses)
    assert session.call("notify.retry", everything=True) == 1
    receiver.answers = []
    assert deliver(session)[:2] == (1, 0)


def test_failed_deliveries_are_deleted_in_the_end(session, configure, receiver):
    configure(ci={"url": receiver.url}, keep_failed=100)
    session.call("repo.create", name="web")
    receiver.answers = [410]
    deliver(session)
    (shown,) = session.call("notify.list", failed=True)
    deliver(session, now=lambda: shown.delivery.created + 50)
    assert len(session.call("notify.list")) == 1
    deliver(session, now=lambda: shown.delivery.created + 150)
    assert session.call("notify.list") == []


def test_receiver_that_is_gone_is_asked_once(session, configure, receiver):
    configure(ci={"url": receiver.url})
    session.call("repo.create", name="web")
    receiver.answers = [410]
    deliver(session)
    (shown,) = session.call("notify.list")
    assert shown.failed
    assert shown.delivery.error == "answered 410: no, thanks"


def test_target_that_fails_is_left_alone_and_holds_up_no_other(session, configure, receiver):
    configure(a={"url": "http://127.0.0.1:9/"}, b={"url": receiver.url})
    for name in ("x", "y", "z"):
        session.call("repo.create", name=name)
    assert deliver(session)[:2] == (3, 1)
    waiting = session.call("notify.list", target="a")
    assert [one.delivery.failures for one in waiting] == [1, 1, 1]
    assert len({one.delivery.due for one in waiting}) == 1
    assert deliver(session)[:2] == (0, 0)


def test_receiver_that_never_ends_its_answer_is_cut_off(session, configure, receiver):
    configure(ci={"url": receiver.url, "timeout": 1})
    session.call("repo.create", name="web")
    over = threading.Event()

    def drip(handler):
        while not over.wait(0.05):
            try:
                handler.wfile.write(b"x")
            except OSError:
                return

    receiver.answers = [drip]
    assert deliver(session)[:2] == (0, 1)
    over.set()
    (shown,) = session.call("notify.list")
    assert shown.delivery.error == "no answer within 1 seconds"


def test_what_a_receiver_says_does_nothing_to_a_terminal(debrepo, configure, receiver):
    configure(ci={"url": receiver.url})
    debrepo("repo", "create", "web")

    def answer(handler):
        handler.send_response(500)
        handler.end_headers()
        handler.wfile.write(b"\x1b[2J\xff gone")

    receiver.answers = [answer]
    debrepo("notify", "deliver", exit_code=7)
    assert "answered 500: ?[2J\ufffd gone\n" in debrepo("notify", "list").output


def test_command_that_is_out_of_time_leaves_the_rest(session, configure, receiver):
    configure(ci={"url": receiver.url})
    for name in ("a", "b", "c"):
        session.call("repo.create", name=name)
    (first, *_) = session.call("notify.list")
    hours = iter(range(1, 100))
    done = deliver(session, now=lambda: first.delivery.created + 3600 * next(hours), patience=9000)
    assert 0 < done.sent + len(session.call("notify.list")) == 3
    assert done.sent < 3


def test_target_that_is_not_configured_any_more_fails(debrepo, configure):
    configure(ci={"url": "http://127.0.0.1:9/"})
    debrepo("repo", "create", "web")
    configure()
    debrepo("notify", "deliver", exit_code=7)
    (one,) = listed(debrepo, "--failed")
    assert one["error"] == "no target called ci is configured any more"


def test_command_gets_the_event_on_its_standard_input(debrepo, configure, tmp_path):
    script = (
        "import os, sys; open(sys.argv[1], 'w').write("
        "os.environ['NOTIFY_EVENT'] + os.environ['NOTIFY_NAME'] + sys.stdin.read())"
    )
    out = tmp_path / "out; touch not-a-shell"
    configure(ci={"command": [sys.executable, "-c", script, str(out)]})
    debrepo("repo", "create", "web")
    debrepo("notify", "deliver")
    text = out.read_text()
    assert text.startswith("repo.createdrepo:web{")
    assert json.loads(text.removeprefix("repo.createdrepo:web"))["data"]["name"] == "web"


def test_command_knows_the_root_and_none_of_the_secrets(debrepo, configure, tmp_path, monkeypatch):
    monkeypatch.setenv("DEBREPO_NOTIFY_TO_CI_SECRET", "hunter2")
    out = tmp_path / "out"
    configure(ci={"command": ["sh", "-c", 'env > "$0"', str(out)]})
    debrepo("repo", "create", "web")
    debrepo("notify", "deliver")
    text = out.read_text()
    assert "hunter2" not in text
    assert "\nDEBREPO_ROOT=/" in f"\n{text}"


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (["sh", "-c", "echo no luck >&2; exit 3"], "sh ended with 3: no luck"),
        (["/nowhere/nothing"], "cannot run /nowhere/nothing: No such file or directory"),
        (["sh", "-c", "sleep 600 & wait"], "sh ran for more than 1 seconds"),
    ],
)
def test_command_that_fails_is_tried_again(debrepo, configure, command, error):
    configure(ci={"command": command, "timeout": 1})
    debrepo("repo", "create", "web")
    debrepo("notify", "deliver", exit_code=7)
    (one,) = listed(debrepo)
    assert (one["error"], one["failed"]) == (error, False)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ({}, "needs either url or command"),
        ({"url": "http://a/", "command": ["b"]}, "needs either url or command"),
        ({"url": "file:///etc/passwd"}, "is neither http nor https"),
        ({"url": "http://user:word@example.org/"}, "has a user or a password"),
        ({"url": "http://example.org:port/"}, "is malformed"),
        ({"url": "http://example.org/a b"}, "is malformed"),
        ({"url": "http://example.org/#top"}, "has a fragment"),
        ({"url": "http://a/", "timeout": 0}, "timeout has to be a number of seconds"),
        ({"url": "http://a/", "secret": "whsec_not base64"}, "secret is not base64"),
    ],
)
def test_target_that_cannot_be_used_is_an_error_and_undoes_nothing(
    session, configure, monkeypatch, target, message
):
    configure(ci={"timeout": 9, **target})
    notes = []
    monkeypatch.setattr(session.progress, "note", notes.append)
    session.call("repo.create", name="web")
    assert len(notes) == 1
    assert message in notes[0]
    with pytest.raises(InvalidInput, match=message):
        session.call("notify.deliver")
    assert session.call("repo.show", name="web").size == 0


def test_full_queue_loses_events_and_says_so(session, configure, monkeypatch):
    configure(ci={"url": "http://127.0.0.1:9/"}, max_queued=1)
    notes = []
    monkeypatch.setattr(session.progress, "note", notes.append)
    session.call("repo.create", name="one")
    session.call("repo.create", name="two")
    assert len(session.call("notify.list")) == 1
    assert notes == ["Warning: ci is not notified: the queue is full."]


def test_body_of_a_large_change_is_cut(session, configure, tmp_path):
    configure(ci={"url": "http://127.0.0.1:9/", "events": ["repo.changed"]})
    session.call("repo.create", name="web")
    added = [b"p%04d\0amd64\x001.0\x000123456789abcdef" % number for number in range(2000)]
    target = PackageList("repo", "web", b"")
    events.changed(session, target, added, ())
    (shown,) = session.call("notify.list")
    data = json.loads(shown.delivery.body)["data"]
    assert (len(data["added"]), data["added_count"]) == (500, 2000)


def test_deliveries_are_shown_tried_again_and_dropped(debrepo, configure, receiver):
    configure(ci={"url": receiver.url})
    debrepo("repo", "create", "web")
    debrepo("repo", "create", "more")
    receiver.answers = [410, 200]
    debrepo("notify", "deliver", exit_code=7)
    debrepo("notify", "deliver")
    (one,) = listed(debrepo)
    assert debrepo("notify", "list").stdout.split()[:3] == [one["id"], "ci", "repo.created"]
    shown = debrepo("notify", "show", one["id"]).stdout
    assert "State: failed: answered 410: no, thanks\n" in shown
    assert debrepo("notify", "retry", one["id"]).stdout == "Queued 1 notification.\n"
    assert debrepo("notify", "drop", "--failed").stdout == "Removed 0 notifications.\n"
    assert debrepo("notify", "drop", "--all").stdout == "Removed 1 notification.\n"
    assert "no delivery has the id msg_0" in debrepo("notify", "show", "msg_0", exit_code=3).output
    assert "name either" in debrepo("notify", "drop", exit_code=2).output
    assert "name either" in debrepo("notify", "retry", one["id"], "--all", exit_code=2).output


def test_target_is_tested_at_once(session, configure, receiver):
    configure(ci={"url": receiver.url})
    id_ = session.call("notify.test", target="ci")
    ((headers, body),) = receiver.got
    assert (headers["webhook-id"], json.loads(body)["type"]) == (id_, "notify.test")
    receiver.answers = [500]
    with pytest.raises(RemoteError, match="ci was not notified: answered 500: no, thanks"):
        session.call("notify.test", target="ci")
    with pytest.raises(NotFound, match="no target called nobody is configured"):
        session.call("notify.test", target="nobody")
    assert session.call("notify.list") == []


def test_command_delivers_at_its_end_where_configured(debrepo, configure, receiver):
    configure(ci={"url": receiver.url}, deliver="command")
    debrepo("repo", "create", "web")
    assert receiver.events == ["repo.created"]
    debrepo("repo", "create", "web", exit_code=4)
    receiver.answers = [500]
    debrepo("repo", "drop", "web")
    assert receiver.events == ["repo.created", "repo.dropped"]


def test_server_delivers_by_itself_and_counts(serving, debrepo, configure, receiver):
    configure(ci={"url": receiver.url})
    arrived = threading.Event()

    def answer(handler):
        handler.send_response(204)
        handler.end_headers()
        arrived.set()

    receiver.answers = [answer]
    server = serving()
    debrepo("repo", "create", "web")
    assert arrived.wait(60)
    assert server.stop() == 0
    assert listed(debrepo) == []


def test_server_delivers_nothing_where_that_is_manual(session, configure, receiver):
    configure(ci={"url": receiver.url}, deliver="manual")
    session.call("repo.create", name="web")
    in_background(session, None)()
    assert receiver.got == []


def test_plugin_makes_another_body_for_a_target(session, configure, receiver):
    class Chat:
        @hookimpl(optionalhook=True)
        def debrepo_notify_body(self, target, event, body):
            return f'{{"text": "{event}"}}' if target == "chat" else None

    session.plugins.register(Chat(), "chat")
    configure(chat={"url": receiver.url}, ci={"url": receiver.url})
    session.call("repo.create", name="web")
    deliver(session)
    assert receiver.got[0][1] == b'{"text": "repo.created"}'
    assert json.loads(receiver.got[1][1])["type"] == "repo.created"


def test_numbers_are_among_the_metrics(configure, receiver, request):
    configure(ci={"url": receiver.url}, deliver="manual")  # not by the server of the test
    api = request.getfixturevalue("api")
    session = request.getfixturevalue("session")
    session.call("repo.create", name="web")
    deliver(session)
    receiver.answers = [410, 500]
    session.call("repo.create", name="more")
    deliver(session)
    text = api.get("/api/metrics").text
    assert "\ndebrepo_notify_delivered_total 1\n" in text
    assert "\ndebrepo_notify_queued 0\n" in text
    assert "\ndebrepo_notify_failed 1\n" in text


def test_delivery_survives_a_kill_and_is_repeated_with_its_id(
    debrepo, configure, receiver, debrepo_root
):
    configure(ci={"url": receiver.url})
    debrepo("repo", "create", "web")
    command = [sys.executable, "-m", "debrepo", "--root", str(debrepo_root), "notify", "deliver"]
    started = []

    def kill(handler):
        os.kill(started[0].pid, signal.SIGKILL)
        started[0].wait(60)
        handler.send_response(200)
        handler.end_headers()

    receiver.answers = [kill]
    with subprocess.Popen(command) as process:
        started.append(process)
        process.wait(60)
    assert process.returncode == -signal.SIGKILL
    debrepo("notify", "deliver")
    first, second = (headers["webhook-id"] for headers, _ in receiver.got)
    assert first == second
    assert listed(debrepo) == []


def test_several_processes_deliver_each_once(debrepo, configure, receiver, debrepo_root):
    configure(**{f"t{number}": {"url": receiver.url} for number in range(3)})
    for number in range(5):
        debrepo("repo", "create", f"r{number}")
    command = [sys.executable, "-m", "debrepo", "--root", str(debrepo_root), "notify", "deliver"]
    running = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(4)]
    assert [process.wait(60) for process in running] == [0] * 4
    debrepo("notify", "deliver")
    ids = [headers["webhook-id"] for headers, _ in receiver.got]
    assert len(ids) == len(set(ids)) == 15


def test_command_says_once_that_a_target_failed(debrepo, configure, debrepo_root):
    configure(ci={"url": "http://127.0.0.1:9/"})
    debrepo("repo", "create", "web")
    command = [sys.executable, "-m", "debrepo", "--root", str(debrepo_root), "notify", "deliver"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stderr == (
        'Error: 1 target could not be notified\nHint: run "debrepo notify list"\n'
    )
    (one,) = listed(debrepo)
    assert one["error"] == "Connection refused"


def test_notice_that_fails_shows_no_traceback_on_the_command_line(debrepo, configure, debrepo_root):
    configure(ci={"url": "gopher://example.org/"}, deliver="command")
    command = [sys.executable, "-m", "debrepo", "--root", str(debrepo_root)]
    done = subprocess.run([*command, "repo", "create", "web"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "Created repository web.\n")
    assert done.stderr.splitlines() == [
        "Warning: nobody is notified of repo.created: notify.to.ci.url is neither http nor https.",
        "Warning: debrepo_command_ended of plugin notify failed: notify.to.ci.url is neither http "
        "nor https. What it was told about is done.",
    ]
