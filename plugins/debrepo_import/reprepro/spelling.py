"""How a command line of reprepro is spelled: options before the command, as getopt takes them."""

from __future__ import annotations

from getopt import GetoptError, getopt
from pathlib import Path
from typing import TYPE_CHECKING

from debrepo.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHORT = "b:A:C:T:S:P:i:B:VvDsfh"
#: Options that decide what a command does.
_HEEDED = {
    "b": "basedir", "A": "architecture", "C": "component", "T": "type", "s": "silent",
    "S": "section", "P": "priority", "v": "verbose", "V": "verbose", "D": "delete", "f": "force",
    "h": "help", "i": "basedir", "B": "basedir",
}  # fmt: skip
_WITH_VALUE = (
    "architecture", "basedir", "component", "confdir", "dbdir", "distdir", "endhook", "export",
    "gnupghome", "gunzip", "ignore", "list-format", "list-max", "list-skip", "listdir", "logdir",
    "lunzip", "methoddir", "morguedir", "outdir", "outhook", "overridedir", "packagetype",
    "priority", "restrict", "restrict-binary", "restrict-file", "restrict-file-bin", "safetymargin",
    "dbsafetymargin", "section", "spacecheck", "type", "unignore", "unlzma", "unxz", "bunzip2",
    "waitforlock",
)  # fmt: skip
_FLAGS = (
    "ask-passphrase", "delete", "fast", "force", "guessgpgtty", "help", "keepdirectories",
    "keeptemporaries", "keepunreferencedfiles", "keepunusednewfiles", "noask-passphrase",
    "nodelete", "nofast", "noguessgpgtty", "nokeepdirectories", "nokeepunreferencedfiles",
    "nolistsdownload", "nonothingiserror", "noonlysmalldeletes", "noskipold", "nothingiserror",
    "onlysmalldeletes", "show-percent", "silent", "skipold", "verbose", "version",
    "verbosedatabase",
)  # fmt: skip


class AskedCommand(NamedTuple):
    """A command line of reprepro."""

    command: str
    words: tuple[str, ...]
    base: Path
    architectures: frozenset[str]  #: empty: all
    components: tuple[str, ...]  #: empty: all, or what the package says
    kinds: frozenset[str]  #: of ``deb``, ``udeb`` and ``dsc``; empty: all
    options: dict[str, str]  #: what else was given

    @property
    def silent(self) -> bool:
        """Whether it says no more than it has to."""
        return "silent" in self.options

    @property
    def exports(self) -> bool:
        """Whether what has changed is published at the end."""
        return self.options.get("export") not in ("never", "silent-never")


class Misspelt(Exception):
    """A command line that reprepro would not take."""


def parse(words: Sequence[str]) -> AskedCommand:
    """Return what a command line asks for; raise `Misspelt` if it cannot be understood."""
    try:
        found, rest = getopt(list(words), _SHORT, [*(f"{n}=" for n in _WITH_VALUE), *_FLAGS])
    except GetoptError as error:
        raise Misspelt(str(error)) from None
    given: dict[str, str] = {}
    for name, value in found:
        given[name[2:] if name.startswith("--") else _HEEDED[name[1:]]] = value
    kinds = given.pop("type", given.pop("packagetype", ""))
    base = Path(given.pop("basedir", "."))
    return AskedCommand(
        rest[0] if rest else "",
        tuple(rest[1:]),
        base,
        frozenset(_words(given.pop("architecture", ""))),
        tuple(_words(given.pop("component", ""))),
        frozenset(_words(kinds)),
        given,
    )


def _words(text: str) -> list[str]:
    return [word for word in text.replace("|", " ").split() if word]
