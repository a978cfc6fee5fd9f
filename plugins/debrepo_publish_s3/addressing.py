"""Where a bucket is: at Amazon or elsewhere, in the host name or in the path."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from debrepo_publish_s3.options import Options

_DEFAULT_REGION = "us-east-1"
_HOST_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")  # a dot would need a certificate
_DOMAINS = {"cn": "amazonaws.com.cn", "eusc": "amazonaws.eu"}


class Address(NamedTuple):
    """A bucket on the network."""

    origin: str  #: scheme and host: ``https://bucket.s3.amazonaws.com``
    host: str
    path: str  #: what keys follow: ``/``, or ``/bucket/``
    region: str

    @property
    def encrypted(self) -> bool:
        """Whether nobody on the way can change what is sent."""
        return self.origin.startswith("https:")


def domain(region: str) -> str:
    """Return the domain of Amazon's services in a region."""
    return _DOMAINS.get(region.partition("-")[0], "amazonaws.com")


def region(options: Options) -> str:
    """Return the region of a bucket: configured here, or for the AWS tools."""
    if options.region or options.endpoint:
        return options.region or _DEFAULT_REGION
    from debrepo_publish_s3 import profiles  # slow to import

    return profiles.region(options.profile) or _DEFAULT_REGION


def address(options: Options) -> Address:
    """Return where the bucket of these options is."""
    where = region(options)
    if options.endpoint:
        service, virtual = options.endpoint, options.addressing == "virtual"
    else:
        infix = "" if where == _DEFAULT_REGION and options.addressing != "path" else f"{where}."
        service = f"https://s3.{infix}{domain(where)}"
        virtual = options.addressing == "virtual" or (
            not options.addressing and _HOST_NAME.fullmatch(options.bucket) is not None
        )
    found = urlsplit(service)
    host, path = found.netloc.rpartition("@")[2].lower(), found.path.rstrip("/")
    host = host.removesuffix({"http": ":80", "https": ":443"}.get(found.scheme, ""))
    if virtual:
        host = f"{options.bucket}.{host}"
    else:
        path = f"{path}/{options.bucket}"
    return Address(f"{found.scheme}://{host}", host, f"{path}/", where)
