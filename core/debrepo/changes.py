"""Changes: what the .changes of an upload says, and whether its files and packages are that."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from debrepo.archive import digests_of, parse_list, verified
from debrepo.errors import InvalidInput, NotFound, VerificationFailed
from debrepo.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from debrepo.archive import Digests, FileList, Limits
    from debrepo.package import PackageFile

#: How the files are called that are packages.
PACKAGES = (".deb", ".udeb", ".ddeb", ".dsc")


class SignedUpload(NamedTuple):
    """A .changes file that has been read, and the keys that signed it."""

    path: Path
    listed: FileList
    fingerprints: tuple[str, ...]
    sha256: str  #: of the file, with its signature


class SignedText(NamedTuple):
    """The part of a .changes file to go by, and the keys that signed it."""

    text: bytes
    fingerprints: tuple[str, ...] = ()


def read(
    path: Path, limits: Limits, verify: Callable[[bytes, FileList], SignedText | None]
) -> SignedUpload:
    """Read a .changes file; of one whose signature is verified, only the signed text.

    ``verify`` raises `VerificationFailed` for one that its caller does not take, and returns
    nothing where no signature is asked for. It is not asked about what is malformed or too long.
    """
    with path.open("rb") as file:
        data = file.read(limits.control_file + 1)
    listed = parse_list(data, path.name, limits=limits)
    digest = sha256(data).hexdigest()
    signed = verify(data, listed)
    if signed is None:
        return SignedUpload(path, listed, (), digest)
    listed = parse_list(signed.text, path.name, limits=limits)
    return SignedUpload(path, listed, signed.fingerprints, digest)


def check_files(upload: SignedUpload, names: Collection[str]) -> None:
    """Raise unless those files are beside the .changes file and match all its checksums."""
    for expected in upload.listed.files:
        if expected.name in names:
            verified(expected, _digests(upload.path.with_name(expected.name)))


def _digests(path: Path) -> Digests:
    try:
        return digests_of(path)
    except OSError as error:
        raise NotFound(f"{path.name}, which it lists, cannot be read: {error.strerror}") from None


def check_file(found: PackageFile, expected: PackageFile) -> None:
    """Raise `VerificationFailed` unless a file is what the .changes says."""
    for what in ("size", "md5", "sha1", "sha256", "sha512"):
        wanted, got = getattr(expected, what), getattr(found, what)
        if wanted and wanted != got:
            raise VerificationFailed(
                f"{expected.name} has the {what} {got}, the .changes says {wanted}"
            )


def check_named(listed: FileList, name: str, architecture: str, display: str) -> None:
    """Raise `InvalidInput` unless a .changes file names a package among those that it brings."""
    architectures = listed.fields.get("architecture", "").split()
    binaries = listed.fields.get("binary", "").split()
    if architecture == "source":
        known = name == listed.fields.get("source", "").partition(" ")[0]
    else:
        known = name in binaries or name.removesuffix("-dbgsym") in binaries
    if not known or (architecture not in architectures and architecture != "all"):
        raise InvalidInput(
            f"{display} has been ignored as it doesn't match restriction",
            hint="Source, Binary and Architecture of the .changes have to name it",
        )
