"""The options of a bucket."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from debrepo.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

_CHOICES = {
    "addressing": ("", "path", "virtual"),
    "checksum": ("", "sha256", "md5", "crc32", "none"),
    "conditional_writes": ("auto", "yes", "unquoted", "no"),
    "encryption": ("", "AES256", "aws:kms", "aws:kms:dsse"),
}
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")  # as the AWS tools read them
_LEAST = {"connections": 1, "part_size": 5 << 20, "attempts": 1, "timeout": 1}


class Options(NamedTuple):
    """The settings below ``storage.s3.NAME``; their help is in `plugin`."""

    bucket: str
    prefix: str = ""
    region: str = ""
    endpoint: str = ""
    profile: str = ""
    access_key_id: str = ""
    secret_access_key: str = ""
    session_token: str = ""
    role_arn: str = ""
    addressing: str = ""
    acl: str = ""
    storage_class: str = ""
    encryption: str = ""
    kms_key_id: str = ""
    checksum: str = ""
    conditional_writes: str = "auto"
    multi_delete: bool = True
    plus_workaround: bool = False
    public_url: str = ""
    connections: int = 16
    part_size: int = 16 << 20
    attempts: int = 6
    timeout: int = 60
    ca_file: str = ""
    debug: bool = False

    def object_headers(self) -> dict[str, str]:
        """Return the headers that go with every object."""
        wanted = {
            "x-amz-acl": "" if self.acl == "none" else self.acl,
            "x-amz-storage-class": "" if self.storage_class == "STANDARD" else self.storage_class,
            "x-amz-server-side-encryption": self.encryption,
            "x-amz-server-side-encryption-aws-kms-key-id": self.kms_key_id,
        }
        return {name: value for name, value in wanted.items() if value}


def read(name: str, given: Mapping[str, Any]) -> Options:
    """Return what is configured for the endpoint ``name``; raise `InvalidInput` if unusable."""
    key = f"storage.s3.{name}"
    options = Options(**{"bucket": "", **given})
    if not options.bucket:
        if not name:
            raise InvalidInput(
                "no storage s3 without a name is configured",
                hint="configure [storage.s3.NAME], and write s3:NAME:PREFIX; its root is s3:NAME:.",
            )
        raise InvalidInput(f"storage s3:{name} has no bucket", hint=f"set {key}.bucket")
    for field, choices in _CHOICES.items():
        value = getattr(options, field)
        if value not in choices:
            raise InvalidInput(
                f"{key}.{field} is {value!r}",
                hint=f"it can be: {', '.join(choice or 'empty' for choice in choices)}",
            )
    for field, least in _LEAST.items():
        if getattr(options, field) < least:
            raise InvalidInput(f"{key}.{field} has to be {least} or more")
    if bool(options.access_key_id) != bool(options.secret_access_key):
        raise InvalidInput(
            f"{key} needs access_key_id and secret_access_key together, or neither",
            hint="without them, environment, AWS files and the machine's role are asked",
        )
    if options.kms_key_id and not options.encryption.startswith("aws:kms"):
        raise InvalidInput(f"{key}.kms_key_id needs encryption = 'aws:kms'")
    endpoint = options.endpoint or next(filter(None, map(os.environ.get, _ENDPOINTS)), "")
    if endpoint and "://" not in endpoint:
        endpoint = f"https://{endpoint}"
    if endpoint and not urlsplit(endpoint).hostname:
        raise InvalidInput(f"{key}.endpoint is not a URL: {endpoint!r}")
    return options._replace(endpoint=endpoint, prefix=options.prefix.strip("/"))
