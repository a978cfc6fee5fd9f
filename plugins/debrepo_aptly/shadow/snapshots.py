"""``aptly snapshot``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from debrepo.errors import DebrepoError
from debrepo_aptly.shadow import named_lists
from debrepo_aptly.shadow.asked import (
    SOURCES,
    Failed,
    labelled,
    ordered,
    say,
    say_json,
    say_packages,
)
from debrepo_aptly.shadow.grammar import WrongUsage, usage
from debrepo_aptly.shapes import mirror_object, repository_object, snapshot_object

if TYPE_CHECKING:
    from collections.abc import Callable

    from debrepo_aptly.shadow.asked import AptlyRequest


def _made(name: str, word: str = "created") -> None:
    say(f"\nSnapshot {name} successfully {word}.")
    text = f"You can run 'aptly publish snapshot {name}' to publish snapshot"
    say(f"{text} as Debian repository.")


def create(asked: AptlyRequest) -> None:
    """Create a snapshot."""
    name, *origin = asked.arguments
    if origin == ["empty"]:
        asked.check_free("snapshot", name, "add snapshot")
        asked.call("snapshot.create", name=name)
        _made(name)
        return
    if len(origin) != 3 or origin[0] != "from" or origin[1] not in ("mirror", "repo"):
        raise WrongUsage(usage("snapshot create"))
    _, kind, source = origin
    shown = asked.the(kind, source, "create snapshot")
    said = ""
    if kind == "repo":
        comment = f": {shown.repo.comment}" if shown.repo.comment else ""
        said = f"Snapshot from local repo [{source}]{comment}"
    elif not shown.mirror.updated:
        raise Failed("unable to create snapshot: mirror not updated")
    asked.check_free("snapshot", name, "add snapshot")
    asked.call("snapshot.create", name=name, kind=kind, source=source, description=said)
    _made(name)


def list_(asked: AptlyRequest) -> None:
    """List the snapshots."""
    sort = asked.text("sort", "name")
    if sort not in ("name", "time"):
        raise Failed(f'sorting by "{sort}" unknown')
    found = asked.call("snapshot.list", sort=sort)
    if asked.flag("json"):
        say_json([snapshot_object(one.snapshot) for one in found])
    elif asked.flag("raw"):
        for one in found:
            say(one.snapshot.name)
    elif not found:
        say("\nNo snapshots found, create one with `aptly snapshot create...`.")
    else:
        say("List of snapshots:")
        for one in found:
            say(f" * {labelled(one.snapshot.name, one.snapshot.description)}")
        say("\nTo get more information about snapshot, run `aptly snapshot show <name>`.")


def show(asked: AptlyRequest) -> None:
    """Show a snapshot."""
    (name,) = asked.arguments
    with_packages = asked.flag("with-packages")
    shown = asked.the("snapshot", name, "show", with_packages=with_packages)
    snapshot = shown.snapshot
    if asked.flag("json"):
        say_json(_object(asked, shown, with_packages=with_packages))
        return
    say(f"Name: {snapshot.name}")
    say(f"Created At: {snapshot.created[:19].replace('T', ' ')} UTC")
    say(f"Description: {snapshot.description}")
    say(f"Number of packages: {shown.size}")
    if snapshot.sources:
        say("Sources:")
        for source in snapshot.sources:
            kind, _, plain = source.partition(":")
            say(f"  {plain} [{SOURCES.get(kind, kind)}]")
    if with_packages:
        say_packages(shown.packages)


_LISTS: dict[str, tuple[str, Callable[[Any], dict[str, object]]]] = {
    "snapshot": ("Snapshots", snapshot_object),
    "repo": ("LocalRepos", repository_object),
    "mirror": ("RemoteRepos", mirror_object),
}


def _object(asked: AptlyRequest, shown: Any, *, with_packages: bool) -> dict[str, object]:
    """Return a snapshot with what it was made from, its fields in aptly's order."""
    whole = snapshot_object(shown.snapshot)
    first = ("Name", "CreatedAt", "SourceKind")
    found: dict[str, object] = {name: whole[name] for name in first}
    for source in shown.snapshot.sources:
        kind, _, name = source.partition(":")
        if kind not in _LISTS:
            continue
        title, make = _LISTS[kind]
        try:
            one: Any = asked.call(f"{kind}.show", name=name)
        except DebrepoError:  # it was dropped since
            continue
        listed = found.setdefault(title, [])
        assert isinstance(listed, list)  # nothing else is stored there
        listed.append(make(getattr(one, kind)))
    if with_packages:
        found["Packages"] = [key.display for key in ordered(shown.packages)]
    return found | {name: value for name, value in whole.items() if name not in first}


def verify(asked: AptlyRequest) -> None:
    """Print the dependencies that are missing."""
    name, *sources = asked.arguments
    for one in (name, *sources):
        asked.the("snapshot", one, "verify")
    say("Loading packages...")
    say("Verifying...")
    missing = asked.call(
        "snapshot.verify", name=name, sources=sources, dependencies=asked.dependencies
    )
    if not missing:
        say("All dependencies are satisfied.")
        return
    lines = sorted({f"{one.requirement} [{one.architecture}]" for one in missing})
    say(f"Missing dependencies ({len(lines)}):")
    for line in lines:
        say(f"  {line}")


