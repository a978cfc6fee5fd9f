"""Pictures: SVG from Graphviz as part of a page, with nothing but shapes, text and our links."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote
from xml.etree.ElementTree import XMLParser

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from xml.etree.ElementTree import Element

_SHAPES = frozenset(["a", "ellipse", "g", "path", "polygon", "polyline", "svg", "text"])
_ATTRIBUTES = frozenset(
    [
        *("cx", "cy", "d", "fill", "font-family", "font-size", "font-weight", "height", "points"),
        *("rx", "ry", "stroke", "stroke-dasharray", "stroke-width", "text-anchor", "transform"),
        *("viewBox", "width", "x", "y"),
    ]
)
_LINK = "{http://www.w3.org/1999/xlink}"
_DOCTYPE = re.compile(rb"<!DOCTYPE[^>]*>")


def inline(svg: bytes, label: str, urls: Mapping[str, str]) -> Markup:
    """Return a picture as a part of a page.

    Of its links, those to ``#kind:name`` stay, as far as ``urls`` have an address for the name.
    """
    parser = XMLParser()  # noqa: S314  # Graphviz has made it, of text that was escaped
    parser.feed(_DOCTYPE.sub(b"", svg, count=1))
    return Markup("").join(_drawn(parser.close(), urls, label))


def _drawn(element: Element, urls: Mapping[str, str], label: str = "") -> Iterator[Markup]:
    tag = element.tag.rpartition("}")[2]
    if tag not in _SHAPES:
        return
    given = {name: value for name, value in element.items() if name in _ATTRIBUTES}
    inside = Markup("")
    if tag == "svg":
        given |= {"role": "group", "aria-label": label}
    elif tag == "a":
        address = urls.get(unquote(element.get(f"{_LINK}href", "").removeprefix("#")), "")
        tag = "a" if address else "g"
        given |= {"href": address} if address else {}
        inside = Markup("<title>{}</title>").format(element.get(f"{_LINK}title", ""))
    yield Markup("<{}").format(tag)
    for name, value in given.items():
        yield Markup(' {}="{}"').format(name, value)
    yield Markup(">") + inside
    if tag == "text":
        yield escape(element.text or "")
    for child in element:
        yield from _drawn(child, urls)
    yield Markup("</{}>").format(tag)
