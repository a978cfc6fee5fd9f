"""What other plugins are told of package lists and publications, and by whom it is done."""

import sys
from types import SimpleNamespace

import pytest

from debrepo import TableRef, hookimpl
from debrepo.database import json_table
from debrepo.errors import InvalidInput, InvalidPackage, PluginError
from debrepo.testing.packages import build_deb


class House:
    """A plugin of the house: it looks at everything, and writes down what it was told."""

    def __init__(self):
        self.told = []
        self.refused = ""
        self.stopped = False

    @hookimpl
    def debrepo_created(self, session, txn, kind, name):
        self.told.append(("created", kind, name))

    @hookimpl
    def debrepo_dropped(self, session, txn, kind, name):
        self.told.append(("dropped", kind, name))

    @hookimpl
    def debrepo_accept_package(self, session, txn, package, target):
        if package.key.name == self.refused:
            allowed = session.config["architectures"]
            raise InvalidPackage(f"{session.actor}: {package.key.name} for {allowed}")

    @hookimpl
    def debrepo_packages_changed(self, session, target, before, added, removed):
        self.told.append(
            ("changed", str(target), before != target.set_id, len(added), len(removed))
        )

    @hookimpl
    def debrepo_release_fields(self, session, publication, after, fields):
        return {"Changelogs": f"http://example.org/{after.codename}/{after.generation}"}

    @hookimpl
    def debrepo_before_commit(self, session, publication, before, after, release):
        if self.stopped:
            raise InvalidInput(f"not on a Friday: {publication}")

    @hookimpl
    def debrepo_published(self, session, publication, generation, before, after, paths):
        self.told.append(
            ("published", publication, generation, before and before.generation, after, paths)
        )


class Other:
    """Another plugin, with fields of its own for Release files."""

    def __init__(self, fields):
        self.fields = fields

    @hookimpl
    def debrepo_release_fields(self):
        return self.fields


@pytest.fixture
def house(session):
    plugin = House()
    session.plugins.register(plugin, "onlooker")
    return plugin


@pytest.fixture
def published(session, house, tmp_path):
    session.call("repo.create", name="web")
    session.call("snapshot.create", name="empty", kind="repo", source="web")
    list(session.call("repo.add", name="web", paths=[build_deb(tmp_path, "hello")]))
    options = {"skip_signing": True, "codename": "noble"}
    session.call(
        "publish.create", kind="repo", names=["web"], distribution="stable", options=options
    )
    return session


def test_plugin_hears_of_what_is_created_and_changed_and_dropped(published, house):
    session = published
    (live,) = [said for said in house.told if said[0] == "published"]
    # A transaction that is done again tells again.
    assert list(dict.fromkeys(said[:3] for said in house.told if said is not live)) == [
        ("created", "repo", "web"),
        ("created", "snapshot", "empty"),
        ("changed", "repo:web", True),
        ("created", "publication", "./stable"),
    ]
    _, name, number, before, after, paths = live
    assert (name, number, before) == ("./stable", 1, None)
    assert (str(after), after.codename, after.architectures) == ("./stable", "noble", ("amd64",))
    assert str(after.components["main"]) == "repo:web"
    assert {"dists/stable/Release", "dists/stable/main/binary-amd64/Packages.gz"} <= paths
    house.told.clear()
    session.call("publish.drop", distribution="stable", place=".")
    dropped, gone = house.told
    assert dropped == ("dropped", "publication", "./stable")
    assert gone[:5] == ("published", "./stable", 0, 1, None)
    assert paths <= gone[5]
    house.told.clear()
    session.call("snapshot.drop", name="empty")
    session.call("repo.drop", name="web")
    assert house.told == [("dropped", "snapshot", "empty"), ("dropped", "repo", "web")]


def test_plugin_knows_who_adds_and_its_settings_when_it_refuses(session, house, tmp_path):
    house.refused = "hello"
    session.call("repo.create", name="web")
    (outcome,) = session.call("repo.add", name="web", paths=[build_deb(tmp_path, "hello")])
    assert f"{session.actor}: hello for ()" in str(outcome)


def test_plugin_sees_what_it_signs_for_and_stops_what_it_dislikes(published, house, tmp_path):
    session = published
    release = (session.root / "public/dists/stable/Release").read_text()
    assert "Changelogs: http://example.org/noble/1\n" in release
    list(session.call("repo.add", name="web", paths=[build_deb(tmp_path, "other")]))
    house.stopped = True
    with pytest.raises(InvalidInput, match=r"not on a Friday: \./stable"):
        session.call("publish.update", distribution="stable", place=".")
    assert (session.root / "public/dists/stable/Release").read_text() == release


def test_plugin_hears_of_a_repair_and_of_the_files_that_are_back(published, house):
    session = published
    (package,) = (session.root / "public/pool").rglob("*.deb")
    package.unlink()
    house.told.clear()
    session.call("publish.repair", distribution="stable", place=".")
    ((*_, before, after, paths),) = house.told
    assert (before, after.generation) == (1, 1)
    assert paths == {str(package.relative_to(session.root / "public"))}


