"""Background jobs: what plugins have a server do again and again, until it stops."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple, cast

from debrepo.errors import Cancelled, DatabaseBusy, DebrepoError, LeaseLost
from debrepo.refs import claimed
from debrepo.stopping import Watch, watching
from debrepo_server.metrics import head, line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from debrepo.background import Load
    from debrepo.leases import Lease
    from debrepo.refs import BackgroundJob
    from debrepo.session import Session

_LONGEST_PAUSE = 300.0  # seconds between two attempts at a job that fails

_log = logging.getLogger("debrepo.background")


class JobCounts(NamedTuple):
    """How often a job ran in this process, and how often it failed."""

    runs: int = 0
    failures: int = 0
    succeeded: float = 0.0  #: when it last did, in seconds since the epoch


def brought(session: Session) -> dict[str, BackgroundJob]:
    """Return the jobs of all plugins, by name; raise `PluginError` if two have one name."""
    return cast(
        "dict[str, BackgroundJob]", claimed(session.hook.debrepo_background, "background job")
    )


class Background:
    """The background jobs of one server, each in a thread of its own.

    A job that fails is logged once, tried again after pauses that grow, and logged again when
    it fails otherwise.
    """

    def __init__(
        self, session: Session, load: Load, jobs: Mapping[str, BackgroundJob] | None = None
    ) -> None:
        self._session = session
        self._load = load
        self._jobs = brought(session) if jobs is None else jobs
        self._over = threading.Event()
        self._watch = Watch()
        self._counts = {name: JobCounts() for name in self._jobs}
        self._running: set[str] = set()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin with the jobs."""
        for name, job in sorted(self._jobs.items()):
            thread = threading.Thread(
                target=self._run, args=(name, job), name=f"background-{name}", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def halt(self) -> list[str]:
        """Tell the jobs to end; return the names of those that are running."""
        self._over.set()
        self._watch.stop("the server is stopping")
        return sorted(f"background job {name}" for name in self._running)

    def stop(self) -> None:
        """Tell the jobs to end, and wait until they have."""
        self.halt()
        for thread in self._threads:
            thread.join()

    def lines(self) -> Iterator[str]:
        """Yield the metrics in the format of Prometheus."""
        for name, text, kind, index in (
            ("runs_total", "Runs of a background job.", "counter", 0),
            ("failures_total", "Runs that failed.", "counter", 1),
            ("success_timestamp_seconds", "When it last succeeded; 0: not yet.", "gauge", 2),
        ):
            yield from head(f"debrepo_background_{name}", text, kind)
            for job, counts in sorted(self._counts.items()):
                yield line(f"debrepo_background_{name}", {"job": job}, counts[index])

    def _run(self, name: str, job: BackgroundJob) -> None:
        work: Callable[[], None] | None = None
        said, failed = "", 0
        with ExitStack() as held, watching(self._watch):
            alone = not job.alone
            while not self._over.wait(min(job.every * 2**failed, max(job.every, _LONGEST_PAUSE))):
                try:
                    if not alone:
                        held.enter_context(self._lease(name))
                        alone = True
                    self._session.leases.check()
                except DatabaseBusy:  # another server does it
                    continue
                except LeaseLost:  # another node took it over from this one
                    held.close()
                    alone = not job.alone
                    continue
                except DebrepoError as error:
                    said, failed = self._failed(name, said, error), min(failed + 1, 10)
                    continue
                self._running.add(name)
                try:
                    if work is None:
                        work = cast("Callable[[], None]", job.ref.load()(self._session, self._load))
                    work()
                except Cancelled:
                    continue
                except Exception as error:  # a plugin may raise anything
                    said, failed = self._failed(name, said, error), min(failed + 1, 10)
                else:
                    counts = self._counts[name]
                    self._counts[name] = JobCounts(counts.runs + 1, counts.failures, time.time())
                    said, failed = "", 0
                finally:
                    self._running.discard(name)

    def _lease(self, name: str) -> AbstractContextManager[Lease]:
        return self._session.leases.hold(f"background:{name}", wait=0)

    def _failed(self, name: str, before: str, error: Exception) -> str:
        """Count a failure, and log it unless it is the one before; return what it says."""
        counts = self._counts[name]
        self._counts[name] = counts._replace(runs=counts.runs + 1, failures=counts.failures + 1)
        said = f"{type(error).__name__}: {error}"
        if said != before:
            known = isinstance(error, DebrepoError)
            _log.warning("background job %s failed: %s", name, error, exc_info=not known)
        return said
