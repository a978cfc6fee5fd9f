"""Serving: open the socket, handle signals, notify systemd."""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from debrepo import leases
from debrepo.errors import InvalidInput, PluginError
from debrepo.notices import tell

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    import uvicorn

    from debrepo.session import Session

_FIRST_FD = 3  # systemd's SD_LISTEN_FDS_START
_BACKLOG = 2048


def run(session: Session, listen: str, *, insecure: bool, require_token: bool) -> None:
    """Serve until SIGINT or SIGTERM; return when the running tasks have ended."""
    try:
        import uvicorn

        from debrepo_server.access import Access
        from debrepo_server.app import build
        from debrepo_server.logs import configure
        from debrepo_server.protocol import Protocol, capacity
        from debrepo_server.shutdown import Shutdown
    except ImportError as error:
        raise PluginError(
            f"the server needs {error.name}", hint="pip install 'debrepo-manager[serve]'"
        ) from None

    configure(session.config["server.log_level"], session.config["server.log_format"])
    _check_root(session)
    activated = inherited()
    listener = activated or bind(listen or session.config["server.listen"])
    local = is_local(listener)
    trusting = insecure or (local and not require_token)
    place = name_of(listener)
    if not (local or trusting or _has_tokens(session)):
        listener.close()
        raise InvalidInput(
            f"refusing to listen on {place}: no token exists",
            hint='run "debrepo token create NAME --scope admin", or add --insecure',
        )
    host = "" if activated else host_of(listen or session.config["server.listen"])
    session.hook.debrepo_resume(session=session)
    tell(session, "debrepo_server_started")
    session.progress.end()  # the result of a server is long in coming
    app = build(session, Access(session, trusting=trusting), host)
    grace = max(1, session.config["server.grace"])
    path = Path(place.removeprefix("unix:")) if place.startswith("unix:") else None
    own = None if activated else path
    most = capacity(session.config["server.connections"])
    config = uvicorn.Config(
        app,
        http=type("Limited", (Protocol,), {"most": most, "repeat": app.state.repeat}),
        timeout_graceful_shutdown=max(1, grace * 3 // 4),
        ws="none",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        lifespan="on",
    )
    ending = Shutdown(grace, app.state.halt, lambda: own.unlink(missing_ok=True) if own else None)
    server = _server(uvicorn.Server, config, lambda: _announce(session, place), ending.begin)
    for number in (signal.SIGINT, signal.SIGTERM):  # before and after uvicorn handles them
        signal.signal(number, server.handle_exit)
    try:
        server.run(sockets=[listener])
    finally:
        _notify("STOPPING=1")
        if own:
            own.unlink(missing_ok=True)
    if not server.started:
        raise PluginError("the server could not start", hint="see its log")


def _check_root(session: Session) -> None:
    """Raise errors of the root now, before uvicorn would log them as tracebacks."""
    with leases.hold(session.root, "server-start"), session.db.write():
        pass


def _server(
    kind: type[uvicorn.Server],
    config: uvicorn.Config,
    ready: Callable[[], None],
    end: Callable[[], None],
) -> Any:
    """Return a server that calls ``ready`` when it listens, and ``end`` for each signal."""

    class Announcing(kind):  # type: ignore[misc,valid-type]
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                ready()

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            self.should_exit = True
            end()

    return Announcing(config)


def _announce(session: Session, place: str) -> None:
    session.progress.note(f"Listening on {place}.")
    _notify("READY=1")


def inherited() -> socket.socket | None:
    """Return the socket that systemd passed to this process, if any."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return None
    count = os.environ.pop("LISTEN_FDS", "0")
    del os.environ["LISTEN_PID"]
    if count == "0":
        return None
    if count != "1":
        raise InvalidInput(f"systemd passed {count} sockets, and only one is supported")
    listener = socket.socket(fileno=_FIRST_FD)
    listener.set_inheritable(False)
    return listener


def bind(text: str) -> socket.socket:
    """Return a socket that listens on ``HOST:PORT`` or ``unix:PATH``."""
    try:
        if text.startswith("unix:"):
            return _bind_path(Path(text.removeprefix("unix:").removeprefix("//")))
        host, port = _split(text)
        if not host and socket.has_dualstack_ipv6():
            listener = socket.create_server(
                ("", port), family=socket.AF_INET6, backlog=_BACKLOG, dualstack_ipv6=True
            )
        else:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise InvalidInput(f"cannot listen on {text}: {error.strerror or error}") from error
    return listener


def _split(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        raise InvalidInput(
            f"cannot listen on {text!r}", hint="give HOST:PORT, :PORT or unix:PATH to --listen"
        )
    return host.strip("[]"), int(port)


def host_of(text: str) -> str:
    """Return the host of ``HOST:PORT``; empty where there is none."""
    return "" if text.startswith("unix:") else _split(text)[0]


def _bind_path(path: Path) -> socket.socket:
    """Listen on a path; replace a socket that no process listens on."""
    with suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.stat().st_mode):
            raise InvalidInput(f"{path} exists and is not a socket")
        probe = socket.socket(socket.AF_UNIX)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
        else:
            raise InvalidInput(f"another server listens on {path}")
        finally:
            probe.close()
    listener = socket.socket(socket.AF_UNIX)
    before = os.umask(0o117)  # owner and group: users who can connect may do everything
    try:
        listener.bind(str(path))
    except OSError:
        listener.close()
        raise
    finally:
        os.umask(before)
    listener.listen(_BACKLOG)
    return listener


def is_local(listener: socket.socket) -> bool:
    """Whether a socket can only be reached from this machine."""
    if listener.family == socket.AF_UNIX:
        return True
    return ipaddress.ip_address(listener.getsockname()[0].partition("%")[0]).is_loopback


def name_of(listener: socket.socket) -> str:
    """Return the URL of a socket."""
    if listener.family == socket.AF_UNIX:
        return f"unix:{listener.getsockname()}"
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _has_tokens(session: Session) -> bool:
    from debrepo_server.tokens import TOKENS

    with session.db.read() as txn:
        return bool(txn[TOKENS])


def _notify(state: str) -> None:
    """Notify systemd of a new state, if it runs this as a service of type notify."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address:
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.connect("\0" + address[1:] if address[0] == "@" else address)
            sock.sendall(state.encode())
