"""Commands of reprepro that change what is here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from debrepo import archive
from debrepo.errors import InvalidInput, NotFound
from debrepo.version import sort_key
from debrepo_import.reprepro import counterparts
from debrepo_import.reprepro.work import ShadowWork, export, members, named, repo_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from debrepo.package import PackageKey
    from debrepo_import.reprepro.configuration import RepreproDistribution


def include_files(work: ShadowWork) -> int:
    """Include .deb, .udeb or .dsc files, unless there is a newer version already."""
    codename, *paths = work.asked.words
    found = work.distribution(codename)
    changed = False
    for text in paths:
        path = Path(text)
        name, version, architecture, section = _identity(path)
        component = _component(work, found, section)
        repo = repo_of(work, found, component)
        before = _present(work, repo, name, architecture)
        newest = max(before, key=lambda key: sort_key(key.version), default=None)
        if newest and sort_key(newest.version) >= sort_key(version):
            for index in found.architectures if architecture == "all" else (architecture,):
                if index != "source" or architecture == "source":
                    work.complain(
                        f"Skipping inclusion of '{name}' '{version}' in"
                        f" '{found.codename}|{component}|{index}', as it has already"
                        f" '{newest.version}'."
                    )
            continue
        for outcome in work.session.call("repo.add", name=repo, paths=[path]):
            if outcome.status == "failed":
                raise InvalidInput(f"{outcome.source}: {outcome.reason}", hint=outcome.hint)
        _remove(work, repo, before)
        changed = True
    return export(work, [found]) if changed else 0


def _identity(path: Path) -> tuple[str, str, str, str]:
    """Return name, version, architecture and section of a package file."""
    try:
        if path.suffix == ".dsc":
            fields = archive.read_list(path).fields
            return fields["source"], fields["version"], "source", fields.get("section", "")
        read = archive.read_control(path)
        name, version, architecture, section = (
            read.get(field, b"").strip().decode()
            for field in (b"package", b"version", b"architecture", b"section")
        )
    except OSError as error:
        raise NotFound(f"Error {error.errno} opening {path}: {error.strerror}") from None
    except KeyError as error:
        raise InvalidInput(f"{path}: no field {error.args[0]}") from None
    return name, version, architecture, section


def _component(work: ShadowWork, found: RepreproDistribution, section: str) -> str:
    """Return the component of a package: the one that is asked for, or that its section names."""
    asked = list(work.components(found)) if work.asked.components else []
    if asked:
        return asked[0]
    start = section.partition("/")[0] if "/" in section else section
    return start if start in found.components else found.components[0]


def _present(work: ShadowWork, repo: str, name: str, architecture: str) -> list[PackageKey]:
    query = f"{named(name)}, $Architecture (= {architecture})"
    return [one.key for one in work.session.call("repo.search", name=repo, queries=[query])]


def _remove(work: ShadowWork, repo: str, keys: Iterable[PackageKey]) -> None:
    found = [str(key) for key in keys]
    if found:
        work.session.call("repo.remove-keys", name=repo, keys=found)


def include(work: ShadowWork) -> int:
    """Include an upload, and remove what it replaces."""
    codename, *paths = work.asked.words
    found = work.distribution(codename)
    strict = bool(found.stanza.get("Uploaders"))
    for text in paths:
        try:
            listed = archive.read_list(Path(text))
        except OSError as error:
            raise NotFound(f"Error opening '{text}': {error.strerror}") from None
        rows = [line.split() for line in listed.fields.get("files", "").splitlines()]
        section = next((row[2] for row in rows if len(row) > 4), "")
        repo = repo_of(work, found, _component(work, found, section))
        done = list(
            work.session.call(
                "repo.include",
                paths=[Path(text)],
                repo=repo,
                remove_files="delete" in work.asked.options,
                accept_unsigned=not strict,
                ignore_signatures=not strict,
            )
        )
        for outcome in done:
            if outcome.status == "failed":
                raise InvalidInput(f"{outcome.source}: {outcome.reason}", hint=outcome.hint)
        for outcome in done:
            if outcome.status in ("added", "replaced"):
                name, version, architecture = outcome.package.rsplit("_", 2)
                older = [
                    key
                    for key in _present(work, repo, name, architecture)
                    if sort_key(key.version) < sort_key(version)
                ]
                _remove(work, repo, older)
    return export(work, [found])


def remove_named(work: ShadowWork) -> int:
    """Remove packages by name, and say which are not there."""
    codename, *names = work.asked.words
    found = work.distribution(codename)
    absent = [name for name in names if not _remove_matching(work, found, named(name))]
    if absent:
        work.complain(f"Not removed as not found: {', '.join(absent)}")
    return export(work, [found])


def remove_source(work: ShadowWork) -> int:
    """Remove a source package, and what was built from it."""
    codename, source, *version = work.asked.words
    found = work.distribution(codename)
    query = f"$Source (= {source})" + (f", $SourceVersion (= {version[0]})" if version else "")
    _remove_matching(work, found, f"({query}) | ({named(source)}, $Architecture (= source))")
    return export(work, [found])


def removefilter(work: ShadowWork) -> int:
    """Remove what matches a formula."""
    codename, said = work.asked.words[:2]
    found = work.distribution(codename)
    if _remove_matching(work, found, counterparts.formula(said)):
        return export(work, [found])
    return 0


def _remove_matching(work: ShadowWork, found: RepreproDistribution, query: str) -> int:
    """Remove the packages that match a query, and return how many there were."""
    by_component: dict[str, dict[PackageKey, None]] = {}
    for one in members(work, found, query):
        by_component.setdefault(one.component, {})[one.key] = None
    for component, keys in by_component.items():
        _remove(work, found.list_name(component), keys)
    return sum(map(len, by_component.values()))


def copy(work: ShadowWork) -> int:
    """Copy packages of a distribution into another, unless that has newer ones."""
    target, source, *names = work.asked.words
    to, since = work.distribution(target), work.distribution(source)
    copied = False
    for one in list(members(work, since, " | ".join(map(named, names)))):
        if one.component not in to.components:
            continue
        repo = repo_of(work, to, one.component)
        before = _present(work, repo, one.key.name, one.key.architecture)
        if one.key in before:
            continue
        newest = max(before, key=lambda key: sort_key(key.version), default=None)
        if newest and sort_key(newest.version) > sort_key(one.key.version):
            continue
        _remove(work, repo, before)
        work.session.call("repo.add-keys", name=repo, keys=[str(one.key)])
        copied = True
    return export(work, [to]) if copied else 0
