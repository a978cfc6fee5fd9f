"""Contents, held against the plain way of making them: everything anew, and sorted."""

import gzip
import subprocess
from functools import partial

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from debrepo import packageset
from debrepo.catalog import CHUNKS, TABLES, Known, add
from debrepo.database import Database
from debrepo.errors import DatabaseFull
from debrepo.index_kind import Context
from debrepo.package import Package, PackageFile, PackageKey, encode
from debrepo.testing.packages import build_deb, build_source
from debrepo_publish.indexes import lines, sorting
from debrepo_publish.indexes.cache import LINES, opened
from debrepo_publish.indexes.contents import ContentsIndex
from debrepo_publish.indexes.contexts import WantedIndex
from debrepo_publish.model.publication import Part

PATHS = st.lists(
    st.sampled_from([f"usr/share/doc/{n}" for n in range(12)] + ["usr/bin/a b", "etc/é", "z"]),
    max_size=8,
    unique=True,
)
WHAT = [
    *[(architecture, kind) for architecture in ("amd64", "all") for kind in ("deb", "udeb")],
    ("source", "source"),
]
PACKAGES = st.dictionaries(
    st.tuples(
        st.sampled_from(["hello", "world", "libfoo"]),
        st.sampled_from(["1.0", "2.0", "2.1"]),
        st.sampled_from(WHAT),
    ),
    st.tuples(PATHS, st.sampled_from(["", "net", "contrib/net"])),
    max_size=10,
)


def known(identity, paths, section):
    name, version, (architecture, kind) = identity
    stanza = f"Package: {name}\nSection: {section}".encode() if section else b"Package: x"
    digest = f"{abs(hash((identity, tuple(paths), section))):016x}"
    key = PackageKey(name, architecture, version, digest)
    file = PackageFile(f"{name}_{version}_{architecture}.{kind}", 1, sha256="0" * 64)
    listed = "\n".join(sorted(paths)).encode()
    packed = zstandard.compress(listed) if listed else b""
    return Known(key.entry, encode(Package(key, kind, stanza, (file,))), packed)


def naive(packages, kind, architecture):
    """Every path with all its places, sorted: one line each."""
    places = {}
    for (name, _, (arch, its_kind)), (paths, section) in packages.items():
        if (its_kind, arch) == (kind, architecture):
            for path in paths:
                where = f"{section}/{name}" if section and kind != "source" else name
                places.setdefault(path.encode(), set()).add(where.encode())
    return b"".join(p + b" " + b",".join(sorted(w)) + b"\n" for p, w in sorted(places.items()))


class Shelf:
    """A database and a cache, and the Contents that come of them."""

    def __init__(self, root):
        self.db = Database(root / "db", TABLES)
        self.root = root

    def part(self, packages):
        items = [known(identity, *rest) for identity, rest in packages.items()]
        with self.db.write() as txn:
            add(txn, items)
            return Part("repo:r", packageset.build(txn[CHUNKS], [i.entry for i in items]), {})

    def text(self, before, part, kind, architecture):
        with self.db.read() as txn, opened(self.root) as cache:
            wanted = WantedIndex("contents", "publish", ContentsIndex(), Context({}))
            source = lines.LineSource(wanted, kind, (architecture,))
            (together,) = lines.sources(wanted, {architecture}, {})
            root = lines._root(txn, cache, before, part, source, together, source)
            with cache.db.read() as stored:
                found = packageset.chunks(stored[LINES], root)
            return b"".join(
                lines._text(cache, [chunk.hash], source)[source.path()] for chunk in found
            )


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    shelf = Shelf(tmp_path_factory.mktemp("contents"))
    yield shelf
    shelf.db.close()


