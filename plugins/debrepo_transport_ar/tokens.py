"""Access tokens of Google: from the environment, or for application default credentials."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
import warnings
from typing import TYPE_CHECKING, Any

from debrepo.errors import InvalidInput, PluginError, RemoteError

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What gcloud, and what Terraform take a token from that somebody else has got.
VARIABLES = ("CLOUDSDK_AUTH_ACCESS_TOKEN", "GOOGLE_OAUTH_ACCESS_TOKEN")
_SCOPE = "https://www.googleapis.com/auth/cloud-platform.read-only"
_TIMEOUT = 30  # seconds
_LONGEST = 300  # characters of what a library says


class AccessTokens:
    """The token to send now; a new one is asked for before the old one expires."""

    def __init__(self) -> None:
        self._given = next(filter(None, map(os.environ.get, VARIABLES)), "")
        self._credentials: Any = None

    def now(self) -> str:
        """Return a token that is valid."""
        if self._given:
            return self._given
        try:
            import google.auth
            import google.auth.exceptions as problems
        except ImportError as error:
            raise PluginError(
                f"the transport for ar+https needs google-auth: {error}",
                hint="pip install 'debrepo-manager[artifact-registry]', or put an access token"
                f" into {VARIABLES[0]}",
            ) from error
        ask: Any = _ask
        try:
            if self._credentials is None:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # of quotas, which reading does not use
                    self._credentials, _ = google.auth.default(scopes=[_SCOPE], request=ask)
            if not self._credentials.valid:
                self._credentials.refresh(ask)
        except problems.DefaultCredentialsError as error:
            raise InvalidInput(
                f"no credentials for Google Artifact Registry: {_said(error)}",
                hint="set GOOGLE_APPLICATION_CREDENTIALS to the file of a service account, or run"
                ' "gcloud auth application-default login"',
            ) from error
        except problems.GoogleAuthError as error:
            raise RemoteError(
                f"cannot get a token for Google Artifact Registry: {_said(error)}",
                hint="check the service account, its key and the clock of this machine",
            ) from error
        token: str = self._credentials.token
        return token


def _said(error: Exception) -> str:
    """Return what a library says of an error, in a line."""
    text = str(error.args[0]) if error.args else type(error).__name__
    return " ".join(text.split())[:_LONGEST]


class _Reply:
    """An answer, as google-auth wants it."""

    def __init__(self, status: int, headers: Any, data: bytes) -> None:
        self.status = status
        self.headers = headers
        self.data = data


def _ask(
    url: str,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    timeout: float | None = None,
    **_: object,
) -> _Reply:
    """Do a request for google-auth, which brings no HTTP client of its own."""
    from google.auth import exceptions as problems

    failure: Any = problems.TransportError
    if not url.startswith(("https://", "http://")):
        raise failure(f"not a URL of a token server: {url}")
    request = urllib.request.Request(url, body, dict(headers or {}), method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=timeout or _TIMEOUT) as answer:  # noqa: S310
            return _Reply(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return _Reply(error.code, error.headers, error.read())
    except OSError as error:
        raise failure(f"{url}: {getattr(error, 'reason', error)}") from error
