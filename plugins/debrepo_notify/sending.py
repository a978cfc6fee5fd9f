"""Sending: one delivery, by HTTP or to a command, within the time that a target has."""

from __future__ import annotations

import hashlib
import hmac
import os
import signal
import socket
import ssl
from base64 import b64encode
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from subprocess import DEVNULL, PIPE, Popen, TimeoutExpired
from tempfile import TemporaryFile
from threading import Event, Timer
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from debrepo import __version__
from debrepo.stopping import current

if TYPE_CHECKING:
    from pathlib import Path

    from debrepo_notify.deliveries import Delivery
    from debrepo_notify.targets import NotifiedTarget

_SAID = 300  # bytes of an answer, or of what a command says, that an error quotes
_GONE = 410  # the receiver wants no more


class Sent(NamedTuple):
    """What came of an attempt."""

    error: str = ""  #: empty: it was delivered
    final: bool = False  #: whether to try again is of no use


def send(target: NotifiedTarget, delivery: Delivery, root: Path, now: int) -> Sent:
    """Deliver, or say why that failed; nothing is raised."""
    if target.command:
        return _run(target, delivery, root)
    return _post(target, delivery, now)


def signature(key: bytes, id_: str, now: int, body: bytes) -> str:
    """Return the signature of a delivery, as Standard Webhooks has it."""
    signed = b"%s.%d.%s" % (id_.encode(), now, body)
    return f"v1,{b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()}"


def headers(target: NotifiedTarget, delivery: Delivery, now: int) -> dict[str, str]:
    """Return the headers of a delivery."""
    found = {
        "Content-Type": "application/json",
        "User-Agent": f"debrepo/{__version__}",
        "Connection": "close",
        "webhook-id": delivery.id,
        "webhook-timestamp": str(now),
    }
    if target.secret:
        body = delivery.body.encode()
        found["webhook-signature"] = signature(target.key, delivery.id, now, body)
    return found


def _post(target: NotifiedTarget, delivery: Delivery, now: int) -> Sent:
    sockets: list[socket.socket] = []
    late = Event()
    deadline = Timer(target.timeout, _cut, [sockets, late])
    deadline.daemon = True
    try:
        with _connected(target, sockets, deadline) as connected:
            status, said = _exchange(target, delivery, now, connected)
    except (OSError, HTTPException, ValueError) as error:
        if late.is_set() or isinstance(error, TimeoutError):
            return Sent(f"no answer within {target.timeout} seconds")
        said_why = error.strerror if isinstance(error, OSError) else ""
        return Sent(said_why or str(error) or type(error).__name__)
    finally:
        deadline.cancel()
    if 200 <= status < 300:
        return Sent()
    if 300 <= status < 400:
        return Sent(f"answered {status}, and redirects are not followed")
    quoted = _quoted(said)
    return Sent(f"answered {status}: {quoted}" if quoted else f"answered {status}", status == _GONE)


def _quoted(said: bytes) -> str:
    """Return what somebody else says as one line that does nothing to a terminal."""
    words = " ".join(said.decode(errors="replace").split())
    return "".join(letter if letter.isprintable() else "?" for letter in words)


def _connected(
    target: NotifiedTarget, sockets: list[socket.socket], deadline: Timer
) -> socket.socket:
    """Return a connection to the host of a target, which the deadline shuts."""
    parts = urlsplit(target.url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    plain = socket.create_connection((parts.hostname or "", port), target.timeout)
    sockets.append(plain)
    deadline.start()
    if parts.scheme == "http":
        return plain
    try:
        secure = ssl.create_default_context().wrap_socket(
            plain, server_hostname=parts.hostname, do_handshake_on_connect=False
        )
    except BaseException:
        plain.close()
        raise
    sockets[:] = [secure]
    try:
        secure.do_handshake()
    except BaseException:
        secure.close()
        raise
    return secure


def _cut(sockets: list[socket.socket], late: Event) -> None:
    late.set()
    for one in sockets:
        with suppress(OSError):
            socket.socket.shutdown(one, socket.SHUT_RDWR)  # not that of TLS, which would talk


def _exchange(
    target: NotifiedTarget, delivery: Delivery, now: int, connected: socket.socket
) -> tuple[int, bytes]:
    """Send a request, and return the status and the beginning of the answer."""
    parts = urlsplit(target.url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=target.timeout)
    if parts.scheme == "https" and parts.port is None:
        connection.port = connection.default_port  # which a Host header leaves out
    connection.sock = connected
    try:
        body = delivery.body.encode()
        connection.request("POST", path, body, headers(target, delivery, now))
        answer = connection.getresponse()
        try:
            return answer.status, answer.read(_SAID)
        finally:
            answer.close()
    finally:
        connection.close()


def _run(target: NotifiedTarget, delivery: Delivery, root: Path) -> Sent:
    """Run a command with the body on its standard input."""
    # What stands for settings of this process may be secret.
    mine = {name: text for name, text in os.environ.items() if not name.startswith("DEBREPO_")}
    env = mine | {
        "DEBREPO_ROOT": os.fspath(root),
        "NOTIFY_EVENT": delivery.event,
        "NOTIFY_ID": delivery.id,
        "NOTIFY_NAME": delivery.name,
    }
    with TemporaryFile() as said:
        try:
            child = Popen(
                target.command,
                stdin=PIPE,
                stdout=DEVNULL,
                stderr=said,
                env=env,
                cwd=root,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            return Sent(f"cannot run {target.command[0]}: {getattr(error, 'strerror', error)}")
        with child:
            watch = current()
            if watch is not None:
                watch.adopt(child)
            try:
                child.communicate(delivery.body.encode(), target.timeout)
            except TimeoutExpired:
                with suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
                child.wait()
                return Sent(f"{target.command[0]} ran for more than {target.timeout} seconds")
        if child.returncode == 0:
            return Sent()
        said.seek(0)
        quoted = _quoted(said.read(_SAID))
        return Sent(f"{target.command[0]} ended with {child.returncode}: {quoted}".rstrip(": "))
