"""Where debrepo differs from dpkg and apt: the table of docs/reference/packages.md, as values."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from debrepo import archive
from debrepo.archive import Budget, Digests, Findings, Limits
from debrepo.errors import InvalidPackage
from debrepo_publish.indexes.spelling import standard

if TYPE_CHECKING:
    from end_to_end.judges import Dpkg

PAGE = Path(__file__).parents[2] / "docs/reference/packages.md"


class Said(NamedTuple):
    """What somebody says of a package: yes, remark or no, and why."""

    word: str
    text: str = ""


class Difference(NamedTuple):
    """One row of the table: what debrepo says, what dpkg and apt say, and of which packages."""

    ours: Said
    theirs: Said
    cases: tuple[str, ...]

    def is_ours(self, said: Said) -> bool:
        """Tell whether the row quotes what debrepo says; a ``yes`` may come with remarks."""
        word = "yes" if said.word == "remark" and self.ours.word == "yes" else said.word
        return word == self.ours.word and _quotes(self.ours.text, said.text)

    def is_theirs(self, said: Said) -> bool:
        """Tell whether the row quotes what dpkg or apt says."""
        return said.word == self.theirs.word and _quotes(self.theirs.text, said.text)


def _quotes(quoted: str, text: str) -> bool:
    parts = map(re.escape, quoted.split("…"))
    return re.search(".*".join(parts), text) is not None


def _said(cell: str) -> Said:
    word, _, text = cell.partition(": ")
    return Said(word, text.strip("`"))


def _differences() -> list[Difference]:
    text = PAGE.read_text().partition("## Where debrepo differs")[2]
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return [
        Difference(_said(ours.removeprefix("| ")), _said(theirs), tuple(cases.split("; ")))
        for ours, theirs, cases, *_ in rows[1:]
    ]


DIFFERENCES = _differences()


def judged(deb: bytes) -> Said:
    """Return what debrepo says."""
    try:
        content = archive.parse((deb,), len(deb))
        archive.describe(content, Digests(deb), ".deb")
    except InvalidPackage as error:
        return Said("no", str(error))
    return Said("remark" if content.remarks else "yes", "\n".join(content.remarks))


def published(deb: bytes) -> bytes | None:
    """Return the stanza that an index would have if nothing kept the package out."""
    try:
        budget = Budget(Limits(), len(deb), Findings(None))
        return standard(archive.examine((deb,), len(deb), budget).stanza)
    except InvalidPackage:
        return None


def installed(deb: bytes, judges: list[Dpkg]) -> Said:
    """Return what the first dpkg says that does not install a package."""
    for dpkg in judges:
        done, reason = dpkg.install(deb)
        if not done:
            return Said("no", reason)
    return Said("yes")
