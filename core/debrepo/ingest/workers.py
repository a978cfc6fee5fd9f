"""Many files at a time: threads or worker processes take a share of them."""

from __future__ import annotations

import marshal
import os
import select
import sys
from collections import deque
from contextlib import ExitStack, suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from debrepo import claims, errors
from debrepo.archive import LIMITS, Limits
from debrepo.archive.sound import expect_many
from debrepo.errors import DebrepoError
from debrepo.ingest.files import Depth, Ingested, Intake, Rejected
from debrepo.ingest.surveying import survey
from debrepo.package import Entry
from debrepo.pool import Pool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from debrepo.ingest.surveying import When

Result = Ingested | Rejected

_BATCH = 32  # files, whose keys are hashed together
_PENDING = 3  # batches that a worker has before it: it never waits for more of them
_AHEAD = 64  # batches that may be done before the one that is to be returned next
_WORTH = 512  # a process costs as much CPU as so many small files take
_LARGE = 1 << 16  # bytes; of what is larger, threads do most without the interpreter
_THREADED = 4 << 20  # bytes, of two files or more, that are worth a second thread
_MOST = 8  # processes or threads; the disk has been the bottleneck long before

#: What a worker runs: it takes the parent's search path, so that it finds the same debrepo.
_PROGRAM = (
    "import marshal, sys; sys.path[:] = marshal.load(sys.stdin.buffer); "
    "from debrepo.ingest.workers import serve; serve(sys.stdin.buffer, sys.stdout.buffer)"
)


def ingest(
    pool: Pool,
    files: Iterable[Path],
    *,
    workers: int | None = None,
    limits: Limits = LIMITS,
    deep: When = "add",
) -> Iterator[Result]:
    """Take package files into the pool, and yield the result of each, in order.

    Call `Pool.sync` before a transaction names what came out, and let the pool be one that
    is `Pool.reserving`, or a cleanup may be faster. ``workers`` is how many
    processes or threads take part, this one included; by default as many as there are
    processors, if the files are worth it. ``deep`` says when the data is read: with ``add`` it
    is now, with ``auto`` if it is little. Raises `DebrepoError` if the pool cannot be written.
    """
    files = list(files)
    found = survey(files, enough=_WORTH, deep=deep)
    if workers is None:
        workers = min(len(os.sched_getaffinity(0)), _MOST)
    intake = Intake(pool, limits, found.deep)
    if found.files >= _WORTH:
        expect_many()
    small = found.bytes < _LARGE * found.files
    if workers < 2 or found.files < 2:
        yield from _in_turn(files, intake, _BATCH if small else 1)
    elif found.files >= _WORTH and small:
        with ExitStack() as stack:
            helpers = [
                stack.enter_context(_Worker(pool, limits, found.deep)) for _ in range(workers - 1)
            ]
            yield from _share(iter(files), intake, helpers)
    elif found.bytes >= _THREADED:
        from debrepo.ingest import threads

        def make(_step: Callable[[], None]) -> Callable[[Path], Result]:
            return Intake(pool, limits, found.deep).take

        yield from threads.in_order(make, files, workers)
    else:
        yield from _in_turn(files, intake, _BATCH if small else 1)


def _in_turn(files: list[Path], intake: Intake, together: int) -> Iterator[Result]:
    for start in range(0, len(files), together):
        yield from intake.take_all(files[start : start + together])


class _Batch:
    """Some files, and their results once these are known."""

    def __init__(self, paths: list[Path], worker: _Worker | None) -> None:
        self.paths = paths
        self.worker = worker
        self.results: list[Result] = []


