"""Lists: what a page costs and shows, and what clients ask before anything else."""

import logging
from concurrent.futures import ThreadPoolExecutor

import pytest

from debrepo import catalog
from debrepo.database.schema import SCHEMA
from debrepo.errors import DatabaseFull
from debrepo.plugins import load_plugins
from debrepo.session import Session
from debrepo.testing.packages import build_deb
from debrepo_gitlab import container_lists, containers, contributions, listings
from debrepo_gitlab.container_lists import CONTAINER_ORDERS
from debrepo_gitlab.download_dates import DOWNLOADS
from debrepo_gitlab.listed_orders import ORDERED, numbers
from debrepo_gitlab.listings import LISTINGS, ROWS
from debrepo_gitlab.owners import OUTDATED, OWNERS
from debrepo_gitlab.package_order import PackageFilter, choose

API = "/api/v4"
PROJECT = f"{API}/projects/1"


@pytest.fixture(autouse=True)
def unsigned(monkeypatch):
    monkeypatch.setenv("DEBREPO_PUBLISH_SKIP_SIGNING", "true")


@pytest.fixture
def upload(session, tmp_path):
    """Add packages to the distribution sid of a project."""

    def add(*names, project="acme/web", version="1.0"):
        paths = [build_deb(tmp_path, name, version) for name in names]
        words = {"container": project, "distribution": "sid", "component": "main"}
        session.call("distribution.upload", paths=paths, **words)

    return add


@pytest.fixture
def stocked(client, session, upload):
    """A maintainer of acme/web, where sid has thirty packages."""
    session.call("distribution.create", container="acme/web", codename="sid")
    upload(*(f"p{number:02}" for number in range(30)))
    return client


@pytest.fixture
def records(monkeypatch):
    """The records that were read from the catalog."""
    read = []
    get, get_many = catalog.get, catalog.get_many

    def counting(txn, entries):
        wanted = list(entries)
        read.extend(wanted)
        return get_many(txn, wanted)

    def counting_one(txn, entry):
        read.append(entry)
        return get(txn, entry)

    monkeypatch.setattr(catalog, "get_many", counting)
    monkeypatch.setattr(catalog, "get", counting_one)
    return read


def names(answer):
    assert answer.status_code == 200, answer.text
    return [one["name"] for one in answer.json()]


def test_page_reads_the_records_of_its_rows(stocked, upload, records):
    url = f"{PROJECT}/packages?order_by=name&per_page=5"
    assert names(stocked.get(url)) == [f"p{number:02}" for number in range(5)]
    records.clear()
    for query in ("page=2", "sort=desc", "package_name=p1", "package_version=1.0"):
        assert len(stocked.get(f"{url}&{query}").json()) == 5
    assert len(records) == 4 * 5
    records.clear()
    upload("aaa")
    records.clear()
    assert names(stocked.get(url))[0] == "aaa"
    assert len(records) == 1 + 5  # the new one, and the rows


def test_removed_package_leaves_the_list(stocked, session):
    first, second, *_ = stocked.get(f"{PROJECT}/packages?order_by=name").json()
    assert stocked.delete(f"{PROJECT}/packages/{first['id']}").status_code == 204
    assert names(stocked.get(f"{PROJECT}/packages?order_by=name&per_page=1")) == [second["name"]]
    assert stocked.get(f"{PROJECT}/packages/{first['id']}").status_code == 404
    session.call("distribution.drop", container="acme/web", codename="sid")
    assert names(stocked.get(f"{PROJECT}/packages")) == []


def test_only_those_who_may_delete_are_told_where(stocked, headers):
    (row,) = stocked.get(f"{PROJECT}/packages?per_page=1").json()
    path = f"/api/v4/projects/1/packages/{row['id']}"
    assert row["_links"]["delete_api_path"] == f"http://gitlab.example.com{path}"
    developer = stocked.get(path, headers=headers("developer")).json()
    assert "delete_api_path" not in developer["_links"]
    assert row["project_path"] == "acme/web"


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("package_type=deb", "package_type does not have a valid value"),
        ("status=gone", "status does not have a valid value"),
        ("order_by=project_path", "order_by does not have a valid value"),
        ("sort=up", "sort does not have a valid value"),
        ("include_versionless=maybe", "include_versionless is invalid"),
    ],
)
def test_unknown_values_are_refused(stocked, query, said):
    answer = stocked.get(f"{PROJECT}/packages?{query}")
    assert (answer.status_code, answer.json()) == (400, {"error": said})


