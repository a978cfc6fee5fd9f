"""``debrepo project``, ``debrepo group`` and ``debrepo distribution``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from debrepo.cli import pass_session
from debrepo.cli.output import json_option, print_fields, print_json, print_table
from debrepo_gitlab import operations
from debrepo_gitlab.containers import ROLES, VISIBILITIES
from debrepo_gitlab.distributions import TEXTS, entity

if TYPE_CHECKING:
    from collections.abc import Callable

    from debrepo.session import Session
    from debrepo_gitlab.containers import Container

_visibility = click.Choice(VISIBILITIES)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def project() -> None:
    """Manage the projects of GitLab's Debian API."""


@click.group()
def group() -> None:
    """Manage the groups of projects."""


def _both(function: Callable[..., None]) -> None:
    """Add a command to the groups ``project`` and ``group``."""
    name = function.__name__.rstrip("_")

    def of(kind: str) -> Callable[..., None]:
        def command(session: Session, **given: Any) -> None:
            function(session, kind=kind, **given)

        command.__doc__ = (function.__doc__ or "").replace("KIND", kind)
        command.__click_params__ = [*getattr(function, "__click_params__", [])]  # type: ignore[attr-defined]
        return command

    for parent, kind in ((project, "project"), (group, "group")):
        parent.command(name)(pass_session(of(kind)))


@click.argument("path")
@click.option("--visibility", type=_visibility, default="private", help="Who may read it.")
def create(session: Session, kind: str, path: str, visibility: str) -> None:
    """Create a KIND; the group in its path must exist."""
    made = session.run(operations.create_container, path, kind=kind, visibility=visibility)
    click.echo(f"Created {kind} {made.path}, number {made.id}.")


@json_option
def list_(session: Session, kind: str, as_json: bool) -> None:
    """List KINDs."""
    found = session.run(operations.list_containers, kind=kind)
    if as_json:
        print_json([one._asdict() for one in found])
    elif found:
        print_table((one.id, one.path, one.visibility) for one in found)


@click.argument("path")
@json_option
def show(session: Session, kind: str, path: str, as_json: bool) -> None:
    """Show a KIND, by path or by number."""
    shown = session.run(operations.show_container, path, kind=kind)
    plain = {**shown.container._asdict(), "members": shown.members}
    plain["distributions"] = list(shown.distributions)
    if as_json:
        print_json(plain)
        return
    print_fields(_described(shown.container))
    for user, role in sorted(shown.members.items()):
        click.echo(f"Member: {user}, {role}")
    print_fields({"Distributions": shown.distributions})


def _described(found: Container) -> dict[str, object]:
    return {
        "Path": found.path,
        "Number": found.id,
        "Visibility": found.visibility,
        "Created": found.created,
        "Signed with": found.keys,
    }


@click.argument("path")
@click.option("--path", "new_path", help="New path.")
@click.option("--visibility", type=_visibility, help="Who may read it.")
@click.option("--key", "keys", multiple=True, help="Key to sign with; can be repeated.")
@click.option("--own-keys", is_flag=True, help="Sign each distribution with a key of its own.")
def edit(
    session: Session,
    kind: str,
    path: str,
    new_path: str | None,
    visibility: str | None,
    keys: tuple[str, ...],
    own_keys: bool,
) -> None:
    """Change the path, the visibility or the signing keys of a KIND."""
    chosen = keys if keys or own_keys else None
    found = session.run(
        operations.edit_container,
        path,
        kind=kind,
        new_path=new_path,
        visibility=visibility,
        keys=chosen,
    )
    click.echo(f"Changed {kind} {found.path}.")


@click.argument("path")
@click.argument("user")
@click.argument("role", type=click.Choice([*ROLES, "none"]))
def member(session: Session, kind: str, path: str, user: str, role: str) -> None:
    """Set the role of a user in a KIND."""
    wanted = "" if role == "none" else role
    session.run(operations.set_member, path, user, wanted, kind=kind)
    click.echo(f"{user} has the role {role} in {path}.")


@click.argument("path")
@click.option("--force", is_flag=True, help="Also drop its distributions.")
def drop(session: Session, kind: str, path: str, force: bool) -> None:
    """Drop an empty KIND."""
    session.run(operations.drop_container, path, kind=kind, force=force)
    click.echo(f"Dropped {kind} {path}.")


for _function in (create, list_, show, edit, member, drop):
    _both(_function)


@project.group()
def token() -> None:
    """Manage the tokens of users, deployments and jobs."""


@token.command("create")
@click.argument("name")
@click.option("--user", help="Create a personal token, with the permissions of this user's roles.")
@click.option("--deploy", help="Create a deploy token of this project, or of group:PATH.")
@click.option("--job", help="Create a token for CI jobs of this project.")
@click.option("--read-only", is_flag=True, help="Allow only reading.")
@click.option("--days", type=int, help="Days until it expires.  [default: never]")
@pass_session
def create_token(
    session: Session,
    name: str,
    user: str | None,
    deploy: str | None,
    job: str | None,
    read_only: bool,
    days: int | None,
) -> None:
    """Create a token and print it; it cannot be shown again."""
    given = {"personal": user, "deploy": deploy, "job": job}
    chosen = [(kind, owner) for kind, owner in given.items() if owner]
    if len(chosen) != 1:
        raise click.UsageError("give exactly one of --user, --deploy and --job")
    ((kind, owner),) = chosen
    made = session.run(
        operations.create_token, name, kind=kind, owner=owner, write=not read_only, days=days
    )
    click.echo(made)


@token.command("list")
@json_option
@pass_session
def list_tokens(session: Session, as_json: bool) -> None:
    """List tokens."""
    found = session.run(operations.list_tokens)
    if as_json:
        print_json([{k: v for k, v in one._asdict().items() if k != "digest"} for one in found])
    elif found:
        print_table((t.name, t.kind, t.owner, t.expires or "never") for t in found)


