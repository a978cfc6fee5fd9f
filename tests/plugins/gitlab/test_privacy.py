"""What becomes private is served to nobody: every transition, by every route."""

import re
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
import requests

from debrepo.database import json_table
from debrepo.errors import DebrepoError, SigningFailed
from debrepo.testing.packages import build_deb
from debrepo_gitlab import publishing
from debrepo_gitlab.distributions import DISTRIBUTIONS

PROJECT = "/api/v4/projects/1"
APT = f"{PROJECT}/packages/debian"
GROUP = "/api/v4/groups/1/-"
GROUP_APT = f"{GROUP}/packages/debian"
TREES = "/repos/-"
POOL = "pool/main/s/secret/secret_1.0_amd64.deb"
PACKAGES = "dists/sid/main/binary-amd64/Packages"
MARK = "secret"


@pytest.fixture(autouse=True)
def unsigned(monkeypatch):
    monkeypatch.setenv("DEBREPO_PUBLISH_SKIP_SIGNING", "true")


def add(session, tmp_path, project, package, codename="sid"):
    session.call(
        "distribution.upload",
        container=project,
        paths=[build_deb(tmp_path, package, "1.0")],
        distribution=codename,
        component="main",
    )
    session.call("distribution.publish", container=project, codename=codename)


@pytest.fixture
def public(session, project, tmp_path):
    """The public group acme, with the public projects acme/web and acme/lib."""
    session.call("project.edit", path="acme", kind="group", visibility="public")
    session.call("project.edit", path="acme/web", visibility="public")
    session.call("project.create", path="acme/lib", visibility="public")
    for container in ("acme/web", "acme/lib", "group:acme"):
        session.call("distribution.create", container=container, codename="sid")
    add(session, tmp_path, "acme/lib", "hello")
    add(session, tmp_path, "acme/web", "secret")
    return session


def by_hash(client, apt, **how):
    """Return the by-hash name of the present index of packages."""
    release = client.get(f"{apt}/dists/sid/Release", **how).text
    digest = re.search(r" ([0-9a-f]{64}) +\d+ main/binary-amd64/Packages\n", release)[1]
    return f"dists/sid/main/binary-amd64/by-hash/SHA256/{digest}"


@pytest.fixture
def of_project(guarded, public):
    """The routes by which a project gives away that it has the package."""
    package = guarded.get(f"{PROJECT}/packages").json()[0]["id"]
    apt = [f"{APT}/{PACKAGES}", f"{APT}/{by_hash(guarded, APT)}", f"{APT}/{POOL}"]
    apt += [f"{APT}/dists/sid/Release", f"{APT}/pool/sid/s/secret/1.0/secret_1.0_amd64.deb"]
    api = [PROJECT, f"{PROJECT}/packages", f"{PROJECT}/packages/{package}"]
    api += [f"{PROJECT}/packages/{package}/package_files"]
    api += [f"{PROJECT}/debian_distributions", f"{PROJECT}/debian_distributions/sid"]
    trees = [f"{TREES}/projects/1/{path.removeprefix(APT + '/')}" for path in apt[:4]]
    return apt + api + trees


@pytest.fixture
def of_group(guarded, public):
    """The routes by which its group does."""
    files = [PACKAGES, by_hash(guarded, GROUP_APT), POOL]
    apt = [f"{GROUP_APT}/{path}" for path in files]
    apt += [f"{GROUP_APT}/pool/sid/1/s/secret/1.0/secret_1.0_amd64.deb"]
    return [*apt, *(f"{TREES}/groups/1/{path}" for path in files), "/api/v4/groups/1/packages"]


def edit(**changes):
    return lambda session: session.call("project.edit", path="acme/web", **changes)


def move_group(session):
    session.call("project.create", path="acme/tools", kind="group", visibility="public")
    session.call("project.edit", path="acme/web", new_path="acme/tools/web")
    session.call("project.edit", path="acme/tools", kind="group", new_path="tools")


TRANSITIONS = {
    "private": edit(visibility="private"),
    "internal": edit(visibility="internal"),
    "moved": edit(new_path="web"),
    "moved and private": edit(new_path="web", visibility="private"),
    "group moved": move_group,
    "dropped": lambda session: session.call("project.drop", path="acme/web", force=True),
    "distribution": lambda session: session.call(
        "distribution.drop", container="acme/web", codename="sid"
    ),
}
#: what leaves the project itself open to everybody
_STILL_PUBLIC = {"moved", "group moved", "distribution"}


def opened(client, routes, **how):
    """Return the routes that give an answer at all."""
    return [url for url in routes if client.get(url, **how).status_code == 200]


def shown(client, routes):
    """Return the routes whose answers are the package, or name it."""
    return [
        url
        for url in opened(client, routes)
        if url.endswith(".deb") or MARK in client.get(url).text
    ]