@pytest.mark.parametrize(
    "query",
    [
        *("package_name=%00", "package_name=%ff", f"package_name={'x' * 5000}", "page=999999999"),
        *("package_version=%00", "package_version=%ff", f"package_version={'1' * 5000}"),
    ],
)
def test_strange_filters_find_nothing(stocked, query):
    assert names(stocked.get(f"{PROJECT}/packages?{query}")) == []


@pytest.mark.parametrize("query", ["package_type=maven", "status=hidden"])
def test_known_values_that_no_package_has_list_nothing(stocked, query):
    assert names(stocked.get(f"{PROJECT}/packages?{query}")) == []


def test_group_lists_by_project_and_without_subgroups(stocked, session, upload, secret):
    session.call("project.create", path="acme/a", kind="group")
    session.call("project.create", path="acme/a/b")
    session.call("distribution.create", container="acme/a/b", codename="sid")
    upload("deep", project="acme/a/b")
    session.call("project.member", path="acme", kind="group", user="maintainer", role="maintainer")
    url = f"{API}/groups/acme/packages"
    assert names(stocked.get(f"{url}?order_by=project_path"))[0] == "deep"
    assert "deep" not in names(stocked.get(f"{url}?exclude_subgroups=true&per_page=100"))
    answer = stocked.get(f"{url}?exclude_subgroups=x")
    assert answer.json() == {"error": "exclude_subgroups is invalid"}


def test_downloads_are_dated_with_one_write_for_many(stocked, session, secret):
    session.call("distribution.publish", container="acme/web", codename="sid")
    auth = ("reporter", secret("reporter"))
    apt = f"{PROJECT}/packages/debian/pool"
    for number in range(5):
        name = f"p{number:02}"
        assert stocked.get(f"{apt}/main/p/{name}/{name}_1.0_amd64.deb", auth=auth).is_success
    rows = stocked.get(f"{PROJECT}/packages?order_by=name&per_page=6").json()
    assert [bool(row["last_downloaded_at"]) for row in rows] == [True] * 5 + [False]
    with session.db.read() as txn:
        assert len(txn[DOWNLOADS]) == 1  # the others follow within a minute
    session.call("project.drop", path="acme/web", force=True)
    with session.db.read() as txn:
        assert len(txn[DOWNLOADS]) == 0


def test_dates_of_downloads_go_with_the_packages(stocked, session):
    with session.db.write() as txn:
        for name in ("p00_1.0_amd64.deb", "p00_2.0_amd64.deb", "gone_1.0_amd64.deb", "gone_1.dsc"):
            txn[DOWNLOADS][f"1\0{name}"] = "2026-01-01T00:00:00Z"
    session.call("db.cleanup")
    with session.db.read() as txn:
        assert list(txn[DOWNLOADS]) == ["1\0p00_1.0_amd64.deb"]


def test_group_pool_is_also_where_gitlab_has_it(stocked, session, upload):
    session.call("project.edit", path="acme", kind="group", visibility="public")
    session.call("distribution.create", container="group:acme", codename="sid")
    session.call("project.create", path="acme/open", visibility="public")
    session.call("distribution.create", container="acme/open", codename="sid")
    upload("libgp", project="acme/open")
    session.call("distribution.publish", container="acme/open", codename="sid")
    pool = f"{API}/groups/1/-/packages/debian/pool/sid"
    for path, status in {
        "2/libg/libgp/1.0/libgp_1.0_amd64.deb": 200,
        "2/l/libgp/1.0/libgp_1.0_amd64.deb": 404,
        "1/p/p01/1.0/p01_1.0_amd64.deb": 404,  # of a private project
        "x/libg/libgp/1.0/libgp_1.0_amd64.deb": 404,
        "2": 404,
    }.items():
        assert (path, stocked.get(f"{pool}/{path}", headers={"PRIVATE-TOKEN": ""}).status_code) == (
            path,
            status,
        )