@token.command("revoke")
@click.argument("name")
@pass_session
def revoke_token(session: Session, name: str) -> None:
    """Revoke a token."""
    session.run(operations.revoke_token, name)
    click.echo(f"Revoked token {name}.")


@click.group()
def distribution() -> None:
    """Manage the distributions of projects and groups.

    CONTAINER is the path of a project, such as acme/web, or of a group, such as group:acme.
    """


_container = click.argument("container", callback=lambda _ctx, _param, text: _named(text))


def _named(text: str) -> str:
    return text if ":" in text else f"project:{text}"


def _fields(function: Callable[..., None]) -> Callable[..., None]:
    for name in reversed(TEXTS):
        function = click.option(f"--{name}", help=f"Field {name.title()} of the Release file.")(
            function
        )
    for option, text in (("--valid-for", "Seconds until clients refuse it; 0: never."),):
        function = click.option(option, type=int, help=text)(function)
    for option, text in (
        ("--architectures", "Comma-separated list of architectures; all is always included."),
        ("--components", "Comma-separated list of components."),
    ):
        function = click.option(option, help=text)(function)
    return function


def _given(options: dict[str, Any]) -> dict[str, Any]:
    """Convert options to arguments of operations."""
    fields = {name: options[name] for name in TEXTS if options[name] is not None}
    given: dict[str, Any] = {"fields": fields}
    if options["valid_for"] is not None:
        given["valid_for"] = options["valid_for"]
    for name in ("components", "architectures"):
        if options[name] is not None:
            words = [word.strip() for word in options[name].split(",")]
            given[name] = list(dict.fromkeys(filter(None, words)))
    return given


@distribution.command("create")
@_container
@click.argument("codename")
@_fields
@pass_session
def create_distribution(session: Session, /, container: str, codename: str, **options: Any) -> None:
    """Create a distribution; clients see it after the first publish."""
    session.run(operations.create_distribution, container, codename, **_given(options))
    click.echo(f"Created distribution {codename}.")


@distribution.command("edit")
@_container
@click.argument("codename")
@_fields
@pass_session
def edit_distribution(session: Session, /, container: str, codename: str, **options: Any) -> None:
    """Change a distribution; clients see the change after the next publish."""
    session.run(operations.edit_distribution, container, codename, **_given(options))
    click.echo(f"Changed distribution {codename}.")


@distribution.command("list")
@_container
@json_option
@pass_session
def list_distributions(session: Session, container: str, as_json: bool) -> None:
    """List the distributions of a project or group."""
    found = session.run(operations.list_distributions, container)
    if as_json:
        print_json([entity(one) for one in found])
    elif found:
        print_table((d.codename, d.suite, ",".join(d.components)) for d in found)


@distribution.command("show")
@_container
@click.argument("codename")
@json_option
@pass_session
def show_distribution(session: Session, container: str, codename: str, as_json: bool) -> None:
    """Show a distribution."""
    found = session.run(operations.show_distribution, container, codename)
    plain = entity(found)
    if as_json:
        print_json(plain)
        return
    print_fields({name.replace("_", " ").capitalize(): value for name, value in plain.items()})
    print_fields({"Signed with": found.keys})


@distribution.command("key")
@_container
@click.argument("codename")
@pass_session
def key(session: Session, container: str, codename: str) -> None:
    """Print the public keys that sign a distribution."""
    click.echo(session.run(operations.export_key, container, codename).decode(), nl=False)


@distribution.command("upload")
@_container
@click.argument("files", nargs=-1, required=True, type=_FILE)
@click.option(
    "--distribution",
    "codename",
    default="",
    help="Distribution to add to, for files without a .changes.",
)
@click.option(
    "--component",
    default="main",
    show_default=True,
    help="Component to add to, for files without a .changes.",
)
@pass_session
def upload(
    session: Session, container: str, files: tuple[Path, ...], codename: str, component: str
) -> None:
    """Add packages to a distribution, alone or with a .changes, and publish it."""
    received = session.run(
        operations.upload, container, files, distribution=codename, component=component
    )
    session.run(operations.publish_distribution, container, received.codename)
    click.echo(f"Published {received.codename}.")


@distribution.command("publish")
@_container
@click.argument("codename")
@pass_session
def publish(session: Session, container: str, codename: str) -> None:
    """Publish a distribution, and those of groups that contain it."""
    for one in session.run(operations.publish_distribution, container, codename):
        word = "Published" if one.changed else "Nothing has changed in"
        click.echo(f"{word} {one.codename} of {one.container}, generation {one.generation}.")


@distribution.command("packages")
@_container
@json_option
@pass_session
def packages(session: Session, container: str, as_json: bool) -> None:
    """List the source packages of a project, with their numbers in the API."""
    found = session.run(operations.list_packages, container)
    if as_json:
        print_json([{"id": one.id, "name": one.name, "version": one.version} for one in found])
    elif found:
        print_table((one.id, one.name, one.version) for one in found)


@distribution.command("remove")
@_container
@click.argument("package", type=int)
@pass_session
def remove(session: Session, container: str, package: int) -> None:
    """Remove a package, by number, from all distributions of a project, and publish them."""
    for one in session.run(operations.remove_package, container, package):
        session.run(operations.publish_distribution, container, one.codename)
    click.echo(f"Removed package {package}.")


@distribution.command("drop")
@_container
@click.argument("codename")
@pass_session
def drop_distribution(session: Session, container: str, codename: str) -> None:
    """Drop a distribution and remove its published files."""
    session.run(operations.drop_distribution, container, codename)
    click.echo(f"Dropped distribution {codename}.")
