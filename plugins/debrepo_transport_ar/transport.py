"""Google Artifact Registry: HTTPS with a token that expires within the hour."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from debrepo.credentials import Login, Logins
from debrepo.errors import PluginError
from debrepo.transport import Transport
from debrepo_transport_ar.tokens import AccessTokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from debrepo.transport import Fetched, TransportOptions, Want

_PREFIX = "ar+"


class TokenLogins(Logins):
    """Logins that send a token to the hosts of archives, and to no other host."""

    def __init__(self, others: Logins, tokens: AccessTokens) -> None:
        super().__init__()
        self.hosts: set[str] = set()
        self._others = others
        self._tokens = tokens
        self._login = Login()

    def __bool__(self) -> bool:
        return True

    def find(self, url: str) -> Login | None:
        """Return what is configured for a URL, and else the token if the host may have it."""
        found = self._others.find(url)
        if found is not None:
            return found
        parts = urlsplit(url)
        if parts.scheme != "https" or parts.netloc not in self.hosts:
            return None
        token = self._tokens.now()
        if token != self._login.token:
            self._login = Login(token=token)
        return self._login


class ArtifactRegistryTransport(Transport):
    """``ar+https://LOCATION-apt.pkg.dev/projects/PROJECT``: the https transport with a token."""

    def __init__(self, options: TransportOptions) -> None:
        if options.opener is None:
            raise PluginError("the transport for ar+https needs one for https")
        self._logins = TokenLogins(options.logins, AccessTokens())
        self._https = options.opener("https://", replace(options, logins=self._logins))

    @classmethod
    def open(cls, options: TransportOptions) -> Self:
        return cls(options)

    def fetch(self, wants: Iterable[Want]) -> Iterator[Fetched]:
        running = self._https.fetch(self._secure(want) for want in wants)
        try:
            for fetched in running:
                want = fetched.want.mark[0]  # type: ignore[index]
                yield fetched._replace(want=want, url=_PREFIX + fetched.url)
        finally:
            close = getattr(running, "close", None)
            if close is not None:
                close()

    def close(self) -> None:
        self._https.close()

    def _secure(self, want: Want) -> Want:
        url = want.url.removeprefix(_PREFIX)
        self._logins.hosts.add(urlsplit(url).netloc)
        return replace(want, url=url, mark=(want,))
