"""``debrepo mirror``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from debrepo.cli import pass_session
from debrepo.cli.completion import of_lists
from debrepo.cli.options import Style, search_options
from debrepo.cli.output import (
    counted,
    dry_run_option,
    force_option,
    json_option,
    plain_list,
    print_fields,
    print_json,
    print_lines,
    print_packages,
    size,
)
from debrepo.errors import DebrepoError
from debrepo_mirror import operations
from debrepo_mirror.cli.properties import SourceText, given, properties, separated, several

if TYPE_CHECKING:
    from debrepo.session import Session
    from debrepo_mirror.mirror import Mirror
    from debrepo_mirror.operations import ShownMirror
    from debrepo_mirror.sync import Updated

MIRROR = of_lists("mirror")


@click.group()
def mirror() -> None:
    """Manage mirrors of other archives."""


@mirror.command()
@click.argument("name")
@click.argument("url", metavar="URL|SOURCE", type=SourceText())
@click.argument("distribution", default="")
@click.argument("components", nargs=-1)
@properties
@pass_session
def create(
    session: Session,
    /,
    name: str,
    url: str,
    distribution: str,
    components: tuple[str, ...],
    **options: Any,
) -> None:
    """Create a mirror of a distribution of another archive.

    \b
    debrepo mirror create NAME URL DISTRIBUTION [COMPONENT]...
    debrepo mirror create NAME URL ./
    debrepo mirror create NAME ppa:USER/PROJECT
    debrepo mirror create NAME "deb [signed-by=KEYRING] URL DISTRIBUTION COMPONENT..."
    debrepo mirror create NAME @FILE.sources

    Its Release file is fetched and verified. "debrepo mirror update" fetches the packages.
    """  # noqa: D301  # \b is click's mark that the paragraph keeps its lines
    from debrepo_mirror.choices import check_url
    from debrepo_mirror.written import ppa, sources

    found = given(options)
    if sources.is_source(url):
        if distribution:
            raise click.UsageError("a source names its distribution and its components itself")
        source = sources.parse(url)
        url, distribution, components = source.url, source.distribution, source.components
        found = {**source.options, **found}
    if not url.startswith(ppa.PREFIX):
        check_url(url)  # here: a password in it is not sent to a server either
    made = session.run(operations.create, name, url, distribution, components, options=found)
    click.echo(f"Created mirror {name}: {made.place}.")
    session.progress.note(f'Run "debrepo mirror update {name}" to fetch its packages.')


@mirror.command("list")
@click.option(
    "--sort", type=click.Choice(["name", "time", "size"]), default="name", help="Order of the list."
)
@click.option("--raw", is_flag=True, help="Print names only.")
@json_option
@pass_session
def list_(session: Session, sort: str, raw: bool, as_json: bool) -> None:
    """List the mirrors."""
    found = session.run(operations.list_, sort=sort)
    if as_json:
        print_json([_plain(shown) for shown in found])
        return
    for shown in found:
        name, place = shown.mirror.name, " ".join([shown.mirror.place, *_extras(shown.mirror)])
        click.echo(name if raw else f"{name}\t{counted(shown.size, 'package')}\t{place}")


def _extras(mirror: Mirror) -> list[str]:
    has = {
        "src": mirror.sources,
        "udeb": mirror.udebs,
        "installer": mirror.installer,
        "appstream": mirror.appstream,
        "translations": mirror.translations,
    }
    return [f"[{word}]" for word, there in has.items() if there]


def _plain(shown: ShownMirror) -> dict[str, object]:
    found = plain_list(shown.mirror, shown.size, shown.packages)
    faults = [fault._asdict() for fault in shown.faults]
    return {**found, "release": dict(shown.mirror.release), "faults": faults, "busy": shown.busy}


@mirror.command()
@click.argument("name", type=MIRROR)
@click.option("--with-packages", is_flag=True, help="List its packages, too.")
@click.option("--problems", is_flag=True, help="List what is wrong in the archive.")
@json_option
@pass_session
def show(session: Session, name: str, with_packages: bool, problems: bool, as_json: bool) -> None:
    """Show a mirror."""
    shown = session.run(operations.show, name, with_packages=with_packages, problems=problems)
    if as_json:
        print_json(_plain(shown))
        return
    print_fields(_described(shown))
    if shown.mirror.release:
        click.echo("\nInformation from release file:")
        print_fields(dict(sorted(shown.mirror.release)))
    if shown.faults:
        click.echo("\nProblems in the archive:")
        print_lines(f"  {' '.join(filter(None, fault))}" for fault in shown.faults)
    if shown.packages:
        click.echo("\nPackages:")
        print_packages(shown.packages)
    elif with_packages and not shown.mirror.updated:
        session.progress.note(f'Run "debrepo mirror update {name}" to fetch its packages.')


def _described(shown: ShownMirror) -> dict[str, object]:
    """Return what is known of a mirror, in aptly's order where aptly knows it, too."""
    mirror = shown.mirror

    def yes(value: bool) -> str:
        return "yes" if value else "no"

    return {
        "Name": mirror.name,
        "Status": shown.busy,
        "Archive Root URL": mirror.url,
        "Distribution": mirror.distribution,
        "Components": mirror.components,
        "Architectures": mirror.architectures,
        "Download Sources": yes(mirror.sources),
        "Download .udebs": yes(mirror.udebs),
        "Download Installer": yes(mirror.installer),
        "Download AppStream": yes(mirror.appstream),
        "Download Translations": yes(mirror.translations) if mirror.translations else "",
        "Download": mirror.download,
        "Verbatim": yes(mirror.verbatim) if mirror.verbatim else "",
        "Filter": mirror.filter,
        "Filter With Deps": yes(mirror.filter_with_deps) if mirror.filter else "",
        "Latest": yes(mirror.latest) if mirror.latest else "",
        "Pins": mirror.pins,
        "Signatures": "not verified" if mirror.ignore_signatures else "",
        "Keyrings": mirror.keyrings,
        "Fingerprints": mirror.fingerprints,
        "Signed by": mirror.signers,
        "Credentials": mirror.credentials,
        "Last update": (mirror.updated or "never") + (", with files missing" * mirror.partial),
        "Number of packages": shown.size,
    }


