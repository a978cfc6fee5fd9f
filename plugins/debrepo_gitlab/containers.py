"""Projects and groups, which own distributions, and the roles of their members."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from debrepo.database import json_table
from debrepo.errors import AlreadyExists, InUse, InvalidInput
from debrepo_gitlab import container_lists, owners
from debrepo_gitlab.refusals import NoGroup, NoProject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from debrepo.database import Transaction
    from debrepo.permissions import Caller

VISIBILITIES = ("private", "internal", "public")

#: What a member may do: know that it is there, read, upload and edit, take things away; the
#: last one tells what is somebody's own in lists, and allows nothing.
ROLES = {
    "guest": ("see",),
    "reporter": ("see", "read"),
    "developer": ("see", "read", "write"),
    "maintainer": ("see", "read", "write", "delete"),
    "owner": ("see", "read", "write", "delete", "own"),
}

ACTIONS = ROLES["owner"]

_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_MAX_PATH = 120


class Container(NamedTuple):
    """A project or a group; its path can change, its number cannot."""

    kind: str  #: ``project`` or ``group``
    id: int
    path: str  #: that of its group and a name of its own: ``acme/tools/web``
    visibility: str = "private"
    keys: tuple[str, ...] = ()  #: to sign with; none: each distribution gets a key of its own
    created: str = ""

    @property
    def key(self) -> str:
        """Key in the database."""
        return f"{self.kind}:{self.id}"

    @property
    def name(self) -> str:
        """Name in operations and scopes: ``project:acme/web``."""
        return f"{self.kind}:{self.path}"

    @property
    def prefix(self) -> str:
        """Prefix of its distributions."""
        return f"{self.kind}s/{self.id}"

    def scope(self, action: str) -> str:
        """Return the scope of an action here."""
        return f"gitlab:{self.name}:{action}"


def _load(fields: dict[str, Any]) -> Container:
    return Container(**{**fields, "keys": tuple(fields["keys"])})


def _sort(txn: Transaction) -> None:
    container_lists.change(txn, (), txn[CONTAINERS].values())


CONTAINERS = json_table(
    "gitlab.containers",
    load=_load,
    dump=Container._asdict,
    record=Container,
    version=2,
    migrations=(_sort,),
)
#: ``project:acme/web``, in lower case, to the number.
PATHS = json_table(
    "gitlab.paths", load=lambda f: int(f["id"]), dump=lambda n: {"id": n}, record=int
)
#: A path that a project or group had, as in `PATHS`, to its number.
OLD_PATHS = json_table(
    "gitlab.old_paths", load=lambda f: int(f["id"]), dump=lambda n: {"id": n}, record=int
)
#: ``user NUL project:5`` to the role.
MEMBERS = json_table(
    "gitlab.members", load=lambda f: str(f["role"]), dump=lambda r: {"role": r}, record=str
)
#: The greatest number that was given to a project, a group or a distribution.
NUMBERS = json_table(
    "gitlab.numbers", load=lambda f: int(f["last"]), dump=lambda n: {"last": n}, record=int
)


#: The number of the last change of a project or a group, in `NUMBERS`.
CHANGES = "change of containers"


def next_number(txn: Transaction, what: str) -> int:
    """Return a number that no object of this kind has or had."""
    number = txn[NUMBERS].get(what, 0) + 1
    txn[NUMBERS][what] = number
    return number


def check_path(path: str) -> str:
    """Return ``path``; raise `InvalidInput` if it is not a valid path of a project or group."""
    if not _PATH.fullmatch(path) or len(path) > _MAX_PATH or path.isdecimal():
        raise InvalidInput(
            f"{path[:80]!r} cannot be the path of a project or group",
            hint="use letters, digits and _.- between slashes, and not a number alone: acme/web",
        )
    return path


def check_visibility(text: str) -> str:
    """Return ``text``; raise `InvalidInput` unless it is a visibility."""
    if text not in VISIBILITIES:
        raise InvalidInput(
            f"no visibility called {text[:80]!r}", hint=f"there are: {', '.join(VISIBILITIES)}"
        )
    return text


def check_user(name: str) -> str:
    """Return ``name``; raise `InvalidInput` if it is not a valid user name."""
    if not _USER.fullmatch(name):
        raise InvalidInput(f"not a user name: {name[:80]!r}", hint="use letters, digits and _.-")
    return name


def add(txn: Transaction, container: Container) -> Container:
    """Store a new project or group under the next number."""
    _check_free(txn, container)
    path = _path_in_group(txn, container.path)
    numbered = container._replace(id=next_number(txn, container.kind), path=path)
    txn[CONTAINERS][numbered.key] = numbered
    txn[PATHS][numbered.name.lower()] = numbered.id
    container_lists.change(txn, (), [numbered])
    next_number(txn, CHANGES)
    return numbered


def get(txn: Transaction, name: str) -> Container:
    """Return ``project:acme/web``, ``project:5`` or ``group:acme``; the default is a project."""
    kind, colon, path = name.partition(":")
    if not colon:
        kind, path = "project", name
    number: int | None
    if path.isascii() and path.isdecimal():
        number = int(path) if len(path) < 18 else None
    else:
        number = txn[PATHS].get(f"{kind}:{path}".lower()) if _PATH.fullmatch(path) else None
    found = txn[CONTAINERS].get(f"{kind}:{number}") if number is not None else None
    if found is None:
        error = NoGroup if kind == "group" else NoProject
        raise error(f"no {kind} called {path[:200]}", hint=f'run "debrepo {kind} list"')
    return found


def moved(txn: Transaction, name: str) -> Container | None:
    """Return the project or group that had this path, the last one if there were several."""
    kind, _, path = name.partition(":")
    if not _PATH.fullmatch(path) or len(path) > _MAX_PATH:
        return None
    return txn[CONTAINERS].get(f"{kind}:{txn[OLD_PATHS].get(name.lower(), 0)}")


def put(txn: Transaction, before: Container, after: Container) -> Container:
    """Store a changed project or group and return it; what is below a group moves with it."""
    moved = [(before, after)]
    if after.path != before.path:
        if before.kind == "group" and is_below(after, before):
            raise InvalidInput(f"group {before.path} cannot move into itself")
        after = after._replace(path=_path_in_group(txn, after.path))
        moved = [(before, after)]
        for one in list_(txn) if before.kind == "group" else ():
            if is_below(one, before):
                path = after.path + one.path[len(before.path) :]
                moved.append((one, one._replace(path=check_path(path))))
    for old, new in moved:
        txn[PATHS].discard(old.name.lower())
        if new.path.lower() != old.path.lower():
            txn[OLD_PATHS][old.name.lower()] = old.id
    for _, new in moved:
        _check_free(txn, new)
        txn[PATHS][new.name.lower()] = new.id
        txn[CONTAINERS][new.key] = new
        if new.kind == "project" and after.path != before.path:
            owners.mark(txn, new.id)  # other groups may list its packages
    container_lists.change(txn, (old for old, _ in moved), (new for _, new in moved))
    next_number(txn, CHANGES)
    return after


def _path_in_group(txn: Transaction, path: str) -> str:
    """Return a path as the group that it begins with is spelled; raise if there is no group."""
    above, slash, name = path.rpartition("/")
    return check_path(f"{get(txn, f'group:{above}').path}/{name}") if slash else path


def is_below(one: Container, group: Container) -> bool:
    """Return whether a path begins with that of a group."""
    return one.path.lower().startswith(f"{group.path}/".lower())


def _check_free(txn: Transaction, container: Container) -> None:
    for kind in ("project", "group"):
        if f"{kind}:{container.path}".lower() in txn[PATHS]:
            raise AlreadyExists(f"{kind} {container.path} exists already")


def drop(txn: Transaction, container: Container) -> None:
    """Drop an empty project or group."""
    below = [one for one in list_(txn) if is_below(one, container)]
    if container.kind == "group" and below:
        raise InUse(f"group {container.path} holds {below[0].path}", hint="drop that first")
    del txn[CONTAINERS][container.key]
    txn[PATHS].discard(container.name.lower())
    container_lists.change(txn, [container], ())
    next_number(txn, CHANGES)
    for key in [key for key in txn[MEMBERS] if key.endswith(f"\0{container.key}")]:
        del txn[MEMBERS][key]


def list_(txn: Transaction, kind: str = "") -> list[Container]:
    """Return the projects and groups, or those of a kind, by number."""
    found = (one for one in txn[CONTAINERS].values() if kind in ("", one.kind))
    return sorted(found, key=lambda one: (one.kind, one.id))


def below(txn: Transaction, group: Container) -> list[Container]:
    """Return the projects of a group and of the groups below it, by number."""
    rows = txn[PATHS].prefix(f"project:{group.path}/".lower().encode())
    return [txn[CONTAINERS][f"project:{number}"] for number in sorted(n for _, n in rows)]


def public_below(txn: Transaction, group: Container) -> list[Container]:
    """Return the public projects of a group and of the groups below it, by number."""
    return [one for one in below(txn, group) if one.visibility == "public"]


def above(txn: Transaction, project: Container) -> list[Container]:
    """Return the groups that a project is in, the nearest first."""
    parts = project.path.split("/")[:-1]
    return [get(txn, f"group:{'/'.join(parts[:n])}") for n in range(len(parts), 0, -1)]


def set_member(txn: Transaction, container: Container, user: str, role: str) -> None:
    """Set the role of a user; an empty role removes it."""
    key = f"{check_user(user)}\0{container.key}"
    if not role:
        txn[MEMBERS].discard(key)
        return
    if role not in ROLES:
        raise InvalidInput(f"no role called {role[:80]!r}", hint=f"there are: {', '.join(ROLES)}")
    txn[MEMBERS][key] = role


def members(txn: Transaction, container: Container) -> dict[str, str]:
    """Return the roles of the members, by user."""
    found = (key.split("\0") for key in txn[MEMBERS])
    users = [user for user, where in found if where == container.key]
    return {user: txn[MEMBERS][f"{user}\0{container.key}"] for user in users}


def memberships(txn: Transaction, user: str) -> Iterator[tuple[Container, str]]:
    """Yield the projects and groups that a user is a member of, and the role in each."""
    for key, role in txn[MEMBERS].prefix(f"{user}\0".encode()):
        where = key.partition("\0")[2]
        yield txn[CONTAINERS][where], role


def grants(container: Container, actions: tuple[str, ...]) -> Iterator[str]:
    """Yield the scopes of these actions here and below a group."""
    for action in actions:
        yield container.scope(action)
        if container.kind == "group":
            yield f"gitlab:group:{container.path}/*:{action}"
            yield f"gitlab:project:{container.path}/*:{action}"


def permits(caller: Caller, action: str) -> Callable[[Container], bool]:
    """Return a function that says whether a caller may do something in a project or group."""
    of_kind = {kind: reach(caller, action, kind) for kind in ("project", "group")}
    return lambda one: of_kind[one.kind](one.path, one.visibility)


def reach(
    caller: Caller, action: str, kind: str, *, granted: bool = False
) -> Callable[[str, str], bool]:
    """Return `permits` for a path and a visibility.

    With ``granted``, what everybody may do does not count. It is for many projects, and callers
    with many roles: those in projects grant scopes literally, and those in groups grant what
    begins with a path.
    """
    exact = frozenset(caller.scopes)
    others = tuple(f":{one}" for one in ACTIONS if one != action)
    patterns = [one for one in exact if one == "admin" or "*" in one or "?" in one]
    patterns = [one for one in patterns if not one.endswith(others)]
    below = re.compile(rf"gitlab:{kind}:([^*?]*/)\*:{action}")
    found = {one: below.fullmatch(one) for one in patterns}
    starts = tuple(match[1] for match in found.values() if match)
    less = caller._replace(scopes=tuple(one for one, match in found.items() if not match))
    start, end = f"gitlab:{kind}:", f":{action}"
    free: tuple[str, ...] = ()
    if action in {"see", "read"} and not granted:
        free = ("public",) if caller.anonymous else ("public", "internal")

    def may(path: str, visibility: str) -> bool:
        if visibility in free or path.startswith(starts):
            return True
        scope = f"{start}{path}{end}"
        return scope in exact or less.may(scope)

    return may


def open_grants(container: Container, *, anonymous: bool) -> tuple[str, ...]:
    """Return the scopes of anonymous callers here, or of all authenticated ones."""
    everybody = container.visibility == "public"
    if everybody or (container.visibility == "internal" and not anonymous):
        return container.scope("see"), container.scope("read")
    return ()