class Failing:
    @hookimpl
    def debrepo_published(self, paths):
        raise RuntimeError("the post office is closed")

    @hookimpl
    def debrepo_packages_changed(self, target):
        raise InvalidInput("no stamps")


def test_notice_that_fails_is_a_warning_and_the_others_are_called(
    published, house, tmp_path, monkeypatch
):
    session = published
    notes = []
    monkeypatch.setattr(session.progress, "note", notes.append)
    session.plugins.register(Failing(), "failing")
    house.told.clear()
    list(session.call("repo.add", name="web", paths=[build_deb(tmp_path, "other")]))
    result = session.call("publish.update", distribution="stable", place=".")
    assert (result.changed, result.generation) == (True, 2)
    assert [said[0] for said in house.told] == ["changed", "published"]
    assert notes == [
        "Warning: debrepo_packages_changed of plugin failing failed: no stamps. "
        "What it was told about is done.",
        "Warning: debrepo_published of plugin failing failed: the post office is closed. "
        "What it was told about is done.",
    ]


def test_repair_tells_of_by_hash_files_too(published, house):
    session = published
    public = session.root / "public"
    hashed = next((public / "dists/stable/main/binary-amd64/by-hash/SHA256").iterdir())
    hashed.unlink()
    house.told.clear()
    session.call("publish.repair", distribution="stable", place=".")
    ((*_, before, after, paths),) = house.told
    assert (before, after.generation) == (1, 2)
    assert str(hashed.relative_to(public)) in paths
    assert "dists/stable/Release" in paths


def test_drop_tells_of_every_file_that_is_gone(published, house):
    session = published
    public = session.root / "public"
    there = {str(path.relative_to(public)) for path in public.rglob("*") if path.is_file()}
    house.told.clear()
    session.call("publish.drop", distribution="stable", place=".")
    (*_, paths) = house.told[-1]
    assert there <= paths
    assert any(path.startswith("pool/") for path in there)


def test_signatures_that_vanish_are_told(published, house, monkeypatch):
    session = published
    keys = (session.call("key.create", name="Somebody").fingerprint,)
    signed = {"skip_signing": False, "keys": keys}
    session.call("publish.update", distribution="stable", options=signed)
    house.told.clear()
    session.call("publish.update", distribution="stable", options={"skip_signing": True})
    (*_, paths) = house.told[-1]
    assert {"dists/stable/InRelease", "dists/stable/Release.gpg"} <= paths


NOTES = json_table("notes.notes", load=dict, dump=dict)


class Notes:
    """A plugin with a row for everything that has a name."""

    @hookimpl
    def debrepo_tables(self):
        return [TableRef("notes.notes", 1, f"{__name__}:NOTES")]

    @hookimpl
    def debrepo_created(self, txn, kind, name):
        assert f"{kind}:{name}" not in txn[NOTES]
        txn[NOTES][f"{kind}:{name}"] = {"since": txn.serial}

    @hookimpl
    def debrepo_renamed(self, txn, kind, old, new):
        txn[NOTES][f"{kind}:{new}"] = txn[NOTES].pop(f"{kind}:{old}")

    @hookimpl
    def debrepo_dropped(self, txn, kind, name):
        del txn[NOTES][f"{kind}:{name}"]


@pytest.fixture
def noted(session, monkeypatch):
    """Return what the plugin has rows of; each appears, moves and goes with what it is of."""
    monkeypatch.setitem(sys.modules, __name__, SimpleNamespace(NOTES=NOTES))
    session.plugins.register(Notes(), "notes")

    def noted():
        with session.db.read() as txn:
            return set(txn[NOTES])

    return noted


def test_rows_of_a_plugin_follow_lists_and_publications_and_go_with_them(noted, session, tmp_path):
    call = session.call
    call("repo.create", name="web")
    call("snapshot.create", name="monday", kind="repo", source="web")
    call("snapshot.merge", name="all", sources=["monday"])
    options = {"skip_signing": True, "architectures": ("amd64",)}
    call("publish.create", kind="repo", names=["web"], distribution="stable", options=options)
    assert noted() == {"repo:web", "snapshot:monday", "snapshot:all", "publication:./stable"}
    call("repo.rename", name="web", new_name="net")
    call("snapshot.rename", name="monday", new_name="tuesday")
    assert noted() == {"repo:net", "snapshot:tuesday", "snapshot:all", "publication:./stable"}
    call("repo.create", name="web")
    assert "repo:web" in noted()
    call("publish.drop", distribution="stable", force=True)
    call("snapshot.drop", name="tuesday", force=True)
    call("snapshot.drop", name="all")
    call("repo.drop", name="net", force=True)
    call("repo.drop", name="web")
    assert noted() == set()
    call("repo.create", name="net")
    assert noted() == {"repo:net"}


