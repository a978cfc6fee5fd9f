"""Signing keys: what GnuPG lists, as values, and the names by which they are found."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from debrepo.errors import AmbiguousKey, InvalidInput, SigningFailed
from debrepo.signing import SigningKey

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CREATE_HINT = 'run "debrepo key create --name NAME"'
LIST_HINT = f'run "debrepo key list", and name one of those; or {CREATE_HINT}'

#: Public-key algorithms of OpenPGP (RFC 9580, 9.1) that GnuPG does not name by their curve.
_ALGORITHMS = {"1": "rsa", "2": "rsa", "3": "rsa", "17": "dsa", "20": "elgamal"}
_STATES = {"e": "has expired", "r": "is revoked", "i": "is invalid", "d": "is disabled"}
_AHEAD = "was made in the future"  # by the clock of this machine
_ID = re.compile(r"(?:0x)?((?:[0-9A-F]{8}){1,2}|[0-9A-F]{40}|[0-9A-F]{64})!?", re.IGNORECASE)
_OWN = re.compile(r"1[0-3]|18|1f")  # classes of signatures that make a key what it is
_ESCAPED = re.compile(rb"\\x([0-9a-f]{2})")


class KeyPart(NamedTuple):
    """A primary key or a subkey."""

    fingerprint: str
    algorithm: str
    created: datetime
    expires: datetime | None
    fault: str  #: why it cannot sign, as what follows its name; empty when it can
    renewed: datetime  #: date of its newest self-signature


class Key(NamedTuple):
    """A key of the keyring, usable or not."""

    key: SigningKey
    parts: tuple[KeyPart, ...]  #: itself, then its subkeys
    fault: str  #: why it cannot sign, as what follows its name; empty when it can

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """Its own fingerprint, and those of its subkeys."""
        return tuple(part.fingerprint for part in self.parts)

    def answers_to(self, name: str) -> bool:
        """Return whether ``name`` is its fingerprint or key ID, or part of a user ID."""
        found = _ID.fullmatch(name.replace(" ", ""))
        if found and any(text.endswith(found[1].upper()) for text in self.fingerprints):
            return True
        return any(name.casefold() in user_id.casefold() for user_id in self.key.user_ids)

    def named(self, name: str) -> Key:
        """Return the key as ``name`` wants it: with ``!`` behind an ID, exactly this part signs."""
        found = _ID.fullmatch(name.replace(" ", ""))
        if not found or not name.endswith("!"):
            return self
        for part in self.parts:
            if part.fingerprint.endswith(found[1].upper()):
                whole = self.parts[0].fault if _is_state(self.parts[0].fault) else ""
                return Key(_signing(self.key, self.parts[0], part), self.parts, whole or part.fault)
        return self


def from_listing(listing: bytes) -> list[Key]:
    """Return the keys that ``gpg --list-secret-keys`` lists, with colons and signatures."""
    found: list[list[list[str]]] = []
    for line in listing.splitlines():
        fields = [_plain(field) for field in line.split(b":")]
        if fields[0] == "sec":
            found.append([])
        if found:
            found[-1].append(fields)
    return [_key(rows) for rows in found]


def _plain(field: bytes) -> str:
    return _ESCAPED.sub(lambda code: bytes.fromhex(code[1].decode()), field).decode(
        errors="replace"
    )


def _key(rows: Sequence[list[str]]) -> Key:
    parts = tuple(_parts(rows))
    user_ids = tuple(row[9] for row in rows if row[0] == "uid")
    primary = parts[0]
    key = SigningKey(
        primary.fingerprint, user_ids, primary.algorithm, primary.created, primary.expires
    )
    able = [part for part in parts if not part.fault]
    subkeys = [part for part in able if part is not primary]
    if _is_state(primary.fault) or not able:  # without the one, no other is valid
        return Key(key._replace(renewed=primary.renewed), parts, _fault(primary, rows))
    return Key(
        _signing(key, primary, max(subkeys or able, key=lambda part: part.created)), parts, ""
    )


def _fault(primary: KeyPart, rows: Sequence[list[str]]) -> str:
    if _is_state(primary.fault):
        return primary.fault
    stubs = any(row[0] in ("sec", "ssb") and row[14] == "#" for row in rows)
    return "has no part that can sign" + (" and whose secret is here" if stubs else "")


def _signing(key: SigningKey, primary: KeyPart, part: KeyPart) -> SigningKey:
    """Return the key with the part that signs."""
    ends = [end for end in (primary.expires, part.expires) if end]
    return key._replace(
        expires=min(ends, default=None),
        part="" if part is primary else part.fingerprint,
        renewed=max(primary.renewed, part.renewed),
    )


def _parts(rows: Sequence[list[str]]) -> Iterator[KeyPart]:
    starts = [at for at, row in enumerate(rows) if row[0] in ("sec", "ssb")]
    for start, stop in zip(starts, [*starts[1:], len(rows)], strict=True):
        row, more = rows[start], rows[start + 1 : stop]
        fingerprint = next(one[9] for one in more if one[0] == "fpr")
        own = [_time(one[5]) for one in more if _is_own(one, rows[starts[0]][4])]
        algorithm = _ALGORITHMS.get(row[3])
        yield KeyPart(
            fingerprint,
            f"{algorithm}{row[2]}" if algorithm else row[16].lower(),
            _time(row[5]),
            _time(row[6]) if row[6] else None,
            _part_fault(row),
            max([_time(row[5]), *own]),
        )


def _is_own(row: list[str], key_id: str) -> bool:
    return row[0] == "sig" and row[4] == key_id and bool(_OWN.match(row[10]))


def _is_state(fault: str) -> bool:
    """Return whether it is one of a key as a whole."""
    return fault in _STATES.values() or fault.startswith(_AHEAD)


def _part_fault(row: list[str]) -> str:
    if row[1] == "i" and _time(row[5]) > datetime.now(UTC):
        return f"{_AHEAD}, on {_time(row[5]):%Y-%m-%d}, by the clock of this machine"
    if row[1] in _STATES:
        return _STATES[row[1]]
    if "D" in row[11]:
        return "is disabled"
    if "s" not in row[11]:
        return "cannot sign"
    return "has no secret here" if row[14] == "#" else ""


def _time(text: str) -> datetime:
    return datetime.fromtimestamp(int(text), UTC)


def display(key: SigningKey) -> str:
    """Return the fingerprint and the first user ID."""
    return f"{key.fingerprint} ({', '.join(key.user_ids[:1]) or 'no user ID'})"


def choose(keys: Sequence[Key], names: Sequence[str]) -> list[Key]:
    """Return a usable key for every name, or the only usable one when there are no names."""
    if not names:
        return [_default(keys)]
    chosen = {}
    for name in names:
        if not name.strip():
            raise InvalidInput("the name of a key is empty")
        matching = [key.named(name.strip()) for key in keys if key.answers_to(name.strip())]
        found = _only(matching, name, otherwise=LIST_HINT if keys else CREATE_HINT)
        chosen[found.key.signs_as] = found
    return list(chosen.values())


def _default(keys: Sequence[Key]) -> Key:
    usable = [key for key in keys if not key.fault]
    if len(usable) > 1:
        raise AmbiguousKey(
            f"no key was named, and there are {_displayed(usable)}",
            hint="set signing.gpg.keys to the fingerprint of one, or name it with --gpg-key",
        )
    return _only(keys, "")


def _only(keys: Sequence[Key], name: str, otherwise: str = CREATE_HINT) -> Key:
    usable = [key for key in keys if not key.fault]
    if len(usable) > 1:
        raise SigningFailed(
            f"{name!r} names no single key: there are {_displayed(usable)}",
            hint="give its fingerprint",
        )
    if usable:
        return usable[0]
    if keys:
        what = "; ".join(f"key {display(found.key)} {found.fault}" for found in keys)
        raise SigningFailed(f"no key can sign: {what}", hint=_way_out(keys))
    raise SigningFailed(
        f"there is no secret key {name!r}" if name else "there is no secret key", hint=otherwise
    )


def _displayed(keys: Sequence[Key]) -> str:
    return ", ".join(display(found.key) for found in keys)


def _way_out(keys: Sequence[Key]) -> str:
    if any(key.parts[0].fault.startswith(_AHEAD) for key in keys):
        return "set the clock"
    expired = [key for key in keys if key.parts[0].fault == _STATES["e"]]
    if not expired:
        return CREATE_HINT
    fingerprint = expired[0].key.fingerprint
    return f'run "debrepo key extend {fingerprint} --expire 2y", or {CREATE_HINT}'
