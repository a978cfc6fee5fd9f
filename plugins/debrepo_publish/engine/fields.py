"""Fields: what plugins add to the stanzas of packages in an index, and to Release files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from debrepo.errors import PluginError
from debrepo.index_kind import Replacement
from debrepo.package import Package, PackageKey
from debrepo.refs import without
from debrepo.values import NamedTuple
from debrepo_publish.engine import announcing, changelogs
from debrepo_publish.indexes.encoding import field
from debrepo_publish.indexes.release import seconds_of
from debrepo_publish.model.publication import CHECKSUMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from debrepo.database import Transaction
    from debrepo.package import Entry
    from debrepo.session import Session
    from debrepo_publish.indexes.lines import Given
    from debrepo_publish.model.publication import Generation, Publication

_NAME = re.compile(r"[!\"$-,.-9;-~][!-9;-~]*")  # Policy 5.1: neither a hash nor a hyphen first
#: Fields that tell one package, and its file, from another.
_OURS = re.compile(
    r"package|version|architecture|filename|size|md5sum|sha1|sha256|sha512|directory|files|"
    r"checksums-.*|source|binary",
    re.I,
)
_DATES = {"date", "valid-until"}
_LISTS = {title.lower() for title in CHECKSUMS.values()}  # of a Release file: its checksums


class Added(NamedTuple):
    """The fields that plugins add to a package: name, value and plugin of each, sorted."""

    fields: tuple[tuple[str, str, str], ...]

    @property
    def signature(self) -> bytes:
        """What an index says of it."""
        said = [(name, value) for name, value, _ in self.fields]
        return repr(said).encode(errors="surrogateescape")

    def given(self, package: Package) -> tuple[Package, dict[str, str]]:
        """Return the package with the fields that are replaced, and those that are added.

        Raise `PluginError` if the package has one of the latter itself.
        """
        stanza, left = package.stanza, dict[str, str]()
        for name, value, plugin in self.fields:
            spelt = re.escape(name.encode())
            own = re.search(rb"^%s[ \t]*:[^\n]*(?:\n[ \t][^\n]*)*" % spelt, stanza, re.M | re.I)
            if own is None:
                left[name] = value
            elif isinstance(value, Replacement):
                said = field(name, value).encode()
                stanza = stanza[: own.start()] + said + stanza[own.end() :]
            else:
                raise PluginError(
                    f"plugin {plugin} adds the field {name} to {package.key.display}, and the"
                    " package has it too",
                    hint=f"disable it with DEBREPO_DISABLE={plugin}",
                )
        return Package(package.key, package.kind, stanza, package.files), left


Fields = dict[str, dict["Entry", Added]]  #: by component and package


def added(
    session: Session, txn: Transaction, publication: Publication, generation: Generation
) -> Fields:
    """Return the fields that plugins add to packages of a generation."""
    plugins = session.hook.debrepo_package_fields.get_hookimpls()
    if not plugins:
        return {}
    found: Fields = {}
    after = announcing.shown(publication, generation)
    for component in generation.parts:
        facts = {
            "session": session,
            "txn": txn,
            "publication": str(publication),
            "after": after,
            "component": component,
        }
        answers: dict[str, Any] = {
            str(plugin.plugin_name): plugin.function(*(facts[one] for one in plugin.argnames)) or {}
            for plugin in plugins
        }
        found[component] = _joined(answers)
    return found


def given(found: Mapping[Entry, Added], names: Iterable[str]) -> Given:
    """Return name and value of those fields of packages that have one of these names."""
    wanted = {name.lower(): name for name in names}
    chosen = {
        entry: tuple(
            (wanted[name.lower()], str(value))
            for name, value, _ in one.fields
            if name.lower() in wanted
        )
        for entry, one in (found.items() if wanted else ())
    }
    return {entry: fields for entry, fields in chosen.items() if fields}


def of_release(
    session: Session, publication: Publication, generation: Generation, standard: Mapping[str, str]
) -> dict[str, str]:
    """Return the fields of a Release file: the standard ones, and over them those of plugins."""
    fields = {**standard, **changelogs.release_fields(session, publication)}
    spelled = {name.lower(): name for name in fields}
    owners: dict[str, str] = {}
    facts = {
        "session": session,
        "publication": str(publication),
        "after": announcing.shown(publication, generation),
        "fields": standard,
    }
    for plugin in reversed(session.hook.debrepo_release_fields.get_hookimpls()):
        whose = str(plugin.plugin_name)
        answer: Any = plugin.function(*(facts[one] for one in plugin.argnames)) or {}
        for name, value in _mapped(whose, "debrepo_release_fields", answer):
            _check_release(whose, name, value)
            other = owners.get(name.lower())
            if other is not None:
                raise PluginError(
                    f"plugins {other} and {whose} both give the Release file of {publication} the"
                    f" field {name}",
                    hint=f"disable one with DEBREPO_DISABLE={whose}",
                )
            if not plugin.tryfirst:  # those of the configuration may be replaced
                owners[name.lower()] = whose
            fields[spelled.setdefault(name.lower(), name)] = value
    return fields


def _mapped(plugin: str, hook: str, answer: Any) -> Iterable[tuple[Any, Any]]:
    """Return the items of a mapping that a plugin answers; raise `PluginError` if it is none."""
    if not hasattr(answer, "items"):
        raise PluginError(
            f"{hook} of plugin {plugin} has to return a mapping, and returns {answer!r:.80}",
            hint=without(plugin),
        )
    items: Iterable[tuple[Any, Any]] = answer.items()
    return items


def _check_release(plugin: str, name: str, value: object) -> None:
    """Raise `PluginError` for what no Release file can have."""
    if not _NAME.fullmatch(name) or not name.isascii() or name.lower() in _LISTS:
        raise PluginError(f"plugin {plugin} cannot give a Release file the field {name!r}")
    if not isinstance(value, str):
        raise PluginError(f"plugin {plugin} gives a Release file the field {name} without a text")
    if value and name.lower() in _DATES:
        try:
            seconds_of(value)
        except ValueError:
            raise PluginError(
                f"plugin {plugin} gives a Release file a {name} that clients cannot read:"
                f" {value!r:.80}",
                hint='write it like "Mon, 09 Mar 2026 08:05:00 UTC"',
            ) from None


def _joined(answers: Mapping[str, Mapping[Entry, Mapping[str, str]]]) -> dict[Entry, Added]:
    joined: dict[Entry, dict[str, tuple[str, str, str]]] = {}
    for plugin, answer in answers.items():
        for named, fields in _mapped(plugin, "debrepo_package_fields", answer):
            entry: Entry = named
            if not isinstance(named, bytes):
                raise PluginError(
                    f"debrepo_package_fields of plugin {plugin} names a package by {named!r:.80}"
                    " instead of its entry in the package set",
                    hint=without(plugin),
                )
            known = joined.setdefault(entry, {})
            for name, value in _mapped(plugin, "debrepo_package_fields", fields):
                _check(plugin, entry, name, value)
                other = known.get(name.lower())
                if other is not None:
                    raise PluginError(
                        f"plugins {other[2]} and {plugin} both add the field {name} to"
                        f" {PackageKey.from_entry(entry).display}",
                        hint=f"disable one with DEBREPO_DISABLE={plugin}",
                    )
                known[name.lower()] = name, value, plugin
    return {entry: Added(tuple(sorted(known.values()))) for entry, known in joined.items() if known}


def _check(plugin: str, entry: Entry, name: str, value: object) -> None:
    """Raise `PluginError` for what no stanza can have."""
    if not _NAME.fullmatch(name) or not name.isascii() or _OURS.fullmatch(name):
        what = f"cannot add a field called {name!r}"
    elif not isinstance(value, str) or not value.strip():
        what = f"adds the field {name} without a text"
    else:
        return
    raise PluginError(f"plugin {plugin} {what} to {PackageKey.from_entry(entry).display}")
