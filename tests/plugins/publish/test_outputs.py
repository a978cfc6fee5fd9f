"""No value adds a line or a column to what is written, and no two indexes have one path."""

import gzip
import re

import pytest
from debian import deb822
from hypothesis import example, given
from hypothesis import strategies as st

from debrepo import Ref, hookimpl
from debrepo.errors import InvalidInput, InvalidPackage, PluginError
from debrepo.index_kind import Context, IndexKind, Published
from debrepo.package import Package, PackageFile, PackageKey
from debrepo.testing.packages import build_deb
from debrepo_publish.engine import outputs
from debrepo_publish.indexes import encoding, kinds

SECTIONS = ["Science Math", "utils,web", "x\n usr/bin/sudo  admin", "é\t", "a b/c", "\\x", ""]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(TEXT, st.from_regex(r"[a-z0-9][a-z0-9+.-]*", fullmatch=True))
def test_location_is_one_column_that_ends_with_the_name(section, name):
    found = encoding.location(section, name)
    assert re.fullmatch(rb"[!-+\--~]+", found)
    assert found.rpartition(b"/")[2].decode() == name
    assert encoding.location("contrib/net-x_y", "a.b+c").decode() == "contrib/net-x_y/a.b+c"


@given(TEXT)
@example("\r\x1e0")
@example("a\n \x0b\n\nb: c\x85")
def test_field_is_one_field_whatever_its_value(value):
    text = encoding.field("Suite", value) + "\n" + encoding.field("Codename", "x")
    parsed = list(deb822.Deb822.iter_paragraphs(text, use_apt_pkg=False))
    assert len(parsed) == 1
    assert list(parsed[0]) == ["Suite", "Codename"]
    assert parsed[0]["Codename"] == "x"


@given(st.lists(TEXT.filter(lambda text: text.split()), min_size=1, max_size=4))
def test_row_has_as_many_columns_as_were_given(columns):
    found = encoding.row(*columns)
    assert len(found.split()) == len(columns)
    assert len(found.splitlines()) == 1
    assert found.startswith(" ")


def listed(stanza, kind="deb", digests=("sha256",), **digest):
    """Return the stanza that an index gets for a package."""
    architecture = "source" if kind == "source" else "amd64"
    file = PackageFile("x.deb", 7, **({"md5": "1" * 32, "sha256": "2" * 64} | digest))
    key = PackageKey("x", architecture, "1", "0" * 16)
    package = Published(Package(key, kind, stanza, (file,)), ("pool/x.deb",))
    index = kinds.SourcesIndex() if kind == "source" else kinds.PackagesIndex()
    said = {"architectures": ("amd64",), "digests": digests}
    texts = index.fragment([package], Context(said, {"translations": False}))
    return next(iter(texts.values())).decode()


def test_fields_of_the_archive_are_ours_however_a_package_spells_them():
    text = listed(b"Package: x\nFilename : /etc/passwd\nsha256\t: 0\n more\nVersion: 1")
    assert text == f"Package: x\nVersion: 1\nFilename: pool/x.deb\nSize: 7\nSHA256: {'2' * 64}\n\n"
    text = listed(b"Source : x\nChecksums-Sha1 : y\n z\nVersion: 1", "source")
    assert text.startswith("Package: x\nVersion: 1\nDirectory: pool\n")
    assert "Checksums-Sha1" not in text


@pytest.mark.parametrize("kind", ["deb", "source"])
def test_checksum_that_is_not_known_is_not_listed(kind):
    stanza = b"Package: x" if kind == "deb" else b"Source: x"
    text = listed(stanza, kind, ("sha1", "sha512"))
    assert not re.search("sha(1|512)", text, re.IGNORECASE)
    assert "2" * 64 in text  # of the strong ones there has to be one
    both = listed(stanza, kind, ("sha256", "sha512"), sha512="3" * 128)
    assert "3" * 128 in both
    assert "2" * 64 in both


@pytest.mark.parametrize("section", SECTIONS)
def test_section_adds_no_line_and_no_location_to_contents(session, public, tmp_path, section):
    deb = build_deb(tmp_path, "hello", fields={"Section": section}, paths={"usr/bin/x y": b""})
    session.call("repo.create", name="tools", distribution="stable")
    (outcome,) = session.call("repo.add", name="tools", paths=[deb])
    if outcome.status == "failed":
        return  # such a package is not let in
    session.call("publish.create", kind="repo", names=["tools"])
    lines = gzip.decompress((public / "dists/stable/main/Contents-amd64.gz").read_bytes())
    (line,) = lines.decode().splitlines()
    path, _, location = line.rpartition(" ")
    assert path == "usr/bin/x y"
    assert "," not in location
    assert location.rpartition("/")[2] == "hello"


