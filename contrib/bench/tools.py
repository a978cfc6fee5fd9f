"""How each tool does each piece of work."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

    from real import Real

#: Rows of real packages that are held to limits.
ADD = "repo add"
ADD_PUBLISH = "repo add and first publish, no Contents"
ADD_CONTENTS = "repo add and first publish, with Contents"
LARGE = "the large package: repo add and first publish, no Contents"
DIGESTS = "the large package: its four digests alone"
_GROUPS = {"repo", "snapshot", "publish", "db", "api", "mirror"}  # of aptly's commands
_DIGEST = """
import hashlib, sys
digests = [hashlib.new(name) for name in ("md5", "sha1", "sha256", "sha512")]
with open(sys.argv[1], "rb") as stream:
    while piece := stream.read(1 << 20):
        for digest in digests:
            digest.update(piece)
"""

Commands = list[list[str]]


class MirrorRows(NamedTuple):
    """Rows of mirrors, which are held to limits."""

    create: str = "mirror create"
    first: str = "first mirror update"
    same: str = "mirror update, nothing new"
    show: str = "mirror show"
    listed: str = "mirror show --with-packages"
    search: str = "mirror search"
    changed: str = "mirror update, 1 % changed"


MIRROR = MirrorRows()


class Work(NamedTuple):
    """A row of the table: what is done, and the commands for each time that it is done."""

    name: str
    runs: list[Commands]  # for each repetition; all but the last command only prepare it


class Corpus(NamedTuple):
    """Where the packages are: all of a set, and newer versions of some of it."""

    all: Path
    newer: list[Path]


class Tool:
    """A repository manager with a root of its own."""

    name = ""
    gz: tuple[str, ...] = ()  # options for indexes in gzip alone

    def __init__(self, root: Path) -> None:
        self.root = root
        self.env = {**os.environ, "HOME": str(root), "SOURCE_DATE_EPOCH": "1700000000"}
        self.env.pop("DEBREPO_ROOT", None)

    @classmethod
    def present(cls) -> bool:
        """Tell whether the tool is there to be measured."""
        return shutil.which(cls.name) is not None

    def prepare(self) -> None:
        """Write what it needs before anything is measured."""

    def works(self, corpus: Corpus, times: int) -> list[Work]:
        """Return the pieces of work, in the order in which they have to be done."""
        raise NotImplementedError

    def real(self, real: Real) -> list[Work]:
        """Return the pieces of work with real packages, each from an empty root."""
        return []


def _once(name: str, *commands: list[str]) -> Work:
    return Work(name, [list(commands)])


def _together(*commands: list[str]) -> list[str]:
    """Return one command that does several, one after the other."""
    return ["sh", "-c", " && ".join(map(shlex.join, commands))]


class Verbs(Tool):
    """A tool that knows aptly's verbs; debrepo and aptly do the same work in the same order."""

    def do(self, *words: object) -> list[str]:
        """Return the command for aptly's words, options before arguments."""
        raise NotImplementedError

    def first(self, prefix: str, times: int, *options: str) -> list[Commands]:
        """Return first publishes of the repository, each below a prefix of its own."""
        publish = ("publish", "repo", "-distribution=d", "-skip-signing", *options, "r")
        return [[*self.forget(), self.do(*publish, f"{prefix}{n}")] for n in range(times)]

    def real(self, real: Real) -> list[Work]:
        fresh = [["rm", "-rf", str(self.root / "root")]]
        fresh += [self.do("repo", "create", "-component=main", "r")]
        add, add_large = (self.do("repo", "add", "r", path) for path in real)
        publish = ("publish", "repo", "-distribution=d", "-skip-signing")
        plain = self.do(*publish, "-skip-contents", "r", "p")
        contents = self.do(*publish, "r", "p")
        return [
            _once(ADD, *fresh, add),
            _once("first publish, no Contents", *fresh, add, plain),
            _once("first publish, with Contents", *fresh, add, contents),
            _once(ADD_PUBLISH, *fresh, _together(add, plain)),
            _once(ADD_CONTENTS, *fresh, _together(add, contents)),
            _once(LARGE, *fresh, _together(add_large, plain)),
        ]

    def forget(self) -> Commands:
        """Return what makes a first publish a first one: it finds nothing made by others."""
        return []

    def works(self, corpus: Corpus, times: int) -> list[Work]:
        return [
            *self.looks(times),
            *self.publishes(corpus, times),
            *self.snapshots(corpus, times),
            *self.searches(times),
            _once("publish drop", self.do("publish", "drop", "d", "c0")),
            Work("db cleanup", [[self.do("db", "cleanup")]] * times),
        ]

    def looks(self, times: int) -> list[Work]:
        """Return what only starts it."""
        return [
            Work("--help", [[self.do("help")]] * times),
            Work("version", [[self.do("version")]] * times),
            _once("(create)", self.do("repo", "create", "-component=main", "r")),
            Work("repo list", [[self.do("repo", "list")]] * times),
        ]

    def publishes(self, corpus: Corpus, times: int) -> list[Work]:
        """Return adding and publishing, as long as nothing changes."""
        add = self.do("repo", "add", "r", corpus.all)
        plain, gz = "-skip-contents", self.gz
        update = self.do("publish", "update", "-skip-signing", "d", "c0")
        return [
            _once("repo add, all", add),
            _once("repo add, all there already", add),
            Work("first publish, no Contents, gz", self.first("g", times, plain, *gz)),
            Work("first publish, no Contents, default forms", self.first("n", times, plain)),
            Work("first publish, with Contents", self.first("c", 1)),
            Work(
                "the same elsewhere, with Contents",
                [run[-1:] for run in self.first("e", times)],
            ),
            Work("update, no change", [[update]] * times),
        ]

    def snapshots(self, corpus: Corpus, times: int) -> list[Work]:
        """Return updates after changes, and what is done with the states before and after."""
        one, *others = corpus.newer
        update = ("publish", "update", "-skip-signing")
        snapshot = ("snapshot", "create")
        publish = ("publish", "snapshot", "-distribution=d", "-skip-signing")
        switch = ("publish", "switch", "-skip-signing", "d", "sw")
        merge = ("snapshot", "merge", "-latest")
        numbers = range(times)
        return [
            _once("(snapshot)", self.do(*snapshot, "s0", "from", "repo", "r")),
            _once("repo add, 1 package", self.do("repo", "add", "r", one)),
            _once("update after +1, with Contents", self.do(*update, "d", "c0")),
            _once("elsewhere after it, no Contents", self.do(*update, "-skip-contents", "d", "n0")),
            _once(f"repo add, {len(others)} packages", self.do("repo", "add", "r", *others)),
            _once(f"update after +{len(others)}, with Contents", self.do(*update, "d", "c0")),
            Work(
                "snapshot create",
                [[self.do(*snapshot, f"s{n + 1}", "from", "repo", "r")] for n in numbers],
            ),
            Work("snapshot diff", [[self.do("snapshot", "diff", "s0", "s1")]] * times),
            Work(
                "snapshot merge --latest",
                [[self.do(*merge, f"m{n}", "s0", "s1")] for n in numbers],
            ),
            _once("(publish a snapshot)", self.do(*publish, "s0", "sw")),
            Work(
                "switch between near-equal snapshots",
                [[self.do(*switch, f"s{(n + 1) % 2}")] for n in numbers],
            ),
        ]

    def searches(self, times: int) -> list[Work]:
        """Return what looks at packages."""
        searches = [
            Work(f"search '{query}'", [[self.do("repo", "search", "r", query)]] * times)
            for query in ("Name (~ lib.*)", "Priority (optional)")
        ]
        show = self.do("repo", "show", "-with-packages", "r")
        return [*searches, Work("repo show --with-packages", [[show]] * times)]


