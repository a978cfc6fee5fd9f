"""Fetching the files of lazy mirrors, when somebody needs them, and each of them once."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, NamedTuple

from debrepo import remote_files
from debrepo.errors import RemoteError
from debrepo.ingest.claiming import Claims
from debrepo.package import PackageFile
from debrepo_mirror import access, origins
from debrepo_mirror.download import Downloads, DownloadTerms, WantedFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from debrepo.pool import Pool
    from debrepo.session import Session
    from debrepo.transport import Transport
    from debrepo_mirror.origins import Origin

    #: Opens a transport for the archive with a root, as somebody who may read there.
    OpenedTransport = Callable[[Session, str, str], AbstractContextManager[Transport]]

_SHOWN = 5  # failures that are named


class GoneUpstream(RemoteError):
    """The archives say that they have no such file."""


class _Failure(NamedTuple):
    """Why a file cannot be had."""

    text: str  #: one line, with its name
    missing: bool = False  #: whether the archives say that there is no such file


class _Way(NamedTuple):
    """What one transport can fetch: the scheme, and who asks."""

    scheme: str
    credentials: str


@contextmanager
def _opened(session: Session, root: str, credentials: str) -> Iterator[Transport]:
    with closing(session.transport(root, access.options(session, credentials))) as transport:
        yield transport


def fetch(session: Session, needed: frozenset[str]) -> None:
    """Put those files into the pool that a lazy mirror lists, as `bring` does."""
    with session.db.read() as txn:
        found = origins.find(txn, needed)
    bring(session, found)


def bring(
    session: Session,
    wanted: Mapping[str, tuple[Origin, ...]],
    opened: OpenedTransport | None = None,
) -> None:
    """Put files into the pool, given by their SHA256 with the places that may have them.

    A file that another process or thread is fetching is waited for. Raise `RemoteError` once all
    that can be had is here, if something cannot, and `GoneUpstream` if all that cannot is nowhere.
    ``opened`` opens transports, or has them open already.
    """
    found = {digest: places for digest, places in wanted.items() if places}
    failures: list[_Failure] = []
    with session.pool.reserving() as pool, Claims(session.root) as claims:
        left: Mapping[str, tuple[Origin, ...]] = found
        while left:
            fetching = _Fetching(session, pool, claims, opened or _opened)
            failures += fetching.run(left).values()
            pool.sync()
            if fetching.busy:
                claims.wait(bytes.fromhex(fetching.busy[0]))
            left = {
                digest: found[digest]
                for digest in fetching.busy
                if not remote_files.is_here(pool, digest, found[digest][0].size)
            }
    if failures:
        shown = "; ".join(failure.text for failure in failures[:_SHOWN])
        more = f"; and {len(failures) - _SHOWN} more" if len(failures) > _SHOWN else ""
        kind = GoneUpstream if all(failure.missing for failure in failures) else RemoteError
        raise kind(
            f"{len(failures)} of {len(found)} files could not be fetched: {shown}{more}",
            hint="try again later: what was fetched is kept; a file that is gone from the archive"
            ' can be added with "debrepo repo add"',
        )


class _Fetching:
    """One round: what nobody else fetches, from one of its origins after the other."""

    def __init__(
        self, session: Session, pool: Pool, claims: Claims, opened: OpenedTransport
    ) -> None:
        self._session = session
        self._opened = opened
        self._pool = pool
        self._claims = claims
        self.busy: list[str] = []  #: what others are fetching

    def run(self, wanted: Mapping[str, tuple[Origin, ...]]) -> dict[str, _Failure]:
        """Fetch files; return those that cannot be had, and why."""
        ways: dict[_Way, dict[str, list[Origin]]] = {}
        others: dict[str, list[Origin]] = {}
        for digest, known in wanted.items():
            way = _way(known[0])
            ways.setdefault(way, {})[digest] = [one for one in known if _way(one) == way]
            others[digest] = [one for one in known if _way(one) != way]
        failures: dict[str, _Failure] = {}
        for way, files in ways.items():
            failures |= self._fetch(way, files)
        again = {digest: tuple(others[digest]) for digest in failures if others[digest]}
        left = {digest: why for digest, why in failures.items() if digest not in again}
        for digest, why in (self.run(again) if again else {}).items():
            left[digest] = why._replace(missing=why.missing and failures[digest].missing)
        return left

    def _fetch(self, way: _Way, files: Mapping[str, list[Origin]]) -> dict[str, _Failure]:
        session, config = self._session, self._session.config
        root = next(iter(files.values()))[0].root
        failures: dict[str, _Failure] = {}
        terms = DownloadTerms(config["mirror.max_tries"], config["mirror.retry_pause"])
        size = sum(known[0].size for known in files.values())
        with self._opened(session, root, way.credentials) as transport:
            downloads = Downloads(session, self._pool, transport, terms)
            wanted = self._wanted(files, failures)
            for done in downloads.fetch(wanted, files=len(files), size=size):
                digest = done.wanted.listed.sha256
                if done.found is None:
                    text = f"{done.wanted.listed.name}: {done.reason}"
                    failures[digest] = _Failure(text, done.missing)
                self._claims.release([bytes.fromhex(digest)])
        return failures

    def _wanted(
        self, files: Mapping[str, list[Origin]], failures: dict[str, _Failure]
    ) -> Iterator[WantedFile]:
        """Claim and yield files; note those whose archives are not allowed any more."""
        for digest, known in files.items():
            allowed = [one for one in known if access.is_allowed(self._session.config, one.root)]
            name = known[0].path.rpartition("/")[2]
            if not allowed:
                text = f"{name}: mirror.urls does not allow {known[0].url}"
                failures[digest] = _Failure(text)
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
