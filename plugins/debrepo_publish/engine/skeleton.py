"""Skeleton files: what lies below a directory of ours is published beside the indexes.

``skel/PREFIX/dists/DISTRIBUTION/COMPONENT/`` below debrepo's root, as with aptly: every file there
is listed in Release, and stored by its hash as well.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from debrepo.errors import DebrepoError, InvalidInput
from debrepo.storage import check_path
from debrepo_publish.indexes.rendering import Rendered
from debrepo_publish.model.hashing import digests, key_of
from debrepo_publish.model.publication import Index

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from debrepo.session import Session
    from debrepo_publish.engine.plan import Plan
    from debrepo_publish.model.publication import Publication

_MAKER = "skeleton file"


def read(session: Session, publication: Publication, named: set[str]) -> dict[str, bytes]:
    """Return the skeleton files of a publication, by path below the distribution.

    What cannot be published is named in a warning, unless it is ``named`` already.
    Raise `InvalidInput` if they are larger than ``publish.skeleton_size``.
    """
    if publication.verbatim or not session.config["publish.skeleton"]:
        return {}
    base = session.root / session.config["publish.skeleton"]
    top = base / publication.path(publication.roots[-1])
    if not top.is_dir():
        return {}
    components = tuple(f"{name}/" for name in publication.sources)
    left, found = int(session.config["publish.skeleton_size"]), dict[str, bytes]()
    for path, file in _below(top, ""):
        odd = _oddity(path, file, components)
        if odd:
            warning = f"Warning: {file} {odd}, and is not published"
            if warning not in named:
                session.progress.note(warning)
            named.add(warning)
            continue
        data = _content(file)
        left -= len(data)
        if left < 0:
            raise InvalidInput(
                f"the files below {top} are larger than publish.skeleton_size allows",
                hint="raise it if that is meant",
            )
        found[path] = data
    return found


def _below(directory: Path, start: str) -> Iterator[tuple[str, Path]]:
    """Yield every file below a directory, sorted; no symlink is followed."""
    with os.scandir(directory) as entries:
        found = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
    for name, is_directory in found:
        if is_directory:
            yield from _below(directory / name, f"{start}{name}/")
        else:
            yield start + name, directory / name


def _oddity(path: str, file: Path, components: tuple[str, ...]) -> str:
    """Return why a file cannot be published, or nothing."""
    if not path.startswith(components):
        return "is in none of the components"
    if any(part.startswith((".", "~")) or part == "by-hash" for part in path.split("/")):
        return "has a name that debrepo keeps for itself"
    try:
        check_path(path)
    except DebrepoError:
        return "has a name that cannot be published"
    if file.is_symlink() or not file.is_file():
        return "is no regular file"
    return ""


def _content(file: Path) -> bytes:
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as opened:
            return opened.read()
    except OSError as error:
        raise InvalidInput(f"{file}: {error.strerror}") from None


def joined(plan: Plan, files: dict[str, bytes]) -> Plan:
    """Return a plan with skeleton files: other ones than in the live generation are a change."""
    if not files:
        return plan
    parts = [part for path, data in files.items() for part in (path.encode(), _digest(data))]
    rendering = key_of(b"skeleton 1", plan.generation.rendering.encode(), *parts).hex()
    generation = plan.generation._replace(rendering=rendering)
    previous = plan.previous
    same = previous is not None and previous.inputs == generation.inputs
    return plan._replace(generation=generation, skeleton=files, unchanged=same)


def _digest(data: bytes) -> bytes:
    import hashlib  # it loads OpenSSL, which not every command needs

    return hashlib.sha256(data).digest()


def added(plan: Plan, rendered: Iterable[Rendered]) -> list[Rendered]:
    """Return the indexes of a plan with its skeleton files; raise if one has the path of an index.

    Those of components that have not changed are among the indexes already, without their bytes.
    """
    files, checksums = plan.skeleton, plan.publication.sums
    kept = [item for item in rendered if item.path not in files or item.data is not None]
    taken = {item.path for item in kept}
    taken |= {f"{path.rpartition('/')[0]}/Release" for path in taken}
    clash = next((path for path in files if path in taken), None)
    if clash is not None:
        raise InvalidInput(
            f"the skeleton file {clash} has the path of an index of {plan.publication}",
            hint="give it another name, or leave it out",
        )
    made = (
        Rendered(path, Index(len(data), *digests(data, checksums), stored=True), data, _MAKER)
        for path, data in files.items()
    )
    return [*kept, *made]