@pytest.mark.parametrize("transition", TRANSITIONS)
def test_withdrawn_project_is_shown_by_no_route(guarded, public, of_project, of_group, transition):
    assert shown(guarded, of_group) == of_group
    assert opened(guarded, of_project) == of_project
    TRANSITIONS[transition](public)
    assert shown(guarded, of_group) == []
    if transition not in _STILL_PUBLIC:
        assert opened(guarded, of_project) == []
    index = guarded.get(f"{GROUP_APT}/{PACKAGES}")
    assert (index.status_code, "Package: hello\n" in index.text) == (200, True)
    assert guarded.get(f"{GROUP_APT}/pool/main/h/hello/hello_1.0_amd64.deb").status_code == 200
    assert not list((public.root / "public/groups").rglob("secret*"))


@pytest.mark.parametrize("transition", TRANSITIONS)
def test_nothing_is_shown_before_the_group_is_published(
    guarded, public, of_group, transition, monkeypatch
):
    def no_key(*_):
        raise SigningFailed("no key can sign")

    monkeypatch.setattr("debrepo_gitlab.publishing._publish", no_key)
    with pytest.raises(DebrepoError, match="groups cannot be published: sid of group acme: no key"):
        TRANSITIONS[transition](public)
    assert shown(guarded, of_group) == []
    release = guarded.get(f"{GROUP_APT}/dists/sid/Release")
    assert (release.status_code, release.headers["retry-after"]) == (503, "2")
    monkeypatch.undo()
    public.hook.debrepo_resume(session=public)
    assert guarded.get(f"{GROUP_APT}/dists/sid/Release").status_code == 200
    assert shown(guarded, of_group) == []


def test_reader_waits_while_the_group_is_published(guarded, public, of_group, monkeypatch):
    asked = []
    publish = publishing._publish

    def slowly(*given):
        asked.extend(pool.submit(guarded.get, url) for url in of_group[:1])
        return publish(*given)

    monkeypatch.setattr(publishing, "_publish", slowly)
    with ThreadPoolExecutor(1) as pool:
        public.call("project.edit", path="acme/web", visibility="private")
        (answer,) = [future.result() for future in asked]
    assert answer.status_code == 200
    assert "Package: hello\n" in answer.text
    assert MARK not in answer.text


def fetch(client, started, seen):
    """Read the group as apt does; note each answer, and whether it was asked for afterwards."""

    def get(path):
        late = started.is_set()
        answer = client.get(f"{GROUP_APT}/{path}")
        seen.append((late, path, answer))
        return answer

    late = started.is_set()
    release = get("dists/sid/Release").text
    digest = re.search(r" ([0-9a-f]{64}) +\d+ main/binary-amd64/Packages\n", release)[1]
    index = get(f"dists/sid/main/binary-amd64/by-hash/SHA256/{digest}")
    files = re.findall(r"(?m)^Filename: (.*)$", index.text)
    answers = [index, *(get(path) for path in files)]
    if late:  # such a reader must find all that it is told of
        assert {answer.status_code for answer in answers} == {200}
        assert [path for path in files if MARK not in path] == files
    get(POOL)
    get(PACKAGES)


def test_readers_all_through_a_withdrawal(guarded, public):
    returned, enough = Event(), Event()
    seen = []

    def reading():
        while not enough.is_set():
            fetch(guarded, returned, seen)

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(reading) for _ in range(4)]
        while len(seen) < 40 and not any(one.done() for one in readers):
            fetch(guarded, returned, seen)
        public.call("project.edit", path="acme/web", visibility="private")
        returned.set()
        for _ in range(5):
            fetch(guarded, returned, seen)
        enough.set()
        for one in readers:
            one.result()
    assert any(MARK in path and answer.status_code == 200 for late, path, answer in seen)
    given_away = [
        (path, answer.status_code)
        for late, path, answer in seen
        if late and answer.status_code == 200 and (MARK in path or MARK in answer.text)
    ]
    assert given_away == []
    assert {answer.status_code for _, _, answer in seen} <= {200, 404}
    for _, path, answer in seen:
        if path in {PACKAGES, "dists/sid/Release"}:
            assert answer.status_code == 200
        if path == PACKAGES:
            assert "Package: hello\n" in answer.text


def test_readers_of_a_group_read_no_project(guarded, public, of_group, monkeypatch):
    public.call("project.edit", path="acme/lib", visibility="private")
    public.call("project.edit", path="acme/lib", visibility="public")
    monkeypatch.setattr("debrepo_gitlab.contributions._is_current", pytest.fail)
    assert shown(guarded, of_group) == of_group


def test_package_that_left_before_its_project_did_is_gone_too(guarded, public, of_group):
    (package,) = guarded.get(f"{PROJECT}/packages").json()
    public.call("distribution.remove", container="acme/web", package=package["id"])
    public.call("distribution.publish", container="acme/web", codename="sid")
    kept = [url for url in of_group if "by-hash" in url or "/pool/main/" in url]
    assert shown(guarded, kept) == kept  # for clients that read the index a moment ago
    public.call("project.edit", path="acme/web", visibility="private")
    assert shown(guarded, of_group) == []