def test_download_from_a_group_is_dated_for_the_project_that_it_comes_from(
    client, session, upload, monkeypatch
):
    session.call("project.edit", path="acme", kind="group", visibility="public")
    for project in ("acme/web", "acme/other"):
        if project != "acme/web":
            session.call("project.create", path=project)
        session.call("project.edit", path=project, visibility="public")
        session.call("distribution.create", container=project, codename="sid")
        upload("both", project=project)
        session.call("distribution.publish", container=project, codename="sid")
    upload("one", project="acme/other")
    session.call("distribution.create", container="group:acme", codename="sid")
    session.call("distribution.publish", container="acme/other", codename="sid")
    asked = []
    owner = contributions.owner
    monkeypatch.setattr(contributions, "owner", lambda *given: asked.append(1) or owner(*given))
    pool = f"{API}/groups/1/-/packages/debian/pool/main"
    for path in ("b/both/both_1.0_amd64.deb", "o/one/one_1.0_amd64.deb") * 2:
        assert client.get(f"{pool}/{path}", headers={"PRIVATE-TOKEN": ""}).status_code == 200
    assert len(asked) == 2

    def dated(project):
        rows = client.get(f"{API}/projects/{project}/packages?order_by=name").json()
        return {row["name"]: bool(row["last_downloaded_at"]) for row in rows}

    assert dated(1) == {"both": True}
    assert dated(2) == {"both": False, "one": True}
    session.call("project.edit", path="acme/web", visibility="private")
    url = f"{pool}/b/both/both_1.0_amd64.deb"
    assert client.get(url, headers={"PRIVATE-TOKEN": ""}).status_code == 200
    assert dated(2) == {"both": True, "one": True}


def test_user_and_version_are_for_those_with_a_token(client, guarded):
    assert client.get(f"{API}/user").json()["username"] == "maintainer"
    assert set(client.get(f"{API}/version").json()) == {"version", "revision"}
    for path in ("user", "version"):
        answer = client.get(f"{API}/{path}", headers={"PRIVATE-TOKEN": ""})
        assert (answer.status_code, answer.json()) == (401, {"message": "401 Unauthorized"})


def test_projects_and_groups_are_those_the_caller_may_see(client, session, headers):
    session.call("project.create", path="acme/hidden")
    session.call("project.create", path="acme/open", visibility="public")
    assert names(client.get(f"{API}/projects")) == ["open", "web"]
    assert names(client.get(f"{API}/projects?order_by=name&sort=desc&per_page=1")) == ["web"]
    assert names(client.get(f"{API}/projects?search=WE")) == ["web"]
    assert names(client.get(f"{API}/projects?visibility=public")) == ["open"]
    anonymous = client.get(f"{API}/projects", headers={"PRIVATE-TOKEN": ""})
    assert names(anonymous) == ["open"]
    assert names(client.get(f"{API}/groups")) == []
    session.call("project.member", path="acme", kind="group", user="maintainer", role="guest")
    assert names(client.get(f"{API}/groups")) == ["acme"]
    assert len(client.get(f"{API}/groups/acme/projects").json()) == 3
    assert client.get(f"{API}/projects?visibility=x").status_code == 400


def test_groups_below_a_group_are_those_the_caller_may_see(client, session):
    for path in ("acme/a", "acme/b", "acme/a/c", "acmeland"):
        session.call("project.create", path=path, kind="group", visibility="public")
    session.call("project.edit", path="acme/b", kind="group", visibility="private")
    session.call("project.member", path="acme/web", user="maintainer", role="maintainer")
    assert client.get(f"{API}/groups/acme/subgroups").status_code == 404
    session.call("project.edit", path="acme", kind="group", visibility="public")
    assert names(client.get(f"{API}/groups/acme/subgroups")) == ["a"]
    assert names(client.get(f"{API}/groups/1/descendant_groups")) == ["a", "c"]
    session.call("project.member", path="acme", kind="group", user="maintainer", role="owner")
    assert names(client.get(f"{API}/groups/1/subgroups")) == ["a", "b"]
    assert names(client.get(f"{API}/groups/1/subgroups?owned=true&sort=desc")) == ["b", "a"]
    (found,) = client.get(f"{API}/groups/1/descendant_groups?search=c").json()
    assert (found["full_path"], found["parent_id"]) == ("acme/a/c", 2)


