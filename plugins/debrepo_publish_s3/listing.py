"""Listings of a bucket: names, sizes and versions of a thousand objects in a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from debrepo_publish_s3.client import Client

_WORTH_IT = 20  # objects that a page has to tell of; to ask for fewer one by one is cheaper


class S3Object(NamedTuple):
    """An object as a listing has it: its size in bytes, and its entity tag."""

    size: int
    tag: str


class _Page(NamedTuple):
    objects: dict[str, S3Object]
    more: dict[str, str]  #: parameter of the next request; nothing: this is the last page


def _page(client: Client, prefix: str, **start: Any) -> _Page:
    answer: dict[str, Any] = client.call("list_objects_v2", Prefix=prefix, **start)
    objects = {
        found["Key"]: S3Object(found["Size"], found["ETag"]) for found in answer.get("Contents", ())
    }
    token = answer.get("NextContinuationToken", "") if answer.get("IsTruncated") else ""
    return _Page(objects, {"ContinuationToken": token} if token else {})


def keys(client: Client, prefix: str) -> Iterator[str]:
    """Yield all keys that start with ``prefix``, sorted."""
    page = _page(client, prefix)
    yield from page.objects
    while page.more:
        page = _page(client, prefix, **page.more)
        yield from page.objects


def find(client: Client, prefix: str, wanted: Sequence[str]) -> dict[str, S3Object]:
    """Return objects by their keys, which are sorted, and start with ``prefix``.

    Those that are missing are not there, or too far from each other to be worth listing.
    """
    found: dict[str, S3Object] = {}
    position, last = 0, ""
    while position < len(wanted):
        page = _page(client, prefix, StartAfter=max(last, wanted[position][:-1]))
        last = max(page.objects, default="") if page.more else wanted[-1]
        before = position
        while position < len(wanted) and wanted[position] <= last:
            if wanted[position] in page.objects:
                found[wanted[position]] = page.objects[wanted[position]]
            position += 1
        if position - before < _WORTH_IT:
            break
    return found
