"""Signing keys: what GnuPG lists, as values, and the names by which they are found."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from debrepo.errors import InvalidInput, SigningFailed
from debrepo.signing import SigningKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

CREATE_HINT = "make one with: debrepo key create --name NAME"

#: Public-key algorithms of OpenPGP (RFC 9580, 9.1) that GnuPG does not name by their curve.
_ALGORITHMS = {"1": "rsa", "2": "rsa", "3": "rsa", "17": "dsa", "20": "elgamal"}
_STATES = {"e": "has expired", "r": "is revoked", "i": "is invalid", "d": "is disabled"}
_ID = re.compile(r"(?:0x)?((?:[0-9A-F]{8}){1,2}|[0-9A-F]{40}|[0-9A-F]{64})!?", re.IGNORECASE)


class Key(NamedTuple):
    """A key of the keyring, usable or not."""

    key: SigningKey
    fingerprints: tuple[str, ...]  #: its own, and those of its subkeys
    fault: str  #: why it cannot sign, as what follows its name; empty when it can
    newest: datetime  #: when the youngest part was made: no signature may be older

    @property
    def display(self) -> str:
        """The fingerprint and the first user ID."""
        return f"{self.key.fingerprint} ({', '.join(self.key.user_ids[:1]) or 'no user ID'})"

    def answers_to(self, name: str) -> bool:
        """Return whether ``name`` is its fingerprint or key ID, or part of a user ID."""
        found = _ID.fullmatch(name.replace(" ", ""))
        if found and any(text.endswith(found[1].upper()) for text in self.fingerprints):
            return True
        return any(name.casefold() in user_id.casefold() for user_id in self.key.user_ids)


def from_listing(listed: Mapping[str, object]) -> Key:
    """Return the key that python-gnupg's ``list_keys`` gave as a dictionary."""
    fields = {name: str(value) for name, value in listed.items()}
    subkeys: Mapping[str, Mapping[str, str]] = listed.get("subkey_info") or {}  # type: ignore[assignment]
    made = [_time(fields["date"]), *(_time(info["date"]) for info in subkeys.values())]
    user_ids: Iterable[str] = listed["uids"]  # type: ignore[assignment]
    algorithm = _ALGORITHMS.get(fields["algo"])
    key = SigningKey(
        fields["fingerprint"],
        tuple(_utf8(user_id) for user_id in user_ids),
        f"{algorithm}{fields['length']}" if algorithm else fields["curve"].lower(),
        made[0],
        _time(fields["expires"]) if fields["expires"] else None,
    )
    fingerprints = (key.fingerprint, *(str(info["fingerprint"]) for info in subkeys.values()))
    return Key(key, fingerprints, _fault(fields), max(made))


def _fault(fields: Mapping[str, str]) -> str:
    if fields["trust"] in _STATES:
        return _STATES[fields["trust"]]
    if "D" in fields["cap"]:
        return "is disabled"
    return "" if "S" in fields["cap"] else "has no part that can sign"


def _time(text: str) -> datetime:
    return datetime.fromtimestamp(int(text), UTC)


def _utf8(text: str) -> str:
    return text.encode("latin-1", "replace").decode(errors="replace")


def choose(keys: Sequence[Key], names: Sequence[str]) -> list[Key]:
    """Return a usable key for every name, or the only usable one when there are no names."""
    if not names:
        return [_only(keys, "", "no key was named, and")]
    chosen = {}
    for name in names:
        if not name.strip():
            raise InvalidInput("the name of a key is empty")
        matching = [key for key in keys if key.answers_to(name.strip())]
        found = _only(matching, name, f"{name!r} names no single key:")
        chosen[found.key.fingerprint] = found
    return list(chosen.values())


def _only(keys: Sequence[Key], name: str, several: str) -> Key:
    usable = [key for key in keys if not key.fault]
    if len(usable) > 1:
        raise SigningFailed(
            f"{several} there are {', '.join(key.display for key in usable)}",
            hint="give its fingerprint, or run 'debrepo key create --name NAME'",
        )
    if usable:
        return usable[0]
    if keys:
        what = "; ".join(f"key {key.display} {key.fault}" for key in keys)
        raise SigningFailed(f"no key can sign: {what}", hint=CREATE_HINT)
    raise SigningFailed(
        f"there is no secret key {name!r}" if name else "there is no secret key", hint=CREATE_HINT
    )