def test_token_may_be_a_parameter_and_is_in_no_link_and_no_log(guarded, secret, caplog):
    caplog.set_level(logging.INFO, "debrepo.requests")
    token = secret("reporter")
    url = f"{PROJECT}/debian_distributions"
    answer = guarded.get(f"{url}?private_token={token}")
    assert answer.status_code == 200
    assert token not in str(answer.headers)
    (line,) = [one.getMessage() for one in caplog.records if one.name == "debrepo.requests"]
    assert (url in line, token in line) == (True, False)
    assert guarded.get(f"{url}?private_token=wrong").status_code == 401
    assert (
        guarded.get(
            f"{PROJECT}/packages/debian/dists/sid/Release?private_token={token}"
        ).status_code
        == 401
    )


def test_token_of_a_parameter_comes_before_headers(guarded, secret):
    token = secret("reporter")
    for headers in ({"PRIVATE-TOKEN": "wrong"}, {"Authorization": "Bearer wrong"}):
        url = f"{PROJECT}/debian_distributions"
        assert guarded.get(f"{url}?private_token={token}", headers=headers).status_code == 200
        assert guarded.get(f"{url}?private_token=", headers=headers).status_code == 401


def test_projects_of_the_caller_are_told_from_public_ones(client, session, headers):
    session.call("project.create", path="acme/open", visibility="public")
    developer = headers("developer")
    for query, mine, theirs in (
        ("", ["open", "web"], ["open", "web"]),
        ("membership=true", ["web"], ["web"]),
        ("owned=true", [], []),
        ("membership=true&owned=yes", None, None),
        ("min_access_level=30", ["web"], ["web"]),
        ("min_access_level=40", ["web"], []),
        ("min_access_level=50", [], []),
        ("min_access_level=7", None, None),
        ("search=acme", [], []),
        ("search=acme&search_namespaces=true", ["open", "web"], ["open", "web"]),
        ("order_by=last_activity_at", ["open", "web"], ["open", "web"]),
    ):
        for how, expected in ((dict(client.headers), mine), (developer, theirs)):
            answer = client.get(f"{API}/projects?{query}", headers=how)
            if expected is None:
                assert answer.status_code == 400
                continue
            assert sorted(names(answer)) == expected, query
    owner = headers("owner")
    for query in ("owned=true", "min_access_level=50", "min_access_level=40"):
        assert names(client.get(f"{API}/projects?{query}", headers=owner)) == ["web"]
    anonymous = client.get(f"{API}/projects?membership=true", headers={"PRIVATE-TOKEN": ""})
    assert names(anonymous) == []


def test_old_path_leads_to_the_project(client, session):
    session.call("project.edit", path="acme/web", new_path="acme/site")
    url = f"{API}/projects/acme%2Fweb"
    answer = client.get(f"{url}/debian_distributions?page=1", follow_redirects=False)
    assert answer.status_code == 301
    assert answer.headers["location"] == f"{PROJECT}/debian_distributions?page=1"
    assert client.get(url).json()["path"] == "site"
    answer = client.post(f"{url}/debian_distributions?codename=sid")
    said = "405 Non GET methods are not allowed for moved projects"
    assert (answer.status_code, answer.json()) == (405, {"message": said})
    hidden = client.get(url, headers={"PRIVATE-TOKEN": ""}, follow_redirects=False)
    assert hidden.json() == {"message": "404 Project Not Found"}
    session.call("project.create", path="acme/web", visibility="public")
    assert client.get(url).json()["id"] == 2


@pytest.fixture
def unread(client, session, upload):
    """The same, when a list was made of them already, and no server has been asked for it."""
    session.call("distribution.create", container="acme/web", codename="sid")
    upload(*(f"p{number:02}" for number in range(30)))
    session.call("distribution.publish", container="acme/web", codename="sid")
    return client