class Debrepo(Verbs):
    """Ourselves."""

    name = "debrepo"
    gz = ("-compressions=gz",)

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.env["DEBREPO_ROOT"] = str(root / "root")

    @classmethod
    def present(cls) -> bool:
        return True

    def forget(self) -> Commands:
        return [["rm", "-rf", str(self.root / "root" / "cache")]]

    def do(self, *words: object) -> list[str]:
        spelled = [f"-{word}" if str(word).startswith("-") else str(word) for word in words]
        spelled = ["--help"] if spelled == ["help"] else spelled
        return [sys.executable, "-m", "debrepo", "-q", *spelled]

    def real(self, real: Real) -> list[Work]:
        add, *others = super().real(real)
        *fresh, _ = add.runs[0]
        deep = self.do("repo", "add", "-deep", "r", real.all)
        return [
            add,
            _once("repo add --deep", *fresh, deep),
            *others,
            _once(DIGESTS, [sys.executable, "-c", _DIGEST, str(real.large)]),
        ]

    def looks(self, times: int) -> list[Work]:
        bare = [sys.executable, "-c", "import click, pluggy"]
        return [Work("python -c 'import click, pluggy'", [[bare]] * times), *super().looks(times)]


class Aptly(Verbs):
    """The one that our users come from."""

    name = "aptly"
    gz = ("-skip-bz2",)

    def prepare(self) -> None:
        (self.root / "aptly.conf").write_text(f'{{"rootDir": "{self.root}/root"}}\n')

    def do(self, *words: object) -> list[str]:
        first = 2 if words[0] in _GROUPS else 1
        config = () if first == 1 else (f"-config={self.root}/aptly.conf",)
        return ["aptly", *map(str, words[:first]), *config, *map(str, words[first:])]


