"""Roles: temporary credentials that Amazon's token service hands out."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from debrepo.errors import InvalidInput, RemoteError
from debrepo.wire import refusals
from debrepo.wire.transfer import NoAnswer, Untrusted, Unusable, Wire, WireAnswer
from debrepo_publish_s3 import addressing
from debrepo_publish_s3.signatures import AccessKey, query_string, sign

if TYPE_CHECKING:
    from debrepo_publish_s3.options import Options

_SESSION = "debrepo"
_TRIES = 3
_FIELD = re.compile(rb"<(AccessKeyId|SecretAccessKey|SessionToken|Expiration)>([^<]*)</")


def assume(options: Options, key: AccessKey, role: str) -> AccessKey:
    """Return the credentials of a role that those of ``key`` may assume."""
    return _asked(options, {"Action": "AssumeRole", "RoleArn": role}, key)


def assume_by_token(options: Options, token: str, role: str, session: str) -> AccessKey:
    """Return the credentials of a role for a token of somebody whom Amazon trusts."""
    parameters = {
        "Action": "AssumeRoleWithWebIdentity",
        "RoleArn": role,
        "RoleSessionName": session or _SESSION,
        "WebIdentityToken": token,
    }
    return _asked(options, parameters, None)


def _asked(options: Options, parameters: dict[str, str], key: AccessKey | None) -> AccessKey:
    from hashlib import sha256

    region = addressing.region(options)
    # radosgw and the like assume roles at the URL of their buckets
    service = options.endpoint or f"https://sts.{region}.{addressing.domain(region)}"
    url = f"{service.rstrip('/')}/"
    found = urlsplit(url)
    role = parameters["RoleArn"]
    body = query_string(
        {"Version": "2011-06-15", "RoleSessionName": _SESSION, **parameters}
    ).encode()
    headers = {"content-type": "application/x-www-form-urlencoded"}
    address = (found.netloc, found.path, "")
    wire = Wire(timeout=options.timeout, ca_file=options.ca_file)
    try:
        answer = None
        for _ in range(_TRIES):
            fields = [f"{name}: {value}" for name, value in headers.items()]
            if key is not None:
                fields = sign(
                    key, (region, "sts"), "POST", address, headers, sha256(body).hexdigest()
                )
            try:
                answer = wire.send("POST", url, fields, body)
            except NoAnswer:
                continue
            if answer.status < 500:
                break
    except (Untrusted, Unusable) as error:
        raise RemoteError(f"cannot assume the role {role}: {error}") from None
    finally:
        wire.close()
    if answer is None:
        raise RemoteError(f"cannot assume the role {role}: {url} does not answer")
    return _key(answer, role)


def _key(answer: WireAnswer, role: str) -> AccessKey:
    if answer.status != 200:
        raise InvalidInput(
            f"cannot assume the role {role}: {refusals.reason(answer)}",
            hint="do its trust policy and the credentials allow sts:AssumeRole?",
        )
    found = {name: value.decode() for name, value in _FIELD.findall(answer.body)}
    try:
        return AccessKey(
            found[b"AccessKeyId"],
            found[b"SecretAccessKey"],
            found[b"SessionToken"],
            datetime.fromisoformat(found[b"Expiration"]).timestamp(),
        )
    except (KeyError, ValueError) as error:
        raise RemoteError(f"cannot assume the role {role}: an odd answer: {error!r}") from error
