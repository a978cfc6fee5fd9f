"""``aptly mirror``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from debrepo.errors import DebrepoError
from debrepo_aptly.shadow import named_lists
from debrepo_aptly.shadow.asked import (
    Failed,
    labelled,
    mirror_label,
    ordered,
    say,
    say_json,
    say_packages,
)
from debrepo_aptly.shapes import mirror_object

if TYPE_CHECKING:
    from debrepo_aptly.shadow.asked import AptlyRequest

_FLAGS = {
    "filter-with-deps": "filter_with_deps",
    "force-architectures": "skip_architecture_check",
    "force-components": "skip_component_check",
    "ignore-signatures": "ignore_signatures",
    "with-appstream": "appstream",
    "with-installer": "installer",
    "with-sources": "sources",
    "with-udebs": "udebs",
}


def _options(asked: AptlyRequest) -> dict[str, Any]:
    """Return the properties of a mirror that are given."""
    found: dict[str, Any] = {
        field: asked.flag(option) for option, field in _FLAGS.items() if asked.given(option)
    }
    if asked.given("filter"):
        found["filter"] = asked.query(asked.text("filter"))
    if asked.architectures:
        found["architectures"] = asked.architectures
    if asked.texts("keyring"):
        found["keyrings"] = asked.texts("keyring")
    if asked.number("max-tries") > 1:
        found["max_tries"] = asked.number("max-tries")
    return found


def create(asked: AptlyRequest) -> None:
    """Create a mirror."""
    name, url, *rest = asked.arguments
    distribution, components = (rest[0], rest[1:]) if rest else ("", [])
    asked.check_free("mirror", name, "create mirror")
    mirror = asked.call(
        "mirror.create",
        name=name,
        url=url,
        distribution=distribution,
        components=components,
        options=_options(asked),
    )
    say(f"\nMirror {mirror_label(mirror)} successfully added.")
    say(f"You can run 'aptly mirror update {name}' to download repository contents.")


def edit(asked: AptlyRequest) -> None:
    """Edit a mirror."""
    (name,) = asked.arguments
    asked.the("mirror", name, "edit")
    url = asked.text("archive-url") if asked.given("archive-url") else None
    mirror = asked.call("mirror.edit", name=name, url=url, options=_options(asked))
    say(f"Mirror {mirror_label(mirror)} successfully updated.")


def update(asked: AptlyRequest) -> None:
    """Update a mirror."""
    (name,) = asked.arguments
    asked.the("mirror", name, "update")
    options = {"latest": True} if asked.flag("latest") else {}
    say("Downloading & parsing package files...")
    asked.call(
        "mirror.update",
        name=name,
        options=_options(asked) | options,
        force=asked.flag("force"),
        ignore_checksums=asked.flag("ignore-checksums"),
        skip_existing_packages=asked.flag("skip-existing-packages"),
        download_limit=asked.number("download-limit"),
    )
    say(f"\nMirror `{name}` has been successfully updated.")


def list_(asked: AptlyRequest) -> None:
    """List the mirrors."""
    found = asked.call("mirror.list")
    if asked.flag("json"):
        say_json([mirror_object(one.mirror, one.pid) for one in found])
    elif asked.flag("raw"):
        for one in found:
            say(one.mirror.name)
    elif not found:
        say("No mirrors found, create one with `aptly mirror create ...`.")
    else:
        say("List of mirrors:")
        for one in found:
            say(f" * {mirror_label(one.mirror)}")
        say("\nTo get more information about mirror, run `aptly mirror show <name>`.")


def _yes(value: object) -> str:
    return "yes" if value else "no"


def show(asked: AptlyRequest) -> None:
    """Show a mirror."""
    (name,) = asked.arguments
    with_packages = asked.flag("with-packages")
    shown = asked.the("mirror", name, "show", with_packages=with_packages)
    mirror = shown.mirror
    if asked.flag("json"):
        found = mirror_object(mirror, shown.pid)
        if with_packages:
            found["Packages"] = [key.display for key in ordered(shown.packages)]
        say_json(found)
        return
    say(f"Name: {mirror.name}")
    if shown.pid:
        say(f"Status: In Update (PID {shown.pid})")
    say(f"Archive Root URL: {mirror.url}")
    say(f"Distribution: {mirror.distribution}")
    say(f"Components: {', '.join(mirror.components)}")
    say(f"Architectures: {', '.join(mirror.architectures)}")
    say(f"Download Sources: {_yes(mirror.sources)}")
    say(f"Download .udebs: {_yes(mirror.udebs)}")
    if mirror.filter:
        say(f"Filter: {mirror.filter}")
        say(f"Filter With Deps: {_yes(mirror.filter_with_deps)}")
    if mirror.updated:
        say(f"Last update: {mirror.updated[:19].replace('T', ' ')} UTC")
        say(f"Number of packages: {shown.size}")
    else:
        say("Last update: never")
    say("\nInformation from release file:")
    for field, value in sorted(mirror.release):
        say(f"{field}: {value}")
    if with_packages:
        if mirror.updated:
            say_packages(shown.packages)
        else:
            say("Unable to show package list, mirror hasn't been downloaded yet.")


def search(asked: AptlyRequest) -> None:
    """Search the packages of a mirror."""
    named_lists.search(asked, "mirror")


def rename(asked: AptlyRequest) -> None:
    """Rename a mirror."""
    named_lists.rename(asked, "mirror", "Mirror")


def drop(asked: AptlyRequest) -> None:
    """Drop a mirror."""
    (name,) = asked.arguments
    asked.the("mirror", name, "drop")
    used = [
        one.snapshot
        for one in asked.call("snapshot.list")
        if f"mirror:{name}" in one.snapshot.sources
    ]
    if used and not asked.flag("force"):
        say(f"Mirror `{name}` was used to create following snapshots:")
        for snapshot in used:
            say(f" * {labelled(snapshot.name, snapshot.description)}")
        raise Failed("won't delete mirror with snapshots, use -force to override")
    try:
        asked.call("mirror.drop", name=name, force=True)
    except DebrepoError as error:
        raise Failed(f"unable to drop: {error}") from None
    say(f"Mirror `{name}` has been removed.")