def _share(files: Iterator[Path], intake: Intake, workers: list[_Worker]) -> Iterator[Result]:
    """Keep the workers busy, and do in this process what they do not get to."""
    batches: deque[_Batch] = deque()
    more = True
    while more or batches:
        for worker in workers:
            while more and worker.pending < _PENDING:
                if paths := list(islice(files, _BATCH)):
                    worker.send(paths)
                    batches.append(_Batch(paths, worker))
                more = len(paths) == _BATCH
        if not batches:
            return
        first = batches[0]
        if first.worker is None or not more or len(batches) > _AHEAD or first.worker.ready():
            batches.popleft()
            if first.worker is not None:
                first.results = first.worker.receive(first.paths, intake)
            yield from first.results
            continue
        own = _Batch(list(islice(files, _BATCH)), None)
        more = len(own.paths) == _BATCH
        own.results = intake.take_all(own.paths)
        batches.append(own)


class _Worker:
    """A process of its own; a new one, not a fork: the database may be open in this one."""

    def __init__(self, pool: Pool, limits: Limits, deep: Depth) -> None:
        self.pending = 0
        import subprocess  # a single file needs no other process

        command = [sys.executable, "-I", "-S", "-c", _PROGRAM]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
        assert self._process.stdin
        assert self._process.stdout
        self._requests, self._answers = self._process.stdin, self._process.stdout
        self._send([os.fspath(path) for path in sys.path])
        claim = pool.claim.path if pool.claim else ""
        self._send((os.fspath(pool.root), claim, tuple(limits), tuple(deep)))

    def __enter__(self) -> _Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._requests.close()  # it ends at the end of its input, or of its output
        self._answers.close()
        self._process.wait()

    def send(self, paths: list[Path]) -> None:
        """Give it files to take; the answer is as many results."""
        self.pending += 1
        self._send([os.fspath(path) for path in paths])

    def _send(self, message: Any) -> None:
        with suppress(BrokenPipeError):  # it has died; `receive` will notice
            self._requests.write(marshal.dumps(message))

    def ready(self) -> bool:
        """Whether an answer has begun to arrive."""
        return bool(select.select([self._answers], [], [], 0)[0])

    def receive(self, paths: list[Path], intake: Intake) -> list[Result]:
        """Return the oldest answer; of a worker that has died, ``intake`` does the work."""
        self.pending -= 1
        try:
            size = int.from_bytes(_exactly(self._answers, 4), "big")
            answer = marshal.loads(_exactly(self._answers, size))  # noqa: S302  # our own
        except EOFError:
            return intake.take_all(paths)
        if isinstance(answer, tuple):
            raise _error(*answer)
        return [_unpacked(path, fields) for path, fields in zip(paths, answer, strict=True)]


def _exactly(file: Any, size: int) -> bytes:
    data: bytes = file.read(size)
    while len(data) < size:
        piece = file.read(size - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Take files until the input ends; the main loop of a worker."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that asks stops asking
    root, claim, limits, deep = marshal.load(requests)  # noqa: S302  # from who started this process
    try:
        pool = Pool(Path(root), claims.join(claim) if claim else None)
    except FileNotFoundError:  # who started it has died
        return
    intake = Intake(pool, Limits(*limits), Depth(*deep))
    expect_many()
    while True:
        try:
            paths = marshal.load(requests)  # noqa: S302
        except EOFError:
            return
        answer: Any
        try:
            answer = list(map(_packed, intake.take_all(map(Path, paths))))
        except DebrepoError as error:
            answer = _fields(error)
        data = marshal.dumps(answer)
        try:
            answers.write(len(data).to_bytes(4, "big") + data)
            answers.flush()
        except BrokenPipeError:
            os._exit(0)


def _packed(result: Result) -> tuple[object, ...]:
    if isinstance(result, Rejected):
        return _fields(result.error)
    parts = [os.fspath(part) for part in result.parts[1:]]
    return parts, *result[2:]


def _unpacked(path: Path, fields: tuple[Any, ...]) -> Result:
    if len(fields) == 3:
        return Rejected(path, _error(*fields))
    parts, entry, *more = fields
    return Ingested(path, (path, *map(Path, parts)), Entry(entry), *more)


def _fields(error: DebrepoError) -> tuple[str, str, str]:
    return type(error).__name__, str(error), error.hint


def _error(name: str, message: str, hint: str) -> DebrepoError:
    kind: type[DebrepoError] = getattr(errors, name)
    return kind(message, hint=hint)
