"""A container over the network: how it is addressed and signed, and what its refusals mean."""

from __future__ import annotations

import base64
import time
from email.utils import formatdate
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl, quote, urlsplit

from debrepo.errors import DebrepoError, InvalidInput
from debrepo.wire import refusals
from debrepo.wire.web_service import Conduct, SignedRequest, WebService
from debrepo_publish_azure.identity import Identity
from debrepo_publish_azure.signatures import authorization

if TYPE_CHECKING:
    from collections.abc import Callable

    from debrepo.wire.refusals import Reason
    from debrepo.wire.slices import Slice
    from debrepo.wire.transfer import WireAnswer

_VERSION = "2021-12-02"  # of the protocol


class Place(NamedTuple):
    """A container, and what gives access to it: a key, a shared access signature, or neither."""

    url: str  #: of the account
    container: str
    account: str = ""
    key: str = ""
    sas_token: str = ""


class ContainerService(WebService):
    """One container; many threads may share it."""

    scheme = "azure"
    busy = ("ServerBusy",)
    passing = ("OperationTimedOut", "InternalError", "Md5Mismatch")

    def __init__(
        self, place: Place, conduct: Conduct, *, pause: Callable[[float], None] = time.sleep
    ) -> None:
        super().__init__(conduct, pause=pause)
        self._place = place
        found = urlsplit(place.url)
        self._origin = f"{found.scheme}://{found.netloc}"
        self._path = f"{found.path.rstrip('/')}/{place.container}"
        self._key = base64.b64decode(place.key, validate=True) if place.key else b""
        self._sas = dict(parse_qsl(place.sas_token.lstrip("?"), keep_blank_values=True))
        self._identity = None if place.key or place.sas_token else Identity()

    def where(self, key: str) -> str:
        return f"azure://{self._place.container}/{key}"

    def write(
        self,
        method: str,
        key: str,
        query: dict[str, str],
        headers: dict[str, str],
        body: bytes | Slice | None,
    ) -> SignedRequest:
        path = self._path + (f"/{quote(key, safe='/-_.~')}" if key else "")
        sent = {**headers, "x-ms-date": formatdate(usegmt=True), "x-ms-version": _VERSION}
        if self._key:
            sent["authorization"] = authorization(
                self._place.account, self._key, method, path, query, sent, len(body or b"")
            )
        elif self._identity:
            sent["authorization"] = f"Bearer {self._identity.token()}"
        fields = [f"{name}: {value}" for name, value in sent.items()]
        if "content-type" not in sent:
            fields.append("Content-Type:")  # libcurl has one of its own
        asked = {**query, **self._sas}
        pairs = [f"{name}={quote(value, safe='-_.~')}" for name, value in asked.items()]
        url = f"{self._origin}{path}"
        return SignedRequest(method, f"{url}?{'&'.join(pairs)}" if pairs else url, fields)

    def reason(self, answer: WireAnswer) -> Reason:
        said = refusals.reason(answer)
        return said._replace(code=said.code or answer.headers.get("x-ms-error-code", ""))

    def explain(self, said: Reason, answer: WireAnswer, what: str) -> DebrepoError | None:
        if said.code in ("ContainerNotFound", "ContainerBeingDeleted", "ContainerDisabled"):
            return InvalidInput(
                f"cannot use the container {self._place.container}: {said.code}",
                hint="create it, or set container and account to one that exists",
            )
        if said.status in (401, 403):
            return InvalidInput(
                f"Azure refuses {what}: {said.code}: {said.message}",
                hint="are account_name and account_key, or sas_token, right, and the clock of this "
                "machine, too? An identity needs the role Storage Blob Data Contributor",
            )
        return None
