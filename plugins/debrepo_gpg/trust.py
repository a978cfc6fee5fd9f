"""Trusted keys: the public keys whose signatures on uploads are accepted.

They are in keyrings of their own, files in the GnuPG home as ``gpgv`` reads them: a key that
signs what is published is not trusted for that reason, nor the other way round.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from debrepo import stopping
from debrepo.errors import InvalidInput, NotFound, PluginError, RemoteError, VerificationFailed
from debrepo_gpg import verifying
from debrepo_gpg.home import lock

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from debrepo_gpg.home import Home

KEYRING = "trustedkeys.gpg"

_PATIENCE = 60  # seconds; a key server may be slow
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}\.(?:gpg|pgp)")
#: Files of GnuPG's own, which end like keyrings.
_TAKEN = {"pubring.gpg", "secring.gpg", "trustdb.gpg"}
_ID = re.compile(r"(?:0x)?([0-9A-Fa-f]{8}|[0-9A-Fa-f]{16}|[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64})")
_SERVER = re.compile(r"(?:(?:hkps?|https?|ldaps?)://)?[A-Za-z0-9][A-Za-z0-9.-]*(?::\d+)?")
#: Other messages that GnuPG reads may be compressed, and are unpacked before they are verified.
_CLEAR_SIGNED = re.compile(rb"^-----BEGIN PGP SIGNED MESSAGE-----", re.MULTILINE)


class TrustedKey(NamedTuple):
    """A public key of a keyring."""

    fingerprint: str
    user_ids: tuple[str, ...]
    created: datetime
    validity: str  #: as GnuPG has it: ``-`` nobody said, ``e`` expired, ``r`` revoked


class VerifiedText(NamedTuple):
    """What is signed, and the fingerprints of the trusted keys that have signed it.

    A signature of a subkey has the fingerprint of its primary key as well.
    """

    text: bytes
    fingerprints: tuple[str, ...]


def keyrings_in(home: Home) -> list[Path]:
    """Return the files of the keyrings in a GnuPG home of debrepo's own; they hold no secrets."""
    if home.directory is None or not home.directory.is_dir():
        return []
    found = (path for path in home.directory.iterdir() if _NAME.fullmatch(path.name))
    return sorted(path for path in found if path.name.lower() not in _TAKEN)


class Keyrings:
    """The keyrings in a GnuPG home."""

    def __init__(self, home: Home, program: str) -> None:
        self._home = home
        self._directory = home.directory or Path.home() / ".gnupg"
        self._program = program

    def path(self, name: str) -> Path:
        """Return the file of a keyring; it need not be there."""
        if not _NAME.fullmatch(name) or name.lower() in _TAKEN:
            raise InvalidInput(
                f"not a keyring: {name[:80]!r}",
                hint="give the name of a file in the GnuPG home that ends in .gpg or .pgp",
            )
        return self._directory / name

    def list_(self, name: str) -> list[TrustedKey]:
        """Return the keys of a keyring, in their order."""
        with self._copy(name, save=False) as (gpg, _):
            return _listed(self._run([*gpg, "--with-colons", "--list-keys"], b"").stdout)

    def add(self, name: str, data: bytes) -> list[str]:
        """Add public keys; return the fingerprints of those in ``data``."""
        with self._copy(name, save=True) as (gpg, status):
            done = self._run([*gpg, *status, "--import"], data)
            found = _imported(done.stdout)
            if not found:
                raise InvalidInput(
                    f"no public key could be read: {_last_words(done.stderr)}",
                    hint="run 'gpg --armor --export KEY' to export one",
                )
            return found

    def fetch(self, name: str, keys: Sequence[str], server: str) -> list[str]:
        """Add the keys with these ids from a key server; return their fingerprints."""
        if not _SERVER.fullmatch(server):
            raise InvalidInput(f"not a key server: {server[:80]!r}", hint="hkps://keys.openpgp.org")
        wanted = [_checked(key) for key in keys]
        if not wanted:
            raise InvalidInput("no key is given", hint="give fingerprints")
        with self._copy(name, save=True) as (gpg, status):
            arguments = ["--keyserver", server, "--recv-keys", *wanted]
            try:
                done = self._run([*gpg, *status, *arguments], b"")
            finally:  # what GnuPG starts to ask key servers with would never end
                home = gpg[gpg.index("--homedir") + 1]
                self._run(["gpgconf", "--homedir", home, "--kill", "dirmngr"], b"")
            found = _imported(done.stdout)
            if not found:
                raise RemoteError(f"{server} gave no key: {_last_words(done.stderr)}")
            return found

    def remove(self, name: str, keys: Sequence[str]) -> None:
        """Take keys out of a keyring."""
        wanted = [_checked(key) for key in keys]
        there = {key.fingerprint for key in self.list_(name)}
        for key in wanted:
            if not any(fingerprint.endswith(key) for fingerprint in there):
                raise NotFound(f"no key {key} in {name}", hint='run "debrepo key trusted"')
        with self._copy(name, save=True) as (gpg, _):
            done = self._run([*gpg, "--yes", "--delete-keys", *wanted], b"")
            if done.returncode:
                raise InvalidInput(f"GnuPG kept the key: {_last_words(done.stderr)}")

    def verify(
        self,
        data: bytes,
        names: Sequence[str] = (KEYRING,),
        *,
        signature: bytes = b"",
        keys: bytes = b"",
        fingerprints: Sequence[str] = (),
    ) -> VerifiedText:
        """Return what is signed, in line or by a detached ``signature``, by a trusted key.

        Trusted are the keys of the keyrings and those in ``keys``; with ``fingerprints``, one of
        these has to have signed. See `debrepo_gpg.verifying` for the signatures that count.
        """
        paths = [Path(n) if verifying.is_system(n) else self.path(n) for n in names]
        own = [name for name in names if "/" not in name]
        needed = list(names) != [KEYRING]
        begin = None if signature else _CLEAR_SIGNED.search(data)
        with tempfile.TemporaryDirectory(prefix="debrepo-") as scratch:
            place = Path(scratch)
            rings = _readable(paths, keys, place, needed=needed)
            command = ["gpgv", "--status-fd", "1"]
            for ring in rings or [_written(place / "empty.gpg", b"")]:
                command += ["--keyring", str(ring.absolute())]
            signed, text = _written(place / "signed", data), place / "text"
            if signature:
                detached = _written(place / "signature", signature)
                done = self._run([*command, str(detached), str(signed)], b"")
            else:
                if begin is None:
                    raise VerificationFailed(
                        "it is not a clear-signed text", hint="sign with: gpg --clear-sign FILE"
                    )
                signed.write_bytes(data[begin.start() :])
                done = self._run([*command, "--output", str(text), str(signed)], b"")
            found = verifying.accepted(
                verifying.judge(done.stdout),
                _last_words(done.stderr),
                pinned=fingerprints,
                keyring=own[0] if own and own[0] != KEYRING else "",
                known=bool(rings),
            )
            return VerifiedText(data if signature else text.read_bytes(), found)

    @contextmanager
    def _copy(self, name: str, *, save: bool) -> Iterator[tuple[list[str], list[str]]]:
        """Yield a command that works on a copy of a keyring, which is kept if it is to be."""
        path = self.path(name)
        with ExitStack() as stack:
            scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="debrepo-"))
            if save:
                self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
                stack.callback(os.close, lock(self._directory))
            copy = Path(scratch, "keys.gpg")
            if path.exists():
                shutil.copyfile(path, copy)
            gpg = [self._program, "--homedir", scratch, "--batch", "--no-tty"]
            gpg += ["--no-autostart"] if not save else []
            gpg += ["--no-default-keyring", "--keyring", f"gnupg-ring:{copy}"]
            yield gpg, ["--status-fd", "1"]
            if save and copy.exists():
                partial = path.with_suffix(".partial")
                with copy.open("rb") as source, partial.open("wb") as target:
                    shutil.copyfileobj(source, target)
                    os.fsync(target.fileno())
                partial.replace(path)

    def _run(self, command: list[str], data: bytes) -> subprocess.CompletedProcess[bytes]:
        environment = {**os.environ, "LC_ALL": "C.UTF-8"}
        try:
            return stopping.run(command, data, env=environment, timeout=_PATIENCE)
        except FileNotFoundError:
            raise PluginError(
                f"program {command[0]} is not installed", hint="install gnupg"
            ) from None
        except subprocess.TimeoutExpired:
            raise RemoteError(f"{command[0]} did not answer within {_PATIENCE} seconds") from None


