"""Units: what systemd is told about a server, and what that allows."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from debrepo.errors import DebrepoError
from debrepo.refs import claimed, load_class
from debrepo.storage import Storage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from debrepo.session import Session
    from debrepo_setup.choices import Choices

SERVICE, SOCKET = "debrepo.service", "debrepo.socket"
#: Where this plugin puts units, and where a package does.
OURS = Path("/etc/systemd/system")
PACKAGED = (Path("/usr/lib/systemd/system"), Path("/lib/systemd/system"))

_HIDDEN = ("/home/", "/root/", "/run/user/")  # what ProtectHome=yes hides


def unit(name: str) -> str:
    """Return a unit as it comes with debrepo."""
    return (Path(__file__).with_name("units") / name).read_text()


def service_part(choices: Choices, storages: Sequence[Path]) -> str:
    """Return what differs in the service: user, root, command, and what it may write to."""
    # Everybody who can reach a proxy could do everything, if it did not ask for tokens.
    tokens = " --require-token" if choices.proxy != "none" else ""
    lines = [
        "[Service]",
        f"User={choices.user}",
        f"Group={choices.user}",
        f"Environment=DEBREPO_ROOT={choices.root}",
        "ExecStart=",
        f"ExecStart={choices.command} serve{tokens}",
        f"ReadWritePaths={choices.root}",
        # Without its disk a storage fails, and not the whole server.
        *(f"ReadWritePaths={_quoted(path)}" for path in storages),
    ]
    paths = [choices.root, *choices.command.split(), *map(str, storages)]
    if any(path.startswith(_HIDDEN) for path in paths):
        lines.append("ProtectHome=read-only")
    if choices.root != "/var/lib/debrepo":
        lines.append("StateDirectory=")
    return "\n".join(lines) + "\n"


def socket_part(choices: Choices) -> str:
    """Return what differs in the socket: where it listens, and who may connect."""
    if not choices.socket:
        host, port = choices.address
        place = f"{host}:{port}" if host else port
        return f"[Socket]\nListenStream=\nListenStream={place}\n"
    # A proxy runs as another user; its clients have to show tokens.
    mode = "0660" if choices.proxy == "none" else "0666"
    return (
        f"[Socket]\nListenStream=\nListenStream={choices.socket}\nSocketUser={choices.user}\n"
        f"SocketGroup={choices.user}\nSocketMode={mode}\n"
    )


def _quoted(path: Path) -> str:
    text = str(path).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"-{text}"' if re.search(r"[\s\"\\']", text) else f"-{text}"


def storages(session: Session) -> Iterator[tuple[str, Path]]:
    """Yield the storages that are directories of this machine, outside of the root."""
    for scheme, ref in sorted(claimed(session.hook.debrepo_storages, "storage scheme").items()):
        try:
            kind = load_class(ref, Storage)
        except DebrepoError:  # a library is missing, and publishing there fails for that
            continue
        if kind.local_path is Storage.local_path:  # it is elsewhere
            continue
        for name in ["", *session.config.names(f"storage.{scheme}")]:
            try:
                place = session.storage(f"{scheme}:{name}" if name else "").local_path("x")
            except DebrepoError:  # what is wrong with it is told by those that use it
                continue
            if place is not None and not place.is_relative_to(session.root):
                yield f"{scheme}:{name or 'default'}", Path(os.path.normpath(place.parent))


def search_path() -> list[Path]:
    """Return where systemd looks for units, the first first; ``SYSTEMD_UNIT_PATH`` as it does."""
    usual = [OURS, Path("/run/systemd/system"), *PACKAGED]
    if text := os.environ.get("SYSTEMD_UNIT_PATH"):
        return [*(Path(part) for part in text.split(":") if part), *usual * text.endswith(":")]
    return usual


def lines_of(name: str) -> list[tuple[str, str]]:
    """Return the settings of a unit with its drop-ins, in the order in which they count."""
    places = search_path()
    main = next((place / name for place in places if (place / name).is_file()), None)
    if main is None:
        return []
    parts: dict[str, Path] = {}
    for place in reversed(places):  # one of the same name in an earlier place replaces it
        parts |= {part.name: part for part in place.glob(f"{name}.d/*.conf")}
    files = [main, *(parts[part] for part in sorted(parts))]
    return [pair for file in files for pair in _settings(file)]


def _settings(path: Path) -> Iterator[tuple[str, str]]:
    for line in path.read_text(errors="replace").replace("\\\n", " ").splitlines():
        name, mark, value = line.partition("=")
        if mark and line[:1] not in "#;[":
            yield name.strip(), value.strip()
