"""Publications and their generations, in the database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from debrepo.errors import AlreadyExists, NotFound
from debrepo.nearest import meant
from debrepo.package import Link, Node, PackageList, SetId
from debrepo_publish.model import dated
from debrepo_publish.model.publication import Generation, Publication, generation_key
from debrepo_publish.model.tables import ADOPTED, COMMITS, GENERATIONS, PUBLICATIONS, SWITCHES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pluggy import HookRelay

    from debrepo.database import Transaction

LIST = 'run "debrepo publish list"'
_MOST = 5  # places that an error names


def get(
    txn: Transaction, key: str, after: Sequence[str] = (), *, otherwise: str = LIST
) -> Publication:
    """Return the publication with this key; ``after`` is what a command names after it.

    ``otherwise`` is the hint for a key that resembles no other.
    """
    try:
        return txn[PUBLICATIONS][key]
    except KeyError:
        raise missing(txn, key, after, otherwise=otherwise) from None


def missing(
    txn: Transaction, key: str, after: Sequence[str] = (), *, otherwise: str = LIST
) -> NotFound:
    """Return the error that there is no such publication, with the one that may be meant."""
    place, _, distribution = key.rpartition(" ")
    known = [(one.place, one.distribution) for one in txn[PUBLICATIONS].values()]
    elsewhere = [place for place, name in known if name == distribution]
    there = [name for where, name in known if where == place]
    own = of_alias(txn, place, distribution)
    if own != distribution:
        hint = f"it is an alias of {own}: name that instead"
    elif elsewhere:
        places = ", ".join(elsewhere[:_MOST]) + (", …" if len(elsewhere) > _MOST else "")
        hint = f"it is published in {places}: name the place after the distribution"
    elif (distribution, place) in known:
        hint = f"the distribution comes first: {place} {distribution}"
    elif len(after) == 1 and (place, after[0]) in known:
        where = "" if place == "." else f" {place}"
        hint = f"the distribution comes first: {after[0]}{where} {distribution}"
    else:
        hint = meant(distribution, there or [name for _, name in known], otherwise)
    return NotFound(f"nothing is published as {distribution} in {place}", hint=hint)


def create(txn: Transaction, publication: Publication) -> None:
    """Store a new publication."""
    if publication.key in txn[PUBLICATIONS]:
        raise AlreadyExists(
            f"{publication} is published already",
            hint=f'run "debrepo publish update {publication.words}", or'
            f' "debrepo publish drop {publication.words}" first',
        )
    txn[PUBLICATIONS][publication.key] = publication


def generation(txn: Transaction, key: str, number: int) -> Generation:
    """Return a generation of the publication ``key``."""
    return txn[GENERATIONS][generation_key(key, number)]


def base(txn: Transaction, key: str, made: Generation) -> Generation | None:
    """Return the generation that was live when another was made, if there was one."""
    return generation(txn, key, made.base) if made.base else None


def put_generation(txn: Transaction, key: str, changed: Generation) -> None:
    """Store a generation."""
    txn[GENERATIONS][generation_key(key, changed.number)] = changed


def remove_generation(txn: Transaction, key: str, number: int) -> None:
    """Remove a generation without files."""
    dated.remove(txn, key, number)
    txn[GENERATIONS].pop(generation_key(key, number), None)
    txn[COMMITS].pop(generation_key(key, number).encode(), None)
    txn[SWITCHES].pop(generation_key(key, number), None)
    for name, _ in list(txn[ADOPTED].prefix(f"{generation_key(key, number)}\0".encode())):
        del txn[ADOPTED][name]


def adopted_paths(txn: Transaction, key: str, number: int) -> Iterator[str]:
    """Yield the files of a generation that was adopted, below the prefix; none of any other."""
    for _, row in txn[ADOPTED].prefix(f"{generation_key(key, number)}\0".encode()):
        yield from row["paths"]


def generations(txn: Transaction, key: str, *, since: int = 0) -> Iterator[Generation]:
    """Yield the generations of the publication ``key`` that are remembered, oldest first.

    There may be thousands: pass ``since``, or stop early, if a few are enough.
    """
    start, stop = generation_key(key, since), f"{key}\1"
    for _, found in txn[GENERATIONS].range(start, stop):
        yield found


def last_number(txn: Transaction, key: str) -> int:
    """Return the number of the latest generation in any state; 0 for none."""
    keys = txn[GENERATIONS].range_keys(f"{key}\0", f"{key}\1", reverse=True)
    latest = next(keys, None)
    return int(latest.rpartition("\0")[2]) if latest else 0


def live(txn: Transaction, key: str) -> Generation | None:
    """Return the generation that clients see, if there is one."""
    publication = txn[PUBLICATIONS].get(key)
    if publication is None or not publication.live:
        return None
    found = txn[GENERATIONS].get(generation_key(key, publication.live))
    return found if found and found.state == "live" else None  # otherwise it is being dropped


def adopted(txn: Transaction, key: str) -> Generation | None:
    """Return the generation of another tool, as long as nothing of ours has replaced it."""
    found = None
    for one in generations(txn, key):
        if one.adopted:
            found = one
        elif one.state in ("live", "past"):
            return None
    return found


def of_alias(txn: Transaction, place: str, distribution: str) -> str:
    """Return the distribution that an alias stands for, or the one that was asked for."""
    for _, other in txn[PUBLICATIONS].prefix(f"{place} ".encode()):
        if distribution in other.aliases:
            return other.distribution
    return distribution


def starts_among(txn: Transaction, place: str, paths: Iterable[str]) -> set[str]:
    """Return those of some paths that clients of what is published at a place start from."""
    found: set[str] = set()
    for path in paths:
        root, _, name = path.removeprefix("dists/").rpartition("/")
        if name in ("InRelease", "Release", "Release.gpg"):
            found.update({path} if f"{place} {root}" in txn[PUBLICATIONS] else ())
    return found


def known_at(txn: Transaction, place: str) -> bool:
    """Return whether anything was ever published at a place, or is pending there."""
    return any(True for _ in txn[GENERATIONS].prefix_keys(f"{place} ".encode()))


def existing(txn: Transaction, hook: HookRelay, sources: Mapping[str, str]) -> dict[str, str]:
    """Return those of the sources, by component, that have not been dropped since."""
    known = {str(found) for batch in hook.debrepo_package_lists(txn=txn) for found in batch}
    return {component: source for component, source in sources.items() if source in known}


def links(txn: Transaction) -> list[Link]:
    """Return the package lists of each publication, now and pending; those cannot be dropped."""
    return [
        Link(source, f"publication:{publication}", firm=source in publication.sources.values())
        for publication in txn[PUBLICATIONS].values()
        for source in sorted({*publication.sources.values(), *(publication.pending or {}).values()})
    ]


def nodes(txn: Transaction) -> list[Node]:
    """Return the publications as a graph shows them: what is live."""
    return [_node(txn, publication) for publication in txn[PUBLICATIONS].values()]


def _node(txn: Transaction, publication: Publication) -> Node:
    name = f"publication:{publication}"
    live = txn[GENERATIONS].get(generation_key(publication.key, publication.live))
    if live is None:
        return Node(name, remarks=("not live yet",))
    served = ", ".join(live.parts)
    if live.architectures:
        served += f" for {', '.join(live.architectures)}"
    sets = tuple(part.set_id for part in live.parts.values())
    remarks = (served, "not signed") if publication.skip_signing else (served,)
    until = datetime.fromtimestamp(live.expires, UTC).isoformat() if live.expires else ""
    return Node(name, sets, live.created, remarks, until)


def served_lists(txn: Transaction) -> list[PackageList]:
    """Return what clients of each publication are served, component by component."""
    return [
        PackageList("publication", str(publication), part.set_id, component)
        for key, publication in txn[PUBLICATIONS].items()
        if publication.live
        for component, part in generation(txn, key, publication.live).parts.items()
    ]


def served_list(txn: Transaction, name: str) -> PackageList:
    """Return what clients are served, as a package list: ``PLACE/DISTRIBUTION/COMPONENT``.

    Where there is one component, ``PLACE/DISTRIBUTION`` will do.
    """
    words = name.split("/")  # places, distributions and components may have slashes
    for end in range(len(words), 1, -1):
        component = "/".join(words[end:])
        for cut in range(end - 1, 0, -1):
            place, distribution = "/".join(words[:cut]), "/".join(words[cut:end])
            found = live(txn, f"{place} {distribution}")
            only = next(iter(found.parts)) if found and len(found.parts) == 1 else ""
            if found and (component or only) in found.parts:
                part = found.parts[component or only]
                return PackageList(
                    "publication", name, part.set_id, component or only, distribution
                )
    raise NotFound(f"no publication serves {name}", hint=LIST)


def live_sets(txn: Transaction) -> set[SetId]:
    """Return the package sets of every generation that is remembered."""
    known = list(txn[GENERATIONS].values())
    trees = {g.verbatim.tree for g in known if g.verbatim}
    return {part.set_id for g in known for part in g.parts.values()} | trees


def follow(txn: Transaction, old: str, new: str) -> None:
    """Rename the package list ``old`` to ``new`` in all publications."""
    for publication in list(txn[PUBLICATIONS].values()):
        renamed = publication._replace(**_renamed(publication, old, new))
        if renamed != publication:
            txn[PUBLICATIONS][publication.key] = renamed
    for key, found in list(txn[GENERATIONS].items()):
        if found.state == "pending":  # it becomes the publication when it is live
            renamed = found.publication._replace(**_renamed(found.publication, old, new))
            txn[GENERATIONS][key] = found._replace(publication=renamed)


def _renamed(publication: Publication, old: str, new: str) -> dict[str, Any]:
    """Return those fields of a publication that name package lists, with one called ``new``."""
    fields = {"sources": publication.sources, "pending": publication.pending}
    return {
        field: lists and {part: new if name == old else name for part, name in lists.items()}
        for field, lists in fields.items()
    }
