"""Ctrl-C: noted when it comes, and put off while something has to be done to its end."""

import _signal  # type: ignore[import-not-found]  # `signal` would import enum, ahead of everything
import sys

TYPE_CHECKING = False  # `typing` takes as long to import as all of this
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

_SOON = 0.001  # seconds


class Interrupts:
    """What SIGINT does to a command: it ends it, at once or when that does no harm."""

    def __init__(self) -> None:
        self.came = False  #: whether there was one
        self._held = 0
        self._put_off = False

    def __call__(self, number: int, frame: "FrameType | None") -> None:
        """Raise `KeyboardInterrupt`, now or at the end of `hold`; the second one does not wait."""
        self.came = True
        if self._held and not self._put_off:
            self._put_off = True
            return
        raise KeyboardInterrupt

    def hold(self) -> None:
        """Put off an interrupt until `release`."""
        self._held += 1

    def release(self) -> bool:
        """End what `hold` began; return whether an interrupt has been put off until now."""
        self._held -= 1
        if self._held or not self._put_off:
            return False
        self._put_off = False
        return True


def listen() -> Interrupts:
    """Let Ctrl-C of this process come to the object that is returned."""
    interrupts = Interrupts()
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:  # else it is ignored
        _signal.signal(_signal.SIGINT, interrupts)
        _signal.signal(_signal.SIGALRM, interrupts)
        sys.unraisablehook = _not_lost
    return interrupts


def _not_lost(ignored: "Any") -> None:
    """Repeat an interrupt that came where Python ignores errors: in what it calls by itself."""
    if ignored.exc_type is KeyboardInterrupt and current() is not None:
        _signal.setitimer(_signal.ITIMER_REAL, _SOON)
    else:
        sys.__unraisablehook__(ignored)


def current() -> Interrupts | None:
    """Return what listens to Ctrl-C, if it is ours."""
    handler = _signal.getsignal(_signal.SIGINT)
    return handler if isinstance(handler, Interrupts) else None


def leave() -> None:
    """Let Ctrl-C end the process silently from now on: its result is there."""
    if current() is not None:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
