"""Tokens of the identity that Azure gives to a machine."""

from __future__ import annotations

import json
import threading
import time

from debrepo.errors import InvalidInput
from debrepo.wire.transfer import NoAnswer, Untrusted, Unusable, Wire

URL = "http://169.254.169.254/metadata/identity/oauth2/token"
_QUERY = "api-version=2018-02-01&resource=https%3A%2F%2Fstorage.azure.com%2F"
_EARLY = 300.0  # seconds before a token expires when a new one is asked for
_PATIENCE = 5.0
_TRIES = 3
_HINT = "set account_name and account_key, or sas_token, or give this machine an identity"


class Identity:
    """The token to send now."""

    def __init__(self, url: str = URL) -> None:
        self._url = url
        self._token, self._expires = "", 0.0
        self._asking = threading.Lock()

    def token(self) -> str:
        """Return a token that has not expired."""
        with self._asking:
            if self._expires - time.time() < _EARLY:
                self._ask()
            return self._token

    def _ask(self) -> None:
        wire = Wire(timeout=_PATIENCE, direct=True)  # it is beside this machine
        try:
            for _ in range(_TRIES):
                try:
                    answer = wire.send("GET", f"{self._url}?{_QUERY}", ["Metadata: true"])
                except NoAnswer:
                    continue
                if answer.status < 500:
                    break
            else:
                raise InvalidInput("there are no credentials for Azure", hint=_HINT)
        except (Untrusted, Unusable) as error:
            raise InvalidInput(f"cannot ask for a token: {error}") from None
        finally:
            wire.close()
        try:
            found = json.loads(answer.body)
            self._token = found["access_token"]
            self._expires = float(found["expires_on"])
        except (ValueError, KeyError, TypeError):
            raise InvalidInput(
                f"this machine gets no token from Azure: status {answer.status}", hint=_HINT
            ) from None