class Reprepro(Tool):
    """The veteran: one version of a package at a time, and every index written anew."""

    name = "reprepro"

    def prepare(self) -> None:
        conf = self.root / "conf"
        conf.mkdir()
        text = "Codename: d\nComponents: main\nArchitectures: amd64 i386 arm64\nContents: .gz\n"
        (conf / "distributions").write_text(text)
        plain = self.root / "plain"
        plain.mkdir()
        (plain / "distributions").write_text(text.replace("Contents: .gz\n", ""))

    def real(self, real: Real) -> list[Work]:
        def add(conf: str, path: Path) -> list[str]:
            files = sorted(map(str, path.iterdir())) if path.is_dir() else [str(path)]
            return do(conf, "--export=never", "-C", "main", "includedeb", "d", *files)

        def do(conf: str, *words: str) -> list[str]:
            conf = str(self.root / conf)
            return ["reprepro", "-b", str(self.root), "--confdir", conf, "--silent", *words]

        fresh = ["rm", "-rf", *(str(self.root / name) for name in ("db", "dists", "pool"))]
        plain, contents = do("plain", "export", "d"), do("conf", "export", "d")
        add_plain, add_contents = add("plain", real.all), add("conf", real.all)
        large = _together(add("plain", real.large), plain)
        return [
            _once(ADD, fresh, add_plain),
            _once("first publish, no Contents", fresh, add_plain, plain),
            _once("first publish, with Contents", fresh, add_plain, contents),
            _once(ADD_PUBLISH, fresh, _together(add_plain, plain)),
            _once(ADD_CONTENTS, fresh, _together(add_contents, contents)),
            _once(LARGE, fresh, large),
        ]

    def works(self, corpus: Corpus, times: int) -> list[Work]:
        def do(*words: object) -> list[str]:
            return ["reprepro", "-b", str(self.root), "--silent", *map(str, words)]

        # As many files as one command line takes; the indexes are written at the end alone.
        add = (
            f'find "$1" -name "*.deb" -print0 | xargs -0 -n 2000 reprepro -b "{self.root}" -C main'
        )
        include = ["sh", "-c", f"{add} --silent --export=never includedeb d", "sh"]
        new = list(map(str, corpus.newer))
        add_new = ("--export=never", "-C", "main", "includedeb", "d")
        listed = [[do("listfilter", "d", "Priority (= optional)")]] * times
        return [
            Work("version", [[["reprepro", "--version"]]] * times),
            _once("repo add, all", [*include, str(corpus.all)]),
            _once("repo add, all there already", [*include, str(corpus.all)]),
            Work("first publish, with Contents", [[do("export", "d")]] * times),
            _once("repo add, 1 package", do(*add_new, *new[:1])),
            _once("update after +1, with Contents", do("export", "d")),
            _once(f"repo add, {len(new) - 1} packages", do(*add_new, *new[1:])),
            _once(f"update after +{len(new) - 1}, with Contents", do("export", "d")),
            Work("search 'Priority (optional)'", listed),
            Work("repo show --with-packages", [[do("list", "d")]] * times),
        ]


class AptFtparchive(Tool):
    """What the indexes alone cost, from a directory of packages."""

    name = "apt-ftparchive"

    def works(self, corpus: Corpus, times: int) -> list[Work]:
        script = 'apt-ftparchive packages "$0" | gzip >Packages.gz'
        command = ["sh", "-c", script, str(corpus.all)]
        return [Work("first publish, no Contents, gz", [[command]] * times)]


TOOLS: dict[str, type[Tool]] = {
    tool.name: tool for tool in (Debrepo, Aptly, Reprepro, AptFtparchive)
}