def test_first_page_of_a_server_reads_the_records_of_its_rows(unread, records):
    assert len(unread.get(f"{PROJECT}/packages?per_page=5").json()) == 5
    assert len(records) == 5


def test_deletion_reads_the_records_of_what_is_deleted(unread, records):
    (row,) = unread.get(f"{PROJECT}/packages?per_page=1").json()
    records.clear()
    assert unread.delete(f"{PROJECT}/packages/{row['id']}").status_code == 204
    assert len(set(records)) == 1


@pytest.mark.parametrize("order", ["created_at", "name", "version", "type", "project_path"])
def test_orders_of_a_group_are_those_of_its_projects_together(client, session, upload, order):
    session.call("project.member", path="acme", kind="group", user="maintainer", role="maintainer")
    session.call("project.create", path="acme/app")
    for project in ("acme/web", "acme/app"):
        session.call("distribution.create", container=project, codename="sid")
    for name, version in (("a", "1.0~rc1"), ("c", "1.0-1"), ("e", "10")):
        upload(name, version=version)
    for name, version in (("b", "1.0"), ("d", "2:0.1"), ("f", "9")):
        upload(name, version=version, project="acme/app")
    expected = {
        "created_at": ["a", "c", "e", "b", "d", "f"],
        "version": ["a", "b", "c", "f", "e", "d"],
        "project_path": ["b", "d", "f", "a", "c", "e"],
    }.get(order, ["a", "b", "c", "d", "e", "f"])
    url = f"{API}/groups/acme/packages?order_by={order}&per_page=3"
    backwards = expected[::-1]
    if order == "project_path":  # the packages of a project stay in the order of their names
        backwards = expected[3:] + expected[:3]
    for sort, wanted in (("asc", expected), ("desc", backwards)):
        pages = [names(client.get(f"{url}&sort={sort}&page={page}")) for page in (1, 2)]
        assert pages == [wanted[:3], wanted[3:]]


def test_list_follows_whatever_changes_the_repositories(stocked, session, tmp_path):
    url = f"{PROJECT}/packages?order_by=name&package_name=o"
    assert names(stocked.get(url)) == []
    repo = "acme.web-sid-main"
    list(session.call("repo.add", name=repo, paths=[build_deb(tmp_path, "other")]))
    assert names(stocked.get(url)) == ["other"]
    session.call("repo.rename", name=repo, new_name="mine")
    session.call("repo.remove", name="mine", queries=["other"])
    session.call("db.cleanup", trash=False)
    assert names(stocked.get(url)) == []
    assert len(names(stocked.get(f"{PROJECT}/packages?per_page=100"))) == 30
    session.call("project.drop", path="acme/web", force=True)
    with session.db.read() as txn:
        tables = LISTINGS, ROWS, ORDERED, OWNERS, OUTDATED
        assert [key for table in tables for key in txn[table]] == []


def test_names_and_versions_may_be_longer_than_a_key(stocked, upload):
    long, version = "n" * 150, "1." + "0" * 149
    upload(long, "n" * 120 + "m")
    upload("same", version=version)
    upload("similar", version=version + "1")
    url = f"{PROJECT}/packages?order_by=name"
    assert names(stocked.get(f"{url}&package_name=nm")) == ["n" * 120 + "m"]
    assert names(stocked.get(f"{url}&package_name={long}")) == [long]
    assert names(stocked.get(f"{url}&package_version={version}")) == ["same"]
    assert names(stocked.get(f"{url}&package_version=1.00&package_name=p")) == []


def test_list_of_a_moment_ago_is_shown_when_nothing_can_be_written(
    stocked, session, upload, monkeypatch
):
    session.call("project.create", path="acme/new")
    session.call("project.member", path="acme/new", user="maintainer", role="maintainer")
    session.call("distribution.create", container="acme/new", codename="sid")
    upload("hello", project="acme/new")
    assert len(names(stocked.get(f"{PROJECT}/packages?per_page=100"))) == 30

    def full(*_, **__):
        raise DatabaseFull("the disk is full")

    upload("more")
    monkeypatch.setattr("debrepo_gitlab.listings._apply", full)
    never_made = stocked.get(f"{API}/projects/2/packages")
    assert (never_made.status_code, never_made.json()) == (507, {"message": "507 the disk is full"})
    assert len(names(stocked.get(f"{PROJECT}/packages?per_page=100"))) == 30


