"""The options that set a field of a publication."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from debrepo.clock import parse_duration
from debrepo.session import Session
from debrepo_publish.cli.names import KEY
from debrepo_publish.model import dated
from debrepo_publish.model.options import declared

if TYPE_CHECKING:
    from debrepo.options import PublicationOption


def words(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    """Return the parts of a comma-separated list."""
    return None if value is None else tuple(part.strip() for part in value.split(","))


def seconds(_: click.Context, __: click.Parameter, value: str | None) -> int | None:
    """Return the seconds of a length of time such as ``14d``."""
    return None if value is None else parse_duration(value)


def _snapshots(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    return value and dated.checked("" if value == "none" else value)


def _not(_: click.Context, __: click.Parameter, value: bool | None) -> bool | None:
    return None if value is None else not value


def _yes(_: click.Context, __: click.Parameter, value: str | None) -> bool | None:
    return None if value is None else value == "yes"


_YES_NO = click.Choice(["yes", "no"])

#: Options that set a field of the publication of the same name.
DOCUMENT = [
    click.option("--architectures", callback=words, help="Comma-separated list of architectures."),
    click.option("--origin", help="Origin, as in the Release file."),
    click.option("--label", help="Label, as in the Release file."),
    click.option("--suite", help="Suite; default: the distribution."),
    click.option("--codename", help="Codename; default: the distribution."),
    click.option(
        "--alias",
        "aliases",
        multiple=True,
        help='Suite or Codename as a further distribution; may be repeated, "" takes all back.',
    ),
    click.option("--version", help="Version of the distribution, such as 12.7."),
    click.option("--description", help="Description, in one line."),
    click.option(
        "--notautomatic",
        "not_automatic",
        type=_YES_NO,
        callback=_yes,
        help="Set NotAutomatic: clients install packages from it on request only.",
    ),
    click.option(
        "--butautomaticupgrades",
        "but_automatic_upgrades",
        type=_YES_NO,
        callback=_yes,
        help="Set ButAutomaticUpgrades: clients still upgrade packages already installed from it.",
    ),
    click.option(
        "--signed-by",
        help="Set Signed-By in Release, which apt 3.3 ignores with a warning; better not.",
    ),
    click.option(
        "--valid-for",
        callback=seconds,
        help="Time after which clients refuse it, such as 14d.",
    ),
    click.option(
        "--gpg-key",
        "keys",
        multiple=True,
        type=KEY,
        help="Key to sign with, FINGERPRINT! for exactly this subkey; may be repeated.",
    ),
    click.option("--skip-signing/--sign", default=None, help="Publish without a signature."),
    click.option(
        "--skip-contents/--contents",
        "contents",
        default=None,
        callback=_not,
        help="Publish no Contents files.",
    ),
    click.option(
        "--compressions",
        callback=words,
        help="Compressions: plain, gz, xz, zst, bz2. Every client reads gz and xz. Without them,"
        " zst excludes debootstrap, debmirror, aptly and apt-mirror, bz2 debmirror and plain"
        " apt-mirror.",
    ),
    click.option(
        "--sums",
        callback=words,
        help="Checksums to list: md5, sha1, sha256, sha512. Without sha256, reprepro and"
        " debootstrap of Debian 12 are excluded.",
    ),
    click.option("--skip-bz2", is_flag=True, default=None, help="Publish no .bz2 indexes."),
    click.option(
        "--multi-dist/--no-multi-dist",
        default=None,
        help="Keep package files in pool/DISTRIBUTION/COMPONENT, apart from other distributions.",
    ),
    click.option("--keep-generations", type=int, help="Number of superseded generations to keep."),
    click.option("--grace", callback=seconds, help="How long superseded files are kept."),
    click.option(
        "--index-grace", callback=seconds, help="How long superseded indexes are kept, such as 1h."
    ),
    click.option(
        "--snapshots",
        callback=_snapshots,
        help="Dated archives to keep: a count, a time such as 30d, all or none.",
    ),
]


class DocumentCommand(click.Command):
    """A command with an option for each that a plugin lets publications have."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        params = super().get_params(ctx)
        known: dict[str, list[click.Option]] = ctx.meta.setdefault(__name__, {})
        if ctx.command_path not in known:
            known[ctx.command_path] = _declared_options(ctx)
        end = len(self.params)  # the option --help stands behind them
        return [*params[:end], *known[ctx.command_path], *params[end:]]


def _declared_options(ctx: click.Context) -> list[click.Option]:
    found = ctx.find_root().obj  # a session, or the plugins while a shell completes
    plugins = found.plugins if isinstance(found, Session) else found
    return [_flag(one) for one in declared(plugins.hook).values()] if plugins else []


def _flag(option: PublicationOption) -> click.Option:
    word = option.name.replace("_", "-")
    more: dict[str, Any] = {"help": f"{option.help.rstrip('.')}."}
    if isinstance(option.default, bool):
        return click.Option([f"--{word}/--no-{word}", option.name], default=None, **more)
    if isinstance(option.default, int):
        more["type"] = int
    elif option.repeated:
        more["multiple"] = True
    elif isinstance(option.default, tuple):
        more["callback"] = words
    return click.Option([f"--{word}", option.name], **more)
