"""The model: a publication is what is served at a place, a generation one state of it."""

from __future__ import annotations

import re
from _blake2 import blake2b  # hashlib would load OpenSSL for it
from typing import TYPE_CHECKING

from debrepo.errors import InvalidInput
from debrepo.package import SetId  # noqa: TC001  # records are held against their types
from debrepo.values import NamedTuple
from debrepo.verbatim import VerbatimArchive  # noqa: TC001

if TYPE_CHECKING:
    from collections.abc import Mapping


#: The checksums that a Release file may list, by their names in `debrepo.package.PackageFile`.
CHECKSUMS = {"md5": "MD5Sum", "sha1": "SHA1", "sha256": "SHA256", "sha512": "SHA512"}
#: Release fields that every publication has, unless the tool that it was taken over from had none.
OMITTABLE = ("Origin", "Label", "Suite", "Codename")
COMPRESSIONS = {"plain": "", "gz": ".gz", "xz": ".xz", "zst": ".zst", "bz2": ".bz2"}


LONGEST = 255  #: characters of a component or distribution: a directory's name can have so many
_WORDS = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9+._~-]|/(?=[A-Za-z0-9]))*")


#: The value of an option that a plugin declares.
Option = bool | int | str | tuple[str, ...]


class Publication(NamedTuple):
    """Where something is published, what, and how; ``sources`` maps component to list."""

    storage: str  #: ``SCHEME:NAME``; empty for the default
    prefix: str  #: ``.`` for the root of the storage
    distribution: str
    sources: dict[str, str]  #: component to package list, as ``kind:name``
    architectures: tuple[str, ...] = ()  #: empty: those that there are packages for
    origin: str = ""
    label: str = ""
    suite: str = ""
    codename: str = ""
    version: str = ""
    description: str = ""
    not_automatic: bool = False
    but_automatic_upgrades: bool = False
    signed_by: str = ""
    valid_for: int = 0  #: seconds until clients refuse it; 0: for ever
    keys: tuple[str, ...] = ()
    skip_signing: bool = False
    contents: bool = True  #: whether to publish Contents
    compressions: tuple[str, ...] = ("gz", "xz")
    sums: tuple[str, ...] = ("sha256",)
    keep_generations: int = 5
    grace: int = 3 * 86400  #: seconds for which superseded files stay
    live: int = 0  #: the generation that clients see; 0: none yet
    acquire_by_hash: bool = False  #: set by clients of the API; by-hash files are always published
    multi_dist: bool = False  #: whether it has a directory of its own below ``pool/``
    pending: dict[str, str] | None = None  #: the ``sources`` of the next update, if others
    #: What was given of the options that plugins declare, by name.
    options: dict[str, Option] = {}  # noqa: RUF012  # never changed
    omitted: tuple[str, ...] = ()  #: those of `OMITTABLE` that its Release file does not have
    #: Whether Origin and Label are what they were before they were aptly's: clients would refuse
    #: an archive whose Origin changes.
    old_defaults: bool = False
    #: Dated archives to keep: a count, a time such as ``30d``, or ``all``; empty: none.
    snapshots: str = ""
    aliases: tuple[str, ...] = ()  #: further distributions that serve the same
    #: Seconds for which superseded indexes stay, if that is less than ``grace``.
    index_grace: int = 3600

    @property
    def names(self) -> tuple[str, str]:
        """Origin and Label, as Release files have them."""
        if self.old_defaults:
            either = self.origin or self.label or str(self)
            return self.origin or either, self.label or either
        default = f"{self.prefix} {self.distribution}"
        return self.origin or default, self.label or default

    @property
    def place(self) -> str:
        """Storage and prefix: what shares one pool; see `split_place`."""
        if ":" in self.prefix and ":" not in self.storage:
            return f"{self.storage}{':default' if self.storage else ''}:{self.prefix}"
        return f"{self.storage}:{self.prefix}" if self.storage else self.prefix

    @property
    def words(self) -> str:
        """What commands call it: the distribution, and the place unless it is the default."""
        return self.distribution if self.place == "." else f"{self.distribution} {self.place}"

    @property
    def key(self) -> str:
        """The key in the database; the blank keeps ``a/b c`` and ``a b/c`` apart."""
        return f"{self.place} {self.distribution}"

    @property
    def verbatim(self) -> bool:
        """Whether it is published as the archive has signed it that its packages come from."""
        return self.options.get("verbatim") is True

    @property
    def next_sources(self) -> dict[str, str]:
        """The sources that the next update publishes."""
        return dict(self.sources if self.pending is None else self.pending)

    def __str__(self) -> str:
        return f"{self.place}/{self.distribution}"

    @property
    def roots(self) -> tuple[str, ...]:
        """The directories below the prefix that clients start from; its own is the last one."""
        return tuple(f"dists/{name}/" for name in (*self.aliases, self.distribution))

    def path(self, path: str) -> str:
        """Return a path below the prefix as the storage knows it."""
        return path if self.prefix == "." else f"{self.prefix}/{path}"

    def has_source(self, parts: Mapping[str, Part]) -> bool:
        """Return whether source packages are published, with an index in every component.

        They are if they are among the architectures to publish; by default, if there are any.
        """
        if self.architectures:
            return "source" in self.architectures
        return any("source" in part.architectures for part in parts.values())

    @property
    def fingerprinted(self) -> str:
        """Everything that the published bytes depend on besides packages."""
        fields = self._replace(
            sources={},
            live=0,
            keep_generations=0,
            grace=0,
            index_grace=0,
            acquire_by_hash=False,
            pending=None,
            snapshots="kept" if self.snapshots else "",
        )
        said = repr(fields).replace(", omitted=()", "")  # as before there was this field
        return (
            said.replace(", old_defaults=True", "")
            .replace(", snapshots=''", "")
            .replace(", aliases=()", "")
            .replace(", index_grace=0", "")
        )

    def fingerprint(self) -> str:
        """Return a digest of everything that the published bytes depend on besides packages."""
        return blake2b(self.fingerprinted.encode(), digest_size=16).hexdigest()


