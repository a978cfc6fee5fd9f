"""Moving out to reprepro: publications become its distributions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from debrepo.errors import NotFound
from debrepo.lists import get, parse
from debrepo_import.leaving.writing import ExportReport, Writer, command, one_line
from debrepo_import.report import Remark

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from debrepo.session import Session

_HEAD = """#!/bin/sh
# Take everything in with reprepro. Run it once, in this directory; it stops at the first error.
set -eu
cd "$(dirname "$0")"
"""
#: What reprepro takes no package without.
_NEEDED = (("-S", "Section", "misc"), ("-P", "Priority", "optional"))
_COMMANDS = {"deb": "includedeb", "udeb": "includeudeb", "source": "includedsc"}


def export(session: Session, directory: Path, *, link: bool = False) -> ExportReport:
    """Write all that is published for reprepro, which knows no other lists of packages."""
    writer = Writer(session, directory, link=link)
    stanzas: list[str] = []
    lines = [_HEAD.rstrip("\n")]
    names: dict[str, Any] = {}
    count = 0
    for found in session.call("publish.list"):
        if found.distribution in names:
            text = f"there is {names[found.distribution]}, too; reprepro has one of a name"
            writer.remarks.append(Remark("unsupported", f"publication {found}", text))
            continue
        names[found.distribution] = found
        added, architectures, udebs = _members(session, writer, found)
        count += len(found.sources)
        lines += added
        stanzas += [*_stanza(found, architectures, udebs), ""]
    if not names:
        raise NotFound("nothing is published", hint='run "debrepo publish list"')
    lines += [command("reprepro", "-b", ".", "export")]
    writer.text("conf/distributions", stanzas)
    writer.text("take-in.sh", lines, executable=True)
    return ExportReport(
        str(directory / "take-in.sh"),
        count,
        writer.packages,
        writer.files,
        writer.bytes,
        tuple(writer.remarks),
    )


def _members(
    session: Session, writer: Writer, found: Any
) -> tuple[list[str], list[str], list[str]]:
    """Return what brings the packages in, and the architectures and udeb components there are."""
    lines: list[str] = []
    machines = dict.fromkeys(name for name in found.architectures if name not in ("all", "source"))
    udebs: list[str] = []
    sources = "source" in found.architectures
    for component, source in found.sources.items():
        with session.db.read() as txn:
            wanted = get(session.hook, txn, *parse(source, "repo"))
        newest: dict[tuple[str, str, str], str] = {}
        for one in writer.members(wanted):
            key, kind = one.package.key, one.package.kind
            sources = sources or kind == "source"
            if kind == "udeb" and component not in udebs:
                udebs.append(component)
            if key.architecture not in ("all", "source"):
                machines.setdefault(key.architecture)
            group = (kind, key.name, key.architecture)
            if group in newest:
                text = "reprepro keeps the newest version of a name alone"
                writer.remarks.append(Remark("note", f"package {key.display}", text))
            newest[group] = one.path
            words = ["--export=never", "-C", component]
            for option, field, default in _NEEDED:
                words += [] if one.package.field(field) else [option, default]
            words += [_COMMANDS[kind], found.distribution]
            lines.append(command("reprepro", "-b", ".", *words, one.path))
    return lines, [*machines, *["source"] * sources], udebs


def _stanza(found: Any, architectures: list[str], udebs: list[str]) -> Iterator[str]:
    """Yield the lines of a distribution."""
    fields = {
        "Codename": found.distribution,
        "Suite": found.suite,
        "Origin": found.origin,
        "Label": found.label,
        "Version": found.version,
        "Description": found.description,
        "NotAutomatic": "yes" if found.not_automatic else "",
        "ButAutomaticUpgrades": "yes" if found.but_automatic_upgrades else "",
        "Architectures": " ".join(architectures),
        "Components": " ".join(found.sources),
        "UDebComponents": " ".join(udebs),
        "ValidFor": f"{max(found.valid_for // 86400, 1)}d" if found.valid_for else "",
        "SignWith": "" if found.skip_signing else " ".join(found.keys) or "yes",
        "Contents": ".gz" if found.contents else "",
    }
    for name, value in fields.items():
        if value:
            yield f"{name}: {one_line(value)}"
