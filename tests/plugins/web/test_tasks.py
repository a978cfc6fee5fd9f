"""The pages of tasks: live progress, output, and cancelling."""

import asyncio
import json
import threading

import pytest
from starlette.testclient import TestClient

from debrepo.http import Answer, Caller, Job
from debrepo_server import operations
from debrepo_server.access import Access
from debrepo_server.app import build

HTML = {"Accept": "text/html"}
ADMIN = Caller("root", ("admin",))
GATE, BEGUN = threading.Event(), threading.Event()


@pytest.fixture(autouse=True)
def gate():
    GATE.clear()
    BEGUN.clear()
    yield
    GATE.set()


def wait(session, name):
    session.progress.note(f"begun with {name}")
    for _ in session.progress.track("Counting", range(4)):
        BEGUN.set()
        assert GATE.wait(20)
    return Answer(200, {})


def refuse(session):
    session.progress.note("looking")
    return Answer(422, {})


def begin(client, work=wait, caller=ADMIN, title="Count", **arguments):
    job = Job(title, work, arguments, caller)
    return client.app.state.debrepo.tasks.begin(job).id


def end(client, number):
    GATE.set()
    task = client.app.state.debrepo.tasks.find(number)
    if task is not None:
        task.future.exception(20)


def form_token(client, path="/web/tasks"):
    text = client.get(path, headers=HTML).text
    return text.partition('name="form_token" value="')[2].partition('"')[0]


def test_tasks_are_listed_the_latest_first_and_by_pages(api):
    assert "No tasks." in api.get("/web/tasks", headers=HTML).text
    for number in range(53):
        end(api, begin(api, refuse, title=f"Task called {number}"))
    text = api.get("/web/tasks", headers=HTML).text
    assert text.index("called 52<") < text.index("called 3<")
    assert "called 2<" not in text
    assert 'href="/web/tasks?before=4"' in text
    older = api.get("/web/tasks?before=4", headers=HTML).text
    assert "called 2<" in older
    assert "called 3<" not in older
    assert api.get("/web/tasks?before=x", headers=HTML).status_code == 404


def test_page_of_a_task_shows_its_state_and_output(api):
    number = begin(api, name="zeal")
    assert BEGUN.wait(20)
    text = api.get(f"/web/tasks/{number}", headers=HTML).text
    assert '<span class="badge warn">running</span>' in text
    assert "begun with zeal" in text
    assert '<progress aria-label="Progress" max="4" value="0">' in text
    assert "<noscript>" in text
    end(api, number)
    text = api.get(f"/web/tasks/{number}", headers=HTML).text
    assert "succeeded" in text
    assert "<noscript>" not in text
    assert api.get("/web/tasks/999", headers=HTML).status_code == 404


def test_page_goes_on_to_the_result_when_the_task_has_succeeded(api):
    number = begin(api, name="x")
    there = f"/web/tasks/{number}?next=/web/publications"
    assert api.get(there, headers=HTML, follow_redirects=False).status_code == 200
    end(api, number)
    gone = api.get(there, headers=HTML, follow_redirects=False)
    assert (gone.status_code, gone.headers["location"]) == (303, "/web/publications")
    assert f"Done: Count (task {number})" in api.get("/web/publications", headers=HTML).text
    assert "Done:" not in api.get("/web/publications", headers=HTML).text


def test_page_stays_at_a_task_that_has_failed(api):
    number = begin(api, refuse)
    end(api, number)
    answer = api.get(f"/web/tasks/{number}?next=/web/publications", headers=HTML)
    assert '<span class="badge bad">failed</span>' in answer.text
    assert "looking\nTask failed with status 422" in answer.text


def test_page_goes_on_to_no_other_site(api):
    number = begin(api, name="x")
    end(api, number)
    for place in ("//evil.example", "https://evil.example/web"):
        there = f"/web/tasks/{number}?next={place}"
        gone = api.get(there, headers=HTML, follow_redirects=False)
        assert gone.headers["location"] == "/web"


def events(answer):
    lines = answer.text.split("\n\n")
    return [json.loads(line[6:]) for line in lines if line.startswith("data: ")]


def test_events_tell_each_change_and_end_with_the_task(api):
    number = begin(api, name="x")
    assert BEGUN.wait(20)
    threading.Timer(0.1, GATE.set).start()
    answer = api.get(f"/web/tasks/{number}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    found = events(answer)
    assert (found[0]["label"], found[0]["total"], found[0]["from"]) == ("Counting", 4, 0)
    assert (found[-1]["ended"], found[-1]["state"]) == (True, "succeeded")
    said = "".join(one["output"] for one in found)
    assert said == "begun with x\nCounting...\nTask succeeded"


def test_events_of_a_task_that_has_ended_are_one(api):
    number = begin(api, refuse)
    end(api, number)
    assert [one["state"] for one in events(api.get(f"/web/tasks/{number}/events"))] == ["failed"]
    assert api.get("/web/tasks/999/events").status_code == 404


def test_following_ends_with_the_server_though_the_task_waits(session):
    app = build(session, Access(session, trusting=True))
    with TestClient(app) as client:
        runner = client.app.state.debrepo.tasks
        first = runner.begin(Job("first", wait, {"name": "a"}, ADMIN, ("x",)))
        second = runner.begin(Job("second", wait, {"name": "b"}, ADMIN, ("x",)))

        async def follow():
            seen = []
            async for task in runner.follow(second.id):
                seen.append(task.state)
                runner.queue.stopping = True
            return seen

        assert asyncio.run(follow()) == [0]
        runner.queue.stopping = False
        end(client, first.id)
        end(client, second.id)


def test_task_is_cancelled_from_its_page(api):
    first = begin(api, name="x")
    assert BEGUN.wait(20)
    token = form_token(api, f"/web/tasks/{first}")
    asked = api.post(
        f"/web/tasks/{first}/cancel",
        data={"form_token": token},
        headers=HTML,
        follow_redirects=False,
    )
    assert asked.headers["location"] == f"/web/tasks/{first}"
    end(api, first)
    assert "Cancel this task" not in api.get(f"/web/tasks/{first}", headers=HTML).text
    assert api.app.state.debrepo.tasks.get(first).state == 3


def test_task_is_shown_to_who_asked_for_it_and_cancelled_by_no_reader(session):
    def token(name, *scopes):
        secret = session.run(operations.create_token, name, scopes=scopes)
        return {"Authorization": f"Bearer {secret}", **HTML}

    with TestClient(build(session, Access(session, trusting=False))) as client:
        owner, other = token("owner", "repo:web:add"), token("other", "repo:web:add")
        reader = token("reader", "read")
        with session.db.read() as txn:
            from debrepo_server.tokens import get

            caller = get(txn, "owner").caller()
        number = begin(client, caller=caller, name="x")
        assert BEGUN.wait(20)
        for end_ in ("", "/events"):
            assert client.get(f"/web/tasks/{number}{end_}", headers=other).status_code == 403
        assert "Cancel" in client.get(f"/web/tasks/{number}", headers=owner).text
        assert "Cancel" not in client.get(f"/web/tasks/{number}", headers=reader).text
        for headers in (other, reader):
            answer = client.post(f"/web/tasks/{number}/cancel", headers=headers)
            assert answer.status_code == 403
        assert client.get("/web/tasks", headers=owner).status_code == 403
        end(client, number)
