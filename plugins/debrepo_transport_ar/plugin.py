"""The plugin: the transport for ``ar+https`` URLs."""

from __future__ import annotations

from debrepo import Ref, hookimpl


@hookimpl
def debrepo_transports() -> dict[str, Ref]:
    target = "debrepo_transport_ar.transport:ArtifactRegistryTransport"
    return {"ar+https": Ref(target, "Fetch from Google Artifact Registry.")}
