"""The grammar of aptly's command line: options with one dash or two, before the arguments."""

from __future__ import annotations

from debrepo.values import NamedTuple

#: Kinds of values, by the names of options; an option has the same kind on every command.
Kind = type

GLOBAL: dict[str, Kind] = {
    "architectures": str,
    "config": str,
    "db-open-attempts": int,
    "dep-follow-all-variants": bool,
    "dep-follow-recommends": bool,
    "dep-follow-source": bool,
    "dep-follow-suggests": bool,
    "dep-verbose-resolve": bool,
    "gpg-provider": str,
}
_SIGNING: dict[str, Kind] = {
    "batch": bool,
    "gpg-key": list,
    "keyring": list,
    "passphrase": str,
    "passphrase-file": str,
    "secret-keyring": str,
    "skip-signing": bool,
}
_PUBLISHING: dict[str, Kind] = {
    **_SIGNING,
    "force-overwrite": bool,
    "multi-dist": bool,
    "signed-by": str,
    "skip-bz2": bool,
    "skip-contents": bool,
    "version": str,
}
_FIRST: dict[str, Kind] = {
    **_PUBLISHING,
    "acquire-by-hash": bool,
    "butautomaticupgrades": str,
    "codename": str,
    "component": str,
    "distribution": str,
    "label": str,
    "notautomatic": str,
    "origin": str,
    "suite": str,
}
_MIRRORED: dict[str, Kind] = {
    "filter": str,
    "filter-with-deps": bool,
    "ignore-signatures": bool,
    "keyring": list,
    "with-appstream": bool,
    "with-installer": bool,
    "with-sources": bool,
    "with-udebs": bool,
}
_REPO: dict[str, Kind] = {
    "comment": str,
    "component": str,
    "distribution": str,
    "uploaders-file": str,
}
_LIST: dict[str, Kind] = {"json": bool, "raw": bool}
_SHOW: dict[str, Kind] = {"json": bool, "with-packages": bool}
_SEARCH: dict[str, Kind] = {"format": str, "with-deps": bool}
_TRANSFER: dict[str, Kind] = {"dry-run": bool, "with-deps": bool}
_SOURCES: dict[str, Kind] = {"component": str, "prefix": str}
_MANY = 1 << 30


class AptlyCommand(NamedTuple):
    """A command of aptly's: what its arguments are called, how many it takes, its options."""

    usage: str
    fewest: int = 0
    most: int = 0
    options: dict[str, Kind] = {}  # noqa: RUF012  # never changed