def _checked(key: str) -> str:
    found = _ID.fullmatch(key.replace(" ", ""))
    if not found:
        raise InvalidInput(f"not a key id: {key[:80]!r}", hint="give the fingerprint")
    return found[1].upper()


def _listed(output: bytes) -> list[TrustedKey]:
    keys: list[TrustedKey] = []
    primary = False
    for line in output.decode(errors="replace").splitlines():
        fields = line.split(":")
        if fields[0] in {"pub", "sub"}:
            primary = fields[0] == "pub"
        if fields[0] == "pub":
            made = datetime.fromtimestamp(int(fields[5] or 0), UTC)
            keys.append(TrustedKey("", (), made, fields[1]))
        elif fields[0] == "fpr" and primary:
            keys[-1] = keys[-1]._replace(fingerprint=fields[9])
        elif fields[0] == "uid" and keys:
            keys[-1] = keys[-1]._replace(user_ids=(*keys[-1].user_ids, fields[9]))
    return keys


def _imported(status: bytes) -> list[str]:
    lines = [line.split() for line in status.decode(errors="replace").splitlines()]
    return list(dict.fromkeys(line[3] for line in lines if line[1:2] == ["IMPORT_OK"]))


def _readable(paths: Sequence[Path], keys: bytes, place: Path, *, needed: bool) -> list[Path]:
    """Return the keyrings as files that gpgv reads; one that is ``needed`` has to be there."""
    found: list[Path] = []
    for number, path in enumerate(paths):
        try:
            with path.open("rb") as file:
                data = file.read()
        except FileNotFoundError:
            if not needed:
                continue
            raise NotFound(
                f"there is no keyring {path}", hint='run "debrepo key trust --keyring NAME FILE"'
            ) from None
        except OSError as error:
            raise InvalidInput(f"cannot read the keyring {path}: {error.strerror}") from None
        if data.startswith(b"-----") or path.suffix == ".asc":
            path = _written(place / f"{number}.gpg", verifying.binary(data, str(path)))
        if data:
            found.append(path)
    if keys:
        found.append(_written(place / "keys.gpg", verifying.binary(keys, "the text")))
    return found


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def _last_words(said: bytes) -> str:
    lines = [line for line in said.decode(errors="replace").splitlines() if line.strip()]
    return re.sub(r"^gpgv?: ", "", lines[-1]) if lines else "it does not say why"
