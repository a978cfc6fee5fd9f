"""What was captured from aptly, asked of us: the same status, and the same fields."""

import pytest

SNAPSHOT = {
    "Name": "exs",
    "SourceKind": "local",
    "Description": "Snapshot from local repo [ex2]",
    "Origin": "",
    "NotAutomatic": "",
    "ButAutomaticUpgrades": "",
}
PUBLICATION = {
    "AcquireByHash": False,
    "Architectures": ["amd64"],
    "ButAutomaticUpgrades": "",
    "Codename": "",
    "Distribution": "exd",
    "Label": "",
    "MultiDist": False,
    "NotAutomatic": "",
    "Origin": "",
    "Path": "ex/exd",
    "Prefix": "ex",
    "SkipContents": False,
    "SourceKind": "snapshot",
    "Sources": [{"Component": "main", "Name": "exs"}],
    "Storage": "",
    "Suite": "",
}
CONTRIB = {"Component": "contrib", "Name": "s1"}
BOTH = {**PUBLICATION, "Sources": [CONTRIB, *PUBLICATION["Sources"]]}
NEW = {
    "SourceKind": "snapshot",
    "Sources": [{"Name": "exs"}],
    "Distribution": "exd",
    "Architectures": ["amd64"],
    "Signing": {"Skip": True},
}
R2 = {"Name": "r2", "Comment": "zz", "DefaultDistribution": "", "DefaultComponent": "main"}
EX1 = {"Name": "ex1", "Comment": "c", "DefaultDistribution": "", "DefaultComponent": ""}
REPORT = {
    "FailedFiles": [],
    "Report": {"Warnings": [], "Added": ["beta_1.5_amd64 added"], "Removed": []},
}

#: What is asked, with what, the status, and the answer; what more there is in it may be.
EXCHANGES = [
    ("GET /api/repos/r2", None, 200, R2),
    ("GET /api/repos/none", None, 404, {}),
    ("POST /api/repos", {"Name": "ex1", "Comment": "c"}, 201, EX1),
    ("DELETE /api/repos/ex1?_async=1", None, 202, {"Name": "Delete repo ex1"}),
    ("GET /api/tasks-wait", None, 200, {}),
    ("GET /api/tasks", None, 200, [{"Name": "Delete repo ex1", "State": 2}]),
    ("GET /api/tasks/99", None, 404, {}),
    ("GET /api/files/exd", None, 200, ["beta_1.5_amd64.deb"]),
    ("POST /api/repos", {"Name": "ex2"}, 201, {"Name": "ex2"}),
    ("POST /api/repos/ex2/file/exd", None, 200, REPORT),
    ("POST /api/repos/ex2/snapshots", {"Name": "exs"}, 201, SNAPSHOT),
    ("POST /api/snapshots", {"Name": "s1"}, 201, {"Name": "s1"}),
    ("GET /api/snapshots/exs/diff/s1", None, 200, [{"Right": None}]),
    ("GET /api/repos/ex2/packages?q=beta&format=details", None, 200, [{"Package": "beta"}]),
    ("POST /api/publish/ex", NEW, 201, PUBLICATION),
    ("POST /api/publish/ex/exd/sources", CONTRIB, 201, {}),
    ("GET /api/publish/ex/exd/sources", None, 200, BOTH["Sources"]),
    ("POST /api/publish/ex/exd/update", {"Signing": {"Skip": True}}, 200, BOTH),
    ("DELETE /api/publish/ex/exd", None, 200, {}),
    (
        "POST /api/snapshots/s1/pull?dry-run=1",
        {"Source": "exs", "Destination": "exp", "Queries": ["beta"], "Architectures": ["amd64"]},
        200,
        {"added_packages": ["beta_1.5_amd64"], "removed_packages": []},
    ),
]


@pytest.fixture
def ready(archive):
    archive.api.post("/api/repos", json=R2)
    archive.upload("exd", archive.deb("beta", "1.5"))
    return archive.api


def within(expected, found):
    if isinstance(expected, dict):
        return expected.keys() <= found.keys() and all(
            within(value, found[name]) for name, value in expected.items()
        )
    if isinstance(expected, list):
        return len(expected) == len(found) and all(map(within, expected, found))
    return expected == found


def test_captured_exchanges_are_answered_as_aptly_does(ready):
    for asked, body, status, expected in EXCHANGES:
        method, path = asked.split()
        answer = ready.request(method, path, json=body)
        assert answer.status_code == status, (asked, answer.text)
        assert within(expected, answer.json()), (asked, answer.text)


def test_captured_task_is_told_as_aptly_does(ready):
    ready.post("/api/repos/r2/file/exd")
    ready.post("/api/repos/r2/snapshots", json={"Name": "exs"})
    ready.post("/api/publish/ex", json=NEW)
    accepted = ready.post("/api/publish/ex/exd/update?_async=1", json={"Signing": {"Skip": True}})
    task = accepted.json()
    assert task["Name"] == "Update published snapshot repository ex/exd"
    ready.get(f"/api/tasks/{task['ID']}/wait")
    assert ready.get(f"/api/tasks/{task['ID']}/output").json().endswith("Task succeeded")
    value = ready.get(f"/api/tasks/{task['ID']}/return_value").json()
    assert value["Code"] == 200
    assert within(PUBLICATION, value["Value"])
