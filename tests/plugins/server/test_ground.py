"""Routes, scopes and errors, in process."""

import pytest


def test_server_answers_with_the_version(api):
    assert api.get("/api/version").json()["Version"]


def test_repository_is_created_shown_edited_and_dropped(api):
    assert api.post("/api/repos", json={"name": "web", "Comment": "c"}).status_code == 201
    assert api.get("/api/repos/web").json() == {
        "Name": "web",
        "Comment": "c",
        "DefaultDistribution": "",
        "DefaultComponent": "",
    }
    assert api.put("/api/repos/web", json={"Name": "site"}).json()["Name"] == "site"
    assert api.get("/api/repos").json()[0]["NumPackages"] == 0
    assert api.delete("/api/repos/site").json() == {}
    assert api.get("/api/repos/site").status_code == 404


def test_path_may_end_with_a_slash(api):
    assert api.post("/api/repos/", json={"Name": "web"}, follow_redirects=False).status_code == 201
    assert api.get("/api/repos/web/", follow_redirects=False).json()["Name"] == "web"


def test_name_may_be_empty_and_is_nobodys(api):
    assert api.get("/api/repos//packages").json()["error"] == "no repository called "
    assert api.delete("/api/files//hello.deb").status_code == 400


def test_async_request_is_a_task_with_a_result(api):
    accepted = api.post("/api/repos?_async=1", json={"Name": "web"})
    assert accepted.status_code == 202
    number = accepted.json()["ID"]
    assert api.get(f"/api/tasks/{number}/wait").json()["State"] == 2
    assert api.get(f"/api/tasks/{number}/return_value").json()["Code"] == 201
    assert api.get(f"/api/tasks/{number}/output").json() == "Task succeeded"
    assert api.delete(f"/api/tasks/{number}").status_code == 200
    assert api.get(f"/api/tasks/{number}").status_code == 404


def test_form_stands_for_a_json_body(api):
    assert api.post("/api/repos", data={"Name": "web"}).status_code == 201
    assert api.post("/api/repos?Name=site").status_code == 201


@pytest.mark.parametrize("body", ["", "{", "[]", "7", '{"Name":7}', '{"Name":""}', '{"Name":null}'])
def test_malformed_body_is_refused(api, body):
    answer = api.post("/api/repos", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, next(iter(answer.json()))) == (400, "error")


def test_metrics_tell_when_keys_expire(api, session):
    first = session.call("key.create", name="Short", expire="9d").fingerprint
    never = session.call("key.create", name="Endless").fingerprint
    text = api.get("/api/metrics").text
    assert f'debrepo_key_valid_days{{key="{first}"}} 8.99' in text
    assert never not in text


def test_metrics_tell_how_fresh_publications_are(api, session):
    session.call("repo.create", name="web")
    options = {"architectures": ("amd64",), "skip_signing": True, "valid_for": 7 * 86400}
    session.call(
        "publish.create", kind="repo", names=["web"], distribution="stable", options=options
    )
    text = api.get("/api/metrics").text
    labels = f'{{publication="{session.call("publish.list")[0]}"}}'
    assert f"debrepo_publication_generation{labels} 1\n" in text
    assert f"debrepo_publication_valid_days{labels} 6.99" in text
    assert f"debrepo_publication_age_seconds{labels} " in text
    assert 'debrepo_tasks{state="running"} 0' in text
    assert "debrepo_database_write_lock_seconds_total 0." in text


def test_dashboards_for_aptly_find_their_metrics(api, session):
    session.call("repo.create", name="web")
    options = {"architectures": ("amd64",), "skip_signing": True}
    session.call(
        "publish.create", kind="repo", names=["web"], distribution="stable", options=options
    )
    api.put("/api/files/incoming/notes", content=b"12345")
    api.get("/api/repos/none")
    api.get("/api/repos/none/packages")
    text = api.get("/api/metrics").text
    put, get = (
        f'{{code="{code}",method="{method}",path="{path}"}}'
        for code, method, path in ((200, "PUT", "/api/files"), (404, "GET", "/api/repos"))
    )
    for expected in (
        f"aptly_api_http_requests_total{get} 2\n",
        f"aptly_api_http_request_size_bytes_sum{put} 5\n",
        f"aptly_api_http_request_duration_seconds_count{get} 2\n",
        "# TYPE aptly_api_http_response_size_bytes summary\n",
        "aptly_api_http_requests_in_flight 1\n",
        "aptly_api_files_uploaded_total 1\n",
        'aptly_repos_package_count{source="[web:main]",distribution="stable",component="main"} 0\n',
    ):
        assert expected in text
