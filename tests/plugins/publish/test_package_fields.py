"""Fields that plugins add to stanzas of Packages: written, kept apart, and cheap to change."""

import gzip

import pytest
from debian import deb822
from plugins.publish.test_index_kinds import read

from debrepo import catalog, hookimpl, packageset
from debrepo.catalog import CHUNKS
from debrepo.errors import PluginError
from debrepo.package import PackageKey
from debrepo_publish.indexes import kinds


class Phases:
    """Adds fields to packages, by their names."""

    def __init__(self, fields):
        self.fields = fields
        self.asked = []

    @hookimpl
    def debrepo_package_fields(self, txn, publication, after, component):
        self.asked.append((publication, component, after.suite))
        entries = packageset.entries(txn[CHUNKS], after.components[component].set_id)
        named = ((entry, PackageKey.from_entry(entry).name) for entry in entries)
        return {entry: self.fields[name] for entry, name in named if name in self.fields}


@pytest.fixture
def phases(session):
    """Register a plugin that adds fields: ``phases({"hello": {"Phase": "1"}})``."""

    def register(fields, name="phases"):
        plugin = Phases(fields)
        session.plugins.register(plugin, name)
        return plugin

    return register


def stanzas(public, path="binary-amd64/Packages"):
    text = read(public, path)
    return {one["Package"]: one for one in deb822.Packages.iter_paragraphs(text, use_apt_pkg=False)}


def test_fields_are_added_to_binary_and_source_packages(add, create, public, phases):
    asked = phases({"hello": {"Phased-Update-Percentage": "20"}, "src": {"X-House": "ours"}}).asked
    add()
    add("other")
    add("src", "1.0", "source")
    create(suite="testing")
    found = stanzas(public)
    assert found["hello"]["Phased-Update-Percentage"] == "20"
    assert "Phased-Update-Percentage" not in found["other"]
    assert stanzas(public, "source/Sources")["src"]["X-House"] == "ours"
    assert set(asked) == {("./stable", "main", "testing")}


def test_another_answer_publishes_and_makes_only_its_fragments_anew(
    add,
    create,
    update,
    public,
    phases,
    small_chunks,
    monkeypatch,
):
    fields = {"p3": {"Phased-Update-Percentage": "10"}}
    phases(fields)
    for number in range(40):
        add(f"p{number}")
    create()
    assert update().changed is False
    made = []
    fragment = kinds.PackagesIndex.fragment

    def noting(kind, packages, context):
        made.append([one.package.key.name for one in packages])
        return fragment(kind, packages, context)

    monkeypatch.setattr(kinds.PackagesIndex, "fragment", noting)
    fields["p3"] = {"Phased-Update-Percentage": "50"}
    assert update().changed
    (names,) = made
    assert "p3" in names
    assert stanzas(public)["p3"]["Phased-Update-Percentage"] == "50"
    fields.clear()
    update()
    assert len(made) == 2
    assert "Phased-Update-Percentage" not in stanzas(public)["p3"]
    fields["p3"] = {"Phased-Update-Percentage": "10"}
    update()
    assert len(made) == 2  # kept from before


def test_value_cannot_add_a_line_or_a_stanza(add, create, public, phases):
    phases({"hello": {"X-House": "a\nFilename: /etc/passwd\n\nPackage: evil\r\x85X: y"}})
    add()
    create()
    found = stanzas(public)
    assert set(found) == {"hello"}
    assert found["hello"]["Filename"].startswith("pool/")
    assert "X" not in found["hello"]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        (
            "Maintainer",
            "x",
            "phases adds the field Maintainer to hello_1.0_amd64, and the pack",
        ),
        (
            "maintainer",
            "x",
            "phases adds the field maintainer to hello_1.0_amd64, and the pack",
        ),
        ("Filename", "x", "plugin phases cannot add a field called 'Filename' to hello_1.0_amd64"),
        ("sha256", "x", "cannot add a field called 'sha256'"),
        ("Version", "x", "cannot add a field called 'Version'"),
        ("A: b\nC", "x", "cannot add a field called"),
        ("#A", "x", "cannot add a field called '#A'"),
        ("-A", "x", "cannot add a field called '-A'"),
        ("Ä", "x", "cannot add a field called 'Ä'"),
        ("X", " \n", "adds the field X without a text to hello_1.0_amd64"),
        ("X", 20, "adds the field X without a text to hello_1.0_amd64"),
    ],
)
def test_field_that_cannot_be_is_an_error_and_nothing_is_written(
    add, create, public, phases, name, value, said
):
    phases({"hello": {name: value}})
    add()
    with pytest.raises(PluginError, match=said):
        create()
    assert not list(public.rglob("Release"))


class Answering:
    def __init__(self, answer):
        self.answer = answer

    @hookimpl
    def debrepo_package_fields(self):
        return self.answer


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            ["x"],
            r"debrepo_package_fields of plugin odd has to return a mapping, and returns \['x'\]",
        ),
        ({"hello": {"X": "y"}}, "names a package by 'hello' instead of its entry"),
        ({b"hello": ["X"]}, r"has to return a mapping, and returns \['X'\]"),
    ],
)
def test_answer_of_another_shape_is_an_error_and_nothing_is_written(
    session, add, create, public, answer, said
):
    session.plugins.register(Answering(answer), "odd")
    add()
    with pytest.raises(PluginError, match=said):
        create()
    assert not list(public.rglob("Release"))


def test_two_plugins_do_not_add_one_field(add, create, phases):
    phases({"hello": {"X-House": "a"}}, "one")
    phases({"hello": {"x-house": "a"}}, "two")
    add()
    with pytest.raises(
        PluginError, match="plugins one and two both add the field x-house to hello"
    ):
        create()


def test_fields_of_two_plugins_stand_side_by_side(add, create, public, phases):
    phases({"hello": {"X-One": "a"}}, "one")
    phases({"hello": {"X-Two": "b"}}, "two")
    add()
    create()
    found = stanzas(public)["hello"]
    assert (found["X-One"], found["X-Two"]) == ("a", "b")


def test_packages_without_fields_are_as_they_were(session, add, create, public, phases):
    add()
    create()
    before = gzip.decompress((public / "dists/stable/main/binary-amd64/Packages.gz").read_bytes())
    phases({"gone": {"X": "y"}})
    session.call("publish.update", distribution="stable", force=True)
    assert read(public, "binary-amd64/Packages").encode() == before
    with session.db.read() as txn:
        assert len(list(catalog.find(txn))) == 1


def test_another_publication_that_fails_in_a_plugin_is_a_warning(
    session, add, create, update, phases
):
    asked = phases({}).asked
    add()
    create(place="other")
    create()

    class Strict:
        @hookimpl
        def debrepo_package_fields(self, publication):
            if publication.startswith("other/"):
                raise PluginError("not that one")

    session.plugins.register(Strict(), "strict")
    said = []
    session.progress.note = said.append
    session.config.override("publish.cache_size", 1, "a test")
    assert update(origin="Us").changed
    assert said == ["Warning: the cache of indexes stays too large: not that one"]
    assert asked