def test_rows_of_a_plugin_go_with_what_the_api_drops(noted, request):
    api = request.getfixturevalue("api")
    api.post("/api/repos", json={"Name": "web"})
    api.post("/api/repos/web/snapshots", json={"Name": "monday"})
    body = {
        "SourceKind": "local",
        "Sources": [{"Name": "web"}],
        "Distribution": "stable",
        "Architectures": ["amd64"],
        "Signing": {"Skip": True},
    }
    assert api.post("/api/publish", json=body).status_code == 201
    api.put("/api/snapshots/monday", json={"Name": "tuesday"})
    assert noted() == {"repo:web", "snapshot:tuesday", "publication:./stable"}
    api.delete("/api/publish/:./stable?force=1")
    api.delete("/api/snapshots/tuesday?force=1")
    api.delete("/api/repos/web?force=1")
    assert noted() == set()


def test_rows_of_a_plugin_follow_projects_and_distributions(noted, session):
    call = session.call
    call("project.create", path="acme", kind="group")
    call("project.create", path="acme/web")
    call("distribution.create", container="acme/web", codename="sid")
    assert noted() == {
        "project-group:acme",
        "project:acme/web",
        "distribution:project:acme/web/sid",
        "repo:acme.web-sid-main",
    }
    call("project.edit", path="acme", kind="group", new_path="wile")
    assert {name for name in noted() if not name.startswith("repo:")} == {
        "project-group:wile",
        "project:wile/web",
        "distribution:project:wile/web/sid",
    }
    call("project.drop", path="wile/web", force=True)
    call("project.drop", path="wile", kind="group")
    assert noted() == set()


def test_plugin_undoes_what_it_cannot_store(noted, session):
    class Full:
        @hookimpl
        def debrepo_created(self, kind, name):
            raise InvalidInput(f"no room for {kind} {name}")

    session.plugins.register(Full(), "full")
    with pytest.raises(InvalidInput, match="no room for repo web"):
        session.call("repo.create", name="web")
    assert noted() == set()
    assert session.call("repo.list") == []


def test_plugin_that_lets_everything_in_is_not_asked_about_each_package(session, house, tmp_path):
    class Easy:
        @hookimpl
        def debrepo_accepts_all(self, target):
            return target.name == "web"

        @hookimpl
        def debrepo_accept_package(self, package):
            raise InvalidPackage("not this one")

    session.plugins.register(Easy(), "easy")
    house.refused = "other"
    for name in ("web", "net"):
        session.call("repo.create", name=name)
    debs = [build_deb(tmp_path, name) for name in ("hello", "other")]
    said = [str(one) for one in session.call("repo.add", name="web", paths=debs)]
    assert ["status='added'" in said[0], "for ()" in said[1]] == [True, True]
    said = [str(one) for one in session.call("repo.add", name="net", paths=debs[:1])]
    assert "not this one" in said[0]


def test_two_plugins_may_not_give_a_release_file_one_field(published):
    published.plugins.register(Other({"changelogs": "no"}), "other")
    with pytest.raises(PluginError, match=r"(?i)both give .* \./stable the field change"):
        published.call("publish.update", distribution="stable", place=".", force=True)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (["Changelogs"], "debrepo_release_fields of plugin other has to return a mapping"),
        ({"Date": "now"}, "gives a Release file a Date that clients cannot read: 'now'"),
        ({"valid-until": "soon"}, "a valid-until that clients cannot read: 'soon'"),
    ],
)
def test_release_file_that_clients_cannot_read_is_not_signed(published, fields, said):
    published.plugins.register(Other(fields), "other")
    with pytest.raises(PluginError, match=said):
        published.call("publish.update", distribution="stable", place=".", force=True)


@pytest.mark.parametrize("name", ["SHA256", "sha256", "A\nSHA256", "", "-x", "a b"])
def test_plugin_cannot_give_a_release_file_a_name_that_is_none(published, name):
    published.plugins.register(Other({name: "x"}), "other")
    with pytest.raises(PluginError, match="other cannot give a Release file the field"):
        published.call("publish.update", distribution="stable", place=".", force=True)


def test_field_replaces_one_that_is_spelled_otherwise(published):
    published.plugins.register(Other({"origin": "us"}), "other")
    published.call("publish.update", distribution="stable", place=".", force=True)
    release = (published.root / "public/dists/stable/Release").read_text()
    assert [line for line in release.splitlines() if line.lower().startswith("origin")] == [
        "Origin: us"
    ]


def test_notice_that_ends_the_process_is_a_warning_too(published, house, monkeypatch):
    class Leaving:
        @hookimpl
        def debrepo_published(self):
            sys.exit(9)

    notes = []
    monkeypatch.setattr(published.progress, "note", notes.append)
    published.plugins.register(Leaving(), "leaving")
    house.told.clear()
    published.call("publish.update", distribution="stable", place=".", force=True)
    assert [said[0] for said in house.told] == ["published"]
    assert notes == [
        "Warning: debrepo_published of plugin leaving failed: 9. What it was told about is done."
    ]
