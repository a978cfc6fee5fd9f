"""The configuration of reprepro: its directories, and the stanzas of its files."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from debrepo.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_FIELD = re.compile(r"([A-Za-z][A-Za-z0-9-]*)[ \t]*:[ \t]*(.*)")
_LARGEST = 16 << 20  # bytes of a file of the configuration


class Stanza(NamedTuple):
    """A stanza of a file of the configuration; the names of fields are in lower case."""

    fields: Mapping[str, str]
    where: str  #: file and line, for messages

    def get(self, name: str) -> str:
        """Return a field, its lines joined; the empty string if it is not there."""
        return " ".join(self.fields.get(name.lower(), "").split())

    def words(self, name: str) -> tuple[str, ...]:
        """Return the words of a field."""
        return tuple(self.get(name).split())

    def lines(self, name: str) -> tuple[str, ...]:
        """Return the lines of a field that say something."""
        lines = (line.strip() for line in self.fields.get(name.lower(), "").split("\n"))
        return tuple(line for line in lines if line)


class RepreproDistribution(NamedTuple):
    """A stanza of ``conf/distributions``."""

    codename: str
    stanza: Stanza

    @property
    def components(self) -> tuple[str, ...]:
        """The components, ``main`` if none is named."""
        return self.stanza.words("Components") or ("main",)

    @property
    def architectures(self) -> tuple[str, ...]:
        """The architectures, ``source`` among them if there are sources."""
        return self.stanza.words("Architectures")

    def list_name(self, component: str) -> str:
        """Return the name that the repository of a component has here."""
        return re.sub(r"[/:\s]+", "-", f"{self.codename}-{component}").strip("-")


class Base(NamedTuple):
    """The directories of reprepro, and its options."""

    base: Path
    conf: Path
    db: Path
    out: Path
    options: Mapping[str, str]

    def distributions(self) -> list[RepreproDistribution]:
        """Return the distributions, in their order."""
        found = []
        for stanza in stanzas(self.conf / "distributions"):
            codename = stanza.get("Codename")
            if not codename or len(codename.split()) != 1:
                raise InvalidInput(f"{stanza.where}: a distribution has to have a Codename")
            found.append(RepreproDistribution(codename, stanza))
        return found


def open_base(base: Path) -> Base:
    """Return the directories of a base; raise `NotFound` if reprepro has none there."""
    base = base.expanduser().absolute()
    conf = base / "conf"
    options = _options(conf / "options") if conf.is_dir() else {}
    conf = _place(options.get("confdir", "+b/conf"), base, base, base)
    out = _place(options.get("outdir", "+b/"), base, base, conf)
    db = _place(options.get("dbdir", "+b/db"), base, out, conf)
    if not (conf / "distributions").exists():
        raise NotFound(
            f"{base} is no base of reprepro: there is no {conf / 'distributions'}",
            hint="name the directory that has conf/ in it",
        )
    return Base(base, conf, db, out, options)


def _options(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    found = {}
    for line in _read(path).splitlines():
        name, _, value = line.strip().partition(" ")
        if name and not name.startswith("#"):
            found[name.lower()] = value.strip()
    return found


def _place(text: str, base: Path, out: Path, conf: Path) -> Path:
    """Return a directory; ``+b/``, ``+o/`` and ``+c/`` stand for those that are known already."""
    for mark, directory in (("+b", base), ("+o", out), ("+c", conf)):
        if text == mark or text.startswith(f"{mark}/"):
            return Path(os.path.normpath(directory / text[2:].lstrip("/")))
    return Path(os.path.normpath(base / text))


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST:
            raise InvalidInput(f"{path} has more than {_LARGEST} bytes")
        return path.read_text("utf-8", errors="surrogateescape")
    except FileNotFoundError:
        raise NotFound(f"there is no {path}") from None
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror}") from None


def stanzas(path: Path) -> Iterator[Stanza]:
    """Yield the stanzas of a file, or of the ``.conf`` files in a directory, if it is there."""
    if path.is_dir():
        for file in sorted(path.glob("*.conf")):
            yield from stanzas(file)
        return
    if not path.exists():
        return
    fields: dict[str, str] = {}
    name, begin = "", 0
    for number, line in enumerate([*_read(path).split("\n"), ""], 1):
        if line.startswith("#"):
            continue
        if not line.strip():
            if fields:
                yield Stanza(fields, f"{path}:{begin}")
            fields, name = {}, ""
        elif line[0] in " \t" and name:
            fields[name] += "\n" + line
        elif found := _FIELD.fullmatch(line):
            name = found[1].lower()
            begin = begin if fields else number
            if name in fields:
                raise InvalidInput(f"{path}:{number}: the field {found[1]} is given twice")
            fields[name] = found[2]
        else:
            raise InvalidInput(f"{path}:{number}: not a field: {line[:80]!r}")
