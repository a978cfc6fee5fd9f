"""The routes of local repositories, as part 2.2 of aptly's interface has them."""

import pytest

EMPTY = {"Name": "r", "Comment": "", "DefaultDistribution": "", "DefaultComponent": ""}
NO_KEY = "Pamd64 none 1.0 0123456789abcdef"


def test_get_repos(filled):
    assert filled.api.get("/api/repos").json() == [{**EMPTY, "NumPackages": 2}]


def test_post_repos(filled):
    new = {"Name": "n", "Comment": "c", "DefaultDistribution": "d", "DefaultComponent": "main"}
    answer = filled.api.post("/api/repos", json=new)
    assert (answer.status_code, answer.json()) == (201, new)
    assert filled.api.post("/api/repos", json=new).status_code == 409
    assert filled.api.post("/api/repos", json={}).status_code == 400
    assert "error" in filled.api.post("/api/repos", json={"Name": ""}).json()


def test_post_repos_from_snapshot(filled):
    filled.snapshot("s")
    api = filled.api
    assert api.post("/api/repos", json={"Name": "n", "FromSnapshot": "s"}).status_code == 201
    assert filled.packages("repos/n") == filled.packages()
    assert api.post("/api/repos", json={"Name": "m", "FromSnapshot": "x"}).status_code == 404


def test_get_repo(archive):
    assert archive.api.get("/api/repos/r").json() == EMPTY
    assert archive.api.get("/api/repos/none").status_code == 404


def test_put_repo(archive):
    api = archive.api
    api.post("/api/repos", json={"Name": "taken"})
    assert api.put("/api/repos/r", json={"Comment": "c"}).json() == {**EMPTY, "Comment": "c"}
    assert api.put("/api/repos/r", json={"Comment": ""}).json() == EMPTY
    assert api.put("/api/repos/r", json={"Name": "taken"}).status_code == 409
    assert api.put("/api/repos/none", json={}).status_code == 404
    assert api.put("/api/repos/r", json={"Name": 7}).status_code == 400
    assert api.put("/api/repos/r", json={"Name": "new"}).json() == {**EMPTY, "Name": "new"}


def test_delete_repo(filled):
    filled.snapshot("s")
    api = filled.api
    assert api.delete("/api/repos/r").status_code == 409
    answer = api.delete("/api/repos/r?force=1")
    assert (answer.status_code, answer.json()) == (200, {})
    assert api.delete("/api/repos/r").status_code == 404


def test_delete_published_repo(filled):
    filled.publish()
    assert filled.api.delete("/api/repos/r?force=1").status_code == 409


def test_get_repo_packages(filled):
    assert [key.rpartition(" ")[0] for key in filled.packages()] == [
        "Pamd64 alpha 1.0",
        "Pamd64 beta 2.0",
    ]
    assert len(filled.packages(q="alpha")) == 1
    assert filled.api.get("/api/repos/none/packages").status_code == 404
    assert filled.api.get("/api/repos/r/packages?q=(").status_code == 400
    assert len(filled.packages(withDeps=1)) == 2


def test_get_repo_packages_with_dependencies(archive):
    archive.add("r", archive.deb(fields={"Depends": "beta"}), archive.deb("beta"))
    assert len(archive.packages(q="alpha")) == 1
    assert len(archive.packages(q="alpha", withDeps=1)) == 2


def test_get_repo_packages_of_the_greatest_version(archive):
    archive.add("r", archive.deb(), archive.deb(version="1.1"))
    (key,) = archive.packages(maximumVersion=1)
    assert key.startswith("Pamd64 alpha 1.1 ")


def test_get_repo_packages_is_not_sent_to_who_has_it(filled):
    first = filled.api.get("/api/repos/r/packages")
    headers = {"If-None-Match": first.headers["ETag"]}
    assert filled.api.get("/api/repos/r/packages", headers=headers).status_code == 304
    filled.add("r", filled.deb("gamma"))
    assert filled.api.get("/api/repos/r/packages", headers=headers).status_code == 200


def test_get_repo_packages_in_detail(filled):
    (found,) = filled.packages(q="beta", format="details")
    (key,) = filled.packages(q="beta")
    assert found["Key"] == key
    assert found["ShortKey"] == "Pamd64 beta 2.0"
    assert found["FilesHash"] == key.rpartition(" ")[2]
    assert found["Filename"] == "beta_2.0_amd64.deb"
    assert found["Description"] == " package beta, for a test\n It does nothing.\n"
    assert {"MD5sum", "SHA1", "SHA256", "SHA512", "Size"} <= found.keys()
    assert all(isinstance(value, str) for value in found.values())


