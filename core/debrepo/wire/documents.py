"""What services say in XML, with or without a namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from debrepo.errors import RemoteError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from xml.etree.ElementTree import Element


def read(body: bytes) -> Element:
    """Return the document in an answer."""
    from xml.etree.ElementTree import ParseError, fromstring  # most requests have none

    try:
        return fromstring(body)  # noqa: S314  # expat bounds entities; the service is trusted
    except ParseError as error:
        raise RemoteError(
            f"the service answered what is no XML: {error}",
            hint="is endpoint the URL of such a service?",
        ) from error


def rows(document: Element, name: str) -> Iterator[dict[str, str]]:
    """Yield the fields of each element that is called ``name``."""
    for element in document.iter():
        if _name(element) == name:
            yield {_name(field): field.text or "" for field in element}


def text(document: Element, name: str) -> str:
    """Return the text of the element that is called ``name``."""
    return next((element.text or "" for element in document if _name(element) == name), "")


def decoding(listing: Element) -> Callable[[str], str]:
    """Return what makes keys of those in a listing: not every service encodes them."""
    return unquote_plus if text(listing, "EncodingType") == "url" else str


def _name(element: Element) -> str:
    return element.tag.rpartition("}")[2]
