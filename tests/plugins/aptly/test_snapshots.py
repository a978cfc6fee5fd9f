"""The routes of snapshots, as part 2.5 of aptly's interface has them."""

import pytest


@pytest.fixture
def two(archive):
    """Make the snapshots ``s1``, of alpha 1.0, and ``s2``, of alpha 2.0 and beta 1.0."""
    archive.add("r", archive.deb())
    archive.snapshot("s1")
    archive.api.request("DELETE", "/api/repos/r/packages", json={"PackageRefs": archive.packages()})
    archive.add("r", archive.deb(version="2.0"), archive.deb("beta"))
    archive.snapshot("s2")
    return archive


def names(archive, snapshot):
    return [" ".join(key.split()[1:3]) for key in archive.packages(f"snapshots/{snapshot}")]


def test_get_snapshots(two):
    two.api.post("/api/snapshots", json={"Name": "last"})
    by_name = [("last", 0), ("s1", 1), ("s2", 2)]
    for sort, expected in (
        ("", by_name),
        ("?sort=", by_name),
        ("?sort=name", by_name),
        ("?sort=time", by_name[1:] + by_name[:1]),
    ):
        found = two.api.get(f"/api/snapshots{sort}").json()
        assert [(one["Name"], one["NumPackages"]) for one in found] == expected
    assert two.api.get("/api/snapshots?sort=bad").status_code == 400


def test_post_snapshots(two):
    keys = two.packages("snapshots/s1")
    body = {"Name": "n", "Description": "d", "SourceSnapshots": ["s2"], "PackageRefs": keys}
    answer = two.api.post("/api/snapshots", json=body)
    assert (answer.status_code, answer.json()["Description"]) == (201, "d")
    assert answer.json()["SourceKind"] == "snapshot"
    assert names(two, "n") == ["alpha 1.0"]
    for wrong, status in (
        ({}, 400),
        ({"Name": "n"}, 400),
        ({"Name": "m", "SourceSnapshots": ["none"]}, 404),
        ({"Name": "m", "PackageRefs": ["nonsense"]}, 404),
        ({"Name": "m", "PackageRefs": ["Pamd64 none 1.0 0123456789abcdef"]}, 404),
    ):
        assert two.api.post("/api/snapshots", json=wrong).status_code == status


def test_post_snapshots_of_nothing_and_of_sources(two):
    two.api.post("/api/snapshots", json={"Name": "empty"})
    assert names(two, "empty") == []
    two.api.post("/api/snapshots", json={"Name": "n", "SourceSnapshots": ["s1", "s2"]})
    assert names(two, "n") == ["alpha 2.0", "beta 1.0"]


def test_get_snapshot(two):
    assert two.api.get("/api/snapshots/s1").json()["Name"] == "s1"
    assert two.api.get("/api/snapshots/none").status_code == 404


def test_put_snapshot(two):
    answer = two.api.put("/api/snapshots/s1", json={"Name": "n", "Description": "d"})
    assert (answer.status_code, answer.json()["Name"]) == (200, "n")
    assert two.api.put("/api/snapshots/n", json={}).json()["Description"] == "d"
    for taken in ("s2", "n"):
        assert two.api.put("/api/snapshots/n", json={"Name": taken}).status_code == 409
    assert two.api.put("/api/snapshots/none", json={"Name": "m"}).status_code == 404


def test_delete_snapshot(two):
    two.api.post("/api/snapshots/m/merge", json={"Sources": ["s1"]})
    two.publish(kind="snapshot", source="s2")
    assert two.api.delete("/api/snapshots/s1").status_code == 409
    answer = two.api.delete("/api/snapshots/s1?force=1")
    assert (answer.status_code, answer.json()) == (200, {})
    assert two.api.delete("/api/snapshots/s2?force=1").status_code == 409
    assert two.api.delete("/api/snapshots/s1").status_code == 404


def test_get_snapshot_packages(two):
    assert len(two.packages("snapshots/s2", q="alpha (>= 2)")) == 1
    assert two.packages("snapshots/s1", format="details")[0]["Version"] == "1.0"
    assert two.api.get("/api/snapshots/none/packages").status_code == 404
    assert two.api.get("/api/snapshots/s1/packages?q=(").status_code == 400


def test_get_snapshot_diff(two):
    found = two.api.get("/api/snapshots/s1/diff/s2").json()
    assert [(bool(one["Left"]), bool(one["Right"])) for one in found] == [
        (True, True),
        (False, True),
    ]
    assert found[1]["Left"] is None
    assert found[0]["Left"] == two.packages("snapshots/s1")[0]
    assert len(two.api.get("/api/snapshots/s1/diff/s2?onlyMatching=1").json()) == 1
    assert two.api.get("/api/snapshots/s1/diff/none").status_code == 404


def test_difference_is_sorted_by_architecture(two):
    two.add("r", two.deb("alpha", architecture="i386"))
    two.snapshot("s3")
    found = two.api.get("/api/snapshots/s1/diff/s3").json()
    assert [" ".join(one["Right"].split()[:2]) for one in found] == [
        "Pamd64 alpha",
        "Pamd64 beta",
        "Pi386 alpha",
    ]


def test_post_snapshot_merge(two):
    ask = two.api.post
    for name, query, expected in (
        ("m1", "", ["alpha 1.0", "beta 1.0"]),
        ("m2", "?latest=1", ["alpha 2.0", "beta 1.0"]),
        ("m3", "?no-remove=1", ["alpha 1.0", "alpha 2.0", "beta 1.0"]),
    ):
        answer = ask(f"/api/snapshots/{name}/merge{query}", json={"Sources": ["s2", "s1"]})
        assert (answer.status_code, answer.json()["Name"]) == (201, name)
        assert names(two, name) == expected
    body = {"Sources": ["s1"]}
    assert ask("/api/snapshots/x/merge", json={"Sources": []}).status_code == 400
    assert ask("/api/snapshots/x/merge?latest=1&no-remove=1", json=body).status_code == 400
    assert ask("/api/snapshots/x/merge", json={"Sources": ["none"]}).status_code == 404
    assert ask("/api/snapshots/m1/merge", json=body).status_code == 409


def test_post_snapshot_pull(two):
    body = {"Source": "s2", "Destination": "p", "Queries": ["alpha"]}
    dry = two.api.post("/api/snapshots/s1/pull?dry-run=1", json=body)
    assert (dry.status_code, dry.json()) == (
        200,
        {"added_packages": ["alpha_2.0_amd64"], "removed_packages": ["alpha_1.0_amd64"]},
    )
    answer = two.api.post("/api/snapshots/s1/pull", json=body)
    assert (answer.status_code, answer.json()["Name"]) == (201, "p")
    assert names(two, "p") == ["alpha 2.0"]
    kept = {**body, "Destination": "q", "Architectures": ["amd64"]}
    two.api.post("/api/snapshots/s1/pull?no-remove=1&no-deps=1&all-matches=1", json=kept)
    assert names(two, "q") == ["alpha 1.0", "alpha 2.0"]


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"Queries": []}, 400),
        ({"Source": ""}, 400),
        ({"Source": "none"}, 404),
        ({"Queries": ["("]}, 400),
        ({"Destination": "s1"}, 409),
    ],
)
def test_post_snapshot_pull_of_what_is_not_there(two, wrong, status):
    body = {"Source": "s2", "Destination": "p", "Queries": ["alpha"], **wrong}
    assert two.api.post("/api/snapshots/s1/pull", json=body).status_code == status