COMMANDS: dict[str, AptlyCommand] = {
    "config show": AptlyCommand("", options={"yaml": bool}),
    "db cleanup": AptlyCommand("", options={"dry-run": bool, "verbose": bool}),
    "db recover": AptlyCommand(""),
    "graph": AptlyCommand("", options={"format": str, "layout": str, "output": str}),
    "mirror create": AptlyCommand(
        "<name> <archive url> <distribution> [<component1> ...]",
        2,
        _MANY,
        {
            **_MIRRORED,
            "force-architectures": bool,
            "force-components": bool,
            "max-tries": int,
        },
    ),
    "mirror drop": AptlyCommand("<name>", 1, 1, {"force": bool}),
    "mirror edit": AptlyCommand("<name>", 1, 1, {**_MIRRORED, "archive-url": str}),
    "mirror list": AptlyCommand("", options=_LIST),
    "mirror rename": AptlyCommand("<old-name> <new-name>", 2, 2),
    "mirror search": AptlyCommand("<name> [<package-query>]", 1, 2, _SEARCH),
    "mirror show": AptlyCommand("<name>", 1, 1, _SHOW),
    "mirror update": AptlyCommand(
        "<name>",
        1,
        1,
        {
            "download-limit": int,
            "downloader": str,
            "force": bool,
            "ignore-checksums": bool,
            "ignore-signatures": bool,
            "keyring": list,
            "latest": bool,
            "max-tries": int,
            "skip-existing-packages": bool,
        },
    ),
    "package search": AptlyCommand("[<package-query>]", 0, 1, {"format": str}),
    "package show": AptlyCommand(
        "<package-query>", 1, 1, {"with-files": bool, "with-references": bool}
    ),
    "publish drop": AptlyCommand(
        "<distribution> [[<endpoint>:]<prefix>]",
        1,
        2,
        {"force-drop": bool, "skip-cleanup": bool},
    ),
    "publish list": AptlyCommand("", options=_LIST),
    "publish repo": AptlyCommand("<name> [[<endpoint>:]<prefix>]", 1, _MANY, _FIRST),
    "publish show": AptlyCommand("<distribution> [[<endpoint>:]<prefix>]", 1, 2, {"json": bool}),
    "publish snapshot": AptlyCommand("<name> [[<endpoint>:]<prefix>]", 1, _MANY, _FIRST),
    "publish source add": AptlyCommand("<distribution> <source>", 2, _MANY, _SOURCES),
    "publish source drop": AptlyCommand("<distribution>", 1, 1, {"prefix": str}),
    "publish source list": AptlyCommand("<distribution>", 1, 1, {"prefix": str, "json": bool}),
    "publish source remove": AptlyCommand("<distribution>", 1, 1, _SOURCES),
    "publish source replace": AptlyCommand("<distribution> <source>", 2, _MANY, _SOURCES),
    "publish source update": AptlyCommand("<distribution> <source>", 2, _MANY, _SOURCES),
    "publish switch": AptlyCommand(
        "<distribution> [[<endpoint>:]<prefix>] <new-source>",
        2,
        _MANY,
        {**_PUBLISHING, "component": str, "skip-cleanup": bool},
    ),
    "publish update": AptlyCommand(
        "<distribution> [[<endpoint>:]<prefix>]",
        1,
        2,
        {**_PUBLISHING, "label": str, "origin": str, "skip-cleanup": bool},
    ),
    "repo add": AptlyCommand(
        "<name> (<package file.deb>|<directory>)...",
        2,
        _MANY,
        {"force-replace": bool, "remove-files": bool},
    ),
    "repo copy": AptlyCommand("<src-name> <dst-name> <package-query> ...", 3, _MANY, _TRANSFER),
    "repo create": AptlyCommand("<name> [ from snapshot <snapshot> ]", 1, 4, _REPO),
    "repo drop": AptlyCommand("<name>", 1, 1, {"force": bool}),
    "repo edit": AptlyCommand("<name>", 1, 1, _REPO),
    "repo import": AptlyCommand("<src-mirror> <dst-repo> <package-query> ...", 3, _MANY, _TRANSFER),
    "repo include": AptlyCommand(
        "(<file.changes>|<directory>)...",
        1,
        _MANY,
        {
            "accept-unsigned": bool,
            "force-replace": bool,
            "ignore-signatures": bool,
            "keyring": list,
            "no-remove-files": bool,
            "repo": str,
            "uploaders-file": str,
        },
    ),
    "repo list": AptlyCommand("", options=_LIST),
    "repo move": AptlyCommand("<src-name> <dst-name> <package-query> ...", 3, _MANY, _TRANSFER),
    "repo remove": AptlyCommand("<name> <package-query> ...", 2, _MANY, {"dry-run": bool}),
    "repo rename": AptlyCommand("<old-name> <new-name>", 2, 2),
    "repo search": AptlyCommand("<name> [<package-query>]", 1, 2, _SEARCH),
    "repo show": AptlyCommand("<name>", 1, 1, _SHOW),
    "snapshot create": AptlyCommand(
        "<name> (from mirror <mirror-name> | from repo <repo-name> | empty)", 2, 4
    ),
    "snapshot diff": AptlyCommand("<name-a> <name-b>", 2, 2, {"only-matching": bool}),
    "snapshot drop": AptlyCommand("<name>", 1, 1, {"force": bool}),
    "snapshot filter": AptlyCommand(
        "<source> <destination> <package-query> ...", 3, _MANY, {"with-deps": bool}
    ),
    "snapshot list": AptlyCommand("", options={**_LIST, "sort": str}),
    "snapshot merge": AptlyCommand(
        "<destination> <source> [<source>...]", 2, _MANY, {"latest": bool, "no-remove": bool}
    ),
    "snapshot pull": AptlyCommand(
        "<name> <source> <destination> <package-query> ...",
        4,
        _MANY,
        {"all-matches": bool, "dry-run": bool, "no-deps": bool, "no-remove": bool},
    ),
    "snapshot rename": AptlyCommand("<old-name> <new-name>", 2, 2),
    "snapshot search": AptlyCommand("<name> [<package-query>]", 1, 2, _SEARCH),
    "snapshot show": AptlyCommand("<name>", 1, 1, _SHOW),
    "snapshot verify": AptlyCommand("<name> [<source> ...]", 1, _MANY),
    "task run": AptlyCommand(
        "-filename=<filename> | <command1>, <command2>, ...", 0, _MANY, {"filename": str}
    ),
    "version": AptlyCommand(""),
}

