"""Many files over few connections, by libcurl's own loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from debrepo import stopping
from debrepo.errors import PluginError
from debrepo.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from debrepo.transport import Fetched, TransportOptions, Want
    from debrepo_transport_curl.transfer import Transfer

_WAIT = 250  # milliseconds for which nothing looks whether the work is to end
_BLIND = 0.01  # seconds: libcurl shows no descriptor to wait for, as it resolves a name


class CurlTransport(Transport):
    """HTTP and FTP with libcurl, in one thread.

    libcurl calls no Python function: what it receives it appends to lists, which are looked at
    between its turns. So a turn costs little, and Ctrl-C never meets it within one.
    """

    def __init__(self, options: TransportOptions) -> None:
        import pycurl

        from debrepo_transport_curl.transfer import Handle, transfer_of

        self._options = options
        self._error = pycurl.error
        self._transfer_of = transfer_of
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, options.connections)
        self._multi.setopt(pycurl.M_MAX_HOST_CONNECTIONS, options.connections)
        self._idle = [Handle(options) for _ in range(options.connections)]
        self._running: dict[object, Transfer] = {}

    @classmethod
    def open(cls, options: TransportOptions) -> Self:
        try:
            return cls(options)
        except ImportError as error:
            raise PluginError(
                f"transports for http, https and ftp need pycurl: {error}",
                hint="pip install 'debrepo-manager[mirror]', or apt install python3-pycurl",
            ) from error

    def fetch(self, wants: Iterable[Want]) -> Iterator[Fetched]:
        source = iter(wants)
        more = True
        try:
            while True:
                while more and self._idle:
                    want = next(source, None)
                    if want is None:
                        more = False
                    else:
                        self._start(want)
                if not self._running:
                    return
                ended = self._turn()
                if ended:
                    yield from ended
                elif self._running:
                    self._wait()
        finally:
            for transfer in list(self._running.values()):
                self._release(transfer)

    def close(self) -> None:
        for handle in self._idle:
            handle.curl.close()
        self._idle.clear()
        self._multi.close()

    def _start(self, want: Want) -> None:
        transfer = self._transfer_of(want, self._idle.pop(), self._options)
        self._running[transfer.handle.curl] = transfer
        transfer.prepare()  # which may raise: a login may have to be asked for
        self._multi.add_handle(transfer.handle.curl)

    def _turn(self) -> list[Fetched]:
        """Let libcurl do what it can without waiting; return what has ended."""
        pace = self._options.pace
        if pace.rate:
            pace.keep()
        self._multi.perform()
        ended = []
        for transfer in list(self._running.values()):
            if transfer.handle.chunks:
                size = transfer.take()
                if pace.rate:
                    pace.received(size)
                if transfer.fetched is not None:
                    ended.append(self._end(transfer, transfer.fetched))
                elif transfer.over:
                    self._again(transfer)
        left = 1
        while left:
            left, done, failed = self._multi.info_read()
            for curl in done:
                ended += self._done(self._running.get(curl), 0, "")
            for curl, code, text in failed:
                ended += self._done(self._running.get(curl), code, text)
        return ended

    def _done(self, transfer: Transfer | None, code: int, text: str) -> list[Fetched]:
        if transfer is None:  # it was ended above
            return []
        fetched = transfer.done(code, text)
        if fetched is None:
            self._again(transfer)
            return []
        return [self._end(transfer, fetched)]

    def _end(self, transfer: Transfer, fetched: Fetched) -> Fetched:
        self._release(transfer)
        return fetched

    def _again(self, transfer: Transfer) -> None:
        """Ask once more, in another way or elsewhere."""
        self._multi.remove_handle(transfer.handle.curl)
        transfer.handle.clear()
        transfer.prepare()
        self._multi.add_handle(transfer.handle.curl)

    def _release(self, transfer: Transfer) -> None:
        handle = transfer.handle
        del self._running[handle.curl]
        try:  # noqa: SIM105  # once for each file
            self._multi.remove_handle(handle.curl)
        except self._error:  # another error, or Ctrl-C, came before it was added
            pass
        handle.clear()
        self._idle.append(handle)

    def _wait(self) -> None:
        """Wait until something can be done, for a moment at most."""
        from time import sleep

        stopping.checkpoint()
        timeout = self._multi.timeout()
        wait = _WAIT if timeout < 0 else min(timeout, _WAIT)
        if wait and self._multi.select(wait / 1000) < 0:
            sleep(min(wait / 1000, _BLIND))
