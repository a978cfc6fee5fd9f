"""The distributions API, as GitLab's clients know it."""

import hashlib
import re

import pytest

PROJECT = "/api/v4/projects/1/debian_distributions"
GROUP = "/api/v4/groups/1/-/debian_distributions"


@pytest.fixture(autouse=True)
def unsigned(request, monkeypatch):
    """Spare the tests that are about something else the making of keys."""
    if "key" not in request.node.name:
        monkeypatch.setenv("DEBREPO_PUBLISH_SKIP_SIGNING", "true")


def test_the_documented_example_answers_as_documented(client):
    made = client.post(f"{PROJECT}?codename=sid")
    assert made.status_code == 201
    assert made.text == (
        '{"id":1,"codename":"sid","suite":null,"origin":null,"label":null,"version":null,'
        '"description":null,"valid_time_duration_seconds":null,"components":["main"],'
        '"architectures":["all","amd64"]}'
    )
    assert client.get(PROJECT).json() == [made.json()]
    assert client.get(f"{PROJECT}/sid").json() == made.json()


@pytest.mark.parametrize("name", ["1", "acme%2Fweb", "acme%2fweb", "ACME%2FWeb"])
def test_project_goes_by_number_and_by_path(client, sid, name):
    assert client.get(f"/api/v4/projects/{name}/debian_distributions/sid").json() == sid


def test_codename_may_have_dots(client):
    client.post(f"{PROJECT}?codename=12.4-backports")
    assert client.get(f"{PROJECT}/12.4-backports").json()["codename"] == "12.4-backports"
    assert client.delete(f"{PROJECT}/12.4-backports").status_code == 202


def test_suite_finds_a_distribution_as_well(client):
    client.post(f"{PROJECT}?codename=sid&suite=unstable")
    assert client.get(f"{PROJECT}/unstable").json()["codename"] == "sid"


@pytest.mark.parametrize("given", ["arm64", "arm64,all", "arm64, arm64"])
def test_architecture_all_is_always_there(client, given):
    made = client.post(PROJECT, params={"codename": "sid", "architectures": given}).json()
    assert made["architectures"] == ["all", "arm64"]


def test_delete_is_accepted_and_takes_all_down(client, sid, session):
    gone = client.delete(f"{PROJECT}/sid")
    assert (gone.status_code, gone.json()) == (202, {"message": "202 Accepted"})
    missing = client.get(f"{PROJECT}/sid")
    assert (missing.status_code, missing.json()) == (
        404,
        {"message": "404 Distribution Not Found"},
    )
    assert session.call("publish.list") == []
    assert session.call("repo.list") == []


def test_codename_cannot_be_changed(client, sid):
    changed = client.put(f"{PROJECT}/sid?codename=other&suite=unstable").json()
    assert (changed["codename"], changed["suite"]) == ("sid", "unstable")


@pytest.mark.parametrize(
    "sent",
    [
        {"params": {"components": "main,contrib"}},
        {"params": [("components[]", "main"), ("components[]", "contrib")]},
        {"params": [("components[]", "main, contrib")]},
        {"data": {"components": "main,contrib"}},
        {"json": {"components": ["main", "contrib"]}},
        {"json": {"components": "main,contrib"}},
    ],
)
def test_arrays_come_in_any_form_and_replace(client, sid, sent):
    assert client.put(f"{PROJECT}/sid", **sent).json()["components"] == ["contrib", "main"]
    assert client.put(f"{PROJECT}/sid?components=other").json()["components"] == ["other"]
    assert client.put(f"{PROJECT}/sid?architectures=arm64").json()["architectures"] == [
        "all",
        "arm64",
    ]


def test_update_touches_what_it_names(client, sid):
    client.put(f"{PROJECT}/sid", params={"suite": "unstable", "description": "new things"})
    changed = client.put(f"{PROJECT}/sid?valid_time_duration_seconds=604800").json()
    assert changed == sid | {
        "suite": "unstable",
        "description": "new things",
        "valid_time_duration_seconds": 604800,
    }


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("codename=sid", {"codename": ["has already been taken"]}),
        ("codename=unstable", {"codename": ["has already been taken as Suite"]}),
        ("codename=new&suite=unstable", {"suite": ["has already been taken"]}),
        ("codename=new&suite=sid", {"suite": ["has already been taken as Codename"]}),
        ("codename=new&suite=new", {"suite": ["has already been taken as Codename"]}),
        (
            "codename=new&valid_time_duration_seconds=86399",
            {"valid_time_duration_seconds": ["must be greater than or equal to 86400"]},
        ),
        (
            "codename=new&valid_time_duration_seconds=2147483648",
            {"valid_time_duration_seconds": ["must be less than or equal to 2147483647"]},
        ),
    ],
)
def test_distribution_that_cannot_be_is_refused_by_the_model(client, query, message):
    client.post(f"{PROJECT}?codename=sid&suite=unstable")
    answer = client.post(f"{PROJECT}?{query}")
    assert (answer.status_code, answer.json()) == (400, {"message": message})


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("", "codename is missing"),
        ("codename=", "codename is invalid"),
        ("codename=a_b", "codename is invalid"),
        ("codename=sid&suite=a/b&origin=My Company", "suite is invalid, origin is invalid"),
        ("codename=sid&components=a b", "components is invalid"),
        ("codename=sid&architectures=AMD64", "architectures is invalid"),
        ("codename=sid&version=x", "version is invalid"),
        (
            "codename=sid&valid_time_duration_seconds=week",
            "valid_time_duration_seconds is invalid",
        ),
    ],
)
def test_malformed_parameter_is_refused_before_anything_else(client, query, error):
    answer = client.post(f"{PROJECT}?{query}")
    assert (answer.status_code, answer.json()) == (400, {"error": error})