def test_drop_that_a_crash_cut_short_hides_nothing_else(stocked, session, tmp_path):
    session.call("distribution.create", container="acme/web", codename="trixie")
    session.call(
        "distribution.upload",
        container="acme/web",
        paths=[build_deb(tmp_path, "other")],
        distribution="trixie",
        component="main",
    )
    url = f"{PROJECT}/packages?per_page=100"
    assert len(names(stocked.get(url))) == 31
    session.call("repo.drop", name="acme.web-trixie-main", force=True)
    assert "other" not in names(stocked.get(url))
    assert len(names(stocked.get(url))) == 30
    (row,) = stocked.get(f"{PROJECT}/packages?package_name=p07").json()
    assert stocked.delete(f"{PROJECT}/packages/{row['id']}").status_code == 204
    assert stocked.delete(f"{PROJECT}/debian_distributions/trixie").status_code == 202


def test_package_leaves_all_its_components_in_one_transaction(stocked, session, tmp_path):
    where = {"container": "acme/web", "codename": "sid"}
    session.call("distribution.edit", **where, components=["main", "contrib"])
    deb = build_deb(tmp_path, "p07")
    for component in ("main", "contrib"):
        words = {"container": "acme/web", "distribution": "sid", "component": component}
        session.call("distribution.upload", paths=[deb], **words)
    (row,) = stocked.get(f"{PROJECT}/packages?package_name=p07").json()
    before = session.db.serial()
    (received,) = session.call("distribution.remove", container="acme/web", package=row["id"])
    assert session.db.serial() == before + 1
    assert received.serial == session.call("distribution.show", **where).changed
    assert names(stocked.get(f"{PROJECT}/packages?package_name=p07")) == []


def test_many_clients_may_be_the_first_to_ask(unread, session):
    with session.db.write() as txn:
        listings.discard(txn, containers.get(txn, "acme/web"))
        txn[OUTDATED][b"1"] = b"0"
    with ThreadPoolExecutor(16) as pool:
        url = f"{PROJECT}/packages?per_page=100&order_by=name"
        answers = list(pool.map(lambda _: unread.get(url), range(16)))
    assert {len(names(answer)) for answer in answers} == {30}
    assert {answer.headers["x-total"] for answer in answers} == {"30"}


