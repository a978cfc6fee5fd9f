"""Packages of any kind, groups, and the command line."""

import pytest

from debrepo.testing.packages import build_deb

PROJECT = "/api/v4/projects/1"
GROUP = "/api/v4/groups/acme/-"


@pytest.fixture(autouse=True)
def unsigned(request, monkeypatch):
    if "signed" not in request.node.name:
        monkeypatch.setenv("DEBREPO_PUBLISH_SKIP_SIGNING", "true")


@pytest.fixture
def upload(session, tmp_path):
    """Let a package join the distribution sid of a project."""

    def join(name, version="1.0", project="acme/web", **fields):
        deb = build_deb(tmp_path, name, version, fields=fields)
        return session.call(
            "distribution.upload",
            container=project,
            paths=[deb],
            distribution="sid",
            component="main",
        )

    return join


@pytest.fixture
def stocked(client, session, upload):
    """A maintainer, of a project with two packages."""
    session.call("distribution.create", container="acme/web", codename="sid")
    upload("hello", "1.0")
    upload("hello-doc", "1.0", Source="hello")
    upload("world", "2.0")
    return client


def test_package_is_what_was_built_of_a_source(stocked):
    found = stocked.get(f"{PROJECT}/packages?package_type=debian").json()
    assert [(one["name"], one["version"]) for one in found] == [("hello", "1.0"), ("world", "2.0")]
    url = f"{PROJECT}/packages/{found[0]['id']}"
    assert stocked.get(url).json() == found[0]
    files = stocked.get(f"{url}/package_files").json()
    assert [one["file_name"] for one in files] == ["hello-doc_1.0_amd64.deb", "hello_1.0_amd64.deb"]
    assert {"file_md5", "file_sha1", "file_sha256", "size", "package_id"} <= set(files[0])


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("package_name=wor", ["world"]),
        ("package_version=1.0", ["hello"]),
        ("package_type=maven", []),
        ("order_by=version&sort=desc", ["world", "hello"]),
        ("order_by=name&per_page=1&page=2", ["world"]),
    ],
)
def test_packages_are_filtered_and_sorted(stocked, query, names):
    found = stocked.get(f"{PROJECT}/packages?{query}").json()
    assert [one["name"] for one in found] == names


def test_package_is_taken_out(stocked, session):
    first, second = stocked.get(f"{PROJECT}/packages?order_by=name").json()
    files = stocked.get(f"{PROJECT}/packages/{first['id']}/package_files").json()
    url = f"{PROJECT}/packages/{first['id']}/package_files/{files[0]['id']}"
    assert stocked.delete(url).status_code == 204
    assert stocked.delete(url).json() == {"message": "404 Package Not Found"}
    assert stocked.delete(f"{PROJECT}/packages/{second['id']}").status_code == 204
    (left,) = stocked.get(f"{PROJECT}/packages").json()
    assert left["id"] == first["id"]
    assert len(stocked.get(f"{PROJECT}/packages/{left['id']}/package_files").json()) == 1


def test_unknown_package_is_not_found(stocked):
    for number in ("1", "x", "9" * 30):
        answer = stocked.get(f"{PROJECT}/packages/{number}")
        assert (answer.status_code, answer.json()) == (404, {"message": "404 Package Not Found"})


def test_group_publishes_what_its_public_projects_have(guarded, session, project, upload):
    session.call("project.edit", path="acme", kind="group", visibility="public")
    session.call("project.create", path="acme/tools", kind="group")
    for path, visibility in (
        ("acme/tools/a", "public"),
        ("acme/b", "public"),
        ("acme/c", "private"),
    ):
        session.call("project.create", path=path, visibility=visibility)
        session.call("distribution.create", container=path, codename="sid")
        upload(f"from-{path[-1]}", project=path)
    session.call("project.member", path="acme", kind="group", user="ann", role="maintainer")
    token = session.call("project.token.create", name="t", owner="ann")
    made = guarded.post(
        f"{GROUP}/debian_distributions?codename=sid", headers={"PRIVATE-TOKEN": token}
    )
    assert made.status_code == 201
    session.call("distribution.publish", container="group:acme", codename="sid")
    apt = f"{GROUP}/packages/debian"
    index = guarded.get(f"{apt}/dists/sid/main/binary-amd64/Packages").text
    names = [line[9:] for line in index.splitlines() if line.startswith("Package: ")]
    assert names == ["from-a", "from-b"]
    (path,) = [line[10:] for line in index.splitlines() if "from-a_" in line and "Filename" in line]
    assert guarded.get(f"{apt}/{path}").status_code == 200
    upload("new", project="acme/b")
    session.call("distribution.publish", container="acme/b", codename="sid")
    assert "Package: new" in guarded.get(f"{apt}/dists/sid/main/binary-amd64/Packages").text
    listed = guarded.get("/api/v4/groups/acme/packages?order_by=name").json()
    assert [one["name"] for one in listed] == ["from-a", "from-b", "new"]


