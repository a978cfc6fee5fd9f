"""Multi-status: what a WebDAV server answers to PROPFIND (RFC 4918, section 13)."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

from debrepo.errors import RemoteError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

REQUEST = (
    b'<?xml version="1.0" encoding="utf-8"?>'
    b'<propfind xmlns="DAV:"><prop><resourcetype/><getlastmodified/></prop></propfind>'
)


class Member(NamedTuple):
    """A file or a collection, by the path of its URL, decoded and without a last slash."""

    path: str
    is_collection: bool
    modified: datetime | None


def parse(body: bytes) -> Iterator[Member]:
    """Yield what the server lists, the collection that was asked for included."""
    try:
        tree = ET.fromstring(body)  # noqa: S314  # from the server we publish to
    except ET.ParseError as error:
        raise RemoteError(f"the server answers PROPFIND with no XML: {error}") from None
    for response in tree.iter("{DAV:}response"):
        path = urlsplit(response.findtext("{DAV:}href", "").strip()).path
        modified = response.findtext(".//{DAV:}getlastmodified")
        yield Member(
            unquote(path).rstrip("/"),
            response.find(".//{DAV:}resourcetype/{DAV:}collection") is not None,
            _time(modified),
        )


def _time(text: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
