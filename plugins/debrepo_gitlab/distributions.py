"""Distributions: what a project or group publishes, and with which Release fields."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from debrepo.database import json_table
from debrepo_gitlab import containers, owners
from debrepo_gitlab.containers import CONTAINERS
from debrepo_gitlab.refusals import Invalid, NoDistribution

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from debrepo.database import Transaction
    from debrepo_gitlab.containers import Container

SHORTEST_VALIDITY = 86400  # seconds
LONGEST_VALIDITY = 2**31 - 1  # seconds
#: Fields of text that a client may set.
TEXTS = ("suite", "origin", "label", "version", "description")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*")
_COMPONENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,254}")
#: The longest for which the names of all its indexes are valid.
_ARCHITECTURE = re.compile(r"[a-z0-9][a-z0-9-]{0,236}")
_VERSION = re.compile(r"(?:[0-9]{1,9}:)?[0-9][0-9A-Za-z.+~]*(?:-[0-9A-Za-z.+~]+){0,14}")

#: What each parameter that a client may send has to look like.
PATTERNS = {
    "codename": _NAME,
    "suite": _NAME,
    "origin": _NAME,
    "label": _NAME,
    "version": _VERSION,
    "components": _COMPONENT,
    "architectures": _ARCHITECTURE,
}
_LONGEST = 255  # characters of a name


class Distribution(NamedTuple):
    """A distribution, with the API's names; empty fields are unset."""

    id: int
    container: str  #: ``project:5``
    codename: str
    suite: str = ""
    origin: str = ""
    label: str = ""
    version: str = ""
    description: str = ""
    valid_for: int = 0  #: seconds until clients refuse it; 0: for ever
    components: dict[str, str] = {}  # noqa: RUF012  # to the repository; of a group, to a set
    architectures: tuple[str, ...] = ("all", "amd64")
    keys: tuple[str, ...] = ()  #: that sign it; none: it was never published
    changed: int = 1  #: counts whatever has to be published
    published: int = 0  #: how much of that clients see
    created: str = ""
    sources: tuple[str, ...] = ()  #: of a group: all whose packages its tree may hold
    kept: dict[str, str] = {}  # noqa: RUF012  # of removed components, to the repository
    published_at: float = 0  #: when uploads were published last, in seconds since the epoch
    live: tuple[str, ...] = ()  #: components of the last publish; empty: nobody knows
    shown: bool = False  #: of a group: it may show all its sources; if not, each has to be checked

    @property
    def repos(self) -> tuple[str, ...]:
        """The repositories that hold the packages of a project's distribution."""
        return (*self.components.values(), *self.kept.values())

    @property
    def key(self) -> str:
        """Key in the database."""
        return f"{self.container}\0{self.codename}"


def _load(fields: dict[str, Any]) -> Distribution:
    fields.pop("surplus", None)  # older versions dropped the repositories of removed components
    lists = {name: tuple(fields.get(name, ())) for name in ("architectures", "keys", "live")}
    of_group = str(fields["container"]).startswith("group:")
    # Nobody knows any more from which projects it was published: the next publish cleans up.
    sources = tuple(fields.get("sources", ("unknown",) if of_group else ()))
    return Distribution(**{**fields, **lists, "sources": sources})


def _record_owners(txn: Transaction) -> None:
    for found in txn[DISTRIBUTIONS].values():
        if project := _project(found.container):
            owners.replace(txn, project, (), found.repos)


DISTRIBUTIONS = json_table(
    "gitlab.distributions",
    load=_load,
    dump=Distribution._asdict,
    record=Distribution,
    version=2,
    migrations=(_record_owners,),
)


def _project(container: str) -> int:
    """Return the number of a project by its key; 0: it is a group."""
    kind, _, number = container.partition(":")
    return int(number) if kind == "project" else 0


def put(txn: Transaction, found: Distribution) -> None:
    """Store a distribution; its repositories may be others than before."""
    before = txn[DISTRIBUTIONS].get(found.key)
    txn[DISTRIBUTIONS][found.key] = found
    if project := _project(found.container):
        owners.replace(txn, project, before.repos if before else (), found.repos)


def remove(txn: Transaction, found: Distribution) -> None:
    """Remove a distribution."""
    txn[DISTRIBUTIONS].discard(found.key)
    if project := _project(found.container):
        owners.replace(txn, project, found.repos, ())


def find(txn: Transaction, container: Container, name: str) -> Distribution | None:
    """Return the distribution with this codename, or else with this suite, if there is one."""
    found = txn[DISTRIBUTIONS].get(f"{container.key}\0{name}") if _NAME.fullmatch(name) else None
    if found is None:
        found = next((d for d in list_(txn, container) if d.suite and d.suite == name), None)
    return found


def get(txn: Transaction, container: Container, name: str) -> Distribution:
    """Return the distribution with this codename, or else with this suite."""
    found = find(txn, container, name)
    if found is None:
        raise NoDistribution(
            f"{container.name} has no distribution {name[:100]}",
            hint=f'run "debrepo distribution list {container.name}"',
        )
    return found


def list_(txn: Transaction, container: Container) -> list[Distribution]:
    """Return the distributions of a project or group, the oldest first."""
    start = f"{container.key}\0".encode()
    return sorted((found for _, found in txn[DISTRIBUTIONS].prefix(start)), key=lambda d: d.id)


