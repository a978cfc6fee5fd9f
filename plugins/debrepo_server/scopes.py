"""Scopes: the roles that stand for several, those that exist, and which of them grant a call."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from debrepo.errors import InvalidInput, NotFound
from debrepo.nearest import nearest
from debrepo.permissions import check_scope, meets

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from debrepo.permissions import Caller
    from debrepo.refs import Operation
    from debrepo.session import Session

#: What each role grants, for each repository and each place that it is given for.
ROLES = {
    "admin": ("admin",),
    "reader": ("read", "download:*"),
    "ci": (
        "read",
        "upload:{name}*",
        "upload:~*",  # where the command line sends the files of a token
        "repo:{repo}:add",
        "repo:{repo}:include",
        "publish:{publish}:update",
    ),
    "maintainer": (
        "read",
        "upload:{name}*",
        "upload:~*",  # where the command line sends the files of a token
        "repo:{repo}:*",
        "snapshot:*:create",
        "publish:{publish}:*",
    ),
}
_WORDS = ("admin", "read", "tasks", "public")
_BRACES = re.compile(r"\{\w+\}")
_NAMES = re.compile(r"\{(\w+)\}")
_UPLOAD = "upload"  # as an argument: the directory that the files of a call are in


class ScopeVerdict(NamedTuple):
    """Whether a token may do something."""

    allowed: bool
    granted: tuple[tuple[str, str], ...]  #: each scope that it needs, and what grants it, if any


def of_role(name: str, role: str, repos: Sequence[str], places: Sequence[str]) -> list[str]:
    """Return the scopes of a role, for a token called ``name``."""
    if role not in ROLES:
        raise InvalidInput(
            f"no role is called {role[:80]!r}", hint=f"there are: {', '.join(ROLES)}"
        )
    found: list[str] = []
    for scope in ROLES[role]:
        if "{repo}" in scope:
            found += (scope.replace("{repo}", repo) for repo in repos)
        elif "{publish}" in scope:
            found += (scope.replace("{publish}", place) for place in places)
        else:
            found.append(scope.replace("{name}", name))
    needs = "".join(ROLES[role])
    for option, given in (("repo", repos), ("publish", places)):
        if given and f"{{{option}}}" not in needs:
            raise InvalidInput(f"the role {role} has nothing to do with --{option}")
    if "{repo}" in needs and not repos and not places:
        raise InvalidInput(
            f"the role {role} is for certain repositories or places",
            hint="name them with --repo and --publish",
        )
    return found


def known(session: Session) -> list[str]:
    """Return the scopes that something needs, with braces for the words that vary."""
    found = {scope for one in session.operations.values() for scope in one.scopes}
    for brought in session.hook.debrepo_scopes():
        found.update(brought)
    return sorted(found)


def check(session: Session, scopes: Iterable[str]) -> tuple[str, ...]:
    """Return scopes that can be granted; raise `InvalidInput` for one that nothing needs."""
    there = known(session)
    checked = []
    for scope in map(check_scope, scopes):
        if not is_needed(scope, there):
            raise InvalidInput(f"nothing needs the scope {scope}", hint=_meant(scope, there))
        checked.append(scope)
    return tuple(checked)


def is_needed(scope: str, there: Iterable[str]) -> bool:
    """Return whether a scope grants anything at all."""
    return scope in _WORDS or any(meets(_BRACES.sub("*", one), scope) for one in there)


def absent(session: Session, scopes: Iterable[str]) -> list[str]:
    """Return a warning for each repository and place of scopes that is not there, or not yet."""
    with session.db.read() as txn:
        nodes = [node.name for batch in session.hook.debrepo_nodes(txn=txn) for node in batch]
    repos = [name.removeprefix("repo:") for name in nodes if name.startswith("repo:")]
    published = [name.removeprefix("publication:") for name in nodes]
    places = {name[:at] for name in published for at, sign in enumerate(name) if sign == "/"}
    warnings: dict[str, None] = {}
    for scope in scopes:
        kind, _, rest = scope.partition(":")
        name = rest.rpartition(":")[0]
        if not name or "*" in name:
            continue
        near = ""
        if kind == "repo" and name not in repos:
            near = f"no repository called {name} yet{_near(name, repos)}"
        elif kind == "publish" and ":fetch:" not in scope and name not in places:
            near = f"nothing published to {name} yet{_near(name, places)}"
        if near:
            warnings[f"Warning: there is {near}{'' if near.endswith('?') else '.'}"] = None
    return list(warnings)


def _near(name: str, known: Iterable[str]) -> str:
    found = nearest(name, known)
    return f"; is {found} meant?" if found else ""


def _meant(scope: str, there: Sequence[str]) -> str:
    """Return the scope that somebody may have meant: one of the same kind, or of similar words."""
    from difflib import get_close_matches

    first, _, last = scope.partition(":")[0], *scope.rpartition(":")[1:]
    kind = [one for one in there if one.startswith(f"{first}:")]
    if not kind:
        firsts = sorted({one.partition(":")[0] for one in (*there, *_WORDS)})
        near = get_close_matches(first, firsts, 1, 0.6)
        return (
            f"is {near[0]}{scope.removeprefix(first)} meant?"
            if near
            else (f"scopes begin with: {', '.join(firsts)}")
        )
    ends = {one.rpartition(":")[2]: one for one in kind}
    near = get_close_matches(last, list(ends), 1, 0.5)
    if near and scope.count(":") == ends[near[0]].count(":"):
        return f"is {scope.removesuffix(last)}{near[0]} meant?"
    return f"there are: {', '.join(kind)}"


def verdict(
    session: Session, caller: Caller, name: str, arguments: Mapping[str, str]
) -> ScopeVerdict:
    """Return whether a caller may call an operation with these arguments."""
    try:
        operation = session.operations[name]
    except KeyError:
        from difflib import get_close_matches

        near = get_close_matches(name, session.operations, 1)
        raise NotFound(
            f"no operation called {name}",
            hint=f"is {near[0]} meant?" if near else "docs/reference/operations.md lists them",
        ) from None
    needed = _needed(session, operation, arguments)
    granted = tuple(
        (scope, next((g for g in caller.scopes if caller._replace(scopes=(g,)).may(scope)), ""))
        for scope in needed
    )
    return ScopeVerdict(all(grant for _, grant in granted), granted)


def _needed(session: Session, operation: Operation, given: Mapping[str, str]) -> Iterator[str]:
    """Yield the scopes that a call needs, of which only some arguments are given."""
    import inspect

    parameters = inspect.signature(operation.ref.load()).parameters
    wrong = [name for name in given if name not in parameters and name != _UPLOAD]
    if wrong:
        raise InvalidInput(
            f"{operation.name} has no argument {wrong[0][:80]}",
            hint=f"there are: {', '.join(list(parameters)[1:])}, and {_UPLOAD} for files",
        )
    for scope in operation.scopes:
        values: dict[str, str | None] = {}
        for name in _NAMES.findall(scope):
            default = parameters[name].default
            if name not in given and default is inspect.Parameter.empty:
                hint = f"add {name}=VALUE"
                raise InvalidInput(f"that depends on {name} of {operation.name}", hint=hint)
            value = given.get(name, default)
            values[name] = value if value is None else session.spelled(name, value)
        if None not in values.values():
            yield scope.format_map(values)
    if _UPLOAD in given:
        yield f"{_UPLOAD}:{given[_UPLOAD]}"


def operations(session: Session, caller: Caller) -> list[str]:
    """Return the names of the operations that a caller may call, with some arguments at least."""
    return sorted(
        name
        for name, one in session.operations.items()
        if all(caller.may_some(scope) for scope in one.scopes)
    )
