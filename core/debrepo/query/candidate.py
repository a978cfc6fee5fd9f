"""What a query sees of a package: the key at once, the record when it has to."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from debrepo.package import Package, PackageKey
    from debrepo.relations import Provided

#: Fields that are lists: shown with ``, `` between the items, however the control file has them.
_LISTS = frozenset(
    (
        "build-depends",
        "build-depends-indep",
        "depends",
        "pre-depends",
        "provides",
        "recommends",
        "suggests",
    )
)
#: Fields in which the ends of the lines mean something.
_LINES = ("description", "files", "changes", "checksums-", "package-list")

_FILE_FIELDS = {"size": 1, "md5sum": 2, "sha1": 3, "sha256": 4, "sha512": 5}


class Candidate:
    """A package that a query is asked about; ``load`` is called once, or not at all."""

    __slots__ = ("_load", "_package", "_texts", "key")

    def __init__(self, key: PackageKey, load: Callable[[], Package]) -> None:
        self.key = key
        self._load = load
        self._package: Package | None = None
        self._texts: dict[str, str] = {}

    @property
    def package(self) -> Package:
        """The whole package."""
        if self._package is None:
            self._package = self._load()
        return self._package

    def text(self, field: str) -> str:
        """Return what a field says, or the empty string; found once, then kept.

        It is found soonest when it is spelt as the control file has it.
        """
        text = self._texts.get(field)
        if text is None:
            text = self._texts[field] = _text(self.package, field)
        return text

    def provides(self, name: str) -> tuple[Provided, ...]:
        """Return what the package provides under this name."""
        package = self.package
        if package.kind == "source" or name.encode() not in package.stanza:
            return ()
        text = self.text("Provides")
        if name not in text:  # most records have their own name elsewhere
            return ()
        from debrepo import relations  # which most queries can do without

        offers = relations.provides(text)
        return tuple(offer for offer in offers if offer.name == name)


def _is_spaced(text: str) -> bool:
    """Whether each comma of a list has a blank behind it, and nothing else beside it."""
    return (
        text.count(",") == text.count(", ")
        and ",  " not in text
        and " ," not in text
        and "\t" not in text
        and text.strip(" ,") == text
    )


def _text(package: Package, field: str) -> str:
    name = field.lower()
    if name in _FILE_FIELDS and package.kind != "source" and len(package.files) == 1:
        return str(package.files[0][_FILE_FIELDS[name]])
    if name == "source" and package.kind == "source":
        return ""  # a .dsc spells its own name so, an index does not
    text = package.field(field)
    if "\n" in text and not name.startswith(_LINES):
        text = " ".join(line.strip() for line in text.split("\n"))
    if "," in text and name in _LISTS and not _is_spaced(text):
        text = ", ".join(item for part in text.split(",") if (item := part.strip()))
    return text
