"""``aptly package``, ``db``, ``graph``, ``config``, ``task`` and ``version``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from debrepo import field_order
from debrepo_aptly.shadow.asked import Failed, ordered, say, say_found, say_json
from debrepo_aptly.shapes import stanza_object

if TYPE_CHECKING:
    from debrepo.package import Package
    from debrepo_aptly.shadow.asked import AptlyRequest

#: The release of aptly whose command line this is.
VERSION = "1.5.0"
#: What the API has of a package besides its stanza.
_KEYS = ("Key", "ShortKey", "FilesHash")


def version(_: AptlyRequest) -> None:
    """Print the version."""
    say(f"aptly version: {VERSION}+debrepo")


def package_search(asked: AptlyRequest) -> None:
    """Search all packages."""
    queries = [asked.query(text) for text in asked.arguments]
    found = asked.call("package.search", queries=queries, details=bool(asked.text("format")))
    say_found(found, asked.text("format"))


def stanza(package: Package) -> str:
    """Return a package as ``aptly package show`` prints it."""
    is_source = package.kind == "source"
    fields: dict[str, str] = {}
    for name, value in stanza_object(package).items():
        if name in _KEYS:
            continue
        if name in field_order.LINES:
            fields[name] = value
        else:
            fields[name] = " ".join(line.strip() for line in value.split("\n")).strip()
    if is_source and "Package-List" in fields:
        lines = fields["Package-List"].strip("\n").split("\n")
        fields["Package-List"] = "".join(f" {line.strip()}\n" for line in lines)
    return field_order.render(fields, source=is_source)


def package_show(asked: AptlyRequest) -> None:
    """Print the stanzas of packages."""
    with_files = asked.flag("with-files")
    with_references = asked.flag("with-references")
    shown = asked.call(
        "package.show",
        text=asked.query(asked.arguments[0]),
        with_files=with_files,
        with_references=with_references,
    )
    by_key = {one.package.key: one for one in shown}
    for key in ordered(by_key):
        one = by_key[key]
        say(stanza(one.package))
        if with_files:
            say("Files in the pool:")
            for path in one.files:
                say(f"  {path}")
            say()
        if with_references:
            say("References to package:")
            for kind, word in (("mirror", "mirror"), ("repo", "local repo"), ("snapshot",) * 2):
                for reference in one.references:
                    if reference.startswith(f"{kind}:"):
                        say(f"  {word} {asked.label(kind, reference.partition(':')[2])}")
            say()


def db_cleanup(asked: AptlyRequest) -> None:
    """Delete what nothing refers to."""
    dry = asked.flag("dry-run")
    say("Loading mirrors, local repos, snapshots and published repos...")
    if asked.flag("verbose"):
        for title, kind in (("mirrors", "mirror"), ("local repos", "repo")):
            say(f"Loading {title}:")
            for one in asked.call(f"{kind}.list"):
                say(f"- {getattr(one, kind).name}")
        say("Loading snapshots:")
        for one in asked.call("snapshot.list", sort="time"):
            say(f"- {one.snapshot.name}")
        say("Loading published repositories:")
        for one in asked.call("publish.list"):
            say(f"- {one.storage}:{one.prefix}/{one.distribution}")
    say("Loading list of all packages...")
    garbage = asked.call("db.cleanup", dry_run=dry, trash=False)  # aptly has none
    say(f"Deleting unreferenced packages ({garbage.packages})...")
    say("Building list of files referenced by packages...")
    say("Building list of files in package pool...")
    say(f"Deleting unreferenced files ({garbage.files})...")
    if garbage.files and not dry:
        say(f"Disk space freed: {_human(garbage.bytes)}...")
    say(
        "Skipped DB compaction, as -dry-run has been requested."
        if dry
        else "Compacting database..."
    )


def _human(count: float) -> str:
    for unit in ("KiB", "MiB", "GiB"):
        count /= 1024
        if count < 1024:
            return f"{count:.2f} {unit}"
    return f"{count / 1024:.2f} TiB"


def db_recover(asked: AptlyRequest) -> None:
    """Look for damage, of which the database repairs what it can by itself."""
    say("Recovering database...")
    problems = asked.call("db.check", files=False)
    for problem in problems:
        say(problem)
    if problems:
        raise Failed('the database is damaged: run "debrepo db check"')


def graph(asked: AptlyRequest) -> None:
    """Draw the graph."""
    output = asked.text("output")
    extension = Path(output).suffix[1:]
    form = extension or asked.text("format", "png")
    say("Generating graph...")
    picture = asked.call("graph.draw", form=form, layout=asked.text("layout", "horizontal"))
    if not output:
        raise Failed("there is no viewer: use -output")
    try:
        Path(output).write_bytes(picture.content)
    except OSError as error:
        raise Failed(f"unable to write {output}: {error.strerror}") from None
    say(f"Output saved to {output}")


def config_show(asked: AptlyRequest) -> None:
    """Print the configuration under the names that aptly has for it."""
    config = asked.session.config
    follow = config["dependencies.follow"]
    say_json(
        {
            "rootDir": str(asked.session.root),
            "downloadConcurrency": config["mirror.connections"],
            "downloadSpeedLimit": config["mirror.download_limit"],
            "downloadRetries": max(config["mirror.max_tries"] - 1, 0),
            "architectures": list(config["architectures"]),
            "dependencyFollowSuggests": "suggests" in follow,
            "dependencyFollowRecommends": "recommends" in follow,
            "dependencyFollowAllVariants": "all-variants" in follow,
            "dependencyFollowSource": "source" in follow,
            "gpgDisableSign": config["publish.skip_signing"],
            "gpgDisableVerify": config["mirror.ignore_signatures"],
            "gpgProvider": config["signing.signer"],
            "downloadSourcePackages": config["mirror.sources"],
            "ppaDistributorID": config["mirror.ppa_distributor"],
            "ppaCodename": config["mirror.ppa_codename"],
            "skipContentsPublishing": config["publish.skip_contents"],
        },
        indent=4,
    )


def task_run(asked: AptlyRequest) -> None:
    """Run several commands, one after the other, until one fails."""
    from debrepo_aptly.shadow.running import run

    given = asked.text("filename")
    if given:
        say("Reading file...\n")
        try:
            lines = Path(given).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise Failed(f"no such file, {error}") from None
        commands = [shlex.split(line) for line in lines if line.strip()]
    else:
        commands = _listed(asked.arguments) if asked.arguments else _typed()
    if not commands:
        raise Failed("nothing entered")
    failed = False
    for number, words in enumerate(commands, start=1):
        text = " ".join(words)
        if failed:
            say(f"{number}) [Skipping]: {text}")
            continue
        say(f"{number}) [Running]: {text}")
        say(f"\nBegin command output: {'-' * 28}")
        failed = run(asked.session, tuple(words)) != 0
        say(f"\nEnd command output: {'-' * 30}")
    if failed:
        raise Failed("at least one command has reported an error")


def _typed() -> list[list[str]]:
    """Return the commands that somebody enters, up to an empty line."""
    say("Please enter one command per line and leave one blank when finished.")
    commands: list[list[str]] = []
    while True:
        click.echo("> ", nl=False)
        line = sys.stdin.readline()
        if not line.strip():
            return commands
        try:
            commands.append(shlex.split(line))
        except ValueError as error:
            raise Failed(f"unable to parse {line.strip()[:80]}: {error}") from None


def _listed(words: tuple[str, ...]) -> list[list[str]]:
    """Return the commands of an argument list, whose last words end in a comma."""
    commands: list[list[str]] = [[]]
    for word in words:
        plain = word.removesuffix(",")
        if plain:
            commands[-1].append(plain)
        if word.endswith(","):
            commands.append([])
    return [command for command in commands if command]
