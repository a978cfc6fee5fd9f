"""Index kinds: the files below a distribution that its Release file lists.

    IndexKind         fragment by fragment: what each chunk of a package set adds to a file
    WholeIndexKind    the same, and then every file once more as a whole
    SortedIndexKind   lines, sorted, with the packages that share a line beside it

A kind says what it reads besides packages. The engine gives it that and nothing else, keeps
what was made under a hash of all of it, and makes it anew only when something of it changes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from debrepo.errors import PluginError
from debrepo.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from debrepo.package import Package

#: What a kind may read of a package, besides its stanza and the checksums of its files.
OF_PACKAGES = ("paths", "contents", "fields", "files", "extract")
#: What a kind may read of a publication, by the names that `Context` has for it.
OF_PUBLICATIONS = (
    "component",
    "architectures",
    "digests",
    "source",
    "distribution",
    "suite",
    "codename",
    "origin",
    "label",
    "version",
)


class Published(NamedTuple):
    """A package that is served; all but the package itself is empty unless the kind reads it."""

    package: Package
    paths: tuple[str, ...] = ()  #: below the prefix, where each of its files is served
    contents: bytes = b""  #: the paths that it installs or unpacks to, sorted, one on a line
    fields: Mapping[str, str] = MappingProxyType({})  #: what plugins add to its stanza
    files: tuple[Path, ...] = ()  #: its files in the pool, to be read
    extract: bytes = b""  #: what the kind itself has taken out of them: `IndexKind.extract`


class Replacement(str):
    """The value of a field that takes the place of the package's own: see `Published.fields`."""

    __slots__ = ()