class Part(NamedTuple):
    """The packages of one component of a generation."""

    source: str
    set_id: SetId
    architectures: dict[str, int]  #: packages by architecture, ``all`` and ``source`` too, or 0


class Index(NamedTuple):
    """A file below ``dists/DISTRIBUTION``; digests are in hex."""

    size: int
    md5: str
    sha1: str
    sha256: str
    sha512: str
    stored: bool  #: whether it is stored; of the plain index often only the checksums are published
    listed: bool = True  #: whether Release lists it; of what it does not, content is never replaced


class Generation(NamedTuple):
    """One published state of a publication.

    It is *pending* until the file that commits it is replaced, then *live*, then
    *past*; *void* when a crash or an error came first.
    """

    number: int
    state: str
    base: int  #: the generation that was live when this one was made
    parts: dict[str, Part]
    architectures: tuple[str, ...]
    options: str
    created: str  #: ISO 8601, UTC
    who: str
    why: str
    publication: Publication  #: as it was published
    rendering: str = ""  #: a hash of all that indexes depend on besides packages
    claimed: int = 0  #: pool files counted so far, in the order of `plan.additions`
    released: int = 0  #: pool files released since it was retired
    settled: bool = False  #: whether all of them are released
    indexes: dict[str, Index] = {}  # noqa: RUF012  # never changed; empty until they are staged
    versions: dict[str, str] = {}  # noqa: RUF012  # of files that are replaced, see `commits`
    expires: int = 0  #: seconds since the epoch; 0: never
    committed: int = 0  #: when it went live, by the clock of this machine
    ended: int = 0  #: when it stopped being live, in seconds since the epoch
    ended_by: int = 0  #: the generation that replaced it; 0: the publication was dropped
    #: The architectures whose packages it serves, ``all`` and ``source`` too; empty: every one.
    served: tuple[str, ...] = ()
    adopted: bool = False  #: whether another tool has published it: its packages are not known
    verbatim: VerbatimArchive | None = None  #: what it is made of, besides packages, where it is
    dated: str = ""  #: the name of its dated archive, if it has one; see `dated`
    bare: bool = False  #: whether its indexes are deleted; its packages are known as before

    @property
    def size(self) -> int:
        """The number of packages that it serves."""
        counts = [count for part in self.parts.values() for count in part.architectures.items()]
        return sum(n for name, n in counts if not self.served or name in self.served)

    @property
    def serves(self) -> tuple[str, ...]:
        """The architectures that clients find packages of; ``all`` only if there is no other."""
        source = any("source" in part.architectures for part in self.parts.values())
        names = self.served or (*self.architectures, *["source"] * source)
        return tuple(name for name in names if name != "all") or ("all",)

    @property
    def inputs(self) -> tuple[object, ...]:
        """Everything that the published bytes depend on."""
        sets = [(name, part.set_id) for name, part in self.parts.items()]
        return sets, (self.architectures, self.served), self.options, self.rendering

    def shelf(self, component: str) -> str:
        """Return the directory below ``pool/`` for the packages of a component."""
        if self.publication.multi_dist:
            return f"{self.publication.distribution}/{component}"
        return component


