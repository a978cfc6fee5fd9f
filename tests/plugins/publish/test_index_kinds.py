"""Kinds of index that plugins bring: what they are given, and when they are asked."""

import bz2
import gzip
import io
import lzma
import tarfile
from typing import ClassVar

import pytest
import zstandard

from debrepo import PublicationOption, Ref, Setting, hookimpl
from debrepo.errors import PluginError
from debrepo.index_kind import IndexKind, SortedIndexKind, WholeIndexKind
from debrepo.ingest import deep
from debrepo_publish.indexes import rendering

READ = {
    "plain": bytes,
    "gz": gzip.decompress,
    "xz": lzma.decompress,
    "zst": lambda data: (
        zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True).read()
    ),
    "bz2": bz2.decompress,
}
ENDINGS = {"plain": "", "gz": ".gz", "xz": ".xz", "zst": ".zst", "bz2": ".bz2"}


class Names(IndexKind):
    """A header, and a line for each package, with the words that options and settings give."""

    reads = ("component", "suite")
    takes = ("deb",)
    options = ("roster", "roster_word")
    settings = ("names.end",)
    asked: ClassVar[list[int]] = []

    def applies(self, context):
        return context.options["roster"]

    def expected(self, context):
        return ["names/Names"]

    def header(self, path, context):
        return f"{context.suite} {context.component}\n".encode()

    def fragment(self, packages, context):
        self.asked.append(len(packages))
        word, end = context.options["roster_word"], context.settings["names.end"]
        lines = [f"{one.package.key.name} {word}{end}\n" for one in packages]
        return {"names/Names": "".join(lines).encode()}


class Count(WholeIndexKind):
    """How many packages there are, and an archive with a member for each."""

    reads = ("files",)
    asked: ClassVar[list[str]] = []

    def fragment(self, packages, context):
        self.asked.append("fragment")
        return {"names": b"".join(one.files[0].name.encode() + b"\n" for one in packages)}

    def finish(self, fragments, context):
        self.asked.append("finish")
        files = b"".join(fragments.get("names", ())).split()
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            for name in sorted(files):
                tar.addfile(tarfile.TarInfo(name.decode()[:90]))
        return {"Count": b"%d\n" % len(files), "files.tar": archive.getvalue()}


class Owners(SortedIndexKind):
    """Which packages have a file below a directory."""

    reads = ("contents", "suite")
    takes = ("deb",)

    def index(self, kind, architecture, context):
        return f"Owners-{architecture}"

    def header(self, path, context):
        return f"# {context.suite}\n".encode()

    def lines(self, published, context):
        places = {path.rpartition(b"/")[0] for path in published.contents.split(b"\n")}
        return b"\n".join(sorted(places)), published.package.key.name.encode()


class Silent(IndexKind):
    """Uses what it does not name."""

    def fragment(self, packages, context):
        return {"x": context.codename.encode()}


class Silent2(IndexKind):
    def fragment(self, packages, context):
        return {"x": context.options["roster"]}


class Unknown(IndexKind):
    reads = ("weather",)

    def fragment(self, packages, context):
        return {}


class Unset(IndexKind):
    settings = ("weather.town",)

    def fragment(self, packages, context):
        return {}


class Text(IndexKind):
    def fragment(self, packages, context):
        return {"x": "text"}


class Outside(IndexKind):
    def fragment(self, packages, context):
        return {"../x": b""}


class Hashed(IndexKind):
    def fragment(self, packages, context):
        return {"by-hash/SHA256/x": b""}


class Comma(SortedIndexKind):
    def index(self, kind, architecture, context):
        return f"Comma-{architecture}"

    def lines(self, published, context):
        return b"a\nb", b"x,y"


class Taker(Names):
    takes = ("debs",)


class Abstract(IndexKind):
    pass


class Nothing(IndexKind):
    def fragment(self, packages, context):
        return None


class NoFiles(WholeIndexKind):
    def fragment(self, packages, context):
        return {}

    def finish(self, fragments, context):
        return None


class Title(IndexKind):
    def header(self, path, context):
        return "title\n"

    def fragment(self, packages, context):
        return {"x": b""}


class Expecting(IndexKind):
    def expected(self, context):
        return "names"

    def fragment(self, packages, context):
        return {}


class Lz4(IndexKind):
    def compressions(self, chosen):
        return ("lz4",)

    def fragment(self, packages, context):
        return {"x": b""}


