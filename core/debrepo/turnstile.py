"""The turnstile: small adds by command line go one after another, in the order they came.

Starting a command costs more than adding a package. When dozens start at once, all of them
share the processors with a server that has a request to answer, and the holder
of the write lock waits for a processor, too. So a small add draws a number before
it imports anything heavy, and sleeps until few enough are before it. A number is a byte of
a file, locked as long as its owner lives.
"""

import fcntl
import os
import struct

TYPE_CHECKING = False  # `typing` takes as long to import as all of this
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_VERBS = (["repo", "add"], ["repo", "include"])
_WITH_VALUES = ("--root", "--config")
_FILES = 8  # an add of more is no small one, nor is one of a directory
_BYTES = 16 << 20
_PATIENCE = 60.0  # seconds; one before may have been stopped with Ctrl-Z
_NUMBER = struct.Struct("<q")
_LOCK = struct.Struct("hhqqi4x")  # the kernel's struct flock
_FIRST = 64  # the byte that stands for number 0; the first ones hold the last number drawn


def pass_through(arguments: "Sequence[str]", environment: "Mapping[str, str]") -> int:
    """Wait for this process's turn, if it is to wait; what is returned keeps it while open."""
    root = root_of(arguments, environment)
    if root is None:
        return -1
    try:
        file = os.open(f"{root}/db/turnstile", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError:  # there is no database yet, or no permission
        return -1
    try:
        _wait(file, _draw(file), len(os.sched_getaffinity(0)))
    except OSError:  # no space left, or a file system without such locks
        os.close(file)
        return -1
    return file


def root_of(arguments: "Sequence[str]", environment: "Mapping[str, str]") -> str | None:
    """Return the root of a small add that these words ask for, or ``None`` for all else."""
    root = environment.get("DEBREPO_ROOT") or os.path.expanduser("~/.debrepo")
    words: list[str] = []
    given = iter(arguments)
    for word in given:
        option, equals, value = word.partition("=")
        if option == "--server":
            return None
        if option in _WITH_VALUES:
            value = value if equals else next(given, "")
            root = value if option == "--root" else root
        elif not word.startswith("-"):
            words.append(word)
    if environment.get("DEBREPO_SERVER") or words[:2] not in _VERBS:
        return None
    return root if _is_small(words[2:]) else None


def _is_small(words: list[str]) -> bool:
    size = 0
    for word in words[: _FILES + 1]:
        if os.path.isdir(word):
            return False
        if os.path.isfile(word):
            size += os.path.getsize(word)
    return len(words) <= _FILES and size <= _BYTES


def _draw(file: int) -> int:
    """Return the next number, locked."""
    _lock(file, fcntl.F_WRLCK, 0)
    try:
        last = os.pread(file, _NUMBER.size, 0)
        number = _NUMBER.unpack(last)[0] + 1 if len(last) == _NUMBER.size else 1
        os.pwrite(file, _NUMBER.pack(number), 0)
        _lock(file, fcntl.F_WRLCK, _FIRST + number)
    finally:
        _lock(file, fcntl.F_UNLCK, 0)
    return int(number)


def _wait(file: int, number: int, width: int) -> None:
    """Return when the one that is ``width`` places before has finished, died or taken long."""
    before = _FIRST + number - width
    if before <= _FIRST or _is_free(file, before):
        return
    import signal  # slow to import, and most need not wait

    def give_up(*_: object) -> None:
        raise TimeoutError

    handler = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, _PATIENCE)
    try:
        _lock(file, fcntl.F_RDLCK, before)
        _lock(file, fcntl.F_UNLCK, before)
    except TimeoutError:
        pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)


def _is_free(file: int, byte: int) -> bool:
    """Tell whether nobody holds the lock on a byte."""
    asked = _LOCK.pack(fcntl.F_RDLCK, os.SEEK_SET, byte, 1, 0)
    found = fcntl.fcntl(file, fcntl.F_OFD_GETLK, asked)
    return bool(_LOCK.unpack(found)[0] == fcntl.F_UNLCK)


def _lock(file: int, kind: int, byte: int) -> None:
    """Wait for the lock on a byte, which belongs to the open file."""
    fcntl.fcntl(file, fcntl.F_OFD_SETLKW, _LOCK.pack(kind, os.SEEK_SET, byte, 1, 0))
