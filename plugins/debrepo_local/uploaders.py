"""Uploaders: who may include uploads, by the keys that signed them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from debrepo import query
from debrepo.errors import InvalidInput, VerificationFailed
from debrepo.query import And, Dependency, Exact, Field, Not, Or
from debrepo.query.patterns import condition

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from debrepo.archive import FileList
    from debrepo.query import Query

#: A string, or what JSON itself does not know: comments, and commas before a bracket.
_EXTRAS = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/|,(?=\s*[\]}])', re.DOTALL)


class Rule(NamedTuple):
    """A rule: the uploads that it applies to, and the keys that may and may not sign them."""

    text: str
    condition: Query
    allow: frozenset[str]
    deny: frozenset[str]


def check(text: str) -> str:
    """Return rules as compact JSON; raise `InvalidInput` if they are malformed."""
    if not text.strip():
        return ""
    rules(text)
    return json.dumps(_read(text), separators=(",", ":"), ensure_ascii=False)


def rules(text: str) -> list[Rule]:
    """Return the rules of an ``uploaders.json``, groups resolved to keys."""
    document = _read(text)
    groups = document.get("groups") or {}
    found = []
    for number, rule in enumerate(document.get("rules") or [], start=1):
        try:
            wanted = _check_condition(query.parse(str(rule["condition"])))
        except (KeyError, TypeError):
            raise InvalidInput(f"rule {number} of the uploaders has no condition") from None
        except InvalidInput as error:
            raise InvalidInput(f"rule {number} of the uploaders: {error}") from None
        allow, deny = (_members(rule.get(word) or [], groups) for word in ("allow", "deny"))
        found.append(Rule(json.dumps(rule, ensure_ascii=False), wanted, allow, deny))
    return found


def check_upload(listed: Sequence[Rule], upload: FileList, fingerprints: Sequence[str]) -> None:
    """Raise `VerificationFailed` unless a rule allows a key that signed the upload.

    The first rule decides whose condition holds, and which names one of the signers.
    """
    for rule in listed:
        if not _holds(rule.condition, upload):
            continue
        if _names(rule.deny, fingerprints):
            raise VerificationFailed(f"denied according to the uploaders' rule {rule.text}")
        if _names(rule.allow, fingerprints):
            return
    who = f"keys {', '.join(fingerprints)}" if fingerprints else "no trusted key"
    raise VerificationFailed(
        f"denied, as no rule of the uploaders allows it: it is signed with {who}",
        hint='run "debrepo repo show NAME"',
    )


def _read(text: str) -> dict[str, Any]:
    try:
        document = json.loads(_EXTRAS.sub(lambda found: found[1] or " ", text))
    except (ValueError, RecursionError) as error:  # also numbers of 5,000 digits
        raise InvalidInput(f"the uploaders are not JSON: {error}") from None
    if not isinstance(document, dict):
        raise InvalidInput("the uploaders have to be an object with groups and rules")
    for name, kind in (("groups", dict), ("rules", list)):
        if not isinstance(document.get(name) or kind(), kind):
            raise InvalidInput(f"of the uploaders, {name} has the wrong type")
    return document


def _members(names: object, groups: Mapping[str, Any]) -> frozenset[str]:
    """Return the keys that names stand for; a group may hold groups, and itself."""
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InvalidInput("the uploaders allow and deny lists of keys and groups")
    keys: set[str] = set()
    waiting, seen = list(names), set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        if name in groups:
            waiting += [str(member) for member in groups[name] or []]
        else:
            keys.add(name.replace(" ", "").removeprefix("0x").upper())
    return frozenset(keys)


def _names(keys: frozenset[str], fingerprints: Sequence[str]) -> bool:
    if not fingerprints:
        return False
    return "*" in keys or any(
        len(key) >= 8 and fingerprint.endswith(key) for key in keys for fingerprint in fingerprints
    )


def _holds(term: Query, upload: FileList) -> bool:
    """Return whether a condition holds for the fields of a .changes, as they are."""
    match term:
        case And(terms):
            return all(_holds(part, upload) for part in terms)
        case Or(terms):
            return any(_holds(part, upload) for part in terms)
        case Not(part):
            return not _holds(part, upload)
        case Field(name, operator, value):
            return _meets(upload, name, operator, value)
        case Dependency(name, operator, version, architecture):
            return (
                _meets(upload, "Source", "=", name)
                and (not operator or _meets(upload, "Version", operator, version))
                and architecture in ("", *_text(upload, "Architecture").split())
            )
        case Exact(key):
            return (
                _meets(upload, "Source", "=", key.name)
                and _meets(upload, "Version", "=", key.version)
                and key.architecture in _text(upload, "Architecture").split()
            )
    raise TypeError(f"no term of a query: {term!r}")


def _meets(upload: FileList, name: str, operator: str, value: str) -> bool:
    text = _text(upload, name)
    if operator == "=" and _field(name) != "version":  # libssl and libssl0 are equal versions
        return text == value
    return condition(operator, value)(text)


#: What queries call the fields of packages, and the .changes has under another name.
_FIELDS = {
    "name": "source",
    "package": "source",
    "$architecture": "architecture",
    "$source": "source",
    "$sourceversion": "version",
    "$version": "version",
}


def _field(name: str) -> str:
    return _FIELDS.get(name.lower(), name.lower())


def _text(upload: FileList, name: str) -> str:
    """Return what a field of a .changes says, on one line.

    Of ``Source`` that is the name: a version in parentheses after it keeps no rule from holding.
    """
    field = _field(name)
    text = " ".join(upload.fields.get(field, "").split())
    return text.partition(" ")[0] if field == "source" else text


def _check_condition(term: Query) -> Query:
    """Return a condition; raise `InvalidInput` for one on what no upload has."""
    match term:
        case And(terms) | Or(terms):
            for part in terms:
                _check_condition(part)
        case Not(part):
            _check_condition(part)
        case Field(name) if _field(name).startswith("$"):
            raise InvalidInput(f"an upload has no {name}")
    return term
