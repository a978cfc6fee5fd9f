"""PDiffs: what has changed in Packages and Sources, for clients that have them as they were.

Every patch leads to the index of today at once, so a client needs one of them. A publish makes
one new patch, of the fragments that have changed, and joins it to those there are. What it takes
for that is in the cache: if it is gone, patches begin anew.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from debrepo.errors import InvalidInput
from debrepo.stanza import parse
from debrepo.values import NamedTuple
from debrepo_publish.indexes import ed_scripts
from debrepo_publish.model.hashing import digests
from debrepo_publish.model.publication import Index

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from debrepo_publish.engine.plan import Plan
    from debrepo_publish.indexes.cache import Cache
    from debrepo_publish.indexes.ed_scripts import EditHunk
    from debrepo_publish.indexes.rendering import Rendered
    from debrepo_publish.model.publication import Publication

OPTION = "pdiffs"
#: debmirror 2.49 reads SHA1 only; apt needs SHA256.
_CHECKSUMS = ("sha1", "sha256")
_MOST = 30  # patches of one index: each of them is made anew whenever it changes
_DATE = "%Y-%m-%d-%H%M.%S"
_DATE_SIZE = len("2026-01-31-2359.59")
_DAY = 86400
_LONGEST = 3660  # days


def check(publication: Publication) -> None:
    """Raise `InvalidInput` if patches cannot be kept for so long."""
    found = publication.options.get(OPTION, 0)
    if isinstance(found, int) and not 0 <= found <= _LONGEST:
        raise InvalidInput(
            f"the option pdiffs cannot be {found}", hint=f"give a number of days up to {_LONGEST}"
        )


def days(plan: Plan) -> int:
    """Return how long patches are kept for a client; 0: there are none."""
    found = plan.publication.options.get(OPTION)
    return found if isinstance(found, int) else 0


def checksums(plan: Plan) -> tuple[str, ...]:
    """Return the checksums to make of indexes: those of Release, and those that patches need."""
    wanted = plan.publication.sums
    return tuple(dict.fromkeys((*wanted, *_CHECKSUMS))) if days(plan) else wanted


class _Version(NamedTuple):
    """An index as it was, and the patch that leads from there to another one."""

    sha1: str
    sha256: str
    size: int
    name: str  #: of the patch, which has the dates of both
    patch: bytes  #: as a script of ed

    @property
    def since(self) -> str:
        """The date when it was made, and the number of its generation."""
        return self.name.partition("-F-")[2]


def render(
    cache: Cache, plan: Plan, rendered: Sequence[Rendered], dates: tuple[int, int], *, anew: bool
) -> Iterator[Rendered]:
    """Yield the patches of indexes that were rendered just now, and the lists of them.

    ``dates`` are those of the Release files before and now, in seconds since the epoch.
    """
    numbers = plan.previous.number if plan.previous else 0, plan.generation.number
    before, now = map(_name, dates, numbers)
    cache.put_outlines({one.checksums.sha256: one.outline for one in rendered if one.outline})
    known = plan.previous.indexes if plan.previous else {}
    for one in rendered:
        old = known.get(one.path)
        if not one.outline or old is None:
            continue
        if old.sha256 == one.checksums.sha256:
            yield from _kept(cache, known, one.path, anew=anew)
            continue
        best = [
            item.checksums.size
            for item in rendered
            if item.path.rpartition(".")[0] == one.path or item.path == one.path
            if item.checksums.stored
        ]
        yield from _made(cache, plan, known, one, old, min(best), before, now)


def _name(seconds: int, number: int) -> str:
    """Return a name for a generation that sorts by its date; two may have the same."""
    return f"{datetime.fromtimestamp(seconds, UTC).strftime(_DATE)}.{number:06}"


def _seconds(name: str) -> int:
    return int(datetime.strptime(name[:_DATE_SIZE], _DATE).replace(tzinfo=UTC).timestamp())


def _kept(cache: Cache, known: Mapping[str, Index], path: str, *, anew: bool) -> Iterator[Rendered]:
    """Yield the patches of an index that is as it was."""
    from debrepo_publish.indexes.rendering import Rendered  # slow to load

    there = {name: index for name, index in known.items() if name.startswith(f"{path}.diff/")}
    data = {name: cache.text(index.sha256) for name, index in there.items()} if anew else {}
    if all(data.values()):
        for name, index in there.items():
            yield Rendered(name, index, data.get(name))


def _made(
    cache: Cache,
    plan: Plan,
    known: Mapping[str, Index],
    one: Rendered,
    old: Index,
    limit: int,
    before: str,
    now: str,
) -> Iterator[Rendered]:
    """Yield the patches of an index that has changed, and the list of them."""
    from debrepo_publish.indexes.compression import BY_NAME
    from debrepo_publish.indexes.rendering import Rendered  # slow to load

    latest = _difference(cache, one, old)
    if latest is None or not old.sha1:
        return
    first = f"T-{now}-F-{before}"
    last = _Version(old.sha1, old.sha256, old.size, first, ed_scripts.script(latest))
    earliest = _seconds(now) - days(plan) * _DAY
    versions = [
        found._replace(
            name=f"T-{now}-F-{found.since}",
            patch=ed_scripts.script(ed_scripts.compose(ed_scripts.parse(found.patch), latest)),
        )
        for found in _versions(cache, known, one.path)
        if _seconds(found.since) >= earliest and found.sha256 != one.checksums.sha256
    ]
    packed = [(v, BY_NAME["gz"].pack(v.patch)) for v in [*versions, last][-_MOST:]]
    packed = [(version, data) for version, data in packed if 2 * len(data) <= limit]
    if not packed:
        return
    texts = {f"{version.name}.gz": data for version, data in packed}
    texts["Index"] = _index(one.checksums, packed)
    cache.put_texts({_sha256(data): data for data in texts.values()})
    for name, data in texts.items():
        index = Index(len(data), *digests(data, checksums(plan)), stored=True)
        yield Rendered(f"{one.path}.diff/{name}", index._replace(listed=name == "Index"), data)


def _difference(cache: Cache, one: Rendered, old: Index) -> list[EditHunk] | None:
    """Return what has changed in an index, of the fragments that are others; if that is known."""
    before, after = cache.outline(old.sha256), one.outline
    if not before:
        return None
    path = one.below
    old_keys, new_keys = [key for key, _ in before], [key for key, _ in after]
    changed = list(ed_scripts.ranges(old_keys, new_keys))
    keys = {key for i, j, m, n in changed for key in (*old_keys[i:j], *new_keys[m:n])}
    found = cache.get([(key, "") for key in keys])
    if len(found) < len(keys):
        return None
    texts = {key: texts.get(path, b"") for (key, _), texts in found.items()}
    hunks: list[EditHunk] = []
    line, last = 0, 0
    for i, j, m, n in changed:
        line += sum(count for _, count in before[last:i])
        last = i
        there = b"".join(texts[key] for key in old_keys[i:j])
        here = b"".join(texts[key] for key in new_keys[m:n])
        hunks += ed_scripts.between(there, here, line)
    return hunks


def _versions(cache: Cache, known: Mapping[str, Index], path: str) -> Iterator[_Version]:
    """Yield what the list of patches of the live generation says, as far as it is in the cache."""
    listed = known.get(f"{path}.diff/Index")
    text = cache.text(listed.sha256) if listed else b""
    if not text:
        return
    fields = {
        name.lower(): value for name, value in parse(text.decode().strip("\n").encode()).items()
    }
    sha1s = {line.split()[2]: line.split()[0] for line in _lines(fields["sha1-history"])}
    for line in _lines(fields["sha256-history"]):
        sha256, size, name = line.split()
        index = known.get(f"{path}.diff/{name}.gz")
        data = cache.text(index.sha256) if index else b""
        if data:
            yield _Version(sha1s[name], sha256, int(size), name, _unpacked(data))


def _lines(value: str) -> list[str]:
    return [line for line in value.split("\n") if line.strip()]


def _unpacked(data: bytes) -> bytes:
    import gzip

    return gzip.decompress(data)


def _index(current: Index, packed: Sequence[tuple[_Version, bytes]]) -> bytes:
    """Return the list of patches, of which the first one is for the oldest index."""
    lines = []
    for name in _CHECKSUMS:
        title = name.upper()
        lines.append(f"{title}-Current: {getattr(current, name)} {current.size}")
        lines.append(f"{title}-History:")
        lines += [f" {getattr(v, name)} {v.size} {v.name}" for v, _ in packed]
        lines.append(f"{title}-Patches:")
        lines += [f" {_digest(name, v.patch)} {len(v.patch)} {v.name}" for v, _ in packed]
        lines.append(f"{title}-Download:")
        lines += [f" {_digest(name, data)} {len(data)} {v.name}.gz" for v, data in packed]
    return "\n".join((*lines, "X-Patch-Precedence: merged", "")).encode()


def _digest(name: str, data: bytes) -> str:
    import hashlib  # it loads OpenSSL, which not every command needs

    return hashlib.new(name, data, usedforsecurity=False).hexdigest()


def _sha256(data: bytes) -> str:
    return _digest("sha256", data)
