"""The Release file: the fields of a distribution, and the checksums of its indexes."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from debrepo.errors import InvalidInput
from debrepo_publish.indexes.encoding import field
from debrepo_publish.indexes.rendering import Rendered
from debrepo_publish.model.hashing import digests
from debrepo_publish.model.publication import CHECKSUMS, Generation, Index, Publication

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence


_FORMAT = "%a, %d %b %Y %H:%M:%S UTC"  # RFC 5322, but for the name of the zone: as apt reads it
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
#: What a wrong value of would mislead clients: these come from what is published.
_OURS = {
    "Acquire-By-Hash", "Architectures", "Codename", "Components", "Date", "MD5Sum",
    "No-Support-for-Architecture-all", "SHA1", "SHA256", "SHA512", "Suite", "Valid-Until",
}  # fmt: skip
_WRITTEN = frozenset(name.lower() for name in _OURS)
_OPTIONS = frozenset(  # fields that have options of these names
    [
        "butautomaticupgrades",
        "description",
        "label",
        "notautomatic",
        "origin",
        "signed-by",
        "version",
    ]
)
_DATE = re.compile(rb"^Date: (.+?)\r?$", re.MULTILINE)
_VALID_UNTIL = re.compile(rb"^Valid-Until: (.+?)\r?$", re.MULTILINE)
_LINES = rb"(?m)^%s:[^\n]*\n(?:[ \t][^\n]*\n)*"  # of one field
_BEGIN = b"-----BEGIN PGP SIGNED MESSAGE-----"
_SIGNATURE = b"-----BEGIN PGP SIGNATURE-----"


def _date(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime(_FORMAT)


def seconds_of(text: str) -> int:
    """Return the moment that a field names, in seconds since the epoch, or raise `ValueError`."""
    return int(datetime.strptime(text, _FORMAT).replace(tzinfo=UTC).timestamp())


def dated(release: bytes | None) -> int:
    """Return the ``Date`` of a Release or InRelease file, in seconds since the epoch; 0: none."""
    return _moment(_DATE.search(release or b""))


def valid_until(release: bytes) -> int:
    """Return the ``Valid-Until`` of a Release or InRelease file as `dated` does."""
    return _moment(_VALID_UNTIL.search(release))


def _moment(found: re.Match[bytes] | None) -> int:
    try:
        return seconds_of(found[1].decode()) if found else 0
    except ValueError:
        return 0


def signed_text(data: bytes) -> bytes:
    """Return the text of a clear-signed file; of any other, all of it."""
    if not data.lstrip().startswith(_BEGIN):
        return data
    lines = data.replace(b"\r\n", b"\n").split(b"\n")
    start = lines.index(b"") + 1 if b"" in lines else 0
    end = lines.index(_SIGNATURE) if _SIGNATURE in lines else len(lines)
    return b"\n".join(line.removeprefix(b"- ") for line in lines[start:end]) + b"\n"


def with_fields(text: bytes, values: Mapping[str, str]) -> bytes:
    """Return a Release file with other values of some fields; an empty one takes its field out.

    A field that is new stands behind the date. All else stays as it is, byte for byte.
    """
    for name, value in values.items():
        line = f"{field(name, value)}\n".encode() if value else b""
        found = re.search(_LINES % name.encode(), text) or re.search(_LINES % b"Date", text)
        start, end = found.span() if found else (0, 0)
        if found and not found[0].startswith(b"%s:" % name.encode()):
            start = end
        text = text[:start] + line + text[end:]
    return text


def fields(publication: Publication, generation: Generation, at: int) -> dict[str, str]:
    """Return the fields of a Release file, without checksums; empty ones are left out."""
    distribution = publication.distribution
    origin, label = publication.names
    given = {
        "Origin": origin,
        "Label": label,
        "Suite": publication.suite or distribution,
        "Version": publication.version,
        "Codename": publication.codename or distribution,
        "Date": _date(at),
        "Valid-Until": _date(generation.expires) if generation.expires else "",
        "NotAutomatic": "yes" if publication.not_automatic else "",
        "ButAutomaticUpgrades": "yes" if publication.but_automatic_upgrades else "",
        "Acquire-By-Hash": "yes",
        # Where there is nothing but ``all``, its own index is the only one there is.
        "No-Support-for-Architecture-all": "Packages" if generation.architectures else "",
        "Signed-By": publication.signed_by,
        "Architectures": " ".join(("all", *generation.architectures)),
        "Components": " ".join(sorted(generation.parts)),
        "Description": publication.description,
    }
    omitted = publication.omitted
    return {name: value for name, value in given.items() if value and name not in omitted}


def configured_fields(lines: Iterable[str], options: Mapping[str, object]) -> dict[str, str]:
    """Return the fields that the configuration adds, and over them those of a publication."""
    found = further_fields(lines)
    for name, value in own_fields(options).items():
        same = next((one for one in found if one.lower() == name.lower()), name)
        found.pop(same, None)
        found[name] = value
    return found


def own_fields(options: Mapping[str, object]) -> dict[str, str]:
    """Return the further fields of a publication; raise `InvalidInput` if one cannot be one."""
    said = options.get("release_field")
    lines = tuple(filter(None, said)) if isinstance(said, tuple) else ()
    for text in lines:
        name = text.partition(":")[0].lower()
        if name in _OPTIONS:
            raise InvalidInput(
                f"the option release_field: {text[:80]!r} has an option of its own",
                hint=f"use --{name}",
            )
    return further_fields(lines, "the option release_field")


def further_fields(lines: Iterable[str], where: str = "publish.release_fields") -> dict[str, str]:
    """Return fields as they are written; raise `InvalidInput` if one cannot be one."""
    found: dict[str, str] = {}
    for text in lines:
        name, colon, value = text.partition(":")
        if (
            not colon
            or not _NAME.fullmatch(name)
            or name.lower() in _WRITTEN
            or not value.strip().isprintable()
        ):
            raise InvalidInput(
                f"{where}: {text[:80]!r} cannot be a field of Release",
                hint='write NAME: VALUE, such as "Changelogs: https://example.org/@CHANGEPATH@"',
            )
        found[name] = value.strip()
    return found


def complete(
    values: Mapping[str, str], rendered: Sequence[Rendered], checksums: tuple[str, ...]
) -> tuple[bytes, list[Rendered]]:
    """Return the Release file, and the indexes with the small Release files beside them."""
    everything = [*rendered, *_legacy(values, rendered, checksums)]
    lines = [field(name, value) for name, value in values.items() if value]
    listed = _in_order((item.path, item.checksums) for item in everything if item.checksums.listed)
    for name, title in CHECKSUMS.items():
        if name in checksums:
            lines.append(f"{title}:")
            lines += [f" {getattr(row, name)} {row.size:>8} {path}" for path, row in listed]
    return ("\n".join(lines) + "\n").encode(), everything


def _in_order(rows: Iterable[tuple[str, Index]]) -> list[tuple[str, Index]]:
    """Return what Release lists by path, a line that debootstrap does not need coming last.

    debootstrap 1.0.145 loses the last line of InRelease.
    """
    listed = sorted(rows)
    last = next((row for row in reversed(listed) if "/binary-" not in row[0]), None)
    return [row for row in listed if row != last] + ([last] if last else [])


def _legacy(
    values: Mapping[str, str], rendered: Sequence[Rendered], checksums: tuple[str, ...]
) -> Iterator[Rendered]:
    """Yield the small Release file of every directory of ``Packages`` or ``Sources``."""
    for directory in sorted({item.path.rpartition("/")[0] for item in rendered}):
        component, _, last = directory.rpartition("/")
        architecture = last.removeprefix("binary-")
        if component not in values.get("Components", "").split():
            component = component.removesuffix("/debian-installer")
        if last.startswith("binary-") or last == "source":
            data = legacy(values, component, architecture)
            index = Index(len(data), *digests(data, checksums), stored=True)
            yield Rendered(f"{directory}/Release", index, data)


def legacy(values: Mapping[str, str], component: str, architecture: str) -> bytes:
    """Return the small Release file beside an index, which some installers still read."""
    said = {
        "Archive": values.get("Suite", ""),
        "Origin": values.get("Origin", ""),
        "Label": values.get("Label", ""),
        "Version": values.get("Version", ""),
        "NotAutomatic": values.get("NotAutomatic", ""),
        "ButAutomaticUpgrades": values.get("ButAutomaticUpgrades", ""),
        "Acquire-By-Hash": "yes",
        "Component": component,
        "Architecture": architecture,
    }
    return "".join(f"{field(name, value)}\n" for name, value in said.items() if value).encode()
