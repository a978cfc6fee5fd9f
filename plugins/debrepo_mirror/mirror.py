"""A mirror: where its packages come from, which of them it has, and whom it trusts."""

from __future__ import annotations

from debrepo.package import CARRIED, Node, PackageList, SetId
from debrepo.packageset import EMPTY
from debrepo.values import NamedTuple

#: When the files of packages are fetched: all at an update, or each when it is first needed.
DOWNLOADS = ("all", "lazy")
#: Whether indexes are fetched under their by-hash names: where Release offers it, never, always.
BY_HASH = ("auto", "no", "force")


class Mirror(NamedTuple):
    """A package list that follows one distribution of an archive."""

    name: str
    uuid: str  #: never changes; aptly's API shows it
    url: str  #: of the archive root, with a slash at its end and without credentials
    distribution: str  #: below dists/; of a flat repository, its directory: ``./`` or ``sub/``
    components: tuple[str, ...] = ()  #: empty for a flat repository
    architectures: tuple[str, ...] = ()
    sources: bool = False
    udebs: bool = False
    installer: bool = False
    appstream: bool = False
    translations: bool = False  #: the long descriptions that the archive has taken out of Packages
    filter: str = ""
    filter_with_deps: bool = False
    latest: bool = False  #: only the newest version of each name and architecture
    pins: tuple[str, ...] = ()  #: ``name=version``, or queries that name packages
    download: str = "all"  #: one of `DOWNLOADS`
    verbatim: bool = False  #: whether it is served and published as its archive has signed it
    skip_component_check: bool = False
    skip_architecture_check: bool = False
    ignore_signatures: bool = False
    keyrings: tuple[str, ...] = ()  #: files in the GnuPG home; empty: the default one, or ``keys``
    fingerprints: tuple[str, ...] = ()  #: if any, the signature has to be of one of these keys
    keys: str = ""  #: public keys in ASCII armor, which this mirror alone trusts
    ignore_dates: bool = False
    weak_checksums: bool = False  #: whether MD5 and SHA1 are enough
    without_release: bool = False  #: a flat repository that has no Release file
    by_hash: str = "auto"  #: one of `BY_HASH`
    credentials: str = ""  #: the NAME of the settings ``mirror.credentials.NAME``
    max_tries: int = 0  #: attempts for each file; 0: as configured
    created: str = ""  #: ISO 8601, UTC
    set_id: SetId = EMPTY
    updated: str = ""  #: ISO 8601, UTC; empty before the first update
    partial: bool = False  #: whether files were missing at the last update
    choices: str = ""  #: `chosen`, as it was at the last update
    release: tuple[tuple[str, str], ...] = ()  #: the fields of Release, but for the checksums
    signers: tuple[str, ...] = ()  #: fingerprints of the trusted keys that have signed Release
    etag: str = ""  #: of InRelease or Release, at the last update
    modified: str = ""

    @property
    def is_choosy(self) -> bool:
        """Whether it has only a part of what its indexes list."""
        return bool(self.filter or self.latest or self.pins)

    @property
    def flat(self) -> bool:
        """Whether the archive has no dists/ and no components."""
        return self.distribution.endswith("/")

    @property
    def root(self) -> str:
        """The URL of the directory that has the Release file, with a slash at its end."""
        if self.flat:
            return self.url + self.distribution.removeprefix("./")
        return f"{self.url}dists/{self.distribution}/"

    @property
    def place(self) -> str:
        """Where it is from, in a line."""
        return " ".join([self.url, self.distribution, *self.components])

    @property
    def chosen(self) -> str:
        """All that decides what an update brings: if it is unchanged, upstream may be as well."""
        left_out = STATE | {"max_tries"}
        left_out |= set() if self.translations else {"translations"}  # as before there were any
        return repr([(n, v) for n, v in self._asdict().items() if n not in left_out])

    def release_field(self, name: str) -> str:
        """Return a field of the Release file as it was last read, or the empty string."""
        return dict(self.release).get(name, "")

    def package_list(self) -> PackageList:
        """Return the packages as the rest of debrepo sees them."""
        component = self.components[0] if len(self.components) == 1 else ""
        distribution = "" if self.flat else self.distribution
        carried = [(name, self.release_field(name)) for name in CARRIED]
        release = tuple((name, value) for name, value in carried if value and value.isprintable())
        return PackageList(
            "mirror", self.name, self.set_id, component, distribution, release, self.place
        )

    def node(self) -> Node:
        """Return what a graph says of it."""
        part = " ".join([self.distribution, *self.components])
        state = "" if self.updated else "never updated"
        remarks = tuple(filter(None, [self.url, part, ", ".join(self.architectures), state]))
        return Node(f"mirror:{self.name}", (self.set_id,), self.updated or self.created, remarks)


#: Fields that say what was found upstream, and how the mirror is called, not what it should have.
STATE = frozenset(
    [
        "choices",
        "created",
        "etag",
        "modified",
        "name",
        "partial",
        "release",
        "set_id",
        "signers",
        "updated",
        "uuid",
    ]
)
