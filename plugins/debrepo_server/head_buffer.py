"""The head buffer: sends the head of an answer together with the start of its body."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asyncio import Transport


class HeadBuffer:
    """A transport that holds back the head of an answer until there is more to send.

    uvicorn writes head and body one by one: twice the system calls, and the client wakes up
    twice. The end of an answer calls `flush`, because it may have no body.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._head = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send ``data`` after a buffered head; buffer it if it is a head itself."""
        if self._head:
            head, self._head = self._head, b""
            self._transport.writelines((head, data))
        elif data.startswith(b"HTTP/1.1 ") and not data.startswith(b"HTTP/1.1 1"):
            self._head = data
        else:
            self._transport.write(data)

    def flush(self) -> None:
        """Send a buffered head."""
        if self._head:
            head, self._head = self._head, b""
            self._transport.write(head)

    def close(self) -> None:
        """Send a buffered head, and close the transport."""
        self.flush()
        self._transport.close()