@pytest.mark.parametrize("order", ["created_at", "name", "version"])
def test_filters_and_pages_are_those_of_the_whole_list(client, session, upload, monkeypatch, order):
    monkeypatch.setattr("debrepo_gitlab.sequences._BITS", 1)
    session.call("project.member", path="acme", kind="group", user="maintainer", role="maintainer")
    session.call("project.create", path="acme/app")
    for project in ("acme/web", "acme/app"):
        session.call("distribution.create", container=project, codename="sid")
    for number, version in enumerate(("1.0", "1.0-0", "1.00", "0:1.0", "2", "1~1", "11")):
        upload("tool", f"lib{number}", f"Upper{number}", version=version)
        upload("tool1", f"lib-app{number}", version=version, project="acme/app")
    for url in (f"{PROJECT}/packages", f"{API}/groups/acme/packages"):
        for backwards in ("asc", "desc"):
            url_ = f"{url}?order_by={order}&sort={backwards}"
            every = client.get(f"{url_}&per_page=100").json()
            for name in ("", "LIB3", "tool", "1", "o", "none"):
                for version in ("", "1.0", "1.0-0", "3"):
                    wanted = [
                        one["id"]
                        for one in every
                        if name.lower() in one["name"].lower()
                        and (not version or one["version"] == version)
                    ]
                    asked = f"{url_}&package_name={name}&package_version={version}&per_page=4"
                    found = []
                    for page in range(1, len(wanted) // 4 + 3):
                        answer = client.get(f"{asked}&page={page}")
                        assert answer.headers["x-total"] == str(len(wanted))
                        found += [one["id"] for one in answer.json()]
                    assert found == wanted, asked


def test_names_are_counted_while_packages_come_and_go(client, session, tmp_path, monkeypatch):
    monkeypatch.setattr("debrepo_gitlab.sequences._BITS", 1)
    session.call("distribution.create", container="acme/web", codename="sid")
    url, repo = f"{PROJECT}/packages?order_by=name&per_page=100", "acme.web-sid-main"
    there = []
    for turn in range(12):
        debs = [build_deb(tmp_path, f"p{turn}"), build_deb(tmp_path, "many", f"1.{turn}")]
        list(session.call("repo.add", name=repo, paths=debs))
        there += [f"p{turn}", "many"]
        if turn % 3 == 2:
            session.call("repo.remove", name=repo, queries=[f"p{turn - 1} | many (= 1.{turn - 1})"])
            there.remove(f"p{turn - 1}")
            there.remove("many")
        assert names(client.get(url)) == sorted(there)
        for part in ("p", "p1", "many", "1"):
            wanted = sorted(name for name in there if part in name)
            assert names(client.get(f"{url}&package_name={part}")) == wanted
    session.call("repo.remove", name=repo, queries=["Name"])
    assert names(client.get(f"{url}&package_name=p")) == []
    with session.db.read() as txn:
        assert [*txn[ORDERED]] == []


def test_page_of_a_group_reads_lists_that_changed_and_no_others(
    stocked, session, upload, secret, monkeypatch
):
    session.call("project.member", path="acme", kind="group", user="maintainer", role="maintainer")
    for number in range(5):
        session.call("project.create", path=f"acme/p{number}")
        session.call("distribution.create", container=f"acme/p{number}", codename="sid")
        upload(f"of{number}", project=f"acme/p{number}")
    url = f"{API}/groups/acme/packages?order_by=name&per_page=3"
    assert names(stocked.get(url)) == ["of0", "of1", "of2"]
    made, sets = [], listings._sets

    def counting(session, txn, project):
        made.append(project.path)
        return sets(session, txn, project)

    monkeypatch.setattr(listings, "_sets", counting)
    assert names(stocked.get(url)) == ["of0", "of1", "of2"]
    assert made == []
    upload("a", project="acme/p3")
    assert names(stocked.get(url)) == ["a", "of0", "of1"]
    assert made == ["acme/p3"]


def test_change_while_a_list_is_made_is_not_lost(stocked, session, upload, monkeypatch):
    apply = listings._apply

    def late(txn, project, found):
        monkeypatch.setattr(listings, "_apply", apply)
        txn[OUTDATED][b"1"] = b"%d" % (txn.serial + 1)
        return apply(txn, project, found)

    upload("late")
    monkeypatch.setattr(listings, "_apply", late)
    assert "late" in names(stocked.get(f"{PROJECT}/packages?package_name=late"))
    with session.db.read() as txn:
        assert [*txn[OUTDATED]] == [b"1"]


def test_lists_of_an_older_version_are_made_anew(stocked, session):
    (row,) = stocked.get(f"{PROJECT}/packages?package_name=p07").json()
    with session.db.write() as txn:
        for name in ("listings", "listed_orders", "distributions", "containers"):
            txn[SCHEMA][f"gitlab.{name}"] = 1
        txn[SCHEMA][""] += 1
        for table in (OWNERS, OUTDATED, CONTAINER_ORDERS):
            txn[table].clear()
        txn[ORDERED][b"1\0n\0old\0%014x" % row["id"]] = b""
    session.close()
    anew = Session(session.root, load_plugins())
    try:
        with anew.db.read() as txn:
            project = containers.get(txn, "acme/web")
            assert dict(txn[OWNERS]) == {b"acme.web-sid-main": b"1"}
        listings.refresh(anew, project)
        with anew.db.read() as txn:
            found = choose(txn, "1", "n", PackageFilter(name="p0"))
            rows = [listings.get(txn, *numbers(one)) for one in found[0:20]]
            assert [one.name for one in rows] == [f"p0{number}" for number in range(10)]
            assert len(container_lists.choose(txn, "project", "n", None)) == 1
    finally:
        anew.close()
