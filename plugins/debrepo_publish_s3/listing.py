"""Listings of a bucket: names, sizes and versions of a thousand objects in a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from debrepo.wire import documents

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


def page(client: Client, prefix: str, **start: str) -> _Page:
    """Return the objects that start with ``prefix``, as many as there are in one answer."""
    query = {"list-type": "2", "encoding-type": "url", "prefix": prefix}
    query |= {name.replace("_", "-"): value for name, value in start.items()}
    answer = documents.read(client.ask("list objects v2", "GET", "", query=query).body)
    decode = documents.decoding(answer)
    objects = {
        decode(found["Key"]): S3Object(int(found["Size"]), found["ETag"])
        for found in documents.rows(answer, "Contents")
    }
    token = documents.text(answer, "NextContinuationToken")
    more = documents.text(answer, "IsTruncated") == "true" and token
    return _Page(objects, {"continuation_token": token} if more else {})


def keys(client: Client, prefix: str) -> Iterator[str]:
    """Yield all keys that start with ``prefix``, sorted."""
    found = page(client, prefix)
    yield from found.objects
    while found.more:
        found = page(client, prefix, **found.more)
        yield from found.objects


def find(client: Client, prefix: str, wanted: Sequence[str]) -> dict[str, S3Object]:
    """Return objects by their keys, which are sorted, and start with ``prefix``.

    Those that are missing are not there, or too far from each other to be worth listing.
    """
    found: dict[str, S3Object] = {}
    position, last = 0, ""
    while position < len(wanted):
        listed = page(client, prefix, start_after=max(last, wanted[position][:-1]))
        last = max(listed.objects, default="") if listed.more else wanted[-1]
        before = position
        while position < len(wanted) and wanted[position] <= last:
            if wanted[position] in listed.objects:
                found[wanted[position]] = listed.objects[wanted[position]]
            position += 1
        if position - before < _WORTH_IT:
            break
    return found
