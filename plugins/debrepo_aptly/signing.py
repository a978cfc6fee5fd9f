"""Signing, as request bodies ask for it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from debrepo.errors import InvalidInput, NotAllowed
from debrepo.session import Session
from debrepo_aptly.bodies import Body


class SigningOptions(Body):
    """The keys to sign with, and their passphrase; keyrings are those of the server."""

    Skip: bool = False
    GpgKey: str = ""
    Keyring: str = ""
    SecretKeyring: str = ""
    Passphrase: str = ""
    PassphraseFile: str = ""

    def options(self) -> dict[str, Any]:
        """Return the fields of a publication that say how it is signed."""
        keys = [key.strip() for key in self.GpgKey.split(",") if key.strip()]
        return {"skip_signing": self.Skip, **({"keys": keys} if keys else {})}

    def passphrase(self) -> dict[str, str]:
        """Return the passphrase, or the file that has it; empty where neither is given."""
        if self.Passphrase and self.PassphraseFile:
            raise InvalidInput("Passphrase and PassphraseFile are mutually exclusive")
        given = {"passphrase": self.Passphrase, "file": self.PassphraseFile}
        return {name: value for name, value in given.items() if value}


@contextmanager
def signing(session: Session, passphrase: dict[str, str]) -> Iterator[Session]:
    """Yield a session that signs with the given passphrase, if there is one."""
    if not passphrase:
        yield session
        return
    if file := passphrase.get("file"):
        _check_file(session, file)
        yield session.signing_with(passphrase_file=file)
        return
    with tempfile.NamedTemporaryFile("w", prefix="debrepo-", encoding="utf-8") as private:
        private.write(passphrase["passphrase"] + "\n")
        private.flush()
        yield session.signing_with(passphrase_file=private.name)


def _check_file(session: Session, file: str) -> None:
    """Raise `NotAllowed` unless requests may name this file of the server."""
    config = session.config
    own = config.section(f"signing.{config['signing.signer']}").get("passphrase_file")
    if file not in {*config["publish.passphrase_files"], own}:
        raise NotAllowed(
            "requests may not read passphrases from this file",
            hint="list it in publish.passphrase_files, or send the Passphrase",
        )
