"""Reading the Release file of an archive: found, verified, and held against the last one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from debrepo.errors import DebrepoError, RemoteError, VerificationFailed
from debrepo.transport import NOTHING_KNOWN, Validators, address, said_of
from debrepo_mirror.upstream import dates, release

if TYPE_CHECKING:
    from collections.abc import Callable

    from debrepo.transport import Fetched, Transport
    from debrepo_mirror.mirror import Mirror
    from debrepo_mirror.upstream.release import Release

    #: Return what is signed, and who has signed: of a text, and its detached signature if any.
    Verify = Callable[[bytes, bytes], tuple[bytes, tuple[str, ...]]]

INLINE, PLAIN, DETACHED = "InRelease", "Release", "Release.gpg"
RELEASE_FILES = (INLINE, PLAIN)

_NOT_THERE = (403, 410)  # S3 refuses what is not there to those who may not list
_CLEAR_SIGNED = b"-----BEGIN PGP SIGNED MESSAGE-----"
_SIGNATURE = b"-----BEGIN PGP SIGNATURE-----"
_TRIES_HINT = "try again later, or see whether the URL and the distribution are right"


class AskedRelease(NamedTuple):
    """What a request for a Release file has brought; without data, it is as it was."""

    name: str
    data: bytes = b""
    validators: Validators = NOTHING_KNOWN
    unchanged: bool = False

    @property
    def digest(self) -> str:
        """The SHA256 of the data."""
        from hashlib import sha256  # it loads OpenSSL

        return sha256(self.data).hexdigest()


def ask(
    transport: Transport,
    mirror: Mirror,
    *,
    limit: int,
    last: str = INLINE,
    validators: Validators = NOTHING_KNOWN,
) -> AskedRelease:
    """Ask for the file that Release was in at ``last``; one request says whether it has changed."""
    fetched, data = transport.read(address(mirror.root, last), limit=limit, validators=validators)
    if fetched.outcome == "unchanged":
        return AskedRelease(last, unchanged=True, validators=validators)
    return AskedRelease(last, _whole(fetched, data), fetched.validators)


def read(
    transport: Transport,
    mirror: Mirror,
    verify: Verify,
    *,
    limit: int,
    asked: AskedRelease | None = None,
) -> Release:
    """Return the Release file, from what was ``asked`` for already or anew.

    InRelease comes first, then Release with Release.gpg. Where signatures are ignored, Release
    alone will do, and where Release is what was asked for, it is not looked for anything better.
    Dates are not looked at.
    """
    if asked and asked.name == PLAIN and asked.data and not mirror.verbatim:
        if mirror.ignore_signatures:
            return _read(asked, asked.data, (), address(mirror.root, PLAIN))
        try:
            return _signed(transport, mirror, verify, asked, limit=limit)
        except VerificationFailed:
            pass  # it may have changed since, or be in InRelease now
    inline = asked if asked and asked.name == INLINE else None
    if inline is None:
        inline = ask(transport, mirror, limit=limit)
    where = address(mirror.root, INLINE)
    refused: DebrepoError | None = None
    if inline.data and mirror.ignore_signatures:
        return _read(inline, without_signature(inline.data), (), where)
    if inline.data:
        try:
            text, signers = verify(inline.data, b"")
        except VerificationFailed as error:
            refused = VerificationFailed(f"{where}: {error}", hint=error.hint)
        else:
            return _read(inline, text, signers, where)
    plain = ask(transport, mirror, limit=limit, last=PLAIN)
    where = address(mirror.root, PLAIN)
    if not plain.data:
        if refused:
            raise refused
        raise RemoteError(
            f"{mirror.root} has neither {INLINE} nor {PLAIN}",
            hint="see whether the URL and the distribution are right; a flat repository without a"
            " Release file needs --without-release",
        )
    if mirror.ignore_signatures:
        return _read(plain, plain.data, (), where)
    try:
        return _signed(transport, mirror, verify, plain, limit=limit)
    except VerificationFailed as error:
        raise refused or error from None


def _signed(
    transport: Transport, mirror: Mirror, verify: Verify, plain: AskedRelease, *, limit: int
) -> Release:
    """Return a Release file whose signature is beside it."""
    where = address(mirror.root, PLAIN)
    fetched, signature = transport.read(address(mirror.root, DETACHED), limit=limit)
    signature = _whole(fetched, signature)
    if not signature:
        raise VerificationFailed(
            f"{where} is not signed: there is neither {INLINE} nor {DETACHED}",
            hint="use --ignore-signatures to trust whatever the server says",
        )
    try:
        text, signers = verify(plain.data, signature)
    except VerificationFailed as error:
        raise VerificationFailed(f"{where}: {error}", hint=error.hint) from None
    return _read(plain, text, signers, where, signature)


def detached(
    transport: Transport, mirror: Mirror, verify: Verify | None, text: bytes, *, limit: int
) -> dict[str, bytes]:
    """Return Release and its signature beside an InRelease with this text, as far as they fit it.

    Those of another state of the archive, and a signature that is not good, are left out.
    """
    plain = ask(transport, mirror, limit=limit, last=PLAIN).data
    if plain.strip() != text.strip():
        return {}
    fetched, signature = transport.read(address(mirror.root, DETACHED), limit=limit)
    signature = _whole(fetched, signature)
    if signature and verify is not None:
        try:
            verify(plain, signature)
        except VerificationFailed:
            return {}
    return {PLAIN: plain, **({DETACHED: signature} if signature else {})}


def _whole(fetched: Fetched, data: bytes) -> bytes:
    """Return what was fetched, nothing where there is none."""
    if fetched.outcome == "whole":
        return data
    if fetched.outcome == "missing" or fetched.status in _NOT_THERE:
        return b""
    raise RemoteError(said_of(fetched), hint=_TRIES_HINT)


def _read(
    answer: AskedRelease,
    text: bytes,
    signers: tuple[str, ...],
    where: str,
    signature: bytes = b"",
) -> Release:
    raw = {answer.name: answer.data} | ({DETACHED: signature} if signature else {})
    kept = dates.lasting(answer.validators)
    return release.read(text, where)._replace(
        signers=signers,
        name=answer.name,
        digest=answer.digest,
        etag=kept.etag,
        modified=kept.modified,
        raw=raw,
    )


def check_dates(found: Release, mirror: Mirror) -> None:
    """Raise `VerificationFailed` for a Release file that is not one of today, or is older."""
    dates.check(
        found.field("Date"),
        found.field("Valid-Until"),
        where=address(mirror.root, found.name or PLAIN),
        seen=mirror.release_field("Date"),
    )


def without_signature(data: bytes) -> bytes:
    """Return the text of a clear-signed one; nothing is verified."""
    start = data.find(_CLEAR_SIGNED)
    if start < 0:
        return data
    lines = data[start:].replace(b"\r\n", b"\n").split(b"\n")
    body = lines.index(b"") if b"" in lines else 0
    end = lines.index(_SIGNATURE) if _SIGNATURE in lines else len(lines)
    return b"\n".join(line.removeprefix(b"- ") for line in lines[body + 1 : end]) + b"\n"
