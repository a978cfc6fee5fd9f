"""Names on the command line, and how a shell completes them."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import click

from debrepo.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from click.shell_completion import CompletionItem


class Name(click.types.StringParamType):
    """The name of something that there is, or may be.

    When a shell wants to complete it, ``find`` is called with a session that only reads, and
    with the parameters of the same command that were typed already.
    """

    def __init__(self, find: Callable[[Session, Mapping[str, Any]], Iterable[str]]) -> None:
        self._find = find

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the names that begin like ``incomplete``; none where they cannot be told."""
        from click.shell_completion import CompletionItem  # which commands can do without

        try:
            with closing(_session(ctx.find_root())) as session:
                found = set(self._find(session, ctx.params))
        except Exception:  # Tab is no place for errors, whatever they are
            return []
        return [CompletionItem(name) for name in sorted(found) if name.startswith(incomplete)]


def _session(root: click.Context) -> Session:
    """Return the session that the command would have, had it been run."""
    plugins = root.obj
    if not hasattr(plugins, "hook"):
        raise LookupError("not below the command line that plugins make")
    config = root.params.get("config_path")
    return Session(root.params["root"].absolute(), plugins, config_path=config, read_only=True)


def of_lists(*kinds: str) -> Name:
    """Return the type of a name of a package list of one of these kinds, or of any kind."""
    return Name(lambda session, _: list_names(session, *kinds))


def list_names(session: Session, *kinds: str) -> list[str]:
    """Return the names of the package lists of these kinds, or of all kinds."""
    with session.db.read() as txn:
        batches = session.hook.debrepo_package_lists(txn=txn)
        return [found.name for b in batches for found in b if not kinds or found.kind in kinds]


def origin(*words: str) -> Name:
    """Return the type of the words of ``from KIND NAME``, or of ``words`` in its place."""

    def find(session: Session, typed: Mapping[str, Any]) -> Iterable[str]:
        match typed.get("origin") or ():
            case ():
                return ["from", *words]
            case ("from",):
                return (name.partition(":")[0] for name in references(session))
            case ("from", str(kind)):
                return list_names(session, kind)
        return ()

    return Name(find)


def references(session: Session) -> list[str]:
    """Return all package lists as ``kind:name``."""
    with session.db.read() as txn:
        batches = session.hook.debrepo_package_lists(txn=txn)
        return [str(found) for batch in batches for found in batch]
