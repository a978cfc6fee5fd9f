"""Connecting to a bucket, with libcurl, which need not be installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo.errors import PluginError

if TYPE_CHECKING:
    from debrepo_publish_s3.client import Client
    from debrepo_publish_s3.options import Options


def connect(given: Options) -> Client:
    """Return a connection."""
    try:
        from debrepo_publish_s3.client import Client
    except ImportError as error:
        raise PluginError(
            f"the s3: storage needs pycurl: {error}",
            hint="pip install 'debrepo-manager[s3]', or apt install python3-pycurl",
        ) from error
    return Client(given)
