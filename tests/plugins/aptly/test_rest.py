"""Packages, graph, keys, cleanup, endpoints and tasks, as parts 2.1, 2.7, 2.9 and 2.10 say."""

import pytest


def test_get_package(filled):
    key = filled.packages()[0]
    found = filled.api.get(f"/api/packages/{key}")
    assert (found.status_code, found.json()["Key"]) == (200, key)
    for wrong in ("nonsense", key[:-1], "Pamd64 none 1.0 0123456789abcdef"):
        assert filled.api.get(f"/api/packages/{wrong}").status_code == 404


def test_get_packages(filled):
    assert filled.api.get("/api/packages").json() == filled.packages()
    assert len(filled.api.get("/api/packages?q=beta").json()) == 1
    assert filled.api.get("/api/packages?q=beta&format=details").json()[0]["Package"] == "beta"
    assert filled.api.get("/api/packages?q=(").status_code == 400


def test_get_packages_lists_two_builds_of_one_version(archive):
    archive.add("r", archive.deb())
    archive.api.post("/api/repos", json={"Name": "n"})
    archive.add("n", archive.deb(fields={"Section": "other"}))
    assert len(archive.api.get("/api/packages").json()) == 2


@pytest.mark.parametrize("extension", ["dot", "gv"])
def test_get_graph(filled, extension):
    for layout in ("", "?layout=horizontal", "?layout=vertical"):
        answer = filled.api.get(f"/api/graph.{extension}{layout}")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/plain")
        assert answer.text.startswith("digraph")


def test_get_graph_of_what_nobody_draws(filled):
    assert filled.api.get("/api/graph.doc").status_code == 404
    assert filled.api.get("/api/graph.dot?layout=x").status_code == 400


def test_post_db_cleanup(filled):
    filled.api.delete("/api/repos/r")
    answer = filled.api.post("/api/db/cleanup")
    assert (answer.status_code, answer.json()) == (200, None)
    assert filled.api.get("/api/packages").json() == []


@pytest.mark.parametrize("kind", ["s3", "gcs", "jfrog"])
def test_get_endpoints(api, kind):
    answer = api.get(f"/api/{kind}")
    assert (answer.status_code, answer.json()) == (200, [])


@pytest.mark.parametrize(
    ("method", "path", "body", "name", "code"),
    [
        ("POST", "/api/repos", {"Name": "n"}, "Create repository n", 201),
        ("PUT", "/api/repos/r", {"Comment": "c"}, "Edit repository r", 200),
        ("DELETE", "/api/repos/r", None, "Delete repo r", 200),
        ("POST", "/api/repos/r/packages", {"PackageRefs": []}, "Add packages to repo r", 200),
        (
            "DELETE",
            "/api/repos/r/packages",
            {"PackageRefs": []},
            "Delete packages from repo r",
            200,
        ),
        ("POST", "/api/repos/r/file/d", None, "Add packages from dir d to repo r", 200),
        ("POST", "/api/repos/r/snapshots", {"Name": "s"}, "Create snapshot of repo r", 201),
        ("POST", "/api/snapshots", {"Name": "s"}, "Create snapshot s", 201),
        ("POST", "/api/db/cleanup", None, "Clean up db", 200),
    ],
)
def test_route_can_be_a_task(filled, method, path, body, name, code):
    accepted = filled.api.request(method, f"{path}?_async", json=body)
    assert accepted.json()["Name"] == name
    task = filled.finished(accepted)
    assert (task["Name"], task["State"]) == (name, 2)
    value = filled.api.get(f"/api/tasks/{task['ID']}/return_value").json()
    assert value["Code"] == code


def test_get_status(api):
    assert api.get("/api/version").json().keys() == {"Version"}
    for state in ("ready", "healthy"):
        answer = api.get(f"/api/{state}")
        assert (answer.status_code, answer.json().keys()) == (200, {"Status"})
    assert api.get("/api/storage").json().keys() == {"Total", "Free", "PercentFull"}


@pytest.fixture
def task(archive):
    """Make a task that has ended; return its path."""
    archive.finished(archive.api.post("/api/repos?_async=1", json={"Name": "n"}))
    return f"/api/tasks/{archive.api.get('/api/tasks').json()[0]['ID']}"


def test_get_tasks(api, task):
    (found,) = api.get("/api/tasks").json()
    assert (found["Name"], found["State"]) == ("Create repository n", 2)
    assert api.get(task).json() == found


def test_get_task_wait(api, task):
    assert api.get(f"{task}/wait").json()["State"] == 2
    assert api.get("/api/tasks/99/wait").status_code == 400
    assert api.get("/api/tasks-wait").json() == {}


def test_get_task_output_detail_and_return_value(api, task):
    assert api.get(f"{task}/output").json() == "Task succeeded"
    assert api.get(f"{task}/detail").json() == {}
    assert api.get(f"{task}/return_value").json()["Code"] == 201
    for part in ("", "/output", "/detail", "/return_value"):
        assert api.get(f"/api/tasks/99{part}").status_code == 404


def test_task_says_what_became_of_uploads(archive):
    archive.upload("d", archive.deb("alpha"), archive.deb("beta"))
    archive.api.put("/api/files/d/broken.deb", content=b"nothing")
    task = archive.finished(archive.api.post("/api/repos/r/file/d?_async=1"))
    said = archive.api.get(f"/api/tasks/{task['ID']}/output").json()
    assert "\nAdded: alpha_1.0_amd64 added, beta_1.0_amd64 added\nWarnings: broken.deb: " in said
    assert "/upload/d/broken.deb\nTask succeeded" in said


def test_delete_task_and_clear(api, task):
    assert api.delete(task).json()["State"] == 2
    assert api.delete(task).status_code == 400
    assert api.post("/api/tasks-clear").json() == {}
    assert api.get("/api/tasks").json() == []
