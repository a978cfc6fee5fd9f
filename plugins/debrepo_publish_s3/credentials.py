"""Credentials: those configured, or those that the AWS tools would find."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from debrepo.errors import InvalidInput
from debrepo_publish_s3.signatures import AccessKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from debrepo_publish_s3.options import Options

_EARLY = 300.0  # seconds before credentials expire when new ones are asked for


class Wallet:
    """The credentials for a bucket, looked for when they are first needed, renewed in time."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._get: Callable[[], AccessKey] | None = None
        self._key: AccessKey | None = None
        self._getting = threading.Lock()

    def key(self) -> AccessKey:
        """Return credentials that have not expired."""
        key = self._key
        if key is not None and (not key.expires or key.expires - time.time() > _EARLY):
            return key
        with self._getting:
            return self._renewed()

    def renew(self) -> bool:
        """Ask for new credentials because the service says that these have expired."""
        with self._getting:
            before = self._key
            return self._renewed() != before

    def _renewed(self) -> AccessKey:
        if self._get is None:
            self._get = _find(self._options)
        self._key = self._get()
        return self._key


def _find(options: Options) -> Callable[[], AccessKey]:
    """Return what gets the credentials for a bucket."""
    get = _found(options)
    if not options.role_arn:
        return get
    from debrepo_publish_s3 import roles

    return lambda: roles.assume(options, get(), options.role_arn)


def _found(options: Options) -> Callable[[], AccessKey]:
    """Return what gets credentials, from the first that has some, in the order of the AWS tools."""
    if options.access_key_id:
        key = AccessKey(options.access_key_id, options.secret_access_key, options.session_token)
        return lambda: key
    from debrepo_publish_s3 import machine, profiles  # not for keys that are configured

    found = None if options.profile else (_of_environment() or _of_token(options))
    found = found or profiles.find(options.profile)
    if options.profile and found is None:
        raise InvalidInput(f"the profile {options.profile} has no credentials")
    found = found or machine.of_container() or machine.of_machine()
    if found is None:
        raise InvalidInput(
            f"there are no credentials for the bucket {options.bucket}",
            hint="set access_key_id and secret_access_key, or a profile, or AWS_ACCESS_KEY_ID",
        )
    return found


def _of_environment() -> Callable[[], AccessKey] | None:
    name = os.environ.get("AWS_ACCESS_KEY_ID")
    secret = os.environ.get("AWS_SECRET_ACCESS_KEY")
    if not name or not secret:
        return None
    key = AccessKey(name, secret, os.environ.get("AWS_SESSION_TOKEN", ""))
    return lambda: key


def _of_token(options: Options) -> Callable[[], AccessKey] | None:
    """Return what trades the token of a cluster or a pipeline for a role's credentials."""
    file, role = os.environ.get("AWS_WEB_IDENTITY_TOKEN_FILE"), os.environ.get("AWS_ROLE_ARN")
    if not file or not role:
        return None
    from debrepo_publish_s3 import roles

    def key() -> AccessKey:
        try:
            token = Path(file).read_text().strip()
        except OSError as error:
            raise InvalidInput(f"cannot read {file}: {error.strerror}") from error
        session = os.environ.get("AWS_ROLE_SESSION_NAME", "")
        return roles.assume_by_token(options, token, role, session)

    return key