@settings(max_examples=60, deadline=None)
@given(PACKAGES, PACKAGES, st.data())
def test_updated_contents_are_what_making_them_anew_gives(shelf, old, new, data):
    common = data.draw(st.sets(st.sampled_from(sorted(old)))) if old else set()
    new = {**new, **{identity: old[identity] for identity in common}}
    before, after = shelf.part(old), shelf.part(new)
    for architecture, kind in WHAT:
        shelf.text(None, before, kind, architecture)
        text = shelf.text(before, after, kind, architecture)
        assert text == naive(new, kind, architecture)


def test_many_lines_are_sorted_in_runs_and_merged_in_blocks(shelf, monkeypatch):
    monkeypatch.setattr(sorting, "_RUN", 7)
    monkeypatch.setattr(sorting, "_BLOCK", 3)
    packages = {
        (f"p{n}", "1", ("amd64", "deb")): ([f"usr/{n % 5}", f"usr/{n}"], "net") for n in range(40)
    }
    assert shelf.text(None, shelf.part(packages), "deb", "amd64") == naive(packages, "deb", "amd64")


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 60).map(b"%03d".__mod__), max_size=200), st.integers(1, 9))
def test_runs_on_disk_come_back_sorted(lines, block):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sorting, "_RUN", 16)
        patched.setattr(sorting, "_BLOCK", block)
        assert [line for found in sorting.blocks(iter(lines)) for line in found] == sorted(lines)


@pytest.fixture
def published(debrepo, tmp_path):
    """A published repository, and what it takes to add to it."""
    debrepo("repo", "create", "r", "--distribution", "stable")

    def publish(*debs):
        debrepo("repo", "add", "r", *map(str, debs))
        exists = "stable" in debrepo("publish", "list", "--raw").output
        words = ["update", "stable"] if exists else ["repo", "r", "--skip-signing"]
        debrepo("publish", *words)

    return publish


def read(root, name="main/Contents-amd64.gz"):
    return gzip.decompress((root / "public/dists/stable" / name).read_bytes()).decode()


def test_contents_of_sources_name_the_source_package(published, tmp_path, debrepo_root):
    published(
        build_source(tmp_path, "hello", "1.0-1", paths={"hello-1.0/src/hello.c": b"1"}),
        build_source(tmp_path, "native", "2.0", fields={"Section": "net"}),
    )
    assert read(debrepo_root, "main/Contents-source.gz") == (
        "README native\ndebian/changelog hello,native\nsrc/hello.c hello\n"
    )
    assert not (debrepo_root / "public/dists/stable/main/Contents-all.gz").exists()


def test_source_package_that_cannot_be_listed_is_published_all_the_same(
    published, tmp_path, debrepo, debrepo_root
):
    dsc = build_source(tmp_path, "odd", "1.0", paths={"a": b"1" * 100_000})
    tarball = tmp_path / "odd_1.0.tar.xz"
    text = dsc.read_text().replace(tarball.name, "odd_1.0.tar.bz2")
    tarball.rename(tmp_path / "odd_1.0.tar.bz2")
    dsc.write_text(text)
    debrepo("repo", "create", "other")
    said = debrepo("repo", "add", "other", str(dsc)).stderr
    assert "not all of its files will be in Contents: odd_1.0.tar.bz2 is damaged" in said
    published(dsc)
    assert (debrepo_root / "public/dists/stable/main/source/Sources.gz").exists()
    assert not (debrepo_root / "public/dists/stable/main/Contents-source.gz").exists()


def test_contents_name_the_package_with_its_section(published, tmp_path, debrepo_root):
    published(build_deb(tmp_path, fields={"Section": "net"}, paths={"usr/bin/hello": b""}))
    assert read(debrepo_root) == "usr/bin/hello net/hello\n"


def test_a_path_of_several_packages_names_them_all(published, tmp_path, debrepo_root):
    paths = {"usr/share/x": b""}
    published(*(build_deb(tmp_path, name, paths=paths, fields={"Section": "net"}) for name in "ba"))
    assert read(debrepo_root) == "usr/share/x net/a,net/b\n"