class HistoryRow(NamedTuple):
    """What stays known of a generation after its packages and files are gone."""

    number: int
    created: str  #: ISO 8601, UTC
    who: str
    why: str
    base: int  #: the generation that it replaced; 0: none
    packages: int  #: that it serves
    changes: dict[str, int]  #: packages added, removed, upgraded and so on; none if there are none
    size: int  #: bytes of the package files that are new to clients
    keys: tuple[str, ...]  #: fingerprints of the keys that signed
    committed: int = 0  #: when clients saw it first, in seconds since the epoch; 0: not yet
    dated: str = ""  #: the name of its dated archive, if it had one


class Switch(NamedTuple):
    """What it takes to finish replacing the names of a generation after a crash."""

    releases: dict[str, str]  #: content by path below the prefix; the file that commits is last
    expected: str  #: SHA-256 of what that held before; empty: nothing, ``any``: whatever it is


def commit_path(publication: Publication) -> str:
    """Return the path of the file whose replacement makes a generation take effect."""
    return f"dists/{publication.distribution}/" + (
        "Release" if publication.skip_signing else "InRelease"
    )


def generation_key(key: str, number: int) -> str:
    """Return the key of a generation in the database; they sort by number."""
    return f"{key}\0{number:010}"


def check_prefix(prefix: str) -> str:
    """Return the normal form of a prefix; raise `InvalidInput` if it is not valid."""
    parts = [part for part in prefix.split("/") if part not in ("", ".")]
    bad = {"..", "dists", "pool"} & set(parts)
    if bad or any(" " in part or not part.isprintable() for part in parts) or len(prefix) > 100:
        raise InvalidInput(
            f"{prefix!r} cannot be a prefix",
            hint="no '..', 'dists' or 'pool' among its parts, no blanks",
        )
    return "/".join(parts) or "."


def check_component(name: str) -> str:
    """Return ``name``; raise `InvalidInput` if it is no valid component."""
    if not _WORDS.fullmatch(name) or len(name) > LONGEST or {".", ".."} & set(name.split("/")):
        raise InvalidInput(f"{name!r} cannot be a component", hint="letters, digits and -+._/")
    return name


def check_distribution(name: str) -> str:
    """Return ``name``; raise `InvalidInput` if it is no valid distribution."""
    if not _WORDS.fullmatch(name) or len(name) > LONGEST or {".", ".."} & set(name.split("/")):
        raise InvalidInput(f"{name!r} cannot be a distribution", hint="letters, digits and -+._/")
    return name


def split_place(text: str) -> tuple[str, str]:
    """Return storage and prefix of ``[[STORAGE:]PREFIX]``; ``STORAGE`` is ``SCHEME[:NAME]``.

    A prefix that has colons itself needs the name of the storage too, or a colon before it if
    it is in the default storage: ``s3:cloud:a:b``, ``:a:b``.
    """
    scheme, colon, rest = text.partition(":")
    if not colon:
        return "", check_prefix(text)
    name, colon, prefix = rest.partition(":") if scheme else ("", ":", rest)
    if not colon:
        return one_storage(scheme), check_prefix(rest)
    return one_storage(f"{scheme}:{name}"), check_prefix(prefix)


def one_storage(text: str) -> str:
    """Return the normal form of ``SCHEME[:NAME]``; the default storage is the empty string."""
    scheme, _, name = text.partition(":")
    scheme = {"filesystem": "fs"}.get(scheme, scheme)  # aptly's word
    if name in ("", "default"):  # one place has one name, or two ledgers would count its files
        return "" if scheme in ("", "fs") else scheme
    return f"{scheme}:{name}"


def one_place(text: str) -> str:
    """Return the normal form of ``[[STORAGE:]PREFIX]``; ``.`` is the root of the default."""
    return Publication(*split_place(text), "", {}).place
