"""References: how a plugin names a thing without importing it."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from debrepo.errors import DebrepoError, PluginError
from debrepo.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")

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
        except DebrepoError:  # such as that of a module that lacks an optional dependency
            raise
        except Exception as error:  # whatever is wrong with the module of a plugin
            raise PluginError(f"cannot load {self.target}: {said_by(error)}") from error


def answers(hook: Any, *kinds: type) -> Iterator[tuple[str, list[Any]]]:
    """Yield the list that each plugin answers to a hook that names things, after its name.

    ``hook`` is a ``pluggy.HookCaller``, which the model need not know. Raise `PluginError`, with
    the name of the plugin, where one fails, or what it lists is of other ``kinds``.
    """
    for plugin in hook.get_hookimpls():
        yield str(plugin.plugin_name), answer(hook, plugin, *kinds)


def answer(hook: Any, plugin: Any, *kinds: type) -> list[Any]:
    """Return what one plugin, a ``pluggy.HookImpl``, answers to a hook, as `answers` does."""
    name = str(plugin.plugin_name)
    return _asked(hook.name, name, partial(_listed, plugin.function, kinds))


def mappings(hook: Any, *kinds: type) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the mapping that each plugin answers to a hook that names things, as `answers` does."""
    for plugin in hook.get_hookimpls():
        name = str(plugin.plugin_name)
        yield name, _asked(hook.name, name, partial(_mapped, plugin.function, kinds))


def _asked(hook: str, plugin: str, ask: Callable[[], T]) -> T:
    try:
        return ask()
    except (Exception, SystemExit) as error:  # a plugin may raise anything
        raise PluginError(
            f"{hook} of plugin {plugin} failed: {said_by(error)}", hint=without(plugin)
        ) from error


def _listed(function: Callable[[], Any], kinds: tuple[type, ...]) -> list[Any]:
    """Return the answer of a hook as a list."""
    found = list(function() or ())
    for one in found:
        if not isinstance(one, kinds):
            raise TypeError(f"it has to list each {_kinds(kinds)}, and lists {one!r}")
    return found


def _mapped(function: Callable[[], Any], kinds: tuple[type, ...]) -> dict[str, Any]:
    """Return the answer of a hook as a mapping."""
    answer = function() or {}
    if not hasattr(answer, "items"):
        raise TypeError(f"it has to map names to each {_kinds(kinds)}, and returns {answer!r}")
    for one in answer.values():
        if not isinstance(one, kinds):
            raise TypeError(f"it has to map names to each {_kinds(kinds)}, and maps one to {one!r}")
    return dict(answer)


def _kinds(kinds: tuple[type, ...]) -> str:
    return " or ".join(kind.__name__ for kind in kinds)


def without(plugin: str, *, one: bool = False) -> str:
    """Return the hint for errors of a plugin, or of two of which one has to go."""
    return f"disable {'one' if one else 'it'} with DEBREPO_DISABLE={plugin}"


def said_by(error: BaseException) -> str:
    """Return what an exception of a plugin says, and where it was raised, in one line."""
    said = " ".join(str(error).split()) or type(error).__name__
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    if place is None or place.tb_frame.f_code.co_filename == __file__:
        return said
    return f"{said} ({place.tb_frame.f_code.co_filename}, line {place.tb_lineno})"


def owner(hook: Any, name: str) -> str:
    """Return the plugin that brings ``name`` through a hook that `claimed` has read."""
    return next((plugin for plugin, brought in mappings(hook, object) if name in brought), "")


def load_class(ref: Ref, kind: type) -> Any:
    """Return the class that a reference names; raise `PluginError` unless it is a ``kind``."""
    found = ref.load()
    if kind not in getattr(found, "__mro__", ()):  # a protocol has to be subclassed as well
        raise PluginError(f"{ref.target} is no subclass of {kind.__module__}.{kind.__name__}")
    missing = sorted(getattr(found, "__abstractmethods__", ()))
    if missing:
        raise PluginError(f"{ref.target} does not define {', '.join(missing)}")
    return found


def unknown_names(function: Any, given: Iterable[str]) -> list[str]:
    """Return the names among ``given`` that are no arguments of an operation's function."""
    code = getattr(function, "__code__", None)
    if code is None or code.co_flags & _ANY_NAME:
        return []
    known = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return [name for name in given if name not in known[1:]]  # the first is the session


def claimed(hook: Any, what: str) -> dict[str, Any]:
    """Return what plugins bring through a hook without arguments, by name: references, mostly.

    ``what`` is the kind of thing that a name stands for. Two plugins that claim one name are an
    error, as either could be meant.
    """
    found: dict[str, Any] = {}
    owners: dict[str, str] = {}
    for plugin, brought in mappings(hook, Ref, BackgroundJob):
        for name, ref in brought.items():
            if name in owners:
                raise PluginError(
                    f"plugins {owners[name]} and {plugin} both bring the {what} {name}",
                    hint=without(plugin, one=True),
                )
            found[name] = ref
            owners[name] = plugin
    return found


def declared(hook: Any, what: str, kind: type[T], known: Iterable[T] = ()) -> list[T]:
    """Return ``known`` and what plugins declare through a hook: settings, or tables.

    Two of one name are an error, which names the plugins: one would be without effect.
    """
    everything: list[Any] = [*known]
    owners = {one.name: "core" for one in everything}
    for plugin, brought in answers(hook, kind):
        for one in brought:
            if one.name in owners:
                raise PluginError(
                    f"{owners[one.name]} and the plugin {plugin} both declare the {what}"
                    f" {one.name}",
                    hint=without(plugin),
                )
            owners[one.name] = f"the plugin {plugin}"
            everything.append(one)
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
    secret: bool = False  #: whether an export leaves it out unless asked: hashes of tokens
    #: How many of its first entries most transactions look at, if only to see that there are none;
    #: of its last ones, if less than 0. A database far away sends them as a transaction begins.
    ahead: int = 0

    @property
    def ref(self) -> Ref:
        """Where the `debrepo.database.Table` lives."""
        return Ref(self.target)
