"""The plugin: transports for ``http``, ``https`` and ``ftp``."""

from __future__ import annotations

from debrepo import Ref, hookimpl

_SCHEMES = ("http", "https", "ftp", "ftps")


@hookimpl
def debrepo_transports() -> dict[str, Ref]:
    ref = Ref("debrepo_transport_curl.transport:CurlTransport", "Fetch with libcurl.")
    return dict.fromkeys(_SCHEMES, ref)
