"""What the configuration of reprepro becomes here, and option by option what it cannot become."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from debrepo_import.report import Remark
from debrepo_import.reprepro.configuration import stanzas

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from debrepo_import.reprepro.configuration import Base, RepreproDistribution, Stanza

_KEY = re.compile(r"(?:0x)?([0-9A-Fa-f]{8,40})!?")
_DURATION = re.compile(r"(\d+)([dmy]?)")
_DAYS = {"": 1, "d": 1, "m": 31, "y": 366}

#: Fields that say what becomes of packages and names, and are taken over somewhere else.
_TAKEN = frozenset(
    [
        "codename", "suite", "version", "origin", "label", "description", "notautomatic",
        "butautomaticupgrades", "architectures", "components", "udebcomponents", "ddebcomponents",
        "signed-by", "signwith", "validfor", "contents", "update", "pull",
    ]
)  # fmt: skip

#: Fields without a counterpart, and what is there instead.
_NOT_HERE = {
    "fakecomponentprefix": "components of Release have no prefix here; publish under a distribution"
    " with a slash instead",
    "alsoacceptfor": "uploads go where --repo of repo include says",
    "deboverride": "what is here has the fields that were overridden; for new packages, run"
    ' "debrepo repo override import NAME FILE --format fields --kind deb"',
    "udeboverride": "what is here has the fields that were overridden; for new packages, run"
    ' "debrepo repo override import NAME FILE --format fields --kind udeb"',
    "dscoverride": "what is here has the fields that were overridden; for new packages, run"
    ' "debrepo repo override import NAME FILE --format fields --kind source"',
    "debindices": "indexes have the compressions of the publication",
    "udebindices": "indexes have the compressions of the publication",
    "dscindices": "indexes have the compressions of the publication",
    "ddebindices": "indexes have the compressions of the publication",
    "exportoptions": "every component and architecture has indexes here",
    "contentsarchitectures": "Contents are published of all architectures, or of none",
    "contentscomponents": "Contents are published of all components, or of none",
    "contentsucomponents": "Contents of udebs are published with all others, or not at all",
    "uploaders": "who may upload is said in JSON: debrepo repo edit --uploaders-file",
    "tracking": "packages know their sources; the files of uploads are not kept",
    "log": "changes are in debrepo audit list, and debrepo notify runs what is to be run",
    "readonly": "a repository is read-only for tokens without its scope",
    "byhandhooks": "files of uploads that are no packages are not kept",
    "limit": "old versions stay until they are removed; publish the latest with snapshot filter",
    "archive": "old versions stay until they are removed",
}


class Publishing(NamedTuple):
    """How a distribution is to be published."""

    distribution: str
    options: Mapping[str, Any]


def publishing(found: RepreproDistribution) -> Publishing:
    """Return how a distribution is published: its fields as options of a publication."""
    stanza = found.stanza
    automatic = stanza.get("NotAutomatic").lower() == "yes"
    options: dict[str, Any] = {
        "origin": stanza.get("Origin"),
        "label": stanza.get("Label"),
        "suite": stanza.get("Suite"),
        "codename": found.codename,
        "version": stanza.get("Version"),
        "description": stanza.get("Description"),
        "not_automatic": automatic,
        "but_automatic_upgrades": automatic and stanza.get("ButAutomaticUpgrades").lower() == "yes",
        "architectures": tuple(
            name for name in found.architectures if re.fullmatch(r"[a-z0-9][a-z0-9-]*", name)
        ),
        "contents": bool(stanza.get("Contents")),
        "valid_for": _seconds(stanza.get("ValidFor")),
    }
    keys = _keys(stanza)
    if keys is None:
        options["skip_signing"] = True
    elif keys:
        options["keys"] = keys
    return Publishing(found.codename, options)


def _seconds(text: str) -> int:
    """Return how long a Release file is valid; ``10d``, ``1m 3d``."""
    parts = _DURATION.findall(text)
    return 86400 * sum(int(number) * _DAYS[unit] for number, unit in parts)


def _keys(stanza: Stanza) -> tuple[str, ...] | None:
    """Return the keys that sign; none of them: the default one, ``None``: nothing is signed."""
    said = stanza.get("SignWith")
    if not said:
        return None
    found = [_KEY.fullmatch(word) for word in said.split()]
    return tuple(match[1].upper() for match in found if match)


def remarks(base: Base, distributions: Iterable[RepreproDistribution]) -> Iterator[Remark]:
    """Yield what has no counterpart here, option by option, and what remains to be done."""
    for found in distributions:
        subject = f"distribution {found.codename}"
        for name in found.stanza.fields:
            if name in _TAKEN:
                continue
            spelled = f"{subject}, {name}"
            text = _NOT_HERE.get(name, "this field has no counterpart")
            yield Remark("unsupported", spelled, f"{found.stanza.get(name)}: {text}")
        signing = found.stanza.get("SignWith")
        if signing and not all(map(_KEY.fullmatch, signing.split())):
            text = f"{signing}: the key is chosen with --gpg-key; import it with debrepo key import"
            yield Remark("note", f"{subject}, signwith", text)
    yield from _pulls(base)
    yield from _incoming(base)
    for name, value in base.options.items():
        if name not in ("basedir", "outdir", "dbdir", "confdir"):
            yield Remark("unsupported", f"conf/options, {name}", value or "set")


def _pulls(base: Base) -> Iterator[Remark]:
    for stanza in stanzas(base.conf / "pulls"):
        said = stanza.get("FilterFormula")
        query = formula(said) if said else "'*'"
        text = (
            f"pulls from {stanza.get('From') or '?'}: run"
            f' "debrepo repo copy {stanza.get("From")}-COMPONENT TARGET-COMPONENT {query}"'
        )
        yield Remark("note", f"pull rule {stanza.get('Name') or '?'}", text)
        for field in ("FilterList", "FilterSrcList"):
            if stanza.get(field):
                yield Remark(
                    "unsupported", f"pull rule {stanza.get('Name')}, {field}", stanza.get(field)
                )


def _incoming(base: Base) -> Iterator[Remark]:
    for stanza in stanzas(base.conf / "incoming"):
        directory = stanza.get("IncomingDir") or "?"
        text = (
            f'uploads in {directory}: run "debrepo repo include --repo'
            f' {{{{.Distribution}}}}-main {directory}"'
        )
        yield Remark("note", f"incoming {stanza.get('Name') or '?'}", text)
        for name in sorted(stanza.fields.keys() - {"name", "incomingdir", "tempdir"}):
            subject = f"incoming {stanza.get('Name')}, {name}"
            yield Remark("unsupported", subject, stanza.get(name))


def formula(text: str) -> str:
    """Return a filter formula of reprepro as a query; what is the same in both stays.

    reprepro writes ``==`` for equal.
    """
    query = re.sub(r"\bPackage\b(?=\s*\()", "Name", text)
    query = query.replace("(==", "(=").replace("( ==", "( =")
    query = re.sub(r"\(\s*!=\s*([^)]*)\)", r"(!= \1)", query)
    return " ".join(query.split())


class UpdateRule(NamedTuple):
    """An update rule, as a mirror has it."""

    name: str
    properties: Mapping[str, Any]


def mirrors(
    base: Base, distributions: Iterable[RepreproDistribution]
) -> Iterator[UpdateRule | Remark]:
    """Yield a mirror for each update rule and distribution that uses it, and what it lacks."""
    rules = {stanza.get("Name"): stanza for stanza in stanzas(base.conf / "updates")}
    used: set[str] = set()
    for found in distributions:
        for name in found.stanza.words("Update"):
            if name == "-":
                yield Remark(
                    "unsupported",
                    f"distribution {found.codename}, update -",
                    "packages that are upstream no longer stay here until they are removed",
                )
                continue
            if name not in rules:
                yield Remark("damaged", f"update rule {name}", "conf/updates does not have it")
                continue
            used.add(name)
            yield from _mirror(name, rules, found)
    for name in rules.keys() - used:
        if not any(rules[other].get("From") == name for other in rules):
            yield Remark("note", f"update rule {name}", "no distribution uses it")


_OF_RULES = frozenset(
    [
        "name", "method", "suite", "components", "architectures", "udebcomponents", "from", "flat",
        "filterformula", "ignorerelease", "verifyrelease", "getinrelease",
    ]
)  # fmt: skip


def _mirror(
    name: str, rules: Mapping[str, Stanza], found: RepreproDistribution
) -> Iterator[UpdateRule | Remark]:
    rule, fields = rules[name], dict[str, str]()
    for _ in range(20):  # rules refer to others with From
        fields = {**rule.fields, **fields}
        above = rule.get("From")
        if not above or above not in rules:
            break
        rule = rules[above]
    said = rule._replace(fields=fields)
    method = said.get("Method")
    subject = f"update rule {name}"
    if not method:
        yield Remark("damaged", subject, "it has no Method")
        return
    suite = said.get("Suite") or found.codename
    suite = found.codename + suite[1:] if suite.startswith("*") else suite
    components = tuple(word.partition(">")[0] for word in said.words("Components"))
    architectures = said.words("Architectures") or found.architectures
    machines = tuple(word.partition(">")[0] for word in architectures)
    properties: dict[str, Any] = {
        "url": method.removeprefix("copy:") if ":/" in method else method,
        "distribution": "./" if "flat" in fields else suite,
        "components": () if "flat" in fields else components or found.components,
        "architectures": tuple(word for word in machines if word not in ("source", "all")),
        "sources": "source" in machines,
        "udebs": bool(said.words("UDebComponents")),
        "ignore_signatures": said.get("IgnoreRelease").lower() == "yes"
        or not said.get("VerifyRelease"),
        "filter": formula(said.get("FilterFormula")),
    }
    if properties["url"].startswith("/"):
        properties["url"] = f"file://{properties['url']}"
    for field in sorted(fields.keys() - _OF_RULES):
        yield Remark("unsupported", f"{subject}, {field}", said.get(field))
    if said.get("VerifyRelease"):
        text = "trust the key with debrepo key trust, or debrepo mirror edit --keyring"
        yield Remark("note", f"{subject}, verifyrelease", f"{said.get('VerifyRelease')}: {text}")
    yield UpdateRule(re.sub(r"[/:\s]+", "-", f"{name}-{found.codename}"), properties)
