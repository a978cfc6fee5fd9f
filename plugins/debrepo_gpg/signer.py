"""Signing with GnuPG, without prompts, and only with the keys that were chosen."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from errno import EDQUOT, ENOSPC
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Self

from debrepo import clock
from debrepo.errors import InvalidInput, SigningFailed, cannot_write
from debrepo.signing import Signatures, Signer, SigningKey
from debrepo_gpg import keys as keyring
from debrepo_gpg import listing, policy, sealing
from debrepo_gpg.home import Home, check_space
from debrepo_gpg.running import Gpg

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from debrepo_gpg.keys import Key

_OPTIONS = (
    *("--pinentry-mode", "loopback"),  # else GnuPG looks for a terminal to ask on
    *("--trust-model", "always"),  # they are our own keys
    "--no-auto-check-trustdb",
    "--no-auto-key-locate",
    *("--digest-algo", "SHA512"),
    *("--cert-digest-algo", "SHA512"),
    "--no-emit-version",
    "--no-comments",
)
_CREATED = re.compile(r"^\[GNUPG:\] SIG_CREATED [DC] \d+ (\d+) .* ([0-9A-F]{40,64})$", re.MULTILINE)
_STRONG = {"8", "9", "10"}  # SHA-256, SHA-384, SHA-512


class GpgSigner(Signer):
    """Keys in a GnuPG home.

    Where SOURCE_DATE_EPOCH is set it is the time of the signatures too, or that of the
    newest self-signature of the keys if that is later; both RSA and Ed25519 then give the same
    bytes every time.
    """

    def __init__(
        self,
        home: Path | None,
        *,
        keys: Sequence[str] = (),
        passphrase_file: Path | None = None,
        program: str = "gpg",
    ) -> None:
        self.home = Home(home)
        self._configured = tuple(keys)
        self.passphrase_file = passphrase_file
        self._program = program
        self._turn = Lock()

    @classmethod
    def open(cls, options: Mapping[str, object], root: Path) -> Self:
        home = str(options.get("home") or "gnupg")
        file = str(options.get("passphrase_file") or "")
        names = options.get("keys") or ()
        return cls(
            None if home == "user" else root / Path(home).expanduser(),
            keys=tuple(map(str, names)) if isinstance(names, (tuple, list)) else (str(names),),
            passphrase_file=root / Path(file).expanduser() if file else None,
            program=str(options.get("program") or "gpg"),
        )

    def secret_keys(self) -> list[Key]:
        """Return all secret keys, those that cannot sign too."""
        if not self.home.exists():
            return []
        if self.home.directory is None:
            return keyring.from_listing(self._listing())
        return listing.secret_keys(self.home.directory, self._program, self._listing)

    def _listing(self) -> bytes:
        with _translated():
            gpg = self._gpg(self.home.view(), "--with-sig-list")
            return bytes(gpg.list_keys(secret=True).data)

    def resolve(self, keys: Sequence[str]) -> list[SigningKey]:
        return [found.key for found in keyring.choose(self.secret_keys(), keys or self._configured)]

    def sign(self, release: bytes, keys: Sequence[SigningKey]) -> Signatures:
        if not keys:
            raise SigningFailed("there is no key to sign with", hint=keyring.CREATE_HINT)
        gpg = self._gpg(self.home.view())
        arguments = _arguments(keys)
        with self._turn if self.home.is_serial else nullcontext():
            return Signatures(
                self._signed(gpg, release, keys, arguments, clearsign=True, detach=False),
                self._signed(gpg, release, keys, arguments, clearsign=False, detach=True),
                tuple(key.signs_as for key in keys),
            )

    def problems(self, key: SigningKey) -> list[str]:
        """Look at the key, then sign a probe with it and have it verified by who is there."""
        name = f"{key.signs_as}!"
        found = [entry.named(name) for entry in self.secret_keys() if entry.answers_to(name)]
        return self.problems_of(found[0]) if found else ["there is no secret key"]

    def problems_of(self, entry: Key, at: datetime | None = None) -> list[str]:
        """As `problems`, for a key as `secret_keys` has listed it.

        Of another moment than now, only policies are known: nothing is signed then.
        """
        now = at or datetime.now(UTC)
        problems = policy.of_key(entry, now)
        exported = self.export_binary([entry.key])
        problems += policy.of_self_signatures(self._program, exported, entry, now)
        if entry.fault or at:
            return problems
        try:
            signed = self.sign(policy.PROBE, [entry.key])
        except SigningFailed as error:
            return [*problems, str(error)]
        return problems + policy.of_verifiers(exported, signed)

    def export(self, keys: Sequence[SigningKey]) -> bytes:
        return str(self._exported(keys, armor=True)).encode("ascii")

    def export_binary(self, keys: Sequence[SigningKey]) -> bytes:
        """Return the public keys as `gpgv` wants them: not armored."""
        return bytes(self._exported(keys, armor=False))

    def create(self, parameters: Sequence[str]) -> str:
        """Make a key from lines of GnuPG's batch language; return its fingerprint."""
        with self.home.change() as view, _translated():
            made = self._gpg(view).gen_key(b"".join(line.encode() + b"\n" for line in parameters))
            if not made.fingerprint:
                check_space(self.home.directory, view)
                raise SigningFailed(f"GnuPG made no key: {_last_words(made.stderr)}")
            return str(made.fingerprint)

    def seal(self, recipient: bytes) -> bytes:
        """Return the secret keys, as `import_` takes them, encrypted to a public key."""
        sealing.check_recipient(recipient)
        keys = [found.key.fingerprint for found in self.secret_keys()]
        if not keys:
            raise SigningFailed("there is no secret key", hint=keyring.CREATE_HINT)
        view, passphrase = self.home.view(), self._passphrase()
        with _translated():
            gpg = self._gpg(view)
            exported = gpg.run(["--export-secret-keys", *keys], passphrase)
            if exported.returncode or not exported.data:
                raise _failure(
                    [found.key for found in self.secret_keys()],
                    exported.stderr,
                    "cannot be exported",
                )
            return sealing.seal(gpg, exported.data, recipient)

    def import_(self, data: bytes) -> list[str]:
        """Add the keys in ``data``; return the fingerprints of those with a secret part."""
        with self.home.change() as view, _translated():
            found = self._gpg(view).import_keys(data, passphrase=self._passphrase())
            secret = [
                entry["fingerprint"]
                for entry in found.results
                if entry["fingerprint"] and int(entry.get("ok", 0)) & 16
            ]
        if not secret:
            raise InvalidInput(
                f"no secret key could be imported: {_last_words(found.stderr)}",
                hint="export one with: gpg --armor --export-secret-keys KEY",
            )
        return list(dict.fromkeys(secret))

    def extend(self, entry: Key, expire: str) -> None:
        """Prolong a key and all its parts that are not revoked; ``expire`` is as for `create`."""
        fingerprint = entry.key.fingerprint
        with self.home.change() as view, _translated():
            gpg = self._gpg(view)
            for parts in ([], ["*"]) if len(entry.parts) > 1 else ([],):
                done = gpg.run(
                    ["--quick-set-expire", fingerprint, expire, *parts], self._passphrase()
                )
                if done.returncode:
                    check_space(self.home.directory, view)
                    raise _failure([entry.key], done.stderr, "was not prolonged")

    def _gpg(self, home: Path | None, *more: str) -> Any:
        # LC_ALL: what it says ends up in our messages.
        environment = {**os.environ, "LC_ALL": "C.UTF-8"}
        try:
            return Gpg(
                self._program,
                gnupghome=str(home) if home else None,
                options=[*_OPTIONS, *more],
                env=environment,
            )
        except (OSError, ValueError) as error:
            raise SigningFailed(
                f"cannot run {self._program}: {error}",
                hint="install gnupg, or set signing.gpg.program",
            ) from error

    def _signed(
        self,
        gpg: Any,
        release: bytes,
        keys: Sequence[SigningKey],
        arguments: list[str],
        *,
        clearsign: bool,
        detach: bool,
    ) -> bytes:
        with _translated():
            result = gpg.sign(
                release,
                clearsign=clearsign,
                detach=detach,
                passphrase=self._passphrase(),
                extra_args=arguments,
            )
        made = _CREATED.findall(result.stderr)
        signers = {fingerprint for _, fingerprint in made}
        if result.returncode or not result.data:
            check_space(self.home.directory, self.home.view())
            raise _failure(keys, result.stderr)
        if len(made) != len(keys) or signers != {key.signs_as for key in keys}:
            raise SigningFailed(f"GnuPG signed with {', '.join(sorted(signers)) or 'no key'}")
        if not {digest for digest, _ in made} <= _STRONG:
            raise SigningFailed("GnuPG signed with a weak digest", hint="check its gpg.conf")
        return bytes(result.data)

    def _exported(self, keys: Sequence[SigningKey], *, armor: bool) -> Any:
        fingerprints = [key.fingerprint for key in keys]
        with _translated():
            data = self._gpg(self.home.view()).export_keys(fingerprints, armor=armor, minimal=True)
        if not data:
            raise SigningFailed(f"GnuPG exported nothing for {', '.join(fingerprints)}")
        return data

    def _passphrase(self) -> str | None:
        """Return the passphrase; ``None`` when there is none, which is not an empty one."""
        if self.passphrase_file is None:
            return None
        passphrase = read_passphrase(self.passphrase_file)
        # python-gnupg writes Latin-1: so that what it writes is UTF-8.
        return passphrase.encode().decode("latin-1") or None


