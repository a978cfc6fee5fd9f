"""Projects and groups: what distributions belong to, and who may do what there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from debrepo.database import json_table
from debrepo.errors import AlreadyExists, InUse, InvalidInput, NotFound
from debrepo_gitlab.refusals import NoGroup, NoProject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debrepo.database import Transaction
    from debrepo.permissions import Caller

VISIBILITIES = ("private", "internal", "public")

#: What a member may do: know that it is there, read, upload and edit, take things away.
ROLES = {
    "guest": ("see",),
    "reporter": ("see", "read"),
    "developer": ("see", "read", "write"),
    "maintainer": ("see", "read", "write", "delete"),
}

ACTIONS = ROLES["maintainer"]

_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_MAX_PATH = 120


class Container(NamedTuple):
    """A project or a group; its number never changes, its path may."""

    kind: str  #: ``project`` or ``group``
    id: int
    path: str  #: that of its group and a name of its own: ``acme/tools/web``
    visibility: str = "private"
    keys: tuple[str, ...] = ()  #: to sign with; none: each distribution gets a key of its own
    created: str = ""

    @property
    def key(self) -> str:
        """What the database calls it."""
        return f"{self.kind}:{self.id}"

    @property
    def name(self) -> str:
        """What operations and scopes call it: ``project:acme/web``."""
        return f"{self.kind}:{self.path}"

    @property
    def prefix(self) -> str:
        """Where its distributions are published."""
        return f"{self.kind}s/{self.id}"

    def scope(self, action: str) -> str:
        """Return the scope of doing something here."""
        return f"gitlab:{self.name}:{action}"


def _load(fields: dict[str, Any]) -> Container:
    return Container(**{**fields, "keys": tuple(fields["keys"])})


CONTAINERS = json_table("gitlab.containers", load=_load, dump=Container._asdict, record=Container)
#: ``project:acme/web``, in lower case, to the number.
PATHS = json_table(
    "gitlab.paths", load=lambda f: int(f["id"]), dump=lambda n: {"id": n}, record=int
)
#: ``user NUL project:5`` to the role.
MEMBERS = json_table(
    "gitlab.members", load=lambda f: str(f["role"]), dump=lambda r: {"role": r}, record=str
)
#: The greatest number that was given to a project, a group or a distribution.
NUMBERS = json_table(
    "gitlab.numbers", load=lambda f: int(f["last"]), dump=lambda n: {"last": n}, record=int
)


def next_number(txn: Transaction, what: str) -> int:
    """Return a number that was never given to anything of this sort."""
    number = txn[NUMBERS].get(what, 0) + 1
    txn[NUMBERS][what] = number
    return number


def check_path(path: str) -> str:
    """Return ``path``; raise `InvalidInput` unless a project or group can have it."""
    if not _PATH.fullmatch(path) or len(path) > _MAX_PATH or path.isdecimal():
        raise InvalidInput(
            f"{path[:80]!r} cannot be the path of a project or group",
            hint="such as acme/web: letters, digits and _.- between slashes, and not a number",
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
    """Return ``name``; raise `InvalidInput` unless a user can be called so."""
    if not _USER.fullmatch(name):
        raise InvalidInput(f"{name[:80]!r} cannot be a user", hint="letters, digits and _.-")
    return name


def add(txn: Transaction, container: Container) -> Container:
    """Store a new project or group under the next number."""
    _check_free(txn, container)
    parent = container.path.rpartition("/")[0]
    if parent:
        get(txn, f"group:{parent}")
    numbered = container._replace(id=next_number(txn, container.kind))
    txn[CONTAINERS][numbered.key] = numbered
    txn[PATHS][numbered.name.lower()] = numbered.id
    return numbered


def get(txn: Transaction, name: str) -> Container:
    """Return ``project:acme/web``, ``project:5`` or ``group:acme``; a bare word is a project's."""
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


def put(txn: Transaction, before: Container, after: Container) -> None:
    """Store what has become of a project or group; what is below a group moves with it."""
    moved = [(before, after)]
    if after.path != before.path:
        parent = after.path.rpartition("/")[0]
        if parent:
            get(txn, f"group:{parent}")
        for one in list_(txn):
            if before.kind == "group" and one.path.startswith(f"{before.path}/"):
                path = after.path + one.path.removeprefix(before.path)
                moved.append((one, one._replace(path=check_path(path))))
    for old, _ in moved:
        txn[PATHS].discard(old.name.lower())
    for _, new in moved:
        _check_free(txn, new)
        txn[PATHS][new.name.lower()] = new.id
        txn[CONTAINERS][new.key] = new


def _check_free(txn: Transaction, container: Container) -> None:
    for kind in ("project", "group"):
        if f"{kind}:{container.path}".lower() in txn[PATHS]:
            raise AlreadyExists(f"{kind} {container.path} exists already")


def drop(txn: Transaction, container: Container) -> None:
    """Forget a project or group that holds nothing any more."""
    below = [one for one in list_(txn) if one.path.startswith(f"{container.path}/")]
    if container.kind == "group" and below:
        raise InUse(f"group {container.path} holds {below[0].path}", hint="drop that first")
    del txn[CONTAINERS][container.key]
    txn[PATHS].discard(container.name.lower())
    for key in [key for key in txn[MEMBERS] if key.endswith(f"\0{container.key}")]:
        del txn[MEMBERS][key]


def list_(txn: Transaction, kind: str = "") -> list[Container]:
    """Return the projects and groups, or those of a kind, by number."""
    found = (one for one in txn[CONTAINERS].values() if kind in ("", one.kind))
    return sorted(found, key=lambda one: (one.kind, one.id))


def public_below(txn: Transaction, group: Container) -> list[Container]:
    """Return the public projects of a group and of the groups below it, by number."""
    start = f"{group.path}/"
    found = list_(txn, "project")
    return [p for p in found if p.visibility == "public" and p.path.startswith(start)]


def above(txn: Transaction, project: Container) -> list[Container]:
    """Return the groups that a project is in, the nearest first."""
    parts = project.path.split("/")[:-1]
    return [get(txn, f"group:{'/'.join(parts[:n])}") for n in range(len(parts), 0, -1)]


def set_member(txn: Transaction, container: Container, user: str, role: str) -> None:
    """Give a user a role, or none with an empty one."""
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
    """Yield where a user is a member, and the role there."""
    for key, role in txn[MEMBERS].prefix(f"{user}\0".encode()):
        where = key.partition("\0")[2]
        yield txn[CONTAINERS][where], role


def grants(container: Container, actions: tuple[str, ...]) -> Iterator[str]:
    """Yield the scopes of doing these things here, and in what is below a group."""
    for action in actions:
        yield container.scope(action)
        if container.kind == "group":
            yield f"gitlab:group:{container.path}/*:{action}"
            yield f"gitlab:project:{container.path}/*:{action}"


def check_download(txn: Transaction, path: str, caller: Caller) -> None:
    """Raise `NotFound` where a published file is of a project or group that is hidden."""
    kind, number, *_ = f"{path}/".split("/")
    found = txn[CONTAINERS].get(f"{kind[:-1]}:{number}")
    if found is None:
        return
    scope = found.scope("read")
    if not caller.may(scope) and scope not in open_grants(found, anonymous=caller.anonymous):
        raise NotFound(f"nothing is published at {path[:200]}")


def open_grants(container: Container, *, anonymous: bool) -> tuple[str, ...]:
    """Return the scopes that everybody has here, or everybody who is somebody."""
    everybody = container.visibility == "public"
    if everybody or (container.visibility == "internal" and not anonymous):
        return container.scope("see"), container.scope("read")
    return ()
