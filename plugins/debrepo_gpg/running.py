"""Running GnuPG: each process ends with the work that started it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import gnupg

from debrepo.stopping import checkpoint, current

if TYPE_CHECKING:
    from collections.abc import Sequence
    from subprocess import Popen


class Gpg(gnupg.GPG):  # type: ignore[misc]  # it has no types
    """python-gnupg's, whose processes are killed when the work is told to stop."""

    def _open_subprocess(self, args: list[str], passphrase: bool = False) -> Popen[bytes]:
        checkpoint()
        child: Popen[bytes] = super()._open_subprocess(args, passphrase)
        watch = current()
        if watch is not None:
            watch.adopt(child)
        return child

    def run(self, words: Sequence[str], passphrase: str | None, data: bytes = b"") -> Any:
        """Run a command that python-gnupg has no method for; give it the passphrase if any."""
        result = gnupg.Verify(self)
        self._handle_io(list(words), io.BytesIO(data), result, passphrase=passphrase, binary=True)
        return result

    def _collect_output(self, *args: Any, **more: Any) -> None:
        super()._collect_output(*args, **more)
        checkpoint()  # else what was killed would be reported as a failure of GnuPG's
