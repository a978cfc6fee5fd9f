"""What can be done with an installation as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from debrepo import __version__
from debrepo.errors import AlreadyExists, cannot_write

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from debrepo.config import Configured
    from debrepo.refs import Setting
    from debrepo.session import Session
    from debrepo_admin.copying import DatabaseCopy
    from debrepo_admin.garbage import Garbage
    from debrepo_admin.statistics import InstallationStats
    from debrepo_admin.trash import Restored, TrashedPackage


class Plugin(NamedTuple):
    """A registered plugin, and what it brings."""

    name: str
    module: str
    summary: str


def version(session: Session) -> str:
    """Return the version of debrepo."""
    return __version__


def plugins(session: Session) -> list[Plugin]:
    """Return the registered plugins, by name."""
    found = []
    for name, module in session.plugins.list_name_plugin():
        if module is None:  # disabled
            continue
        target = getattr(module, "__name__", type(module).__name__)
        summary = (getattr(module, "__doc__", "") or "").partition("\n")[0]
        package = __import__(target.partition(".")[0])
        summary = (package.__doc__ or summary).partition("\n")[0].replace("``", '"')
        found.append(Plugin(name, target, summary))
    return sorted(found)


def config_show(session: Session) -> list[Configured]:
    """Return every setting with the value in force, if it is not a secret."""
    for name, origin, plugin in session.config.without_effect:
        session.progress.note(
            f"{origin} sets {name}, without effect: the plugin {plugin} is disabled."
        )
    return [
        row._replace(value="(secret)") if row.value and row.secret else row
        for row in session.config
    ]


def config_create(session: Session) -> Path:
    """Write ``debrepo.toml`` below the root: every setting, commented out, with its help."""
    path = session.root / "debrepo.toml"
    lines = ["# Configuration of debrepo. What is commented out is the default.\n"]
    lines += (
        f"\n# {setting.help}\n# {_toml_key(setting)} = {toml_value(setting.default)}\n"
        for setting in session.config.declared()
    )
    try:
        session.root.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.writelines(lines)
    except FileExistsError:
        raise AlreadyExists(f"{path} exists already") from None
    except OSError as error:
        raise cannot_write(path, error) from error
    return path


def _toml_key(setting: Setting) -> str:
    return setting.name.replace("*", "NAME")


def toml_value(value: object) -> str:
    """Return a value as a configuration file has it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(toml_value, value))}]"
    from json import dumps  # slow to import

    return str(value) if isinstance(value, int) else dumps(value, ensure_ascii=False)


def check(session: Session, *, files: bool = True, deep: bool = False) -> list[str]:
    """Return a line for everything that is wrong; with ``files``, every pool file is read.

    With ``deep``, all packages are unpacked that have not been, and those that dpkg would
    not unpack are named too.
    """
    from debrepo_admin.checks import problems

    session.check_begun()
    return list(problems(session, files=files, deep=deep))


def cleanup(session: Session, *, dry_run: bool = False, trash: bool = True) -> Garbage:
    """Delete what nothing refers to: chunks of package sets, packages, and pool files.

    Packages stay in the trash for a while, with their files; without ``trash`` they are deleted
    at once, and so are those that are in it.
    """
    from debrepo_admin.garbage import collect

    return collect(session, dry_run=dry_run, trash_can=trash)


def stats(session: Session) -> InstallationStats:
    """Return what takes the space: by list, in the pool, in the database, and by month."""
    from debrepo_admin.statistics import collect

    return collect(session)


def trash(session: Session, queries: Sequence[str] = ()) -> list[TrashedPackage]:
    """Return the packages in the trash that match any of the queries, or all."""
    from debrepo_admin.trash import listed

    return listed(session, queries)


def restore(
    session: Session,
    queries: Sequence[str] = (),
    *,
    everything: bool = False,
    repo: str | None = None,
) -> Restored:
    """Bring packages back from the trash, and add them to a repository where one is named."""
    from debrepo_admin import trash

    return trash.restore(session, queries, everything=everything, repo=repo)


def copy(session: Session, target: str) -> DatabaseCopy:
    """Copy the database, entry by entry, to a directory or to the database of a URL.

    A directory is in the format of LMDB 0.9, which every build of py-lmdb reads. Both sides are
    compared in the end. What is interrupted goes on when it is done again.
    """
    from debrepo_admin.copying import copy as copy_to

    return copy_to(session, target)
