"""What a service is told in XML."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_SPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


def wanted_gone(keys: Iterable[str]) -> bytes:
    """Return the document that lists keys to delete."""
    from xml.sax.saxutils import escape

    rows = "".join([f"<Object><Key>{escape(key)}</Key></Object>" for key in keys])
    return f'<Delete xmlns="{_SPACE}"><Quiet>true</Quiet>{rows}</Delete>'.encode()


def completed(parts: Iterable[str]) -> bytes:
    """Return the document that lists the parts of an upload."""
    return (
        f'<CompleteMultipartUpload xmlns="{_SPACE}">{"".join(parts)}</CompleteMultipartUpload>'
    ).encode()