@pytest.mark.parametrize(
    ("paths", "said"),
    [
        (["main/a", "main/a"], "both write main/a$"),
        (["main/a.gz", "main/a.gz/b"], "both write main/a.gz and main/a.gz/b$"),
        (["Release/binary-all/Packages"], "both write Release and Release/binary-all/Packages$"),
        (["main/a", "main/ab", "main/a.b", "main/b/a"], ""),
    ],
)
def test_collision_of_paths_is_found(session, published, paths, said):
    publication = session.call("publish.list")[0]
    with session.db.read() as txn:
        if not said:
            outputs.check(txn, publication, ["main"], paths)
            return
        with pytest.raises(InvalidInput, match=said):
            outputs.check(txn, publication, ["main"], paths)


def problems(session, **where):
    """Return what a client would find wrong, but for signatures: those here are of paper."""
    found = session.call("publish.verify", distribution="stable", files=True, **where).problems
    return [one.text for one in found if one.kind.value != "signature"]


@pytest.fixture
def published(add, create, public):
    add("hello")
    create()
    return public


def tree(public):
    return {path: path.read_bytes() for path in public.rglob("*") if path.is_file()}


def test_components_that_share_an_index_are_refused_before_anything_is_written(
    session, add, create, public
):
    add("hello")
    add("hello-udeb", extension="udeb")
    add("other", repo="others")
    components = ("main", "main/debian-installer")
    with pytest.raises(
        InvalidInput, match=r"components main and main/debian-installer .*both write"
    ):
        create("tools", "others", components=components)
    assert not tree(public)
    session.call("repo.remove", name="tools", queries=["hello-udeb"])
    create("tools", "others", components=components)
    release = (public / "dists/stable/main/debian-installer/binary-amd64/Release").read_text()
    assert "Component: main/debian-installer\n" in release


def test_components_in_one_another_change_apart(session, add, create, update, public):
    add("hello")
    add("other", repo="others")
    create("tools", "others", components=("main", "main/more"))
    add("new", repo="others")
    update()
    index = public / "dists/stable/main/more/binary-amd64/Packages.gz"
    assert b"Package: new\n" in gzip.decompress(index.read_bytes())
    assert problems(session) == []


def test_publication_that_starts_to_share_an_index_stays_as_it_is(
    session, add, create, update, public
):
    add("hello")
    add("other", repo="others")
    create("tools", "others", components=("main", "main/debian-installer"))
    before = tree(public)
    add("hello-udeb", extension="udeb")
    with pytest.raises(InvalidInput, match="both write main/debian-installer/binary-amd64"):
        update()
    assert tree(public) == before


def test_distribution_within_the_tree_of_another_is_refused(add, create, published):
    add("other", repo="others")
    before = tree(published)
    with pytest.raises(InvalidInput, match="both write dists/stable/main/binary-amd64/Release"):
        create("others", distribution="stable/main/binary-amd64")
    assert tree(published) == before
    create("others", distribution="stable/updates")


class Extra(IndexKind):
    """Writes where Packages are, for packages that the other kind does not list."""

    path = "binary-amd64/Packages"

    def fragment(self, packages, context):
        return {self.path: b"x"} if len(packages) else {}


class ExtraContents(Extra):
    path = "Contents-amd64"


@pytest.mark.parametrize("kind", [Extra, ExtraContents])
def test_kinds_of_index_that_share_a_path_are_refused(session, add, create, public, kind):
    class Plugin:
        @hookimpl
        def debrepo_index_kinds(self):
            return {"extra": Ref(f"{kind.__module__}:{kind.__name__}", "For tests.")}

    session.plugins.register(Plugin(), "extra")
    add("hello")
    other = "contents" if "Contents" in kind.path else "packages"
    with pytest.raises(PluginError, match=f"{other} of plugin publish") as error:
        create()
    assert "extra of plugin extra" in str(error.value)
    assert f"both write main/{kind.path}" in str(error.value)
    assert not tree(public)


class ExtraRelease(Extra):
    path = "binary-amd64/Release"


def test_kind_of_index_that_writes_what_is_written_already_is_refused(session, add, create, public):
    class Plugin:
        @hookimpl
        def debrepo_index_kinds(self):
            return {"extra": Ref(f"{__name__}:ExtraRelease", "For tests.")}

    session.plugins.register(Plugin(), "extra")
    add("hello")
    said = "the kind of index extra of plugin extra writes main/binary-amd64/Release of ./stable"
    with pytest.raises(PluginError, match=said) as error:
        create()
    assert "DEBREPO_DISABLE=extra" in error.value.hint
    assert not tree(public)


def test_package_that_is_refused_says_so(tmp_path, session):
    session.call("repo.create", name="tools")
    deb = build_deb(tmp_path, "hello", fields={"Section": "x\n\nPackage: evil"})
    (outcome,) = session.call("repo.add", name="tools", paths=[deb])
    assert outcome.status == "failed"
    assert InvalidPackage.exit_code == 2
