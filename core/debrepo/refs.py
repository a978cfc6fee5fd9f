"""References: how a plugin names a thing without importing it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from debrepo.errors import PluginError
from debrepo.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

_ANY_NAME = 0x08  # inspect.CO_VARKEYWORDS, which takes long to import


class Ref(NamedTuple):
    """An import reference, ``package.module:attribute``, with one line of help.

    Plugins contribute commands, storages and signers as references, so that
    ``debrepo --help`` can list what ten plugins offer and import none of it.
    """

    target: str
    summary: str = ""

    def load(self) -> Any:
        """Import the module and return the attribute."""
        module, _, attribute = self.target.partition(":")
        try:
            return getattr(import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise PluginError(f"cannot load {self.target}: {error}") from error


def owner(hook: Any, name: str) -> str:
    """Return the plugin that brings ``name`` through a hook that `claimed` has read."""
    impls = hook.get_hookimpls()
    return next((str(one.plugin_name) for one in impls if name in (one.function() or ())), "")


def unknown_names(function: Any, given: Iterable[str]) -> list[str]:
    """Return the names among ``given`` that are no arguments of an operation's function."""
    code = getattr(function, "__code__", None)
    if code is None or code.co_flags & _ANY_NAME:
        return []
    known = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return [name for name in given if name not in known[1:]]  # the first is the session


def claimed(hook: Any, what: str) -> dict[str, Any]:
    """Return what plugins bring through a hook without arguments, by name: references, mostly.

    ``hook`` is a ``pluggy.HookCaller``, which the model need not know; ``what`` is the kind of
    thing that a name stands for. Two plugins that claim one name are an error, as either could
    be meant.
    """
    found: dict[str, Any] = {}
    owners: dict[str, str] = {}
    for plugin in hook.get_hookimpls():
        brought: Any = plugin.function() or {}
        for name, ref in brought.items():
            if name in owners:
                raise PluginError(
                    f"plugins {owners[name]} and {plugin.plugin_name} both bring the {what} {name}",
                    hint=f"disable one with DEBREPO_DISABLE={plugin.plugin_name}",
                )
            found[name] = ref
            owners[name] = plugin.plugin_name
    return found


def declared(hook: Any, what: str, known: Iterable[Any] = ()) -> list[Any]:
    """Return ``known`` and what plugins declare through a hook: settings, or tables.

    Two of one name are an error, which names the plugins: one would be without effect.
    """
    everything = [*known, *(one for batch in hook() for one in batch)]
    if len({one.name for one in everything}) == len(everything):
        return everything
    owners = {one.name: "core" for one in known}
    for plugin in hook.get_hookimpls():
        for one in plugin.function() or ():
            if one.name in owners:
                raise PluginError(
                    f"{owners[one.name]} and the plugin {plugin.plugin_name} both declare the"
                    f" {what} {one.name}",
                    hint=f"disable it with DEBREPO_DISABLE={plugin.plugin_name}",
                )
            owners[one.name] = f"the plugin {plugin.plugin_name}"
    return everything


class Command(NamedTuple):
    """A command, or a group of commands, for the ``debrepo`` command line.

    ``name`` is a path: ``"repo"`` makes a group at the top level, ``"publish s3"``
    adds ``s3`` to the group that another plugin contributes as ``publish``.
    """

    name: str
    target: str
    summary: str

    @property
    def ref(self) -> Ref:
        """Where the click command lives."""
        return Ref(self.target, self.summary)


class Operation(NamedTuple):
    """Something debrepo can do, under the name by which doors and other plugins call it.

    ``target`` is a function whose first argument is the `Session`. ``scope`` is the
    permission it needs, with its arguments in braces: ``repo:{name}:add``; the word
    ``read`` alone is the scope of looking. It can be several, with blanks between: the first
    is always needed, one of the others not if an argument in it is ``None``. ``command`` is
    its door on the command line.
    """

    name: str
    target: str
    summary: str
    scope: str
    command: str
    changes: bool = True  #: whether it changes anything
    long: bool = False  #: whether it may take longer than a web client waits
    local: bool = False  #: whether it makes sense only where the root is
    secret: bool = False  #: whether its result must not be stored

    @property
    def scopes(self) -> tuple[str, ...]:
        """The permissions that it needs, all of them."""
        return tuple(self.scope.split())

    @property
    def ref(self) -> Ref:
        """Where the function lives."""
        return Ref(self.target, self.summary)


class BackgroundJob(NamedTuple):
    """Work that a server does by itself, again and again.

    ``target`` is a function that a server calls once, with the `Session` and a
    `debrepo.background.Load`. It returns the function without arguments that does the work, and
    is called ``every`` so many seconds after it has returned. What may take long passes through
    `debrepo.stopping.checkpoint`, so that the server can stop.
    """

    target: str
    every: float
    summary: str
    alone: bool = True  #: whether one server of a root does it at a time

    @property
    def ref(self) -> Ref:
        """Where the function lives."""
        return Ref(self.target, self.summary)


class Setting(NamedTuple):
    """A configuration key: ``publish.origin``, with its default and one line of help.

    A ``*`` in the name stands for a name that the user makes up, as in
    ``storage.fs.*.root``. A value takes the type of the default: ``str``, ``bool``,
    ``int``, or a list of strings (give a tuple).
    """

    name: str
    default: str | bool | int | tuple[str, ...]
    help: str
    secret: bool = False  #: whether its value is shown to nobody


class TableRef(NamedTuple):
    """A database table, the version of its records, and where its `Table` is."""

    name: str
    version: int
    target: str

    @property
    def ref(self) -> Ref:
        """Where the `debrepo.database.Table` lives."""
        return Ref(self.target)