def test_get_repo_packages_in_detail_of_a_source(archive):
    archive.add("r", *archive.source())
    (found,) = archive.packages(format="details")
    assert (found["Package"], "Source" in found) == ("alpha", False)
    for field in ("Files", "Checksums-Sha1", "Checksums-Sha256", "Checksums-Sha512"):
        assert found[field].endswith("\n")
        names = [line.split()[2] for line in found[field].splitlines()]
        assert (len(names), names) == (3, sorted(names))


def test_details_are_sent_in_pieces(archive):
    archive.add("r", *(archive.deb(f"p{number}", paths={}) for number in range(300)))
    assert len(archive.packages(format="details")) == 300


def test_post_repo_packages(filled):
    api, keys = filled.api, filled.packages()
    api.post("/api/repos", json={"Name": "n"})
    for _ in range(2):  # to add what is there is fine
        answer = api.post("/api/repos/n/packages", json={"PackageRefs": keys})
        assert (answer.status_code, answer.json()) == (200, {**EMPTY, "Name": "n"})
    assert filled.packages("repos/n") == keys


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_repo_packages_that_are_not_there(archive, method):
    ask = archive.api.request
    assert ask(method, "/api/repos/r/packages", json={}).status_code == 400
    for wrong in ("nonsense", NO_KEY):
        body = {"PackageRefs": [wrong]}
        assert ask(method, "/api/repos/r/packages", json=body).status_code == 404
    body = {"PackageRefs": []}
    assert ask(method, "/api/repos/none/packages", json=body).status_code == 404


def test_post_repo_packages_in_conflict(archive):
    archive.add("r", archive.deb())
    archive.api.post("/api/repos", json={"Name": "n"})
    archive.add("n", archive.deb(fields={"Section": "other"}))
    body = {"PackageRefs": archive.packages("repos/n")}
    assert archive.api.post("/api/repos/r/packages", json=body).status_code == 400


def test_delete_repo_packages(filled):
    alpha, beta = filled.packages()
    for _ in range(2):  # what is not in the repository need not be
        answer = filled.api.request(
            "DELETE", "/api/repos/r/packages", json={"PackageRefs": [alpha]}
        )
        assert (answer.status_code, answer.json()) == (200, EMPTY)
    assert filled.packages() == [beta]


def test_post_repo_file_of_a_directory(archive):
    report = archive.add("r", archive.deb(), *archive.source("beta"))
    assert report == {
        "FailedFiles": [],
        "Report": {
            "Warnings": [],
            "Added": ["alpha_1.0_amd64 added", "beta_1.0-1_source added"],
            "Removed": [],
        },
    }
    assert archive.api.get("/api/files").json() == []


def test_post_repo_file(archive):
    archive.upload("d", archive.deb(), archive.deb("beta"))
    answer = archive.api.post("/api/repos/r/file/d/alpha_1.0_amd64.deb?noRemove=1")
    assert answer.json()["Report"]["Added"] == ["alpha_1.0_amd64 added"]
    assert len(archive.api.get("/api/files/d").json()) == 2
    assert archive.api.post("/api/repos/none/file/d").status_code == 404
    assert archive.api.post("/api/repos/r/file/..%2F..").status_code == 400
    assert archive.api.post("/api/repos/r/file/d/..%2Fx").status_code == 400


def test_post_repo_file_that_is_missing_or_none(archive):
    archive.upload("d", archive.deb())
    (archive.directory / "broken.deb").write_bytes(b"nothing")
    archive.upload("d", archive.directory / "broken.deb")
    answer = archive.api.post("/api/repos/r/file/d")
    assert answer.status_code == 200
    (failed,) = answer.json()["FailedFiles"]
    assert failed.startswith("/")
    assert failed.endswith("/upload/d/broken.deb")
    assert len(answer.json()["Report"]["Warnings"]) == 1
    missing = archive.api.post("/api/repos/r/file/nowhere")
    assert (missing.status_code, len(missing.json()["FailedFiles"])) == (200, 1)


