"""Sources as apt has them: one-line entries, and stanzas of .sources files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from debrepo import stanza
from debrepo.errors import InvalidInput
from debrepo_mirror.written import keys

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TYPES = {"deb", "deb-src"}
_ENTRY = re.compile(r"(deb(?:-src)?)\s+(?:\[([^\]]*)\]\s*)?([^\[\s]\S*)\s+(\S+)(?:\s+(.*))?")
_FINGERPRINT = re.compile(r"(?:[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64})!?")
_YES = {"yes", "true", "with", "on", "enable"}
_NO = {"no", "false", "without", "off", "disable"}

#: Options of a one-line entry, by the fields of a stanza that mean the same.
_FIELDS = {
    "architectures": "arch",
    "languages": "lang",
    "targets": "target",
    "signed-by": "signed-by",
}
#: What says nothing to a mirror: which other indexes apt reads, and when it does.
_IDLE = {
    "date-max-future", "description", "enabled", "inrelease-path", "lang", "pdiffs", "snapshot",
    "target", "valid-until-max", "valid-until-min", "x-repolib-name",
}  # fmt: skip
_INSECURE = {"trusted", "allow-insecure", "allow-weak", "allow-downgrade-to-insecure"}


class Written(NamedTuple):
    """One distribution of an archive, and the properties that a mirror of it has."""

    url: str
    distribution: str
    components: tuple[str, ...]
    options: Mapping[str, Any]


class _Source(NamedTuple):
    type: str
    url: str
    distribution: str
    components: tuple[str, ...]
    options: tuple[tuple[str, str], ...]


def is_source(text: str) -> bool:
    """Tell a source from a URL."""
    return bool(re.match(r"\s*(?:#|deb(?:-src)?\s)", text)) or "\n" in text.strip()


def parse(text: str) -> Written:
    """Return what one-line entries, or a stanza, say of one distribution of an archive.

    Files of keys that they name are read. An entry of the type deb-src asks for sources.
    """
    found = list(_entries(text))
    if not found:
        raise InvalidInput("there is no source in it", hint='one looks like "deb URL SUITE main"')
    first, *others = [source._replace(type="") for source in found]
    for other in others:
        if other != first:
            raise InvalidInput(
                f"there are several sources in it: {_named(first)}, and {_named(other)}",
                hint="create a mirror for each",
            )
    options = _properties(dict(first.options))
    if any(source.type == "deb-src" for source in found):
        options["sources"] = True
    return Written(first.url, first.distribution, first.components, options)


def _named(source: _Source) -> str:
    url = re.sub(r"//[^/]*@", "//", source.url)
    return " ".join([url, source.distribution, *source.components])[:200]


def _entries(text: str) -> Iterator[_Source]:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    if any(re.match(r"types\s*:", line, re.IGNORECASE) for line in lines):
        for one in stanza.split(
            "\n".join(line.rstrip() for line in lines).strip("\n").encode(errors="surrogatepass")
        ):
            yield from _stanza(one)
        return
    for line in lines:
        if line.strip():
            yield _line(line.partition(" #")[0].strip())


def _line(text: str) -> _Source:
    found = _ENTRY.fullmatch(text)
    if not found:
        raise InvalidInput(
            f"not a source: {_masked(text)[:120]!r}", hint='one looks like "deb URL SUITE main"'
        )
    kind, given, url, distribution, components = found.groups()
    options = []
    for option in (given or "").split():
        name, equals, value = option.partition("=")
        if not equals or name[-1:] in {"+", "-"}:
            raise InvalidInput(f"an option of a source that has no value: {option[:80]!r}")
        options.append((name.lower(), value.replace(",", " ")))
    return _Source(
        kind, _url(url), distribution, tuple((components or "").split()), tuple(sorted(options))
    )


def _masked(text: str) -> str:
    return re.sub(r"//[^/\s]*@", "//", text)


def _stanza(text: bytes) -> Iterator[_Source]:
    fields = {name.lower(): value for name, value in stanza.parse(text).items()}
    words = {name: fields.pop(name, "").split() for name in ("types", "uris", "suites")}
    components = tuple(fields.pop("components", "").split())
    for name, found in words.items():
        if not found:
            raise InvalidInput(f"the source has no field {name.capitalize()}")
    for unknown in set(words["types"]) - _TYPES:
        raise InvalidInput(f"not a type of a source: {unknown[:40]!r}", hint="use deb or deb-src")
    options = tuple(sorted((_FIELDS.get(name, name), value) for name, value in fields.items()))
    for url in words["uris"]:
        for distribution in words["suites"]:
            for kind in words["types"]:
                yield _Source(kind, _url(url), distribution, components, options)


def _url(url: str) -> str:
    """Return a URL with two slashes, which apt does not ask for in ``file:/srv``."""
    return re.sub(r"^(file|copy):/(?!/)", "file:///", url)


def _properties(options: Mapping[str, str]) -> dict[str, Any]:
    """Return the properties of a mirror that the options of a source stand for."""
    found: dict[str, Any] = {}
    for name, value in options.items():
        if name == "arch":
            found["architectures"] = value.split()
        elif name == "signed-by":
            found |= _signed_by(value)
        elif name in {"check-valid-until", "check-date"}:
            found["ignore_dates"] = found.get("ignore_dates", False) or not _is_on(name, value)
        elif name == "by-hash":
            forced = value.strip().lower() == "force"
            found["by_hash"] = "force" if forced else "auto" if _is_on(name, value) else "no"
        elif name in _INSECURE:
            if _is_on(name, value):
                raise InvalidInput(
                    f"the source says {name}, which a mirror does not take from it",
                    hint="use --ignore-signatures or --weak-checksums if that is what you want",
                )
        elif name not in _IDLE and not name.startswith("x-"):
            raise InvalidInput(f"an unknown option of a source: {name[:80]!r}")
    return found


def _is_on(name: str, value: str) -> bool:
    word = value.strip().lower()
    if word not in _YES | _NO:
        raise InvalidInput(f"{name} of the source is {value[:40]!r}", hint="use yes or no")
    return word in _YES


def _signed_by(value: str) -> dict[str, Any]:
    """Return the keys that are trusted: those in files, those given at once, and fingerprints."""
    if "-----BEGIN PGP" in value:
        lines = ("" if line.strip() == "." else line.strip() for line in value.split("\n"))
        return {"keys": keys.in_text("\n".join(lines).strip() + "\n", "Signed-By")}
    words = value.replace(",", " ").split()
    files = [word for word in words if word.startswith("/")]
    fingerprints = [word.rstrip("!") for word in words if _FINGERPRINT.fullmatch(word)]
    for word in words:
        if word not in files and not _FINGERPRINT.fullmatch(word):
            raise InvalidInput(
                f"Signed-By of the source is neither a file nor a fingerprint: {word[:80]!r}"
            )
    found: dict[str, Any] = {"fingerprints": fingerprints} if fingerprints else {}
    return found | ({"keys": "\n".join(map(keys.of_file, files))} if files else {})
