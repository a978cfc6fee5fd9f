"""Forms of pages, sent as a browser does."""

import re

HTML = {"Accept": "text/html"}


def form_token(client, headers=HTML):
    """Return what forms have to send, from a page that everybody may see."""
    text = client.get("/web/login", headers=headers).text
    return re.search(r'name="form_token" value="([0-9a-f]+)"', text)[1]


def send(client, path, *, headers=None, files=None, **fields):
    """Send a form, and return the answer to it itself."""
    headers = {**HTML, **(headers or {})}
    data = {"form_token": form_token(client, headers), **fields}
    return client.post(path, data=data, files=files, headers=headers, follow_redirects=False)


def wait_for_task(client, answer):
    """Return the task that a form began, when it has ended."""
    number = re.match(r"/web/tasks/(\d+)", answer.headers["location"])[1]
    client.get(f"/api/tasks/{number}/wait")
    return client.app.state.debrepo.tasks.get(int(number))


def finish(client, answer):
    """Wait for the task that a form began; return the page that the browser comes to."""
    wait_for_task(client, answer)
    return client.get(answer.headers["location"], headers=HTML)
