"""A repository over the network: addresses, access and refusals."""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from debrepo.errors import DebrepoError, InvalidInput
from debrepo.wire.refusals import Reason
from debrepo.wire.web_service import Conduct, SignedRequest, WebService

if TYPE_CHECKING:
    from collections.abc import Callable

    from debrepo.wire.slices import Slice
    from debrepo.wire.transfer import WireAnswer

API = "api/storage/"  #: what keys that are questions about files start with


class Access(NamedTuple):
    """Where a repository is, and what gives access to it."""

    url: str  #: of the server
    repository: str
    token: str = ""
    user: str = ""
    password: str = ""


class ArtifactoryServer(WebService):
    """One repository; many threads may share it."""

    scheme = "artifactory"

    def __init__(
        self, access: Access, conduct: Conduct, *, pause: Callable[[float], None] = time.sleep
    ) -> None:
        super().__init__(conduct, pause=pause)
        self._access = access
        base = access.url.rstrip("/")
        self._base = base if base.endswith("/artifactory") else f"{base}/artifactory"
        self._fields = ["Content-Type:"]  # libcurl has one of its own
        if access.token:
            self._fields.append(f"Authorization: Bearer {access.token}")
        elif access.user:
            login = base64.b64encode(f"{access.user}:{access.password}".encode()).decode()
            self._fields.append(f"Authorization: Basic {login}")

    def where(self, key: str) -> str:
        return f"artifactory://{self._access.repository}/{key.removeprefix(API)}"

    def write(
        self,
        method: str,
        key: str,
        query: dict[str, str],
        headers: dict[str, str],
        body: bytes | Slice | None,
    ) -> SignedRequest:
        about = API if key.startswith(API) else ""
        path = quote(key.removeprefix(about), safe="/-_.~")
        url = f"{self._base}/{about}{quote(self._access.repository)}/{path}".rstrip("/")
        if query:
            url += "?" + "&".join([f"{name}={quote(value)}" for name, value in query.items()])
        fields = [*self._fields, *(f"{name}: {value}" for name, value in headers.items())]
        return SignedRequest(method, url, fields)

    def reason(self, answer: WireAnswer) -> Reason:
        """Return what the JSON of a refusal says."""
        try:
            message = str(json.loads(answer.body)["errors"][0]["message"])
        except (ValueError, LookupError, TypeError):
            message = ""
        return Reason(answer.status, "", " ".join(message.split())[:500])

    def explain(self, said: Reason, answer: WireAnswer, what: str) -> DebrepoError | None:
        if said.status in (401, 403):
            return InvalidInput(
                f"Artifactory refuses {what}: {said}",
                hint="are token, or user and password, right? They need the permissions Read, "
                "Deploy/Cache, and Delete/Overwrite",
            )
        return None
