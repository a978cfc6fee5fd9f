"""Shadow mode: commands of reprepro, done by debrepo on what was imported from its base.

``conf/distributions`` stays what names distributions, components and architectures. What reprepro
prints is printed, and each command ends as there: with the exit code of reprepro, and with what
has changed published.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from debrepo.errors import DebrepoError
from debrepo_import.reprepro import changing, counterparts, spelling
from debrepo_import.reprepro.configuration import open_base
from debrepo_import.reprepro.work import (
    NoSuchComponent,
    NoSuchDistribution,
    ShadowWork,
    export,
    members,
    named,
    place_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from debrepo.session import Session

#: Exit codes of reprepro.
UNKNOWN_ACTION, UNKNOWN_DISTRIBUTION, FAILED, MISUSED = 1, 249, 254, 255
_CODES = {NoSuchDistribution: UNKNOWN_DISTRIBUTION, NoSuchComponent: MISUSED}

_NOWHERE = {
    "update": "debrepo mirror update",
    "checkupdate": "debrepo mirror update --dry-run",
    "pull": "debrepo repo copy",
    "processincoming": "debrepo repo include",
    "createsymlinks": "",
    "gensnapshot": "debrepo snapshot create",
    "clearvanished": "debrepo repo drop",
    "retrack": "",
    "rerunnotifiers": "debrepo notify retry",
    "build-needing": "",
    "translatefilelists": "",
    "collectnewchecksums": "",
}


class RepreproAnswer(NamedTuple):
    """What reprepro would have printed, and how it would have ended."""

    code: int
    said: tuple[str, ...]
    complaints: tuple[str, ...]


def run(session: Session, words: Sequence[str]) -> RepreproAnswer:
    """Do what a command line of reprepro asks for."""
    said: list[str] = []
    complaints: list[str] = []
    code = _run(session, words, said.append, complaints.append)
    return RepreproAnswer(code, tuple(said), tuple(complaints))


def _run(
    session: Session,
    words: Sequence[str],
    say: Callable[[str], None],
    complain: Callable[[str], None],
) -> int:
    try:
        asked = spelling.parse(words)
    except spelling.Misspelt as error:
        complain(f"reprepro: {error}")
        return UNKNOWN_ACTION
    if not asked.command:
        complain("Error: No command given")
        return UNKNOWN_ACTION
    if asked.command in _NOWHERE:
        other = _NOWHERE[asked.command]
        complain(f"Error: '{asked.command}' has no counterpart" + (f"; see: {other}" * bool(other)))
        return MISUSED
    if asked.command not in _COMMANDS:
        complain(
            f"Unknown action '{asked.command}'. (see --help for available options and actions)"
        )
        return UNKNOWN_ACTION
    least, syntax, command = _COMMANDS[asked.command]
    if len(asked.words) < least:
        complain(f"Error: Too few arguments for command '{asked.command}'!")
        complain(f"Syntax: reprepro {syntax}")
        complain("There have been errors!")
        return MISUSED
    try:
        base = open_base(asked.base)
        known = {one.codename: one for one in base.distributions()}
        code = command(ShadowWork(session, asked, base, known, say, complain))
    except DebrepoError as error:
        complain(str(error))
        if error.hint:
            complain(f"Hint: {error.hint}")
        code = _CODES.get(type(error), FAILED)
    if code:
        complain("There have been errors!")
    return code


def _list(work: ShadowWork) -> int:
    codename, *names = work.asked.words
    found = work.distribution(codename)
    query = " | ".join(map(named, names))
    for one in members(work, found, query):
        work.say(one.line(found.codename))
    return 0


def _listfilter(work: ShadowWork) -> int:
    codename, said = work.asked.words[:2]
    found = work.distribution(codename)
    for one in members(work, found, counterparts.formula(said)):
        work.say(one.line(found.codename))
    return 0


def _ls(work: ShadowWork) -> int:
    by_component = work.asked.command == "lsbycomponent"
    rows: dict[tuple[str, ...], list[str]] = {}
    for found in work.distributions.values():
        for one in members(work, found, named(work.asked.words[0])):
            more = (one.component,) if by_component else ()
            row = (one.key.name, one.key.version, found.codename, *more)
            names = rows.setdefault(row, [])
            if one.architecture not in names:
                names.append(one.architecture)
    widths = [
        max((len(row[at]) for row in rows), default=0) for at in range(4 if by_component else 3)
    ]
    for row, names in rows.items():
        cells = [
            row[0].ljust(widths[0]),
            *(t.rjust(w) for t, w in zip(row[1:], widths[1:], strict=True)),
        ]
        work.say(" | ".join([*cells, ", ".join(names)]))
    return 0


def _export_named(work: ShadowWork) -> int:
    names = work.asked.words
    return export(work, [work.distribution(n) for n in names] or work.distributions.values())


def _checkpool(work: ShadowWork) -> int:
    place, problems = place_of(work), []
    for found in work.distributions.values():
        done = work.session.call(
            "publish.verify",
            distribution=found.codename,
            place=place,
            files="fast" not in work.asked.words,
        )
        problems += [str(problem) for problem in done.problems]
    for problem in problems:
        work.complain(problem)
    return FAILED if problems else 0


def _nothing(_: ShadowWork) -> int:
    """Do nothing: debrepo does it by itself, once the grace of files is over."""
    return 0


#: Words that a command needs at least, how it is written, and what does it.
_COMMANDS: dict[str, tuple[int, str, Callable[[ShadowWork], int]]] = {
    "includedeb": (2, "[--delete] includedeb <distribution> <.deb-file>", changing.include_files),
    "includeudeb": (
        2,
        "[--delete] includeudeb <distribution> <.udeb-file>",
        changing.include_files,
    ),
    "includedsc": (2, "[--delete] includedsc <distribution> <.dsc-file>", changing.include_files),
    "include": (2, "[--delete] include <distribution> <.changes-file>", changing.include),
    "remove": (2, "remove <distribution> <package-names>", changing.remove_named),
    "removesrc": (
        2,
        "removesrc <distribution> <source-name> [<source-version>]",
        changing.remove_source,
    ),
    "removefilter": (2, "removefilter <distribution> <condition>", changing.removefilter),
    "list": (1, "list <distribution> [<package-name>]", _list),
    "listfilter": (2, "listfilter <distribution> <condition>", _listfilter),
    "ls": (1, "ls <package-name>", _ls),
    "lsbycomponent": (1, "lsbycomponent <package-name>", _ls),
    "copy": (
        3,
        "copy <destination-distribution> <source-distribution> <package-names>",
        changing.copy,
    ),
    "export": (0, "export [<distributions>]", _export_named),
    "checkpool": (0, "checkpool [fast]", _checkpool),
    "check": (0, "check [<distributions>]", _checkpool),
    "deleteunreferenced": (0, "deleteunreferenced", _nothing),
}