def test_a_newer_version_takes_its_old_paths_away(published, tmp_path, debrepo_root, debrepo):
    published(build_deb(tmp_path, version="1", paths={"usr/old": b"", "usr/both": b""}))
    published(build_deb(tmp_path, version="2", paths={"usr/new": b"", "usr/both": b""}))
    debrepo("repo", "remove", "r", "hello_1_amd64")
    debrepo("publish", "update", "stable")
    lines = [line.split()[0] for line in read(debrepo_root).splitlines()]
    assert lines == ["usr/both", "usr/new"]


def test_packages_for_all_architectures_have_contents_of_their_own(
    published, tmp_path, debrepo_root
):
    published(
        build_deb(tmp_path, "docs", architecture="all", paths={"usr/doc": b""}),
        build_deb(tmp_path, "tool", paths={"usr/tool": b""}),
    )
    assert [line.split()[0] for line in read(debrepo_root).splitlines()] == ["usr/tool"]
    texts = read(debrepo_root, "main/Contents-all.gz").splitlines()
    assert [line.split()[0] for line in texts] == ["usr/doc"]


@pytest.mark.parametrize("compression", ["gz", "xz", "zst", "plain"])
def test_release_lists_uncompressed_contents_too(
    published, tmp_path, debrepo_root, debrepo, compression
):
    """apt 2.6.2 and 3.3.5 fetch no Contents at all without that line, and end with 0."""
    published(build_deb(tmp_path))
    debrepo("publish", "update", "stable", "--compressions", compression)
    text = (debrepo_root / "public/dists/stable/Release").read_text()
    listed = {line.split()[2] for line in text.splitlines() if line.startswith(" ")}
    suffix = "" if compression == "plain" else f".{compression}"
    assert {"main/Contents-amd64", f"main/Contents-amd64{suffix}"} <= listed


def test_architectures_with_the_same_paths_have_contents_in_every_publication(
    published, tmp_path, debrepo_root, debrepo
):
    published(*[build_deb(tmp_path, "hello", "1.0", name) for name in ("amd64", "arm64")])
    debrepo("publish", "repo", "r", "again", "--skip-signing")
    expected = "usr/share/doc/hello/copyright hello\n"
    for place in ("public", "public/again"):
        for name in ("amd64", "arm64"):
            path = debrepo_root / place / "dists/stable/main" / f"Contents-{name}.gz"
            assert gzip.decompress(path.read_bytes()).decode() == expected


def test_contents_can_be_left_out(published, tmp_path, debrepo_root, debrepo):
    published(build_deb(tmp_path))
    debrepo("publish", "update", "stable", "--skip-contents")
    release = (debrepo_root / "public/dists/stable/Release").read_text()
    assert "Contents" not in release


def test_a_damaged_cache_is_made_anew(published, tmp_path, debrepo_root):
    published(build_deb(tmp_path, paths={"usr/bin/a": b""}))
    (debrepo_root / "cache/data.mdb").write_bytes(b"not a database" * 1000)
    published(build_deb(tmp_path, "other", paths={"usr/bin/b": b""}))
    assert [line.split()[0] for line in read(debrepo_root).splitlines()] == [
        "usr/bin/a",
        "usr/bin/b",
    ]


def test_a_file_is_found_by_apt_file(published, tmp_path, debrepo_root):
    published(build_deb(tmp_path, fields={"Section": "net"}, paths={"usr/bin/a file": b""}))
    text = read(debrepo_root).encode()
    found = subprocess.run(["grep", "-c", "^usr/bin/a file net/hello$"], input=text, check=False)
    assert found.returncode == 0


def test_full_disk_ends_the_sorting_of_many_lines_as_such(monkeypatch):
    monkeypatch.setattr(sorting, "_RUN", 7)
    monkeypatch.setattr(sorting.tempfile, "TemporaryFile", partial(open, "/dev/full", "w+b"))
    with pytest.raises(DatabaseFull, match=r"the lines of an index in .*: No space left"):
        list(sorting.blocks(iter([b"%d" % number for number in range(30)])))
