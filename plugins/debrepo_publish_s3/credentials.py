"""Credentials: those configured, or those that the AWS tools find."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
from botocore.exceptions import NoCredentialsError
from botocore.loaders import create_loader

if TYPE_CHECKING:
    from debrepo_publish_s3.options import Options


def session(options: Options) -> Any:
    """Return a session of the AWS library with the credentials that are configured.

    Without any it asks the environment, the files below ``~/.aws`` and the machine's role.
    """
    found = _new(options)
    if options.access_key_id:
        found.set_credentials(
            options.access_key_id, options.secret_access_key, options.session_token or None
        )
    if options.role_arn:
        if found.get_credentials() is None:
            raise NoCredentialsError
        fetcher = AssumeRoleCredentialFetcher(
            client_creator=_creator(found, options),
            source_credentials=found.get_credentials(),
            role_arn=options.role_arn,
            extra_args={"RoleSessionName": "debrepo"},
        )
        assumed = _new(options)
        assumed._credentials = DeferredRefreshableCredentials(  # noqa: SLF001  # no public way
            method="assume-role", refresh_using=fetcher.fetch_credentials
        )
        return assumed
    return found


def _new(options: Options) -> Any:
    found = botocore.session.Session(profile=options.profile or None)
    found.register_component("data_loader", _loader(found.get_config_variable("data_path")))
    return found


@lru_cache(maxsize=1)
def _loader(places: str | None) -> Any:
    """Return what reads the library's description of S3, which takes long, once a process."""
    return create_loader(places)


def _creator(found: Any, options: Options) -> Any:
    def create(service: str, **arguments: Any) -> Any:
        region = options.region or found.get_config_variable("region") or "us-east-1"
        endpoint = options.endpoint or None  # radosgw and the like assume roles at the same URL
        return found.create_client(
            service, **{"region_name": region, "endpoint_url": endpoint, **arguments}
        )

    return create
