"""A Release file says what a distribution is, in a form that apt reads."""

from datetime import UTC, datetime

import pytest

from debrepo_publish.indexes.release import complete, dated, fields, legacy
from debrepo_publish.indexes.rendering import Rendered
from debrepo_publish.model.publication import Generation, Index, Part, Publication
from debrepo_publish.model.tables import load_publication

NOW = int(datetime(2026, 3, 9, 8, 5, tzinfo=UTC).timestamp())
PUBLICATION = Publication("", "debian", "stable", {"main": "repo:x"})
GENERATION = Generation(
    *(1, "pending", 0, {"main": Part("repo:x", b"", {})}, ("amd64", "arm64")),
    *("", "", "", "", PUBLICATION),
)


def said(generation=GENERATION, until=0, **changes):
    return fields(PUBLICATION._replace(**changes), generation._replace(expires=until), NOW)


def test_names_default_to_what_there_is():
    found = said()
    assert (found["Suite"], found["Codename"]) == ("stable", "stable")
    assert found["Origin"] == found["Label"] == "debian stable"
    assert found["Architectures"] == "all amd64 arm64"


def test_origin_and_label_are_set_apart_as_by_aptly():
    assert said(origin="Us")["Label"] == "debian stable"
    assert said(label="Them")["Origin"] == "debian stable"
    assert said(prefix=".")["Origin"] == ". stable"


def test_an_archive_of_before_keeps_its_origin_until_that_is_changed():
    before = {"old_defaults": True}
    assert said(**before)["Origin"] == said(**before)["Label"] == "debian/stable"
    assert said(origin="Us", **before)["Label"] == "Us"
    assert said(label="Them", **before)["Origin"] == "Them"
    stored = {name: v for name, v in PUBLICATION._asdict().items() if name != "old_defaults"}
    loaded = load_publication(stored)
    assert loaded.old_defaults
    assert "old_defaults" not in loaded.fingerprinted
    assert not load_publication(PUBLICATION._asdict()).old_defaults


def test_date_is_in_utc_by_that_name():
    assert said()["Date"] == "Mon, 09 Mar 2026 08:05:00 UTC"


def test_nothing_expires_unless_asked():
    assert "Valid-Until" not in said()
    assert said(until=NOW)["Valid-Until"] == "Mon, 09 Mar 2026 08:05:00 UTC"


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("not_automatic", "NotAutomatic"),
        ("but_automatic_upgrades", "ButAutomaticUpgrades"),
    ],
)
def test_flags_are_left_out_unless_they_hold(field, name):
    assert name not in said()
    assert said(**{field: True})[name] == "yes"


def test_archive_of_nothing_but_all_says_nothing_against_its_index():
    assert said()["No-Support-for-Architecture-all"] == "Packages"
    assert "No-Support-for-Architecture-all" not in said(GENERATION._replace(architectures=()))


def test_sums_are_listed_for_every_index_in_order():
    rendered = [
        Rendered("main/b", Index(5, "m", "1", "2", "5", stored=True), b""),
        Rendered("main/a", Index(70, "M", "I", "II", "V", stored=False), None),
    ]
    text, everything = complete({"Suite": "x"}, rendered, ("sha256", "sha512"))
    assert everything == rendered
    assert text.decode() == (
        "Suite: x\n"
        "SHA256:\n II       70 main/a\n 2        5 main/b\n"
        "SHA512:\n V       70 main/a\n 5        5 main/b\n"
    )


@pytest.mark.parametrize("sums", [("sha256",), ("md5", "sha256", "sha512")])
@pytest.mark.parametrize("last", ["zzz/binary-amd64", "zzz/debian-installer/binary-amd64"])
def test_last_line_is_none_that_debootstrap_needs(last, sums):
    """debootstrap 1.0.145 loses the last line of InRelease."""
    index = Index(5, "m", "1", "2", "5", stored=True)
    paths = ("main/binary-amd64/Packages", "main/source/Sources", f"{last}/Packages.xz")
    text, everything = complete(said(), [Rendered(path, index, b"") for path in paths], sums)
    rows = [line.split()[-1] for line in text.decode().splitlines() if line.startswith(" ")]
    assert rows[-1] == "main/source/Sources"
    assert sorted(rows) == sorted([item.path for item in everything] * len(sums))


def test_small_release_file_says_where_it_is():
    assert legacy(said(), "main", "amd64").decode().splitlines() == [
        *("Archive: stable", "Origin: debian stable", "Label: debian stable"),
        *("Acquire-By-Hash: yes", "Component: main", "Architecture: amd64"),
    ]


def test_small_release_files_stand_beside_packages_and_sources_only():
    index = Index(5, "m", "1", "2", "5", stored=True)
    paths = ("main/binary-amd64/Packages", "main/source/Sources", "main/Contents-amd64.gz")
    rendered = [Rendered(path, index, b"") for path in paths]
    _, everything = complete(said(), rendered, ("sha256",))
    found = [item.path for item in everything if item.path.endswith("Release")]
    assert found == ["main/binary-amd64/Release", "main/source/Release"]


@pytest.mark.parametrize("text", [b"", b"Suite: x\n", b"Date: yesterday\n", None])
def test_what_has_no_date_is_of_no_date(text):
    assert dated(text) == 0


def test_date_is_read_back():
    text, _ = complete(said(), [], ())
    assert dated(b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n" + text) == NOW