@mirror.command()
@click.argument("name", type=MIRROR)
@search_options
@pass_session
def search(
    session: Session, name: str, queries: tuple[str, ...], choice: dict[str, Any], style: Style
) -> None:
    """Search the packages of a mirror."""
    style.print(session.run(operations.search, name, queries, **choice), queries)


@mirror.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True, type=MIRROR)
@click.option("--force", is_flag=True, help="Read everything again, even if nothing has changed.")
@click.option(
    "--ignore-checksums", is_flag=True, help="Keep files whose checksums are not those upstream."
)
@click.option("--ignore-dates", is_flag=True, help="Accept a Release file that has expired.")
@click.option("--ignore-signatures", is_flag=True, help="Trust the archive without a signature.")
@click.option(
    "--keyring",
    "keyrings",
    multiple=True,
    callback=several,
    help="Keyring in the GnuPG home to verify with; can be repeated.",
)
@click.option(
    "--skip-existing-packages", is_flag=True, help="Do not look at files of known packages again."
)
@click.option("--latest", is_flag=True, help="Keep only the newest version of each package.")
@click.option(
    "--download-limit", type=click.IntRange(min=0), default=0, help="Most KiB to fetch a second."
)
@click.option("--max-tries", type=click.IntRange(min=0), default=0, help="Attempts for each file.")
@click.option(
    "--downloader", expose_value=False, help="Accepted for aptly compatibility; no effect."
)
@click.option(
    "--allow-missing", is_flag=True, help="Leave out packages whose files the archive lacks."
)
@dry_run_option
@json_option
@pass_session
def update(
    session: Session,
    /,
    names: tuple[str, ...],
    ignore_dates: bool,
    ignore_signatures: bool,
    keyrings: list[str] | None,
    latest: bool,
    max_tries: int,
    as_json: bool,
    **terms: Any,
) -> None:
    """Bring mirrors up to date with their archives.

    The packages of a mirror change in one step, once all files are there.
    """
    options = {
        "ignore_dates": ignore_dates,
        "ignore_signatures": ignore_signatures,
        "keyrings": keyrings,
        "latest": latest,
        "max_tries": max_tries,
    }
    options = {name: value for name, value in options.items() if value}
    done: list[Updated] = []
    failed: list[DebrepoError] = []
    for name in names:
        try:
            done.append(session.run(operations.update, name, options=options, **terms))
        except DebrepoError as error:
            if len(names) == 1:
                raise
            failed.append(error)
            hint = f"\nHint: {error.hint}" if error.hint else ""
            click.echo(f"Error: {name}: {error}{hint}", err=True)
        else:
            if not as_json:
                _report(done[-1], dry_run=terms["dry_run"])
    if as_json:
        print_json([_as_fields(one) for one in done])
    if failed:
        raise type(failed[0])(f"{len(failed)} of {len(names)} mirrors could not be updated")


def _report(done: Updated, *, dry_run: bool) -> None:
    name = done.mirror.name
    if not done.changed:
        click.echo(f"Mirror {name} is up to date: {counted(done.size, 'package')}.")
        return
    would = "would be" if dry_run else "has been"
    click.echo(
        f"Mirror {name} {would} updated: {done.added:,} added, {done.removed:,} removed,"
        f" {counted(done.size, 'package')}; {counted(done.files, 'file')} ({size(done.fetched)})."
    )
    print_lines(f"missing  {path}" for path in done.missing)
    if done.faults:
        count = counted(done.faults, "problem")
        click.echo(f'{count} in the archive: run "debrepo mirror show --problems {name}"', err=True)


def _as_fields(done: Updated) -> dict[str, object]:
    return {**done._asdict(), "mirror": plain_list(done.mirror, done.size, ())}


@mirror.command()
@click.argument("name", type=MIRROR)
@click.option("--archive-url", "url", help="URL of the archive root.")
@click.option("--distribution", help="Distribution below dists/, or ./ for a flat repository.")
@click.option(
    "--components", callback=separated, help="Comma-separated list of components; '' takes all."
)
@properties
@pass_session
def edit(session: Session, /, name: str, url: str | None, **options: Any) -> None:
    """Edit the properties of a mirror.

    Its packages change at the next update.
    """
    from debrepo_mirror.choices import check_url

    if url is not None:
        check_url(url)
    session.run(operations.edit, name, url=url, options=given(options))
    click.echo(f"Changed mirror {name}.")


@mirror.command()
@click.argument("name", type=MIRROR)
@click.argument("new_name")
@pass_session
def rename(session: Session, name: str, new_name: str) -> None:
    """Rename a mirror."""
    session.run(operations.rename, name, new_name)
    click.echo(f"Renamed mirror {name} to {new_name}.")


@mirror.command()
@click.argument("name", type=MIRROR)
@force_option
@pass_session
def drop(session: Session, name: str, force: bool) -> None:
    """Drop a mirror. Its packages stay in the pool until "debrepo db cleanup"."""
    session.run(operations.drop, name, force=force)
    click.echo(f"Dropped mirror {name}.")
