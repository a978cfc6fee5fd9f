"""Moving out to aptly: lists and publications, as a script of its commands."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from debrepo_import.leaving.writing import ExportReport, Writer, chosen, command
from debrepo_import.report import Remark

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from debrepo.package import PackageList
    from debrepo.session import Session

_APTLY = ("aptly", "-config=aptly.conf")
_HEAD = """#!/bin/sh
# Take everything in with aptly. Run it once, in this directory; it stops at the first error.
set -eu
cd "$(dirname "$0")"
"""


def export(session: Session, directory: Path, *, link: bool = False) -> ExportReport:
    """Write all that is here for aptly."""
    writer = Writer(session, directory, link=link)
    lines = [_HEAD.rstrip("\n")]
    found = chosen(session, ["repo", "snapshot", "mirror"])
    names = {str(one) for one in found}
    repos: dict[bytes, str] = {one.set_id: one.name for one in found if one.kind == "repo"}
    mirrors = {shown.mirror.name: shown.mirror for shown in session.call("mirror.list")}
    for one in found:
        if one.kind == "mirror":
            lines += _mirror(mirrors[one.name], writer)
        elif one.kind == "repo":
            lines += _repo(one, one.name, writer)
        else:
            lines += _snapshot(one, repos, writer)
    for publication in session.call("publish.list"):
        lines += _publication(publication, names, writer)
    root = {"rootDir": str(directory.absolute() / "aptly"), "gpgProvider": "gpg"}
    writer.text("aptly.conf", [json.dumps(root, indent=2)])
    writer.text("take-in.sh", lines, executable=True)
    return ExportReport(
        str(directory / "take-in.sh"),
        len(found),
        writer.packages,
        writer.files,
        writer.bytes,
        tuple(writer.remarks),
    )


def _repo(found: PackageList, name: str, writer: Writer) -> Iterator[str]:
    """Yield what makes a repository."""
    words = [f"-component={found.component or 'main'}", f"-distribution={found.distribution}"]
    yield command(*_APTLY, "repo", "create", *words, name)
    written = writer.members(found)
    if written:
        path = f"lists/{found.kind}-{found.name}.txt"
        writer.text(path, [one.path for one in written])
        add = command(*_APTLY, "repo", "add", name)
        yield f"xargs -d '\\n' -a {command(path)} {add}"


def _snapshot(found: PackageList, repos: Mapping[bytes, str], writer: Writer) -> Iterator[str]:
    """Yield what makes a snapshot: of a repository with the same packages, or of one of its own.

    That one stays: aptly 1.5 cannot show a snapshot whose repository is gone.
    """
    repo = repos.get(found.set_id)
    if repo is None:
        repo = f"snapshot-{found.name}"
        yield from _repo(found, repo, writer)
        text = f"aptly needs the repository {repo} for it"
        writer.remarks.append(Remark("note", f"snapshot {found.name}", text))
    yield command(*_APTLY, "snapshot", "create", found.name, "from", "repo", repo)


def _mirror(mirror: Any, writer: Writer) -> Iterator[str]:
    """Yield what makes a mirror; its packages come with its first update."""
    words = [
        f"-architectures={','.join(mirror.architectures)}",
        *(["-with-sources"] if mirror.sources else []),
        *(["-with-udebs"] if mirror.udebs else []),
        *([f"-filter={mirror.filter}"] if mirror.filter else []),
        *(["-filter-with-deps"] if mirror.filter_with_deps else []),
        *(["-ignore-signatures"] if mirror.ignore_signatures else []),
    ]
    place = [mirror.url, mirror.distribution, *mirror.components]
    for name in ("latest", "pins", "keys", "fingerprints"):
        if getattr(mirror, name):
            writer.remarks.append(
                Remark("unsupported", f"mirror {mirror.name}, {name}", "aptly has no such option")
            )
    yield f"{command(*_APTLY, 'mirror', 'create', *words, mirror.name, *place)} ||"
    yield "  echo 'not created, see above: the archive cannot be read' >&2"


def _publication(found: Any, names: set[str], writer: Writer) -> Iterator[str]:
    subject = f"publication {found}"
    kinds = {source.partition(":")[0] for source in found.sources.values()}
    if len(kinds) != 1 or kinds == {"mirror"} or not set(found.sources.values()) <= names:
        text = "aptly publishes either repositories or snapshots"
        writer.remarks.append(Remark("unsupported", subject, text))
        return
    if found.storage:
        text = f"it was in {found.storage}: configure that in aptly.conf"
        writer.remarks.append(Remark("note", subject, text))
    lists = [source.partition(":")[2] for source in found.sources.values()]
    options = {
        "distribution": found.distribution,
        "component": ",".join(found.sources),
        "architectures": ",".join(found.architectures),
        "origin": found.origin,
        "label": found.label,
        "suite": found.suite,
        "codename": found.codename,
        "notautomatic": "yes" if found.not_automatic else "",
        "butautomaticupgrades": "yes" if found.but_automatic_upgrades else "",
        "gpg-key": ",".join(found.keys),
    }
    words = [f"-{name}={value}" for name, value in options.items() if value]
    words += ["-acquire-by-hash", "-batch"]
    words += ["-skip-signing"] if found.skip_signing else []
    words += [] if found.contents else ["-skip-contents"]
    yield command(*_APTLY, "publish", kinds.pop(), *words, *lists, found.prefix)
