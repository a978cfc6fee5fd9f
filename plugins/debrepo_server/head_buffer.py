"""The head buffer: the head of an answer goes out together with the beginning of its body."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asyncio import Transport


class HeadBuffer:
    """A transport that keeps the head of an answer until there is more to send.

    uvicorn writes head and body one by one: twice the system calls, and the client wakes up
    twice. The end of an answer calls `flush`, because it may have no body.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._head = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send ``data``, and before it what was kept; keep it if it is a head."""
        if self._head:
            head, self._head = self._head, b""
            self._transport.writelines((head, data))
        elif data.startswith(b"HTTP/1.1 ") and not data.startswith(b"HTTP/1.1 1"):
            self._head = data
        else:
            self._transport.write(data)

    def flush(self) -> None:
        """Send what was kept."""
        if self._head:
            head, self._head = self._head, b""
            self._transport.write(head)

    def close(self) -> None:
        """Close the transport, once all has been sent."""
        self.flush()
        self._transport.close()