def pull(asked: AptlyRequest) -> None:
    """Create a snapshot with packages of another."""
    name, source, target, *queries = asked.arguments
    base = asked.the("snapshot", name, "pull")
    other = asked.the("snapshot", source, "pull")
    if not asked.flag("dry-run"):
        asked.check_free("snapshot", target, "create snapshot")
    say("Dependencies would be pulled into snapshot:")
    say(f"    {labelled(name, base.snapshot.description)}")
    say("from snapshot:")
    say(f"    {labelled(source, other.snapshot.description)}")
    say(f"and result would be saved as new snapshot {target}.")
    say(f"Loading packages ({base.size + other.size})...")
    say("Building indexes...")
    wanted = [asked.query(text) for text in queries]
    made = asked.call(
        "snapshot.pull",
        base=name,
        source=source,
        name=target,
        queries=wanted,
        dependencies=None if asked.flag("no-deps") else asked.dependencies,
        architectures=asked.architectures,
        remove=not asked.flag("no-remove"),
        all_matches=asked.flag("all-matches"),
        dry_run=asked.flag("dry-run"),
        description=f"Pulled into '{name}' with '{source}' as source, pull request was:"
        f" '{' '.join(wanted)}'",
    )
    for key in ordered(made.removed):
        say(f"[-] {key.display} removed")
    for key in ordered(one.key for one in made.added):
        say(f"[+] {key.display} added")
    if asked.flag("dry-run"):
        say("\nNot creating snapshot, as dry run was requested.")
    else:
        _made(target)


def diff(asked: AptlyRequest) -> None:
    """Print how two snapshots differ."""
    left, right = asked.arguments
    for name in (left, right):
        asked.the("snapshot", name, "load snapshot A" if name == left else "load snapshot B")
    found = asked.call(
        "snapshot.diff", left=left, right=right, only_matching=asked.flag("only-matching")
    )
    if not found:
        say("Snapshots are identical.")
        return
    say(f"  {'Arch':6} | {'Package':40} | {'Version in A':40} | {'Version in B'}")
    for one in sorted(found, key=lambda one: (one.key.architecture, one.key.name)):
        versions = [side.version if side else "-" for side in (one.left, one.right)]
        key = one.key
        row = f"{key.architecture:6} | {key.name:40} | {versions[0]:40} | {versions[1]:40}"
        say(f"{one.mark} {row}")


def merge(asked: AptlyRequest) -> None:
    """Merge snapshots into a new one."""
    target, *sources = asked.arguments
    if asked.flag("latest") and asked.flag("no-remove"):
        raise Failed("-no-remove and -latest can't be specified together")
    for name in sources:
        asked.the("snapshot", name, "load snapshot")
    asked.check_free("snapshot", target, "create snapshot")
    policy = "latest" if asked.flag("latest") else "all" if asked.flag("no-remove") else "rightmost"
    asked.call("snapshot.merge", name=target, sources=sources, policy=policy)
    _made(target)


def filter_(asked: AptlyRequest) -> None:
    """Create a snapshot of some packages of another."""
    source, target, *queries = asked.arguments
    shown = asked.the("snapshot", source, "filter")
    say(f"Loading packages ({shown.size})...")
    say("Building indexes...")
    asked.check_free("snapshot", target, "create snapshot")
    asked.call(
        "snapshot.filter",
        source=source,
        name=target,
        queries=[asked.query(text) for text in queries],
        dependencies=asked.with_dependencies,
        architectures=asked.architectures,
    )
    _made(target, "filtered")


def search(asked: AptlyRequest) -> None:
    """Search the packages of a snapshot."""
    named_lists.search(asked, "snapshot")


def rename(asked: AptlyRequest) -> None:
    """Rename a snapshot."""
    named_lists.rename(asked, "snapshot", "Snapshot")


def drop(asked: AptlyRequest) -> None:
    """Drop a snapshot."""
    from debrepo_aptly.shadow.publications import lines_of

    (name,) = asked.arguments
    asked.the("snapshot", name, "drop")
    published = lines_of(asked, f"snapshot:{name}")
    if published:
        say(f"Snapshot `{name}` is published currently:")
        for line in published:
            say(f" * {line}")
        raise Failed("unable to drop: snapshot is published")
    used = [
        one.snapshot
        for one in asked.call("snapshot.list")
        if f"snapshot:{name}" in one.snapshot.sources
    ]
    if used and not asked.flag("force"):
        say(f"Snapshot `{name}` was used as a source in following snapshots:")
        for snapshot in used:
            say(f" * {labelled(snapshot.name, snapshot.description)}")
        raise Failed(
            "won't delete snapshot that was used as source for other snapshots,"
            " use -force to override"
        )
    asked.call("snapshot.drop", name=name, force=True)
    say(f"Snapshot `{name}` has been dropped.")
