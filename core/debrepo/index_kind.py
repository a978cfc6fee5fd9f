"""Index kinds: the files below a distribution that its Release file lists.

An index is made of *fragments*: what one chunk of a package set contributes to it. The
engine asks for the fragments of chunks that are new, keeps them, and joins them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from debrepo.package import Package


class Published(NamedTuple):
    """A package, and the path below the prefix under which each of its files is served.

    ``contents`` are the paths that it installs, or unpacks to, sorted, one on a line, if a kind
    of index `reads contents <IndexKind.reads_contents>`; otherwise there is nothing in it.
    """

    package: Package
    paths: tuple[str, ...]
    contents: bytes = b""


class Layout(NamedTuple):
    """What a fragment depends on besides its packages."""

    component: str
    architectures: tuple[str, ...]  #: without ``all`` and ``source``
    digests: tuple[str, ...]  #: of package files: ``md5``, ``sha1``, ``sha256``, ``sha512``
    source: bool  #: whether source packages are published


class IndexKind(ABC):
    """A family of indexes, such as the ``Packages`` files of a component.

    A kind that publishes differences, ``Packages.diff/Index``, lists SHA1 and SHA256 in it,
    each with its ``-Download`` section, and names patches so that they sort as text: apt
    silently ignores an Index without ``SHA256-Download``, and debmirror 2.49 reads SHA1 only
    and sorts ``T-9`` after ``T-10``.
    """

    version: ClassVar[int] = 1  #: raise it when the same packages give other bytes
    #: Whether it needs the paths in packages. Their data is unpacked for it before anything is
    #: rendered: once, but for every package, which takes as long as dpkg-deb --contents does.
    reads_contents: ClassVar[bool] = False

    @abstractmethod
    def fragment(self, packages: Sequence[Published], layout: Layout) -> Mapping[str, bytes]:
        """Return what these packages contribute to each index, by its path.

        The paths are relative to the component: ``binary-amd64/Packages``. A path that another
        kind has too is refused. Only packages that are served come: of the architectures of the
        layout, of ``all``, and of ``source`` if the layout says so. They come in the order of
        package sets; an index is its fragments, joined in that order.
        """

    def expected(self, layout: Layout) -> Iterable[str]:
        """Return the indexes that exist even where no package is in them."""
        return ()