def test_component_that_goes_leaves_its_packages_behind(stocked, session):
    session.call("distribution.publish", container="acme/web", codename="sid")
    stocked.put(f"{PROJECT}/debian_distributions/sid?components=other")
    session.call("distribution.publish", container="acme/web", codename="sid")
    (shown,) = session.call("publish.list")
    assert list(shown.sources) == ["other"]
    names = [one.repo.name for one in session.call("repo.list")]
    assert names == ["acme.web-sid-main", "acme.web-sid-other"]
    assert [one["name"] for one in stocked.get(f"{PROJECT}/packages").json()] == ["hello", "world"]


def test_projects_on_the_command_line(debrepo):
    debrepo("project", "create", "acme/web", exit_code=3)
    debrepo("group", "create", "acme")
    assert "number 1" in debrepo("project", "create", "acme/web", "--visibility", "public").output
    debrepo("project", "create", "ACME/web", exit_code=4)
    debrepo("project", "create", "12", exit_code=2)
    debrepo("project", "member", "acme/web", "ann", "developer")
    shown = debrepo("project", "show", "1").output
    assert "Path: acme/web\nNumber: 1\nVisibility: public\n" in shown
    assert "Member: ann, developer\n" in shown
    debrepo("project", "edit", "acme/web", "--path", "acme/site", "--visibility", "internal")
    assert debrepo("project", "list").output == "1  acme/site  internal\n"
    debrepo("group", "drop", "acme", exit_code=5)
    debrepo("group", "edit", "acme", "--path", "firm")
    assert debrepo("project", "list").output == "1  firm/site  internal\n"
    debrepo("project", "drop", "firm/site")
    debrepo("group", "drop", "firm")
    assert debrepo("group", "list").output == ""


def test_tokens_on_the_command_line(debrepo):
    debrepo("project", "create", "web")
    words = ("project", "token", "create")
    secret = debrepo(*words, "ci", "--job", "web", "--days", "1").output.strip()
    assert secret.startswith("debrepo-job-")
    debrepo(*words, "ci", "--job", "web", exit_code=4)
    debrepo(*words, "x", exit_code=2)
    debrepo(*words, "x", "--deploy", "none", exit_code=3)
    assert "ci  job  project:1" in debrepo("project", "token", "list").output
    assert secret not in debrepo("project", "token", "list", "--json").output
    debrepo("project", "token", "revoke", "ci")
    debrepo("project", "token", "revoke", "ci", exit_code=3)


def test_distributions_on_the_command_line(debrepo, tmp_path):
    deb = build_deb(tmp_path)
    debrepo("project", "create", "web")
    debrepo("distribution", "create", "web", "sid", "--suite", "unstable", "--components", "a,b")
    debrepo("distribution", "create", "web", "sid", exit_code=2)
    assert debrepo("distribution", "list", "web").output == "sid  unstable  a,b\n"
    words = ("distribution", "upload", "web", deb, "--distribution", "sid", "--component")
    debrepo(*words, "main", exit_code=2)
    debrepo(*words, "a")
    again = debrepo("distribution", "publish", "web", "sid").output
    assert again == "Nothing has changed in sid of project:web, generation 1.\n"
    number = debrepo("distribution", "packages", "web").output.split()[0]
    debrepo("distribution", "remove", "web", number)
    debrepo("distribution", "edit", "web", "sid", "--version", "1.0", "--architectures", "arm64")
    shown = debrepo("distribution", "show", "web", "unstable").output
    assert "Version: 1.0\n" in shown
    assert "Architectures: all, arm64\n" in shown
    debrepo("project", "drop", "web", exit_code=5)
    debrepo("project", "drop", "web", "--force")
    assert debrepo("publish", "list", "--raw").output == ""


def test_project_may_be_signed_with_a_key_of_its_choice(session, project):
    made = session.call("key.create", name="Archive of Acme")
    session.call("project.edit", path="acme/web", keys=["Archive of Acme"])
    session.call("distribution.create", container="acme/web", codename="sid")
    session.call("distribution.publish", container="acme/web", codename="sid")
    shown = session.call("distribution.show", container="acme/web", codename="sid")
    assert shown.keys == (made.fingerprint,)


def test_repository_of_a_distribution_may_be_renamed(session, stocked):
    session.call("repo.rename", name="acme.web-sid-main", new_name="mine")
    session.call("distribution.publish", container="acme/web", codename="sid")
    shown = session.call("distribution.show", container="acme/web", codename="sid")
    assert shown.components == {"main": "mine"}
    assert len(session.call("distribution.packages", container="acme/web")) == 2
