"""Credentials that a machine, a container or a cluster of Amazon's gives to what runs there."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from debrepo.errors import InvalidInput
from debrepo.wire.transfer import NoAnswer, Untrusted, Unusable, Wire, WireAnswer
from debrepo_publish_s3.signatures import AccessKey

if TYPE_CHECKING:
    from collections.abc import Callable

_METADATA = "http://169.254.169.254"
_CONTAINER = "http://169.254.170.2"
_ROLES = "/latest/meta-data/iam/security-credentials/"
_PATIENCE = 1.0  # seconds; elsewhere than at Amazon nobody answers
_TRIES = 3


def of_container() -> Callable[[], AccessKey] | None:
    """Return what asks the agent of a container, if the environment names one."""
    relative = os.environ.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "")
    url = f"{_CONTAINER}{relative}" if relative else ""
    url = url or os.environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI", "")
    if not url:
        return None

    def key() -> AccessKey:
        token = os.environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")
        if file := os.environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"):
            token = _text(file)
        fields = [f"Authorization: {token}"] if token else []
        answer = _ask("GET", url, fields, patience=5)
        if answer is None or answer.status != 200:
            raise InvalidInput(f"the agent at {url} gives no credentials")
        return _key(answer, url)

    return key


def of_machine() -> Callable[[], AccessKey] | None:
    """Return what asks the metadata service, if this machine has one and a role."""
    if os.environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
        return None
    base = os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", "").rstrip("/") or _METADATA

    def key() -> AccessKey | None:
        ttl = ["X-aws-ec2-metadata-token-ttl-seconds: 21600"]
        token = _ask("PUT", f"{base}/latest/api/token", ttl, patience=_PATIENCE)
        if token is None:
            return None
        fields = []
        if token.status == 200:  # else it is one of the first version, which has no tokens
            fields = [f"X-aws-ec2-metadata-token: {token.body.decode('latin-1')}"]
        roles = _ask("GET", f"{base}{_ROLES}", fields, patience=_PATIENCE)
        if roles is None or roles.status != 200 or not roles.body.strip():
            return None
        role = roles.body.decode("latin-1").split()[0]
        answer = _ask("GET", f"{base}{_ROLES}{role}", fields, patience=_PATIENCE)
        return None if answer is None or answer.status != 200 else _key(answer, base)

    first = key()
    if first is None:
        return None

    def again() -> AccessKey:
        found = key()
        if found is None:
            raise InvalidInput(f"the metadata service at {base} gives no credentials any more")
        return found

    return again


def _text(file: str) -> str:
    try:
        return Path(file).read_text().strip()
    except OSError as error:
        raise InvalidInput(f"cannot read {file}: {error.strerror}") from error


def _ask(method: str, url: str, fields: list[str], *, patience: float) -> WireAnswer | None:
    wire = Wire(timeout=patience, direct=True)  # it is this machine, or beside it
    try:
        for _ in range(_TRIES):
            try:
                answer = wire.send(method, url, fields, b"" if method == "PUT" else None)
            except (Unusable, Untrusted) as error:
                raise InvalidInput(f"cannot ask {url} for credentials: {error}") from None
            except NoAnswer:
                if patience <= _PATIENCE:
                    return None
                continue
            if answer.status < 500:
                return answer
    finally:
        wire.close()
    return None


def _key(answer: WireAnswer, where: str) -> AccessKey:
    try:
        found = json.loads(answer.body)
        return AccessKey(
            found["AccessKeyId"],
            found["SecretAccessKey"],
            found.get("Token") or "",
            datetime.fromisoformat(found["Expiration"]).timestamp(),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"what {where} answers are no credentials: {error!r}") from error
