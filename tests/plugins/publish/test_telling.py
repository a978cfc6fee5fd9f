"""What other plugins are told of package lists and publications, and by whom it is done."""

import pytest

from debrepo import hookimpl
from debrepo.errors import InvalidInput, InvalidPackage
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


@pytest.fixture
def house(session):
    plugin = House()
    session.plugins.register(plugin, "house")
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
    assert [said[:3] for said in house.told if said is not live] == [
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
