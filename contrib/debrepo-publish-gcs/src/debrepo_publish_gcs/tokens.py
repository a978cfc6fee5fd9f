"""Access tokens of Google: from the environment, or by google-auth, for whom somebody signed in."""

from __future__ import annotations

import os
import threading
import warnings
from typing import TYPE_CHECKING, Any

from debrepo.errors import InvalidInput, PluginError, RemoteError
from debrepo.wire.transfer import NoAnswer, Untrusted, Unusable, Wire

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What gcloud, and what Terraform take a token from that somebody else has got.
VARIABLES = ("CLOUDSDK_AUTH_ACCESS_TOKEN", "GOOGLE_OAUTH_ACCESS_TOKEN")
_SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
_TIMEOUT = 30.0
_LONGEST = 300  # characters of what a library says


class AccountTokens:
    """The token to send now; a new one is asked for before the old one expires."""

    def __init__(self, file: str = "") -> None:
        self._file = file
        self._given = "" if file else next(filter(None, map(os.environ.get, VARIABLES)), "")
        self._credentials: Any = None
        self._asking = threading.Lock()

    def token(self, *, fresh: bool = False) -> str:
        """Return a token that is valid; with ``fresh``, another than the one before."""
        if self._given:
            return self._given
        with self._asking:
            return self._found(fresh=fresh)

    @property
    def fixed(self) -> bool:
        """Whether there is one token and never another."""
        return bool(self._given)

    def _found(self, *, fresh: bool) -> str:
        try:
            import google.auth
            from google.auth import exceptions as problems
        except ImportError as error:
            raise PluginError(
                f"the gcs: storage needs google-auth: {error}",
                hint=f"pip install google-auth, or put an access token into {VARIABLES[0]}",
            ) from error
        ask: Any = _ask
        try:
            if self._credentials is None:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # of quotas, which storing does not use
                    self._credentials = self._load(google.auth, ask)
            if fresh or not self._credentials.valid:
                self._credentials.refresh(ask)
        except (problems.DefaultCredentialsError, ValueError, OSError) as error:
            raise InvalidInput(
                f"no credentials for Google Cloud Storage: {_said(error)}",
                hint="set credentials to the file of a service account, or run"
                ' "gcloud auth application-default login"',
            ) from error
        except problems.GoogleAuthError as error:
            raise RemoteError(
                f"cannot get a token for Google Cloud Storage: {_said(error)}",
                hint="check the service account, its key and the clock of this machine",
            ) from error
        token: str = self._credentials.token
        return token

    def _load(self, auth: Any, ask: Any) -> Any:
        if self._file:
            return auth.load_credentials_from_file(self._file, scopes=[_SCOPE], request=ask)[0]
        return auth.default(scopes=[_SCOPE], request=ask)[0]


def _said(error: Exception) -> str:
    """Return what a library says of an error, in a line."""
    text = str(error.args[0]) if error.args else type(error).__name__
    return " ".join(text.split())[:_LONGEST]


class _TokenAnswer:
    """An answer, as google-auth wants it."""

    def __init__(self, status: int, headers: Mapping[str, str], data: bytes) -> None:
        self.status = status
        self.headers = headers
        self.data = data


def _ask(
    url: str,
    method: str = "GET",
    body: bytes | str | None = None,
    headers: Mapping[str, str] | None = None,
    timeout: float | None = None,
    **_: object,
) -> _TokenAnswer:
    """Do a request for google-auth, which brings no HTTP client of its own."""
    from google.auth import exceptions as problems

    failure: Any = problems.TransportError
    wire = Wire(timeout=timeout or _TIMEOUT)
    data = body.encode() if isinstance(body, str) else body
    try:
        fields = [f"{name}: {value}" for name, value in (headers or {}).items()]
        answer = wire.send(method, url, fields, data)
    except (NoAnswer, Untrusted, Unusable) as error:
        raise failure(f"{url}: {error}") from error
    finally:
        wire.close()
    return _TokenAnswer(answer.status, answer.headers, answer.body)
