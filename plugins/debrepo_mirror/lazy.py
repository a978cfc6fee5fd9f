"""Fetching the files of lazy mirrors, when somebody needs them, and each of them once."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from debrepo import remote_files
from debrepo.errors import RemoteError
from debrepo.ingest.claiming import Claims
from debrepo.package import PackageFile
from debrepo_mirror import access, origins
from debrepo_mirror.download import Downloads, DownloadTerms, WantedFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from debrepo.pool import Pool
    from debrepo.session import Session
    from debrepo_mirror.origins import Origin

_SHOWN = 5  # failures that are named


class _Way(NamedTuple):
    """What one transport can fetch: the scheme, and who asks."""

    scheme: str
    credentials: str


def fetch(session: Session, needed: frozenset[str]) -> None:
    """Put those files into the pool that a lazy mirror lists, as `bring` does."""
    with session.db.read() as txn:
        found = origins.find(txn, needed)
    bring(session, found)


def bring(session: Session, wanted: Mapping[str, tuple[Origin, ...]]) -> None:
    """Put files into the pool, given by their SHA256 with the places that may have them.

    A file that another process or thread is fetching is waited for. Raise `RemoteError` once all
    that can be had is here, if something cannot.
    """
    found = {digest: places for digest, places in wanted.items() if places}
    failures: list[str] = []
    with session.pool.reserving() as pool, Claims(session.root) as claims:
        left: Mapping[str, tuple[Origin, ...]] = found
        while left:
            fetching = _Fetching(session, pool, claims)
            failures += fetching.run(left)
            pool.sync()
            if fetching.busy:
                claims.wait(bytes.fromhex(fetching.busy[0]))
            left = {
                digest: found[digest]
                for digest in fetching.busy
                if not remote_files.is_here(pool, digest, found[digest][0].size)
            }
    if failures:
        shown = "; ".join(failures[:_SHOWN])
        more = f"; and {len(failures) - _SHOWN} more" if len(failures) > _SHOWN else ""
        raise RemoteError(
            f"{len(failures)} of {len(found)} files could not be fetched: {shown}{more}",
            hint="try again later: what was fetched is kept; a file that is gone from the archive"
            ' can be added with "debrepo repo add"',
        )


class _Fetching:
    """One round: what nobody else fetches, from one of its origins after the other."""

    def __init__(self, session: Session, pool: Pool, claims: Claims) -> None:
        self._session = session
        self._pool = pool
        self._claims = claims
        self.busy: list[str] = []  #: what others are fetching

    def run(self, wanted: Mapping[str, tuple[Origin, ...]]) -> list[str]:
        """Fetch files; return a line for each that cannot be had."""
        ways: dict[_Way, dict[str, list[Origin]]] = {}
        others: dict[str, list[Origin]] = {}
        for digest, known in wanted.items():
            way = _way(known[0])
            ways.setdefault(way, {})[digest] = [one for one in known if _way(one) == way]
            others[digest] = [one for one in known if _way(one) != way]
        failures: dict[str, str] = {}
        for way, files in ways.items():
            failures |= self._fetch(way, files)
        again = {digest: tuple(others[digest]) for digest in failures if others[digest]}
        lines = [line for digest, line in failures.items() if digest not in again]
        return [*lines, *(self.run(again) if again else ())]

    def _fetch(self, way: _Way, files: Mapping[str, list[Origin]]) -> dict[str, str]:
        session, config = self._session, self._session.config
        root = next(iter(files.values()))[0].root
        failures: dict[str, str] = {}
        options = access.options(session, way.credentials)
        terms = DownloadTerms(config["mirror.max_tries"], config["mirror.retry_pause"])
        size = sum(known[0].size for known in files.values())
        with closing(session.transport(root, options)) as transport:
            downloads = Downloads(session, self._pool, transport, terms)
            wanted = self._wanted(files, failures)
            for done in downloads.fetch(wanted, files=len(files), size=size):
                digest = done.wanted.listed.sha256
                if done.found is None:
                    failures[digest] = f"{done.wanted.listed.name}: {done.reason}"
                self._claims.release([bytes.fromhex(digest)])
        return failures

    def _wanted(
        self, files: Mapping[str, list[Origin]], failures: dict[str, str]
    ) -> Iterator[WantedFile]:
        """Claim and yield files; note those whose archives are not allowed any more."""
        for digest, known in files.items():
            allowed = [one for one in known if access.is_allowed(self._session.config, one.root)]
            name = known[0].path.rpartition("/")[2]
            if not allowed:
                failures[digest] = f"{name}: mirror.urls does not allow {known[0].url}"
                continue
            if not self._claims.take(bytes.fromhex(digest)):
                self.busy.append(digest)
                continue
            self._pool.reserve(digest)
            if remote_files.is_here(self._pool, digest, known[0].size):  # it has come meanwhile
                self._claims.release([bytes.fromhex(digest)])
                continue
            listed = PackageFile(name, known[0].size, sha256=digest)
            yield WantedFile(_urls(allowed), listed)


def _way(origin: Origin) -> _Way:
    return _Way(origin.root.partition(":")[0], origin.credentials)


def _urls(known: Iterable[Origin]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(origin.url for origin in known))