def read_passphrase(path: Path) -> str:
    """Return the first line of a file, which is all that GnuPG would take for a passphrase."""
    try:
        lines = path.read_text().splitlines() or [""]
    except (OSError, UnicodeDecodeError) as error:
        raise SigningFailed(f"cannot read the passphrase file {path}: {error}") from error
    return lines[0]


def _arguments(keys: Sequence[SigningKey]) -> list[str]:
    """Name the keys: ``--default-key``, which python-gnupg knows, is only a wish.

    Without the exclamation mark, GnuPG would take the newest subkey.
    """
    named = [part for key in keys for part in ("--local-user", f"{key.signs_as}!")]
    epoch = clock.epoch()
    if epoch is None:
        return named
    stamp = max(epoch, *(int((key.renewed or key.created).timestamp()) for key in keys))
    return ["--faked-system-time", f"{stamp}!", *named]


def _failure(keys: Sequence[SigningKey], said: str, what: str = "did not sign") -> SigningFailed:
    names = ", ".join(keyring.display(key) for key in keys)
    if "BAD_PASSPHRASE" in said or "Bad passphrase" in said:
        return SigningFailed(
            f"the passphrase is wrong for {names}",
            hint="correct the file that signing.gpg.passphrase_file names",
        )
    if "MISSING_PASSPHRASE" in said or "get input" in said or "No passphrase" in said:
        return SigningFailed(
            f"a passphrase is needed for {names}",
            hint="write it to a file, and set signing.gpg.passphrase_file to its name",
        )
    if "No secret key" in said or "secret key not available" in said:
        return SigningFailed(f"{names} {what}: no secret key is here", hint=keyring.CREATE_HINT)
    return SigningFailed(f"{names} {what}: {_last_words(said)}", hint='run "debrepo key check"')


def _last_words(said: str) -> str:
    lines = [line for line in said.splitlines() if line and not line.startswith("[GNUPG:]")]
    return lines[-1].removeprefix("gpg: ") if lines else "it does not say why"


@contextmanager
def _translated() -> Iterator[None]:
    """Translate what python-gnupg raises: plain ValueErrors, for a passphrase's characters too."""
    try:
        yield
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno in {ENOSPC, EDQUOT}:
            raise cannot_write(error.filename2 or error.filename or "keys", error) from error
        raise SigningFailed(f"GnuPG failed: {error}") from error