class Context:
    """What an index depends on besides packages: the publication, options and settings.

    There is only what the kind says that it reads; to read anything else is a `PluginError`.
    """

    component: str
    architectures: tuple[str, ...]  #: without ``all`` and ``source``
    digests: tuple[str, ...]  #: of package files: ``md5``, ``sha1``, ``sha256``, ``sha512``
    source: bool  #: whether source packages are published
    distribution: str
    suite: str  #: as in the Release file, as are those below
    codename: str
    origin: str
    label: str
    version: str

    def __init__(
        self,
        publication: Mapping[str, Any],
        options: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        vars(self).update(publication)
        self.options: Mapping[str, Any] = MappingProxyType(_Said("options", options or {}))
        self.settings: Mapping[str, Any] = MappingProxyType(_Said("settings", settings or {}))

    def __getattr__(self, name: str) -> Any:
        if name in OF_PUBLICATIONS:
            raise PluginError(f"an index kind uses {name} without naming it in 'reads'")
        raise AttributeError(name)

    def signature(self, without: Iterable[str] = ()) -> bytes:
        """Return all of it as bytes, but for some of the publication's names."""
        left_out = {"options", "settings", *without}
        said = sorted((n, value) for n, value in vars(self).items() if n not in left_out)
        more = sorted(self.options.items()), sorted(self.settings.items())
        return repr((said, *more)).encode(errors="surrogateescape")


class _Said(dict[str, Any]):
    """What a kind has named, by its name."""

    def __init__(self, where: str, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self._where = where

    def __missing__(self, name: str) -> Any:
        raise PluginError(f"an index kind uses {name} without naming it in '{self._where}'")


class AnyIndexKind(ABC):  # noqa: B024  # its families have abstract methods
    """What all families of indexes have in common.

    A kind that publishes differences, ``Packages.diff/Index``, lists SHA1 and SHA256 in it,
    each with its ``-Download`` section, and names patches so that they sort as text: apt
    silently ignores an Index without ``SHA256-Download``, and debmirror 2.49 reads SHA1 only
    and sorts ``T-9`` after ``T-10``.
    """

    version: ClassVar[int] = 1  #: raise it when the same packages give other bytes
    #: What it reads, of `OF_PACKAGES` and `OF_PUBLICATIONS`. For ``contents`` the data of all
    #: packages is unpacked before anything is rendered, once, as long as dpkg-deb --contents
    #: takes.
    reads: ClassVar[tuple[str, ...]] = ("component", "architectures")
    takes: ClassVar[tuple[str, ...]] = ("deb", "udeb", "source")  #: the kinds of package it gets
    options: ClassVar[tuple[str, ...]] = ()  #: of a publication, see `debrepo_publication_options`
    settings: ClassVar[tuple[str, ...]] = ()  #: from the configuration, of your plugin's

    def applies(self, context: Context) -> bool:
        """Return whether a component has such indexes at all; without, no package is read."""
        return True

    def expected(self, context: Context) -> Iterable[str]:
        """Return the indexes that exist even where no package is in them."""
        return ()

    def header(self, path: str, context: Context) -> bytes:
        """Return what stands once at the start of an index."""
        return b""

    def compressions(self, chosen: tuple[str, ...]) -> tuple[str, ...]:
        """Return in which of the publication's compressions its indexes are stored."""
        return chosen


class IndexKind(AnyIndexKind):
    """A family of indexes that are made fragment by fragment, such as ``Packages``."""

    def extract(self, published: Published) -> bytes:
        """Return what the indexes need of the inside of a package, if the kind reads ``extract``.

        It is asked once for each package, in several threads, and the answer is kept as long as
        something live lists the package. The package comes with its ``contents`` and ``files``,
        if the kind reads them too, and nothing else that a publication decides. Raise
        `InvalidPackage` where a package has what nobody can read: it is named in a warning, and
        published with an empty extract.
        """
        return b""

    @abstractmethod
    def fragment(self, packages: Sequence[Published], context: Context) -> Mapping[str, bytes]:
        """Return what these packages contribute to each index, by its path.

        The paths are relative to the component: ``binary-amd64/Packages``. One that another
        kind has too is refused. Only packages that are served come: of the architectures of the
        publication, of ``all``, and of ``source`` if these are published. They come in the order
        of package sets; an index is its header and its fragments, joined in that order, however
        many packages a fragment is made of.
        """


class WholeIndexKind(IndexKind):
    """A family of indexes that cannot be made of fragments alone: one list, one archive.

    Its fragments are kept, and `finish` makes the files of them whenever one has changed. That
    costs as much as the whole index is large, in memory too, for a change of one package.
    """

    @abstractmethod
    def finish(
        self, fragments: Mapping[str, Sequence[bytes]], context: Context
    ) -> Mapping[str, bytes]:
        """Return the indexes, by path, given the fragments of each path in order.

        They may be others than those that fragments were made for. The header is not in them.
        """


class SortedIndexKind(AnyIndexKind):
    """A family of indexes of sorted lines: a key, a blank, and the values of all its packages.

    The values have commas between them. The lines are kept from publish to publish and changed
    where packages have changed, whatever the order of packages is.
    """

    #: Fields of packages that plugins may give other values: those of these names that they do
    #: are in `Published.fields`. If what they give changes, the lines are made anew.
    given: ClassVar[tuple[str, ...]] = ()
    #: Whether an index is for the packages of all architectures together. `index` is asked for an
    #: empty architecture then.
    joint: ClassVar[bool] = False

    @abstractmethod
    def index(self, kind: str, architecture: str, context: Context) -> str:
        """Return the path of the index that lists packages like these, or an empty string.

        ``kind`` is one that it takes. Each index is for one kind and one architecture, unless
        the kind of index is `joint`.
        """

    @abstractmethod
    def lines(self, published: Published, context: Context) -> tuple[bytes, bytes]:
        """Return the keys of a package, one on a line, and the value that stands behind them.

        The value has to name the package: no package of another name may add the same line.
        There is no comma in it, and no NUL in either. ``paths`` cannot be read.
        """

    def text(self, lines: bytes) -> bytes:
        """Return some lines, each with its newline, as they stand in the file.

        It may be stanzas, for example. Raise `version` with each change of it.
        """
        return lines