def test_malformed_codename_of_a_path_is_no_unknown_one(client):
    answer = client.get(f"{PROJECT}/foo_bar")
    assert (answer.status_code, answer.json()) == (400, {"error": "codename is invalid"})
    assert client.get(f"{PROJECT}/foo-bar").status_code == 404


def test_filters_combine(client):
    for codename, suite in (("sid", "unstable"), ("trixie", "stable")):
        client.post(PROJECT, params={"codename": codename, "suite": suite})

    def found(query):
        return [one["codename"] for one in client.get(f"{PROJECT}?{query}").json()]

    assert found("suite=stable") == ["trixie"]
    assert found("suite=stable&codename=sid") == []
    assert found("origin=none") == ["sid", "trixie"]


def test_pages_have_the_headers_that_clients_follow(client):
    for number in range(5):
        client.post(f"{PROJECT}?codename=d{number}")
    answer = client.get(f"{PROJECT}?per_page=2&page=2")
    assert [one["codename"] for one in answer.json()] == ["d2", "d3"]
    said = {name: value for name, value in answer.headers.items() if name.startswith("x-")}
    assert said == {
        "x-per-page": "2",
        "x-page": "2",
        "x-next-page": "3",
        "x-prev-page": "1",
        "x-total": "5",
        "x-total-pages": "3",
    }
    url = "http://gitlab.example.com/api/v4/projects/1/debian_distributions?id=1"
    assert answer.headers["link"] == (
        f'<{url}&page=1&per_page=2>; rel="prev", <{url}&page=3&per_page=2>; rel="next", '
        f'<{url}&page=1&per_page=2>; rel="first", <{url}&page=3&per_page=2>; rel="last"'
    )


def test_headers_of_a_page_come_without_it(client):
    for codename in ("sid", "trixie"):
        client.post(f"{PROJECT}?codename={codename}")
    url = f"{PROJECT}?per_page=1&page=2"
    head, got = client.head(url), client.get(url)
    assert head.status_code == 200
    assert (head.headers["link"], head.headers["x-total"]) == (got.headers["link"], "2")
    assert client.head(f"{PROJECT}/x").status_code == 404
    assert client.head(url, headers={"PRIVATE-TOKEN": "wrong"}).status_code == 401


def test_ends_of_the_pages_are_empty_strings(client):
    headers = client.get(PROJECT).headers
    assert (headers["x-next-page"], headers["x-prev-page"]) == ("", "")
    assert (headers["x-total"], headers["x-total-pages"]) == ("0", "1")
    assert client.get(f"{PROJECT}?per_page=1000").headers["x-per-page"] == "100"
    after = client.get(f"{PROJECT}?page=9").headers
    assert (after["x-next-page"], after["x-prev-page"]) == ("", "")
    assert 'rel="prev"' not in after["link"]


@pytest.mark.parametrize("name", ["page", "per_page"])
def test_page_before_the_first_is_refused(client, name):
    for value in ("0", "-1"):
        answer = client.get(f"{PROJECT}?{name}={value}")
        error = {"error": f"{name} does not have a valid value"}
        assert (answer.status_code, answer.json()) == (400, error)
    for value in ("x", "-", "--5", "1.0", "%2B1", "%D9%A1", "1" * 10):
        answer = client.get(f"{PROJECT}?{name}={value}")
        assert (answer.status_code, answer.json()) == (400, {"error": f"{name} is invalid"})


def test_key_comes_with_the_first_publish(client, session):
    session.call("distribution.create", container="acme/web", codename="sid")
    answer = client.get(f"{PROJECT}/sid/key.asc")
    assert (answer.status_code, answer.json()["message"]) == (404, "404 Distribution key Not Found")
    session.call("distribution.publish", container="acme/web", codename="sid")
    answer = client.get(f"{PROJECT}/sid/key.asc")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''sid.asc"
    assert answer.text.startswith("-----BEGIN PGP PUBLIC KEY BLOCK-----")


