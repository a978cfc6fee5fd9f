"""Packages that an older debrepo stored: those that clients cannot read are left out of indexes."""

import gzip
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from debrepo import catalog
from debrepo.catalog import PACKAGES
from debrepo.index_kind import Context, Published
from debrepo.package import Package, PackageFile, PackageKey
from debrepo.progress import Progress
from debrepo_publish.indexes import kinds
from debrepo_publish.indexes.admission import admit
from debrepo_publish.indexes.spelling import standard

WARNING = (
    "Warning: bad_1.0_amd64.deb of repo:tools is broken, and is not published:"
    " Depends: 'foo >= 1' is no relation between binary packages"
)


class Notes(Progress):
    def __init__(self):
        self.lines = []

    def note(self, text):
        self.lines.append(text)


@pytest.fixture
def notes(session):
    session.progress = Notes()
    return session.progress.lines


def tamper(session, name, old, new):
    """Make a stored package what a debrepo of other days let in."""
    with session.db.write() as txn:
        (entry,) = catalog.find(txn, name)
        record = txn[PACKAGES][entry]
        assert old in record
        txn[PACKAGES][entry] = record.replace(old, new)


def index(public):
    return gzip.decompress((public / "dists/stable/main/binary-amd64/Packages.gz").read_bytes())


def test_package_that_apt_cannot_read_is_left_out_with_a_warning(
    session, public, add, create, update, notes
):
    add("good")
    add("bad", fields={"Depends": "foo"})
    tamper(session, "bad", b"Depends: foo", b"Depends: foo >= 1")
    create(skip_signing=True)
    assert index(public).count(b"Package: ") == 1
    assert b"Package: good" in index(public)
    assert notes.count(WARNING) == 1
    assert [path.name for path in public.rglob("*.deb")] == ["good_1.0_amd64.deb"]
    contents = gzip.decompress((public / "dists/stable/main/Contents-amd64.gz").read_bytes())
    assert b"/good" in contents
    assert b"/bad" not in contents
    (shown,) = session.call("publish.show", distribution="stable", place=".").generations
    assert shown.number == 1
    add("later")
    update()
    assert index(public).count(b"Package: ") == 2
    assert notes.count(WARNING) == 2


def test_package_that_dpkg_does_not_install_is_left_out_unless_the_policy_is_lenient(
    session, public, add, create, update, notes
):
    add("good")
    add("old", fields={"Essential": "no"})
    tamper(session, "old", b"Essential: no", b"Essential: maybe")
    create(skip_signing=True)
    assert b"Package: old" not in index(public)
    session.config.override("archive.policy", "lenient", "the test")
    update()
    assert b"Package: old" in index(public)


def test_publication_is_not_made_anew_for_the_rules_of_yesterday(add, create, update):
    add()
    create(skip_signing=True)
    assert not update().changed


def test_architecture_of_no_machine_is_not_in_release_unless_asked_for(public, add, create, update):
    add()
    add("odd", architecture="noarch")
    create(skip_signing=True)
    release = (public / "dists/stable/Release").read_text()
    assert "Architectures: all amd64\n" in release or "Architectures: amd64 all\n" in release
    update(architectures=("amd64", "noarch"))
    assert "noarch" in (public / "dists/stable/Release").read_text()


STANDARD = b"Package: a\nVersion: 1\nX-odd: Package: b\nDescription: x\n package: y"


@pytest.mark.parametrize(
    "stanza",
    [
        STANDARD,
        b"package: a\nversion: 1\nX-odd: Package: b\nDESCRIPTION: x\n package: y",
        b"Version: 1\nX-odd: Package: b\nDescription: x\n package: y\nPACKAGE: a",
        STANDARD.replace(b"\n", b"\r\n"),
    ],
)
def test_fields_are_spelt_as_usual_and_values_left_alone(stanza):
    assert standard(stanza) == STANDARD


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # on a busy machine
@given(
    st.permutations(["Package", "Version", "DEPENDS", "x-Own", "description"]),
    st.lists(st.text(" a:P\t(),|", max_size=9), min_size=5, max_size=5),
)
def test_values_are_left_alone_and_package_comes_first(names, values):
    fields = dict(zip(names, (f"{value}\n package: {value}" for value in values), strict=True))
    fields["Package"] = " a"
    text = "\n".join(f"{name}:{value}" for name, value in fields.items())
    found = dict(re.findall(r"(?m)^([^ :]+):(.*(?:\n .*)*)", standard(text.encode()).decode()))
    assert next(iter(found)) == "Package"
    assert found == {
        {"DEPENDS": "Depends", "description": "Description"}.get(name, name): value
        for name, value in fields.items()
    }


def test_source_package_has_its_name_first_and_the_usual_spelling():
    stanza = b"Format: 1.0\nsource: aa\nbinary: aa\nBUILD-DEPENDS: b <!nocheck>\nX-own: y"
    expected = b"Package: aa\nFormat: 1.0\nBinary: aa\nBuild-Depends: b <!nocheck>\nX-own: y\n"
    file = PackageFile("x.dsc", 1, sha256="0" * 64)
    package = Package(PackageKey("aa", "source", "1", "0"), "source", stanza, (file,))
    texts = kinds.SourcesIndex().fragment(
        [Published(package, ("pool/x.dsc",))], Context({"digests": ()})
    )
    assert texts["source/Sources"].startswith(expected + b"Directory: pool\n")


def test_admitted_package_has_the_usual_spelling():
    key = PackageKey("aa", "all", "1", "0")
    stanza = b"version: 1\npackage: aa\narchitecture: all\nMaintainer: A\nDescription: x"
    found = admit(Package(key, "deb", stanza, ()), "dpkg")
    assert isinstance(found, Package)
    assert found.stanza.startswith(b"Package: aa\nVersion: 1\nArchitecture: all\n")
    source = Package(key, "source", b"Source: aa\nBuild-Depends: b <!nocheck>", ())
    assert admit(source, "dpkg") is source