_KINDS = {
    **GLOBAL,
    **{name: kind for one in COMMANDS.values() for name, kind in one.options.items()},
}
_GROUPS = {
    " ".join(path.split()[:length]) for path in COMMANDS for length in range(len(path.split()))
}


class WrongUsage(Exception):
    """The command line is none of aptly's; the message says why, and how it is used."""


class ParsedLine(NamedTuple):
    """A command line that was taken apart."""

    command: str
    options: dict[str, bool | int | str | list[str]]
    arguments: tuple[str, ...]


def parse(words: tuple[str, ...]) -> ParsedLine:
    """Take a command line apart; raise `WrongUsage` for what aptly would refuse with status 2."""
    path = ""
    options: dict[str, bool | int | str | list[str]] = {}
    rest = list(words)
    while rest:
        word = rest[0]
        if word == "--":
            rest.pop(0)
            break
        if word.startswith("-") and word != "-":
            _option(path, rest, options)
        elif path in _GROUPS:
            below = f"{path} {word}".strip()
            if below not in COMMANDS and below not in _GROUPS:
                raise WrongUsage(usage(path))
            path = below
            rest.pop(0)
        else:
            break
    if path not in COMMANDS:
        raise WrongUsage(usage(path))
    command = COMMANDS[path]
    for name in options:
        if name not in GLOBAL and name not in command.options:
            raise WrongUsage(f"flag provided but not defined: -{name}\n{usage(path)}")
    if not command.fewest <= len(rest) <= command.most:
        raise WrongUsage(usage(path))
    return ParsedLine(path, options, tuple(rest))


def _option(path: str, rest: list[str], options: dict[str, bool | int | str | list[str]]) -> None:
    """Take an option, and its value, from the beginning of ``rest``."""
    word = rest.pop(0)
    name, given, value = word[2 if word.startswith("--") else 1 :].partition("=")
    kind = _KINDS.get(name)
    if kind is None:
        said = "" if name in ("h", "help") else f"flag provided but not defined: -{name}\n"
        raise WrongUsage(said + usage(path))
    if kind is bool:
        if given and value.lower() not in _TRUTH:
            raise WrongUsage(f'invalid boolean value "{value}" for -{name}\n{usage(path)}')
        options[name] = _TRUTH[value.lower()] if given else True
        return
    if not given:
        if not rest:
            raise WrongUsage(f"flag needs an argument: -{name}\n{usage(path)}")
        value = rest.pop(0)
    if kind is int:
        try:
            options[name] = int(value)
        except ValueError:
            text = f'invalid value "{value}" for flag -{name}'
            raise WrongUsage(f"{text}\n{usage(path)}") from None
    elif kind is list:
        known = options.setdefault(name, [])
        assert isinstance(known, list)  # this option has no other kind
        known.append(value)
    else:
        options[name] = value


_TRUTH = {"1": True, "t": True, "true": True, "0": False, "f": False, "false": False}


def usage(path: str) -> str:
    """Return how a command is used, or what is below a group."""
    if path in COMMANDS:
        command = COMMANDS[path]
        lines = [f"Usage: aptly {path} {command.usage}".rstrip(), "", "Options:"]
        lines += [f"  -{name}" for name in sorted({**GLOBAL, **command.options})]
        return "\n".join(lines)
    start = f"{path} " if path else ""
    names = {known[len(start) :].split()[0] for known in COMMANDS if known.startswith(start)}
    lines = ["", f"aptly {path}".rstrip(), "", "Commands:", ""]
    return "\n".join([*lines, *(f"    {name}" for name in sorted(names))])