def test_post_repo_file_of_a_directory_without_packages_warns(archive):
    (archive.directory / "notes.txt").write_text("not a package")
    archive.upload("d", archive.directory / "notes.txt")
    for what, why in (("file", "no package files in this directory"), ("include", "no .changes")):
        answer = archive.api.post(f"/api/repos/r/{what}/d").json()
        assert answer["FailedFiles"] == []
        assert answer["Report"]["Added"] == []
        (warning,) = answer["Report"]["Warnings"]
        assert warning.startswith(f"d: {why}")


@pytest.mark.parametrize(
    ("query", "headers"), [("?strict=1", {}), ("", {"Prefer": "wait=60, handling=strict"})]
)
def test_post_repo_file_that_fails_is_an_error_for_clients_that_are_strict(archive, query, headers):
    (archive.directory / "broken.deb").write_bytes(b"nothing")
    archive.upload("d", archive.deb(), archive.directory / "broken.deb")
    answer = archive.api.post(f"/api/repos/r/file/d{query}", headers=headers)
    assert answer.status_code == 422
    found = answer.json()
    assert found["error"].startswith("not added: broken.deb: ")
    assert [path.rpartition("/")[2] for path in found["FailedFiles"]] == ["broken.deb"]
    assert found["Report"]["Added"] == ["alpha_1.0_amd64 added"]
    assert len(archive.packages()) == 1


def test_strict_clients_hear_of_uploads_without_packages_and_of_failed_includes(archive):
    (archive.directory / "notes.txt").write_text("not a package")
    archive.upload("d", archive.directory / "notes.txt")
    for what in ("file", "include"):
        assert archive.api.post(f"/api/repos/r/{what}/d?strict=1").status_code == 422
    archive.upload("e", archive.deb())
    assert archive.api.post("/api/repos/r/file/e?strict=1").status_code == 200


def test_task_of_a_strict_client_fails_with_its_files(archive):
    task = archive.api.post("/api/repos/r/file/nowhere?strict=1&_async=1").json()
    archive.api.get(f"/api/tasks/{task['ID']}/wait")
    assert archive.api.get(f"/api/tasks/{task['ID']}").json()["State"] == 3
    output = archive.api.get(f"/api/tasks/{task['ID']}/output").json()
    assert output.endswith("Task failed with status 422")


def test_post_repo_file_that_replaces_another_build(archive):
    archive.add("r", archive.deb())
    other = archive.deb(fields={"Section": "other"})
    assert len(archive.add("r", other)["FailedFiles"]) == 1
    answer = archive.api.post("/api/repos/r/file/incoming?forceReplace=1").json()
    assert answer["Report"]["Removed"] == [
        "alpha_1.0_amd64 removed due to conflict with package being added"
    ]


def test_post_repo_copy(filled):
    api = filled.api
    api.post("/api/repos", json={"Name": "n"})
    dry = api.post("/api/repos/n/copy/r/beta", json={"dry-run": True})
    expected = {"Report": {"Warnings": [], "Added": ["added beta-2.0(amd64)"], "Removed": []}}
    assert (dry.status_code, dry.json(), filled.packages("repos/n")) == (200, expected, [])
    assert api.post("/api/repos/n/copy/r/beta").json() == expected
    assert len(filled.packages("repos/n")) == 1
    for source, query, status in (
        ("none", "beta", 400),
        ("n", "beta", 400),
        ("r", "(", 422),
        ("r", "gamma", 422),
    ):
        assert api.post(f"/api/repos/n/copy/{source}/{query}").status_code == status


def test_post_repo_copy_with_dependencies(archive):
    archive.add("r", archive.deb(fields={"Depends": "beta"}), archive.deb("beta"))
    archive.api.post("/api/repos", json={"Name": "n"})
    archive.api.post("/api/repos/n/copy/r/alpha", json={"with-deps": True})
    assert len(archive.packages("repos/n")) == 2


def test_post_repo_snapshots(filled):
    answer = filled.api.post("/api/repos/r/snapshots", json={"Name": "s"})
    made = answer.json()
    assert answer.status_code == 201
    assert made.pop("CreatedAt").endswith("Z")
    assert made == {
        "Name": "s",
        "SourceKind": "local",
        "Description": "Snapshot from local repo [r]",
        "Origin": "",
        "NotAutomatic": "",
        "ButAutomaticUpgrades": "",
    }
    ask = filled.api.post
    assert ask("/api/repos/r/snapshots", json={"Name": "s"}).status_code == 400
    assert ask("/api/repos/r/snapshots", json={}).status_code == 400
    assert ask("/api/repos/none/snapshots", json={"Name": "t"}).status_code == 404