def test_wrong_verb_is_told_so(client):
    answer = client.patch(PROJECT)
    assert (answer.status_code, answer.json()) == (405, {"error": "405 Not Allowed"})
    assert answer.headers["allow"] == "GET, HEAD, POST"
    for path, allowed in {
        f"{PROJECT}/sid": "DELETE, GET, HEAD, PUT",
        f"{PROJECT}/sid/key.asc": "GET, HEAD",
        "/api/v4/projects/1/packages/5": "DELETE, GET, HEAD",
        "/api/v4/projects/1/packages/debian/a.deb": "PUT",
        "/api/v4/projects": "GET, HEAD",
    }.items():
        assert client.patch(path).headers["allow"] == allowed


@pytest.mark.parametrize(
    "path",
    ["projects/99999999999999999999", "projects/none", "projects/a%00b", "groups/1%2F..%2F2"],
)
def test_what_is_not_there_is_not_found(client, path):
    dash = "/-" if path.startswith("groups") else ""
    answer = client.get(f"/api/v4/{path}{dash}/debian_distributions")
    noun = "Group" if dash else "Project"
    assert (answer.status_code, answer.json()) == (404, {"message": f"404 {noun} Not Found"})


@pytest.mark.parametrize(
    "sent",
    [
        {"content": b"{", "headers": {"Content-Type": "application/json"}},
        {"json": []},
        {"json": {"codename": {"a": 1}}},
        {"json": {"codename": ["a", "b"]}},
        {"params": {"codename": "x" * 5000}},
        {"params": {"codename": "sid", "description": "a\0b"}},
        {"params": {"codename": "sid", "valid_time_duration_seconds": "9" * 40}},
    ],
)
def test_hostile_parameters_are_refused(client, sent):
    assert client.post(PROJECT, **sent).status_code == 400


def test_all_that_is_wrong_with_parameters_is_said_at_once(client):
    url = PROJECT
    answer = client.post(f"{url}?components=a_b&suite=a_b&version=x")
    said = "codename is missing, suite is invalid, version is invalid, components is invalid"
    assert (answer.status_code, answer.json()) == (400, {"error": said})


def test_all_that_is_wrong_with_a_distribution_is_said_at_once(client, sid):
    url = PROJECT
    query = "codename=sid&suite=sid&valid_time_duration_seconds=1"
    answer = client.post(f"{url}?{query}")
    assert answer.json()["message"] == {
        "codename": ["has already been taken"],
        "suite": ["has already been taken as Codename"],
        "valid_time_duration_seconds": ["must be greater than or equal to 86400"],
    }


def test_names_have_up_to_255_characters(client, session, uploader, hello):
    suite, component, architecture = "b" * 255, "c" * 255, "d" * 237
    session.call("project.edit", path="acme/web", visibility="public")
    session.call("project.edit", path="acme", kind="group", visibility="public")
    session.call("project.member", path="acme", kind="group", user="maintainer", role="maintainer")
    query = f"suite={suite}&origin={suite}&label={suite}&codename={'a' * 255}"
    query += f"&components=main,{component}&architectures=amd64,{architecture}"
    for url in (PROJECT, GROUP):
        answer = client.post(f"{url}?{query}")
        assert answer.status_code == 201, answer.text
    answer = client.put(
        f"/api/v4/projects/1/packages/debian/hello.deb?wait=published"
        f"&distribution={'a' * 255}&component={component}",
        content=hello,
        auth=uploader,
    )
    assert answer.status_code == 201, answer.text
    for apt in ("/api/v4/projects/1", "/api/v4/groups/1/-"):
        base = f"{apt}/packages/debian"
        index = client.get(f"{base}/dists/{suite}/{component}/binary-amd64/Packages").text
        (path,) = re.findall(r"(?m)^Filename: (.*)$", index)
        assert client.get(f"{base}/{path}", headers={"PRIVATE-TOKEN": ""}).content == hello
        there = f"{base}/dists/{'a' * 255}/{component}"
        release = client.get(f"{base}/dists/{'a' * 255}/Release").text
        digest = hashlib.sha256(index.encode()).hexdigest()
        assert f" {digest} " in release
        assert client.get(f"{there}/binary-amd64/by-hash/SHA256/{digest}").text == index
    assert list(session.call("db.check") or ()) == []
    for url in (PROJECT, GROUP):
        assert client.delete(f"{url}/{'a' * 255}").status_code == 202
    assert [one for one in (session.root / "public").rglob("*") if one.is_file()] == []


@pytest.mark.parametrize("name", ["codename", "suite", "origin", "components", "architectures"])
def test_longer_names_are_refused(client, name):
    query = {"codename": "sid", name: "b" * 256}
    answer = client.post(PROJECT, params=query)
    assert (answer.status_code, answer.json()) == (400, {"error": f"{name} is invalid"})


def test_strict_likeness_finds_by_codename_alone(client, sid, configure):
    url = PROJECT
    client.put(f"{url}/sid?suite=unstable")
    assert client.get(f"{url}/unstable").status_code == 200
    configure("gitlab.strict", True)
    for verb in ("get", "put", "delete"):
        assert client.request(verb, f"{url}/unstable").status_code == 404
    assert client.get(f"{url}/sid").status_code == 200
