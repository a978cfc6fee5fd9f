"""``aptly repo``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from debrepo.errors import DebrepoError
from debrepo_aptly.shadow import named_lists
from debrepo_aptly.shadow.asked import (
    Failed,
    labelled,
    ordered,
    say,
    say_json,
    say_packages,
)
from debrepo_aptly.shadow.grammar import WrongUsage, usage
from debrepo_aptly.shapes import repository_object

if TYPE_CHECKING:
    from debrepo_aptly.shadow.asked import AptlyRequest


def create(asked: AptlyRequest) -> None:
    """Create a repository."""
    name, *origin = asked.arguments
    if origin and (len(origin) != 3 or origin[:2] != ["from", "snapshot"]):
        raise WrongUsage(usage("repo create"))
    if origin:
        asked.the("snapshot", origin[2], "load source snapshot")
    asked.check_free("repo", name, "add local repo")
    repo = asked.call(
        "repo.create",
        name=name,
        component=asked.text("component", "main"),
        distribution=asked.text("distribution"),
        comment=asked.text("comment"),
        uploaders=_uploaders(asked),
        **({"kind": "snapshot", "source": origin[2]} if origin else {}),
    )
    say(f"\nLocal repo {labelled(repo.name, repo.comment)} successfully added.")
    say(f"You can run 'aptly repo add {name} ...' to add packages to repository.")


def _uploaders(asked: AptlyRequest) -> str:
    given = asked.text("uploaders-file")
    if not given:
        return ""
    try:
        return Path(given).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Failed(f"error loading uploaders file: {error}") from None


def edit(asked: AptlyRequest) -> None:
    """Edit a repository."""
    (name,) = asked.arguments
    asked.the("repo", name, "edit")
    given = {
        option: asked.text(option)
        for option in ("comment", "distribution", "component")
        if asked.given(option)
    }
    if asked.given("uploaders-file"):
        given["uploaders"] = _uploaders(asked)
    repo = asked.call("repo.edit", name=name, **given)
    say(f"Local repo {labelled(repo.name, repo.comment)} successfully updated.")


def list_(asked: AptlyRequest) -> None:
    """List the repositories."""
    found = asked.call("repo.list")
    if asked.flag("json"):
        say_json([repository_object(one.repo) for one in found])
    elif asked.flag("raw"):
        for one in found:
            say(one.repo.name)
    elif not found:
        say("No local repositories found, create one with `aptly repo create ...`.")
    else:
        say("List of local repos:")
        for one in found:
            say(f" * {labelled(one.repo.name, one.repo.comment)} (packages: {one.size})")
        say("\nTo get more information about local repository, run `aptly repo show <name>`.")


def show(asked: AptlyRequest) -> None:
    """Show a repository."""
    (name,) = asked.arguments
    with_packages = asked.flag("with-packages")
    shown = asked.the("repo", name, "show", with_packages=with_packages)
    repo = shown.repo
    if asked.flag("json"):
        packages = [key.display for key in ordered(shown.packages)]
        say_json({**repository_object(repo), "Packages": packages})
        return
    say(f"Name: {repo.name}")
    say(f"Comment: {repo.comment}")
    say(f"Default Distribution: {repo.distribution}")
    say(f"Default Component: {repo.component}")
    if repo.uploaders:
        say(f"Uploaders: {repo.uploaders}")
    say(f"Number of packages: {shown.size}")
    if with_packages:
        say_packages(shown.packages)


def add(asked: AptlyRequest) -> None:
    """Add package files to a repository."""
    name, *paths = asked.arguments
    asked.the("repo", name, "add")
    say("Loading packages...")
    failed = []
    for one in asked.call(
        "repo.add",
        name=name,
        paths=[Path(path) for path in paths],
        force_replace=asked.flag("force-replace"),
        remove_files=asked.flag("remove-files"),
    ):
        if one.status == "failed":
            failed.append(str(one.source))
            say(f"[!] Unable to process {one.source}: {_reason(one)}")
        elif one.status != "empty":
            say(f"[+] {one.package} added")
    _check_failed(failed)


def _reason(one: Any) -> str:
    if not one.source.exists():
        return f"stat {one.source}: no such file or directory"
    return str(one.reason)


def _check_failed(failed: list[str]) -> None:
    if failed:
        say("[!] Some files were skipped due to errors:")
        for path in failed:
            say(f"  {path}")
        raise Failed("some files failed to be added")


def include(asked: AptlyRequest) -> None:
    """Add the packages of uploads."""
    failed = []
    keyrings = asked.texts("keyring")
    for one in asked.call(
        "repo.include",
        paths=[Path(path) for path in asked.arguments],
        repo=asked.text("repo", "{{.Distribution}}"),
        force_replace=asked.flag("force-replace"),
        remove_files=not asked.flag("no-remove-files"),
        accept_unsigned=asked.flag("accept-unsigned"),
        ignore_signatures=asked.flag("ignore-signatures"),
        keyring=keyrings[0] if keyrings else "",
        uploaders=_uploaders(asked),
    ):
        if one.status == "failed":
            failed.append(str(one.source))
            say(f"[!] Unable to process {one.source}: {one.reason}")
        elif one.status != "empty":
            say(f"[+] {one.package} added")
    _check_failed(failed)


def _transfer(asked: AptlyRequest, operation: str, word: str) -> None:
    source, target, *queries = asked.arguments
    kind = "mirror" if operation == "repo.import" else "repo"
    doing = operation.partition(".")[2]
    if operation != "repo.import" and source == target:
        raise Failed("source and destination are the same")
    asked.the("repo", target, doing)
    asked.the(kind, source, doing)
    say("Loading packages...")
    done = asked.call(
        operation,
        source=source,
        target=target,
        queries=[asked.query(text) for text in queries],
        dependencies=asked.with_dependencies,
        architectures=asked.architectures,
        dry_run=asked.flag("dry-run"),
    )
    for key in ordered(one.key for one in done.packages):
        say(f"[o] {key.display} {word}")
    _say_dry(asked)


def _say_dry(asked: AptlyRequest) -> None:
    if asked.flag("dry-run"):
        say("\nChanges not saved, as dry run has been requested.")


def copy(asked: AptlyRequest) -> None:
    """Copy packages to another repository."""
    _transfer(asked, "repo.copy", "copied")


def move(asked: AptlyRequest) -> None:
    """Move packages to another repository."""
    _transfer(asked, "repo.move", "moved")


def import_(asked: AptlyRequest) -> None:
    """Import packages of a mirror."""
    _transfer(asked, "repo.import", "imported")


def remove(asked: AptlyRequest) -> None:
    """Remove packages from a repository."""
    name, *queries = asked.arguments
    asked.the("repo", name, "remove")
    say("Loading packages...")
    gone: Any = asked.call(
        "repo.remove",
        name=name,
        queries=[asked.query(text) for text in queries],
        dry_run=asked.flag("dry-run"),
    )
    for key in ordered(gone):
        say(f"[-] {key.display} removed")
    _say_dry(asked)


def search(asked: AptlyRequest) -> None:
    """Search the packages of a repository."""
    named_lists.search(asked, "repo")


def rename(asked: AptlyRequest) -> None:
    """Rename a repository."""
    named_lists.rename(asked, "repo", "Local repo")


def drop(asked: AptlyRequest) -> None:
    """Drop a repository."""
    from debrepo_aptly.shadow.publications import lines_of

    (name,) = asked.arguments
    asked.the("repo", name, "drop")
    published = lines_of(asked, f"repo:{name}")
    if published:
        say(f"Local repo `{name}` is published currently:")
        for line in published:
            say(f" * {line}")
        raise Failed("unable to drop: local repo is published")
    used = [
        one.snapshot
        for one in asked.call("snapshot.list")
        if f"repo:{name}" in one.snapshot.sources
    ]
    if used and not asked.flag("force"):
        say(f"Local repo `{name}` was used to create following snapshots:")
        for snapshot in used:
            say(f" * {labelled(snapshot.name, snapshot.description)}")
        raise Failed("won't delete local repo with snapshots, use -force to override")
    try:
        asked.call("repo.drop", name=name, force=True)
    except DebrepoError as error:
        raise Failed(f"unable to drop: {error}") from None
    say(f"Local repo `{name}` has been removed.")
