"""The guides, as a script follows them: block by block, with what no script can do left out."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

DOCS = Path(__file__).parents[2] / "docs"
#: What stands before a block that no script can run, with the reason.
MARKER = re.compile(r"<!-- left out: (.+) -->")


class GuideBlock(NamedTuple):
    """A block of a page."""

    heading: str  #: of its section
    kind: str  #: ``sh``, ``toml``, ``text`` …
    text: str
    left_out: str  #: why; empty: it runs


def blocks(page: str) -> list[GuideBlock]:
    """Return the blocks of a page, in their order."""
    found, heading, reason, kind, lines = [], "", "", None, []
    for line in (DOCS / page).read_text().splitlines():
        if kind is None and line.lstrip().startswith("```"):
            kind, lines = line.strip().removeprefix("```"), []
        elif kind is not None and line.strip() == "```":
            indent = len(line) - len(line.lstrip())
            text = "".join(f"{each[indent:]}\n" for each in lines)
            found.append(GuideBlock(heading, kind, text, reason))
            kind, reason = None, ""
        elif kind is not None:
            lines.append(line)
        elif marked := MARKER.fullmatch(line.strip()):
            reason = marked[1]
        elif line.startswith("#"):
            heading = line.lstrip("# ")
    return found


class Reader:
    """Somebody who follows the guides in a shell, in a home and a directory of their own."""

    def __init__(self, place: Path, environment: Mapping[str, str]) -> None:
        self.home, self.directory = place / "home", place / "work"
        for directory in (self.home, self.directory):
            directory.mkdir()
        self.environment = {
            **{name: text for name, text in os.environ.items() if not name.startswith("DEBREPO_")},
            **environment,
            "HOME": str(self.home),
            "LC_ALL": "C.UTF-8",
        }
        self.names: dict[str, str] = {}  #: what examples of the guides stand for here
        self.followed: set[GuideBlock] = set()

    def __call__(self, command: str, *, exit_code: int = 0, **environment: str) -> str:
        """Run a script, and return all that it says."""
        script = f"trap 'echo \"failed: $BASH_COMMAND\"' ERR\n{self.here(command)}"
        done = subprocess.run(
            ["bash", "-Eeuo", "pipefail", "-c", script],
            cwd=self.directory,
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == exit_code, f"{command}\n{done.stdout}"
        return done.stdout

    def here(self, text: str) -> str:
        """Return a text of a guide with the names that things have here."""
        for name, value in self.names.items():
            text = text.replace(name, value)
        return text

    def follow(self, page: str, *headings: str, **environment: str) -> str:
        """Run the commands of a page, or of some of its sections."""
        chosen = [one for one in blocks(page) if not headings or one.heading in headings]
        wanted = [one for one in chosen if one.kind == "sh" and not one.left_out]
        assert wanted, f"{page} has nothing to run below {headings}"
        self.followed.update(wanted)
        return self("".join(one.text for one in wanted), **environment)

    def run(self, block: GuideBlock) -> str:
        """Run one block."""
        self.followed.add(block)
        return self(block.text)

    def configured(self, page: str, heading: str) -> str:
        """Return the configuration that a section shows."""
        return self.here("".join(
            one.text for one in blocks(page) if (one.heading, one.kind) == (heading, "toml")
        ))  # fmt: skip