class Words(SortedIndexKind):
    def index(self, kind, architecture, context):
        return f"Words-{architecture}"

    def lines(self, published, context):
        return "a", "x"


class Plugin:
    """Brings kinds of index: the names of classes in this module."""

    def __init__(self, *kinds):
        self.kinds = kinds

    @hookimpl
    def debrepo_index_kinds(self):
        return {kind.lower(): Ref(f"{__name__}:{kind}", "For tests.") for kind in self.kinds}

    @hookimpl
    def debrepo_publication_options(self):
        return [
            PublicationOption("roster", False, "Publish names"),
            PublicationOption("roster_word", "is here", "What to say"),
        ]

    @hookimpl
    def debrepo_settings(self):
        return [Setting("names.end", "", "How to end a line")]


@pytest.fixture
def bring(session):
    """Register a plugin with kinds of index, and empty their notes."""

    def register(*kinds, name="extra"):
        session.plugins.register(Plugin(*kinds), name)
        Names.asked.clear()
        Count.asked.clear()

    return register


def read(public, path, compression="gz"):
    found = public / f"dists/stable/main/{path}{ENDINGS[compression]}"
    return READ[compression](found.read_bytes()).decode()


@pytest.mark.parametrize("compression", READ)
def test_header_stands_once_in_a_file_of_many_fragments(
    session, add, create, public, bring, small_chunks, compression
):
    bring("Names")
    names = sorted(f"p{number}" for number in range(25))
    for name in names:
        add(name)
    create(roster=True, suite="testing", compressions=tuple({"gz", compression}))
    assert len([count for count in Names.asked if count]) > 2
    lines = read(public, "names/Names", compression).splitlines()
    assert lines == ["testing main", *(f"{name} is here" for name in names)]
    release = (public / "dists/stable/Release").read_text()
    assert f" main/names/Names{ENDINGS[compression]}\n" in release


def test_index_that_is_expected_has_its_header_without_packages(session, create, public, bring):
    bring("Names")
    session.call("repo.create", name="tools")
    create(roster=True, architectures=("amd64",))
    assert read(public, "names/Names") == "stable main\n"


def test_kind_that_does_not_apply_is_asked_for_nothing(add, create, public, bring):
    bring("Names")
    add()
    create()
    assert Names.asked == []
    assert not (public / "dists/stable/main/names").exists()


def test_option_is_given_kept_and_changed(session, add, create, update, public, bring):
    bring("Names")
    add()
    create(roster=True, roster_word="sleeps")
    assert read(public, "names/Names") == "stable main\nhello sleeps\n"
    assert update().changed is False
    update(roster_word="wakes")
    assert read(public, "names/Names") == "stable main\nhello wakes\n"
    update(roster=False)
    assert "Names" not in (public / "dists/stable/Release").read_text()
    kept = session.call("publish.show", distribution="stable").publication.options
    assert kept == {"roster": False, "roster_word": "wakes"}


def test_setting_of_the_plugin_is_given(session, add, create, update, public, bring, opened):
    bring("Names")
    session.config  # noqa: B018  # read with the settings of the plugin
    session.config.override("names.end", "!", "a test")
    add()
    create(roster=True)
    assert read(public, "names/Names") == "stable main\nhello is here!\n"
    session.config.override("names.end", "?", "a test")
    assert update().changed
    assert read(public, "names/Names") == "stable main\nhello is here?\n"


@pytest.fixture
def rendered(monkeypatch):
    """Note what is compressed."""
    seen = []
    compress = rendering._compress

    def noting(compression, texts):
        seen.extend(path for path, text in texts.items() if text)
        return compress(compression, texts)

    monkeypatch.setattr(rendering, "_compress", noting)
    return seen


def test_only_what_depends_on_a_change_is_made_anew(
    add, create, update, bring, rendered, small_chunks
):
    bring("Names", "Count")
    for number in range(12):
        add(f"p{number}")
    create(roster=True, suite="a", origin="Us")
    chunks = Names.asked.count(0) + len([n for n in Names.asked if n])
    assert chunks > 1
    for change, made in (
        ({"roster_word": "x"}, {"names/Names"}),
        ({"suite": "b"}, {"names/Names"}),
        ({"origin": "Them"}, set()),
        ({"sums": ("sha256", "md5")}, {"binary-amd64/Packages", "binary-all/Packages"}),
        ({"roster": False}, set()),
        ({"roster": True}, set()),
        ({"contents": False}, set()),
    ):
        rendered.clear()
        Names.asked.clear()
        Count.asked.clear()
        update(**change)
        assert set(rendered) <= made, change
        assert len(Names.asked) == (chunks if made == {"names/Names"} else 0), change
        assert Count.asked == [], change