def is_name(text: str) -> bool:
    """Return whether a distribution or component could have this name."""
    return len(text) <= _LONGEST and _NAME.fullmatch(text) is not None


def check(txn: Transaction, new: Distribution) -> None:
    """Raise `Invalid`, with all faults, if a distribution is malformed or conflicts with others."""
    faults: dict[str, list[str]] = {}

    def add(field: str, fault: str) -> None:
        if fault not in faults.setdefault(field, []):
            faults[field].append(fault)

    for field in ("codename", *TEXTS[:-1]):
        text = getattr(new, field)
        if text and (not PATTERNS[field].fullmatch(text) or len(text) > _LONGEST):
            add(field, "is invalid")
    if not new.codename:
        add("codename", "can't be blank")
    if new.valid_for and new.valid_for < SHORTEST_VALIDITY:
        fault = f"must be greater than or equal to {SHORTEST_VALIDITY}"
        add("valid_time_duration_seconds", fault)
    if new.valid_for > LONGEST_VALIDITY:
        fault = f"must be less than or equal to {LONGEST_VALIDITY}"
        add("valid_time_duration_seconds", fault)
    for field in ("components", "architectures"):
        if not all(PATTERNS[field].fullmatch(name) for name in getattr(new, field)):
            add(field, "is invalid")
    if not new.components:
        add("components", "can't be blank")
    for field, fault in _taken(txn, new):
        add(field, fault)
    if faults:
        said = [f"{field} {fault}" for field, found in faults.items() for fault in found]
        raise Invalid(", ".join(said), faults=faults)


def _taken(txn: Transaction, new: Distribution) -> Iterator[tuple[str, str]]:
    """Yield the names of a distribution that others have, and what to say."""
    start = f"{new.container}\0".encode()
    others = [found for _, found in txn[DISTRIBUTIONS].prefix(start) if found.id != new.id]
    codenames, suites = {o.codename for o in others}, {o.suite for o in others if o.suite}
    if new.codename in codenames:
        yield "codename", "has already been taken"
    if new.codename in suites:
        yield "codename", "has already been taken as Suite"
    if new.suite in suites:
        yield "suite", "has already been taken"
    if new.suite and new.suite in {*codenames, new.codename}:
        yield "suite", "has already been taken as Codename"


def architectures(wanted: Iterable[str]) -> tuple[str, ...]:
    """Return the architectures sorted, without duplicates, including ``all``."""
    return tuple(sorted({"all", *wanted}))


def number(txn: Transaction, new: Distribution) -> Distribution:
    """Store a new distribution under the next number."""
    numbered = new._replace(id=containers.next_number(txn, "distribution"))
    put(txn, numbered)
    return numbered


def mark(txn: Transaction, key: str) -> int:
    """Count a change to publish; return the count that `published` has to reach.

    Call this in the transaction of the change: what is counted and not published is published
    by the next server, whatever happens to this process. The groups of a public project
    publish its packages, too.
    """
    found = txn[DISTRIBUTIONS].get(key)
    if found is None:
        raise NoDistribution(f"{key.partition(chr(0))[2]} was dropped meanwhile")
    marked = found._replace(changed=found.changed + 1)
    txn[DISTRIBUTIONS][key] = marked
    owner = txn[CONTAINERS].get(found.container)
    if owner is not None and owner.kind == "project" and owner.visibility == "public":
        for group in containers.above(txn, owner):
            theirs = txn[DISTRIBUTIONS].get(f"{group.key}\0{found.codename}")
            if theirs is not None:
                txn[DISTRIBUTIONS][theirs.key] = theirs._replace(changed=theirs.changed + 1)
    return marked.changed


def is_live(txn: Transaction, key: str, number: int, serial: int) -> bool:
    """Return whether clients see what `mark` counted, in a distribution that is still there."""
    found = txn[DISTRIBUTIONS].get(key)
    return found is not None and found.id == number and found.published >= serial


def unpublished(txn: Transaction) -> list[tuple[Container, str]]:
    """Return the projects and groups with changes to publish, and the codename of each.

    Those that clients have never seen come last.
    """
    due = [found for found in txn[DISTRIBUTIONS].values() if found.published < found.changed]
    due.sort(key=lambda found: not found.published)
    rows = ((txn[CONTAINERS].get(found.container), found.codename) for found in due)
    return [(container, codename) for container, codename in rows if container is not None]


def entity(found: Distribution) -> dict[str, object]:
    """Return a distribution as clients read it."""
    return {
        "id": found.id,
        "codename": found.codename,
        **{field: getattr(found, field) or None for field in TEXTS},
        "valid_time_duration_seconds": found.valid_for or None,
        "components": sorted(found.components),
        "architectures": list(found.architectures),
    }


def follow(txn: Transaction, old: str, new: str) -> None:
    """Replace the name of a renamed repository in its distributions."""
    project = owners.of(txn, old)
    for _, found in list(txn[DISTRIBUTIONS].prefix(f"project:{project}\0".encode())):
        if old in found.repos:
            components, kept = (
                {c: new if name == old else name for c, name in names.items()}
                for names in (found.components, found.kept)
            )
            put(txn, found._replace(components=components, kept=kept))
