"""``aptly publish``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from debrepo.errors import AlreadyExists, InvalidInput, NotFound
from debrepo_aptly.shadow.asked import SOURCES, Failed, say, say_json
from debrepo_aptly.shadow.grammar import WrongUsage, usage
from debrepo_aptly.spelling import plain_sources, publication_object

if TYPE_CHECKING:
    from debrepo_aptly.shadow.asked import AptlyRequest

#: Fields that aptly 1.5 does not have; clients of its API know them, scripts do not.
_LATER = ("Codename", "MultiDist", "Options", "SignedBy", "Version")


def _object(asked: AptlyRequest, distribution: str, place: str) -> dict[str, object]:
    found = publication_object(asked.session, distribution, place)
    return {name: value for name, value in found.items() if name not in _LATER}


def _place(text: str) -> str:
    """Return a place as debrepo spells it: aptly splits at the last colon."""
    storage, colon, prefix = text.rpartition(":")
    return f"{storage}:{prefix.strip('/') or '.'}" if colon else text.strip("/") or "."


def _line(asked: AptlyRequest, publication: Any) -> str:
    """Return a publication as aptly names it in a line."""
    found = publication_object(asked.session, publication.distribution, publication.place)
    words = ("Origin", "NotAutomatic", "ButAutomaticUpgrades", "Label", "Suite", "Codename")
    said = ", ".join(f"{word.lower()}: {found[word]}" for word in words if found[word])
    architectures = found["Architectures"]
    listed = ", ".join(architectures) if isinstance(architectures, list) else ""
    sources = ", ".join(
        f"{component}: {asked.label(*source.split(':', 1))}"
        for component, source in sorted(publication.sources.items())
    )
    more = f" ({said})" if said else ""
    return f"{found['Path']}{more} [{listed}] publishes {{{sources}}}"


def lines_of(asked: AptlyRequest, source: str) -> list[str]:
    """Return a line for each publication that serves a list."""
    if "publish.list" not in asked.session.operations:
        return []
    found = asked.call("publish.list")
    return [_line(asked, one) for one in found if source in one.sources.values()]


def _shown(asked: AptlyRequest, distribution: str, place: str, doing: str) -> Any:
    try:
        return asked.call("publish.show", distribution=distribution, place=place, past=False)
    except (NotFound, InvalidInput):
        raise Failed(
            f"unable to {doing}: published repo with storage:prefix/distribution"
            f" {place}/{distribution} not found"
        ) from None


def _options(asked: AptlyRequest) -> dict[str, Any]:
    """Return the options of a publication that are given."""
    found: dict[str, Any] = {
        name.replace("-", "_"): asked.text(name)
        for name in ("origin", "label", "suite", "codename", "version", "signed-by")
        if asked.given(name)
    }
    for option, field in (
        ("notautomatic", "not_automatic"),
        ("butautomaticupgrades", "but_automatic_upgrades"),
    ):
        if asked.given(option):
            found[field] = asked.text(option) == "yes"
    if asked.texts("gpg-key"):
        found["keys"] = asked.texts("gpg-key")
    for option in ("skip-signing", "skip-bz2", "multi-dist", "acquire-by-hash"):
        if asked.given(option):
            found[option.replace("-", "_")] = asked.flag(option)
    if asked.given("skip-contents"):
        found["contents"] = not asked.flag("skip-contents")
    return found


def _signing(asked: AptlyRequest) -> None:
    """Let the passphrase that is given be the one to sign with."""
    if asked.text("passphrase"):
        raise Failed(
            "a passphrase on the command line is visible to everybody: use -passphrase-file"
        )
    given = asked.text("passphrase-file")
    if given:
        config = asked.session.config
        name = f"signing.{config['signing.signer']}.passphrase_file"
        config.override(name, given, "-passphrase-file")


def _publish(asked: AptlyRequest, kind: str) -> None:
    components = [part.strip() for part in asked.text("component").split(",")]
    names, rest = asked.arguments[: len(components)], asked.arguments[len(components) :]
    if len(names) < len(components) or len(rest) > 1:
        raise WrongUsage(usage(f"publish {kind}"))
    place = _place(rest[0]) if rest else "."
    for name in names:
        asked.the(kind, name, "publish")
    options = _options(asked)
    if asked.architectures:
        options["architectures"] = asked.architectures
    _signing(asked)
    try:
        result = asked.call(
            "publish.create",
            kind=kind,
            names=names,
            place=place,
            distribution=asked.text("distribution"),
            components=components if any(components) else (),
            options=options,
            force_overwrite=asked.flag("force-overwrite"),
        )
    except AlreadyExists as error:
        line = _taken(asked, place, asked.text("distribution"))
        text = f"prefix/distribution already used by another published repo: {line}"
        raise Failed(text if line else str(error)) from None
    say("Loading packages...")
    _say_written()
    plain = {"repo": "Local repo", "snapshot": "Snapshot"}[kind]
    many = "s" if len(names) > 1 else ""
    have = "have" if many else "has"
    say(f"\n{plain}{many} {', '.join(names)} {have} been successfully published.")
    _say_where(asked, result.publication)


def _taken(asked: AptlyRequest, place: str, distribution: str) -> str:
    for one in asked.call("publish.list"):
        if one.place == place and (not distribution or one.distribution == distribution):
            return _line(asked, one)
    return ""


def _say_written() -> None:
    say("Generating metadata files and linking package files...")
    say("Finalizing metadata files...")


def _say_where(asked: AptlyRequest, publication: Any) -> None:
    if not publication.storage:
        root = asked.session.config.section("storage.fs.default").get("root") or "public"
        directory = asked.session.root / str(root)
        say(f"Please setup your webserver to serve directory '{directory}' with autoindexing.")
    say("Now you can add following line to apt sources:")
    prefix = "" if publication.prefix == "." else f"{publication.prefix}/"
    where = f"http://your-server/{prefix} {publication.distribution}"
    components = " ".join(sorted(publication.sources))
    found = publication_object(asked.session, publication.distribution, publication.place)
    architectures = found["Architectures"]
    say(f"  deb {where} {components}")
    if isinstance(architectures, list) and "source" in architectures:
        say(f"  deb-src {where} {components}")
    say("Don't forget to add your GPG key to apt with apt-key.")
    say("\nYou can also use `aptly serve` to publish your repositories over HTTP quickly.")


def repo(asked: AptlyRequest) -> None:
    """Publish repositories."""
    _publish(asked, "repo")


def snapshot(asked: AptlyRequest) -> None:
    """Publish snapshots."""
    _publish(asked, "snapshot")


def _kind(publication: Any) -> str:
    kinds = {source.partition(":")[0] for source in publication.sources.values()}
    return "local repo" if kinds == {"repo"} else "snapshot"


def _say_updated(asked: AptlyRequest, publication: Any, said: str) -> None:
    components = " ".join(sorted(publication.sources))
    if not asked.flag("skip-cleanup"):
        say(f'Cleaning up prefix "{publication.prefix}" components {components}...')
    line = _line(asked, publication)
    say(f"\nPublish for {_kind(publication)} {line} has been successfully {said}.")


def update(asked: AptlyRequest) -> None:
    """Publish what the lists hold now."""
    distribution, *rest = asked.arguments
    place = _place(rest[0]) if rest else "."
    _shown(asked, distribution, place, "update")
    _signing(asked)
    say("Loading packages...")
    result = asked.call(
        "publish.update",
        distribution=distribution,
        place=place,
        options=_options(asked),
        force_overwrite=asked.flag("force-overwrite"),
        skip_cleanup=asked.flag("skip-cleanup"),
    )
    _say_written()
    _say_updated(asked, result.publication, "updated")


def switch(asked: AptlyRequest) -> None:
    """Publish other snapshots."""
    components = [part.strip() for part in asked.text("component").split(",")]
    distribution, *rest = asked.arguments
    if len(rest) not in (len(components), len(components) + 1):
        raise WrongUsage(usage("publish switch"))
    place = _place(rest.pop(0)) if len(rest) > len(components) else "."
    shown = _shown(asked, distribution, place, "switch")
    if _kind(shown.publication) != "snapshot":
        raise Failed("unable to update: not a snapshot publish")
    for name in rest:
        asked.the("snapshot", name, "switch")
    _signing(asked)
    say("Loading packages...")
    result = asked.call(
        "publish.switch",
        distribution=distribution,
        names=rest,
        place=place,
        components=components if any(components) else (),
        options=_options(asked),
        force_overwrite=asked.flag("force-overwrite"),
        skip_cleanup=asked.flag("skip-cleanup"),
    )
    _say_written()
    _say_updated(asked, result.publication, "switched to new snapshot")


def drop(asked: AptlyRequest) -> None:
    """Drop a publication."""
    distribution, *rest = asked.arguments
    place = _place(rest[0]) if rest else "."
    _shown(asked, distribution, place, "remove")
    asked.call(
        "publish.drop",
        distribution=distribution,
        place=place,
        skip_cleanup=asked.flag("skip-cleanup"),
        force=asked.flag("force-drop"),
    )
    say("\nPublished repository has been removed successfully.")


def list_(asked: AptlyRequest) -> None:
    """List the publications."""
    found = asked.call("publish.list")
    if asked.flag("json"):
        say_json([_object(asked, one.distribution, one.place) for one in found])
    elif asked.flag("raw"):
        for one in found:
            path = str(publication_object(asked.session, one.distribution, one.place)["Path"])
            say(f"{path.removesuffix('/' + one.distribution)} {one.distribution}")
    elif not found:
        text = "No snapshots/local repos have been published. Publish a snapshot by running"
        say(f"{text} `aptly publish snapshot ...`.")
    else:
        say("Published repositories:")
        for line in sorted(_line(asked, one) for one in found):
            say(f"  * {line}")


def show(asked: AptlyRequest) -> None:
    """Show a publication."""
    distribution, *rest = asked.arguments
    place = _place(rest[0]) if rest else "."
    publication = _shown(asked, distribution, place, "show").publication
    found = _object(asked, distribution, place)
    if asked.flag("json"):
        say_json(found)
        return
    if found["Storage"]:
        say(f"Storage: {found['Storage']}")
    say(f"Prefix: {found['Prefix']}")
    say(f"Distribution: {found['Distribution']}")
    architectures = found["Architectures"]
    say(f"Architectures: {' '.join(architectures) if isinstance(architectures, list) else ''}")
    say("Sources:")
    for component, source in sorted(publication.sources.items()):
        kind, _, name = source.partition(":")
        say(f"  {component}: {name} [{SOURCES.get(kind, kind)}]")


def _source_arguments(asked: AptlyRequest) -> tuple[str, str, list[str], list[str]]:
    distribution, *names = asked.arguments
    place = _place(asked.text("prefix", "."))
    _shown(asked, distribution, place, "update")
    components = [part.strip() for part in asked.text("component").split(",") if part.strip()]
    return distribution, place, names, components


def _revise(asked: AptlyRequest, operation: str) -> None:
    distribution, place, names, components = _source_arguments(asked)
    more: dict[str, Any] = {"components": components}
    if operation != "remove":
        more["names"] = names
    changed = asked.call(
        f"publish.source.{operation}", distribution=distribution, place=place, **more
    )
    for component, source in sorted(changed.next_sources.items()):
        say(f"  {component}: {source.partition(':')[2]}")
    text = f"You can run 'aptly publish update {distribution}"
    where = "" if place == "." else f" {place}"
    say(f"\n{text}{where}' to update the content of the published repository.")


def source_add(asked: AptlyRequest) -> None:
    """Add components."""
    _revise(asked, "add")


def source_update(asked: AptlyRequest) -> None:
    """Change the lists of components."""
    _revise(asked, "update")


def source_replace(asked: AptlyRequest) -> None:
    """Replace all components."""
    _revise(asked, "replace")


def source_remove(asked: AptlyRequest) -> None:
    """Remove components."""
    _revise(asked, "remove")


def source_drop(asked: AptlyRequest) -> None:
    """Drop the pending changes."""
    distribution, place, _, _ = _source_arguments(asked)
    asked.call("publish.source.drop", distribution=distribution, place=place)
    say("Source changes have been removed successfully.")


def source_list(asked: AptlyRequest) -> None:
    """Print the pending changes."""
    distribution, place, _, _ = _source_arguments(asked)
    try:
        found = asked.call("publish.source.list", distribution=distribution, place=place)
    except NotFound:
        raise Failed("unable to list: no source changes") from None
    if asked.flag("json"):
        say_json(plain_sources(found.next_sources))
        return
    say("Sources:")
    for component, source in sorted(found.next_sources.items()):
        kind, _, name = source.partition(":")
        say(f"  {component}: {name} [{SOURCES.get(kind, kind)}]")
