"""The page: results as a table, with notes below it."""

from __future__ import annotations

import re
from typing import NamedTuple

from archives import COLUMNS
from clients import CLIENTS
from notes import explained

SIGNS = {"works": "yes", "warns": "warns", "fails": "**no**", "none": "–"}


class Result(NamedTuple):
    """What became of one client and one archive."""

    client: str
    suite: str
    version: str
    column: str
    outcome: str
    why: str = ""


def page(results: list[Result], date: str) -> str:
    """Return the page in Markdown."""
    notes: dict[str, int] = {}
    lines = [_HEAD.format(date=date)]
    lines += [f"| {column.title} | {column.said} |" for column in COLUMNS]
    lines += ["", "## Table", "", f"| Client | {' | '.join(c.title for c in COLUMNS)} |"]
    lines.append("|---" * (len(COLUMNS) + 1) + "|")
    found = {(one.client, one.suite, one.column): one for one in results}
    for client in CLIENTS:
        cells = [found.get((client.title, client.suite, column.name)) for column in COLUMNS]
        version = next((one.version for one in cells if one and one.version), "")
        lines.append(f"| {title(client.title, version, client.suite)} | {_cells(cells, notes)} |")
    lines += ["", "## Notes", ""]
    lines += [f"{number}. {text}" for text, number in notes.items()]
    return "\n".join(lines) + "\n"


def title(name: str, version: str, suite: str) -> str:
    """Return what a row begins with."""
    return f"{name} {version} ({suite})" if version else f"{name} ({suite})"


def _cells(results: list[Result | None], notes: dict[str, int]) -> str:
    cells = []
    for one in results:
        cell = SIGNS[one.outcome] if one else "?"
        if one and one.why:
            text = explained(one.client, one.column, one.why)
            cell += f" [{notes.setdefault(text, len(notes) + 1)}](#notes)"
        cells.append(cell)
    return " | ".join(cells)


def differences(text: str) -> list[str]:
    """Return the rows and columns in which a page is not what the code would write."""
    head = f"| Client | {' | '.join(column.title for column in COLUMNS)} |"
    wrong = [] if head in text.splitlines() else ["the columns"]
    rows = re.findall(r"^\| (.+?)(?: \S+)? \((\w+)\) \| .*(?:yes|no|warns)", text, re.MULTILINE)
    wrong += [
        f"the row {client.title} ({client.suite})"
        for client in CLIENTS
        if (client.title, client.suite) not in rows
    ]
    return wrong + (["other rows"] if len(rows) > len(CLIENTS) else [])


_HEAD = """# Clients

How programs that read archives get on with what debrepo publishes. `contrib/test --clients` wrote
this page on {date}: each program ran in a chroot of the named Debian release, and had to get the
packages of an archive. *yes*: it got them. *warns*: it got them, and printed a warning. **no**:
it did not get all of them. –: it does not read such archives.

| Column | What is published |
|---|---|"""