def test_one_more_package_is_one_more_fragment(add, create, update, bring, small_chunks):
    bring("Names", "Count")
    for number in range(40):
        add(f"p{number}")
    create(roster=True)
    Names.asked.clear()
    Count.asked.clear()
    add("p7x")
    update()
    assert len(Names.asked) == 1
    assert sorted(Count.asked) == ["finish", "fragment"]


def test_whole_index_is_made_of_all_fragments_with_files_beside_it(
    add, create, update, public, bring, small_chunks, session
):
    bring("Count")
    for number in range(9):
        add(f"p{number}")
    create()
    assert read(public, "Count") == "9\n"
    packed = gzip.decompress((public / "dists/stable/main/files.tar.gz").read_bytes())
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        assert len(archive.getnames()) == 9
    add("q")
    update()
    assert read(public, "Count") == "10\n"


def test_sorted_index_follows_its_packages(session, add, create, update, public, bring):
    bring("Owners")
    add("b", paths={"usr/bin/b": b"", "usr/share/b": b""})
    add("a", paths={"usr/bin/a": b""})
    create(contents=False)
    assert read(public, "Owners-amd64") == "# stable\nusr/bin a,b\nusr/share b\n"
    session.call("repo.remove", name="tools", queries=["b"])
    update()
    assert read(public, "Owners-amd64") == "# stable\nusr/bin a\n"


def test_packages_are_unpacked_once_and_for_kinds_alone_that_read_them(
    session, add, create, update, bring, monkeypatch
):
    session.config.override("ingest.deep", "publish", "a test")
    wanted = []
    deep_read = deep.read
    monkeypatch.setattr(deep, "read", lambda s, found: wanted.extend(found) or deep_read(s, found))
    bring("Owners")
    add("tool", paths={"usr/bin/tool": b""})
    add("src", "1.0", "source")
    create(contents=False)
    assert [entry.partition(b"\0")[0] for entry in wanted] == [b"tool"]
    update(contents=True)
    assert sorted(entry.partition(b"\0")[0] for entry in wanted) == [b"src", b"tool"]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("Silent", "uses codename without naming it in 'reads'"),
        ("Silent2", "uses roster without naming it in 'options'"),
        ("Unknown", "kind of index unknown of plugin extra cannot read 'weather'"),
        ("Unset", "unset of plugin extra: .*no setting is called weather.town"),
        ("Text", "kind of index text of plugin extra gives a str instead of bytes: 'x'"),
        ("Outside", "outside of plugin extra gives a path that is not below a component: '../x'"),
        ("Hashed", "gives a path that is not below a component: 'by-hash/SHA256/x'"),
        ("Comma", "comma of plugin extra makes no lines of hello_1.0_amd64: b'x,y'"),
        ("Plugin", "kind of index plugin of plugin extra is no IndexKind"),
        ("Taker", "kind of index taker of plugin extra cannot take 'debs'"),
        ("Abstract", "kind of index abstract of plugin extra does not define fragment"),
        ("Nothing", "nothing of plugin extra gives no texts by path: None"),
        ("NoFiles", "nofiles of plugin extra gives no texts by path: None"),
        ("Title", r"title of plugin extra gives a header that is no bytes: 'title\\n'"),
        ("Expecting", "expecting of plugin extra gives no list of expected indexes: 'names'"),
        ("Lz4", r"lz4 of plugin extra gives compressions that do not exist: \('lz4',\)"),
        ("Words", "words of plugin extra gives no bytes for hello_1.0_amd64: 'a', 'x'"),
    ],
)
def test_kind_that_breaks_the_contract_is_an_error_and_writes_nothing(
    add, create, public, bring, kind, said
):
    bring(kind)
    add()
    with pytest.raises(PluginError, match=said):
        create()
    assert not list(public.rglob("Release"))


def test_cache_keeps_what_all_families_of_indexes_need(
    session, add, create, update, bring, small_chunks
):
    bring("Names", "Count", "Owners")
    for number in range(12):
        add(f"p{number}")
    create(roster=True)
    session.config.override("publish.cache_size", 1, "a test")
    add("q")
    update()
    Names.asked.clear()
    Count.asked.clear()
    update(force=True)
    create(place="other", roster=True)
    assert (Names.asked, Count.asked) == ([], [])
