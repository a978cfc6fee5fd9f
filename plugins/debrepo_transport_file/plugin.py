"""The plugin: the transport for ``file`` URLs."""

from __future__ import annotations

from debrepo import Ref, hookimpl


@hookimpl
def debrepo_transports() -> dict[str, Ref]:
    return {"file": Ref("debrepo_transport_file.transport:FileTransport", "Read local files.")}