def test_other_files_of_the_group_keep_their_time(guarded, public, tmp_path):
    public.call("project.edit", path="acme/web", visibility="private")
    old = by_hash(guarded, GROUP_APT)
    add(public, tmp_path, "acme/lib", "more")
    assert by_hash(guarded, GROUP_APT) != old
    assert guarded.get(f"{GROUP_APT}/{old}").status_code == 200


def test_project_made_public_appears(guarded, public, of_group):
    public.call("project.edit", path="acme/web", visibility="private")
    public.call("project.edit", path="acme/web", visibility="public")
    assert shown(guarded, of_group) == of_group


def test_project_moved_into_a_group_appears(guarded, public, of_group):
    public.call("project.edit", path="acme/web", new_path="web")
    assert shown(guarded, of_group) == []
    public.call("project.edit", path="web", new_path="acme/web")
    assert shown(guarded, of_group) == of_group


def test_change_of_a_project_that_no_group_publishes_publishes_nothing(public, monkeypatch):
    public.call("project.create", path="other", visibility="public")
    monkeypatch.setattr("debrepo_gitlab.publishing._publish", pytest.fail)
    public.call("project.edit", path="other", visibility="private")
    public.call("project.edit", path="other", new_path="another")


def test_group_published_by_an_older_version_is_published_anew(guarded, public, of_group):
    with public.db.write() as txn:
        key = "group:1\0sid"
        fields = txn[DISTRIBUTIONS][key]._asdict()
        del fields["sources"], fields["shown"]
        txn[json_table("gitlab.distributions", load=dict, dump=dict)][key] = fields
    assert guarded.get(f"{GROUP_APT}/dists/sid/Release").status_code == 503
    public.hook.debrepo_resume(session=public)
    assert shown(guarded, of_group) == of_group


@pytest.mark.parametrize("path", ["projects/1/dists/sid/Release", "projects/2/dists/gone/Release"])
def test_what_is_left_of_a_dropped_tree_is_hidden(guarded, public, path):
    public.call("project.drop", path="acme/web", force=True)
    left = public.root / "public" / path
    left.parent.mkdir(parents=True)
    left.write_text("left")
    assert guarded.get(f"{TREES}/{path}").status_code == 404
    other = public.root / "public/projects/99/dists/sid/Release"
    other.parent.mkdir(parents=True)
    other.write_text("of somebody else")
    assert guarded.get(f"{TREES}/projects/99/dists/sid/Release").status_code == 200


def test_private_project_is_hidden_by_each_name_of_its_directory(serving, debrepo, debrepo_root):
    debrepo_root.mkdir()
    (debrepo_root / "debrepo.toml").write_text('[storage.fs.same]\nroot = "public"\n')
    debrepo("project", "create", "web")
    debrepo("distribution", "create", "web", "sid")
    debrepo("distribution", "publish", "web", "sid")
    url = serving("--require-token").url
    path = "projects/1/dists/sid/Release"
    for storage in ("-", "same", "fs:same", "filesystem:same"):
        answer = requests.get(f"{url}/repos/{storage}/{path}", timeout=60)
        assert (storage, answer.status_code) == (storage, 404)
    debrepo("project", "edit", "web", "--visibility", "public")
    for storage in ("-", "same", "fs:same", "filesystem:same"):
        answer = requests.get(f"{url}/repos/{storage}/{path}", timeout=60)
        assert (storage, answer.status_code) == (storage, 200)


LOSSES = {
    "role": lambda session: session.call("project.member", path="acme/web", user="ann", role=""),
    "role in the group": lambda session: session.call(
        "project.member", path="acme", kind="group", user="bob", role=""
    ),
    "token": lambda session: session.call("project.token.revoke", name="ann"),
    "deploy token": lambda session: session.call("project.token.revoke", name="deploy"),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_lost_access_is_lost_by_every_route(guarded, public, of_project, loss):
    public.call("project.edit", path="acme/web", visibility="private")
    public.call("project.member", path="acme/web", user="ann", role="reporter")
    public.call("project.member", path="acme", kind="group", user="bob", role="reporter")
    new = {"ann": {"owner": "ann"}, "bob": {"owner": "bob"}}
    new["deploy"] = {"kind": "deploy", "owner": "acme/web", "write": False}
    secrets = {
        name: public.call("project.token.create", name=name, **how) for name, how in new.items()
    }
    who = {"role": "ann", "token": "ann", "deploy token": "deploy"}.get(loss, "bob")

    def readable():
        found = []
        for url in of_project:
            basic = url.startswith(APT)
            header = {"Authorization": f"Bearer {secrets[who]}"}
            how = {"auth": (who, secrets[who])} if basic else {"headers": header}
            found += opened(guarded, [url], **how)
        return found

    assert readable() == of_project
    LOSSES[loss](public)
    assert readable() == []
