"""Late plugins: known from an earlier start, and imported when one of their hooks is called."""

from __future__ import annotations

import marshal
import os
import sys
from functools import cached_property
from importlib import import_module
from time import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from debrepo.options import PublicationOption
from debrepo.refs import BackgroundJob, Command, Operation, Ref, Setting, TableRef
from debrepo.stored_code import carrier, here, state, stored_at, write_behind
from debrepo.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pluggy import PluginManager

_OWN = "debrepo_manager"  # the distribution that the core is in
#: What plugins answer to hooks that name things, by the letter that stands for it in the file.
_KINDS: dict[str, Any] = {
    "b": BackgroundJob,
    "c": Command,
    "o": Operation,
    "p": PublicationOption,
    "r": Ref,
    "s": Setting,
    "t": TableRef,
}
_LETTERS = {kind: letter for letter, kind in _KINDS.items()}
_FRESH = 2  # seconds in which a directory can change twice without another time


class _Stored(NamedTuple):
    """What is known of a hook."""

    spec: str  #: the module that has it
    takes_one: bool  #: whether the first answer is the only one
    #: Who implements it, in the order of pluggy: plugin, module, function, names of its arguments.
    implemented: list[tuple[str, str, str, tuple[str, ...]]]
    #: What plugins of this distribution answer, if it names things.
    said: dict[str, tuple[str, Any]]


class LateImplementation:
    """What a plugin has for a hook; it takes the place of a `pluggy.HookImpl`."""

    def __init__(
        self, plugin_name: str, module: str, attribute: str, argnames: tuple[str, ...]
    ) -> None:
        self.plugin_name = plugin_name
        self.argnames = argnames
        self._module = module
        self._attribute = attribute

    @property
    def plugin(self) -> Any:
        """The module of the plugin."""
        try:
            return import_module(self._module)
        except (Exception, SystemExit):
            from debrepo.plugins import import_plugin

            return import_plugin(self.plugin_name, self._module)  # it says what is wrong

    @property
    def function(self) -> Callable[..., Any]:
        """The function that implements the hook."""
        function: Callable[..., Any] = getattr(self.plugin, self._attribute)
        return function


class _Said(NamedTuple):
    """What a plugin would answer to a hook that names things."""

    plugin_name: str
    stored: tuple[str, Any]
    argnames: tuple[str, ...] = ()

    def function(self) -> Any:
        """Return the answer."""
        return _unpacked(self.stored)


class LateHook:
    """A hook of plugins that are not imported yet; it takes the place of a `HookCaller`."""

    def __init__(
        self, name: str, spec: str, takes_one: bool, asked: Sequence[LateImplementation | _Said]
    ) -> None:
        self.name = name
        self._spec = spec
        self._takes_one = takes_one
        self._asked = asked

    def get_hookimpls(self) -> list[Any]:
        """Return the implementations; the last one is called first."""
        return [*self._asked]

    @property
    def spec(self) -> Any:
        """The specification, as far as core looks at it."""
        return SimpleNamespace(function=getattr(import_module(self._spec), self.name))

    def without(self, plugins: Iterable[object]) -> LateHook:
        """Return the hook as if some plugins were not there."""
        others = [*plugins]
        asked = [one for one in self._asked if isinstance(one, _Said) or one.plugin not in others]
        return LateHook(self.name, self._spec, self._takes_one, asked)

    def __call__(self, **facts: Any) -> Any:
        answers = []
        for one in reversed(self._asked):
            answer = one.function(*(facts[name] for name in one.argnames))
            if answer is None:
                continue
            if self._takes_one:
                return answer
            answers.append(answer)
        return None if self._takes_one else answers


class _LateHooks:
    """The hooks, each made when it is asked for; they take the place of a `HookRelay`."""

    def __init__(self, stored: dict[str, bytes]) -> None:
        self._stored = stored

    def __getattr__(self, name: str) -> LateHook:
        if name not in self._stored:
            raise AttributeError(f"there is no hook {name}")
        known = _Stored._make(marshal.loads(self._stored[name]))  # noqa: S302  # as `import` does
        asked = [
            _Said(one[0], known.said[one[0]]) if one[0] in known.said else LateImplementation(*one)
            for one in known.implemented
        ]
        made = LateHook(name, known.spec, known.takes_one, asked)
        setattr(self, name, made)
        return made


class LatePlugins:
    """The installed plugins; they take the place of a `PluginManager` that has imported them."""

    def __init__(self, stored: dict[str, bytes]) -> None:
        self.hook = _LateHooks(stored)

    def subset_hook_caller(self, name: str, remove_plugins: Iterable[object]) -> LateHook:
        """Return a hook as if some plugins were not there."""
        hook: LateHook = getattr(self.hook, name)
        return hook.without(remove_plugins)

    def disabled_settings(self) -> list[Any]:
        """Return what plugins would read that are disabled: there are none."""
        return []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._manager, name)

    @cached_property
    def _manager(self) -> PluginManager:
        from debrepo.plugins import load_plugins

        return load_plugins()


def load(disabled: Iterable[str] = ()) -> PluginManager:
    """Return the installed plugins; those are imported that nothing is known of yet."""
    names = [name for name in map(str.strip, disabled) if name]
    path = None if names else carrier(__spec__.cached, "stored_hooks")
    stored = None if path is None else _read(path)
    if stored is not None:
        return cast("PluginManager", LatePlugins(stored))
    from debrepo.plugins import load_plugins

    plugins = load_plugins(names)
    if path is not None and not sys.dont_write_bytecode:
        _store(path, plugins)
    return plugins


def _read(path: str) -> dict[str, bytes] | None:
    """Return what is stored of each hook, if plugins, their sources and Python are as they were."""
    try:
        with open(path, "rb") as file:
            begin, length = stored_at(file.fileno())
            data = os.pread(file.fileno(), length, begin)
        made_for, places, sources, stored = marshal.loads(data)  # noqa: S302  # as `import` does
    except (OSError, EOFError, ValueError, TypeError):
        return None
    if made_for != here() or places != _places():
        return None
    if any(state(source) != as_it_was for source, as_it_was in sources.items()):
        return None
    found: dict[str, bytes] = stored
    return found


def _places() -> list[int]:
    """Return when something was last installed in, or removed from, each directory."""
    return [_changed(place) for place in sys.path]


def _changed(place: str) -> int:
    try:
        return os.stat(place).st_mtime_ns
    except OSError:
        return 0


def _store(path: str, plugins: PluginManager) -> None:
    """Write down what is known of the plugins, unless they are being installed just now."""
    places = _places()
    if not os.access(os.path.dirname(path), os.W_OK) or max(places) / 1e9 > time() - _FRESH:
        return
    stored = stored_hooks(plugins)
    if stored:
        modules = {name for name in sys.modules if name.startswith("debrepo_")}
        modules.update(kind.__module__ for kind in _LETTERS)
        for hook in map(_Stored._make, map(marshal.loads, stored.values())):
            modules.update((hook.spec, *(module for _, module, _, _ in hook.implemented)))
        sources = {source: state(source) for source in map(_source, modules)}
        write_behind(path, marshal.dumps((here(), places, sources, stored)))


def stored_hooks(plugins: PluginManager) -> dict[str, bytes]:
    """Return what to store of each hook: nothing, if a plugin wraps what others answer."""
    from debrepo.plugins import installed

    own = {name for name, _, distribution in installed() if distribution == _OWN}
    stored = {}
    for hook in vars(plugins.hook).values():
        found = hook.get_hookimpls()
        if any(one.wrapper or one.hookwrapper for one in found):
            return {}
        if not hook.has_spec() or hook.is_historic():
            continue
        spec, whose = hook.spec, [one for one in found if one.plugin_name in own]
        known = _Stored(
            spec.namespace.__name__,
            bool(spec.opts["firstresult"]),
            [
                (one.plugin_name, one.plugin.__name__, one.function.__name__, tuple(one.argnames))
                for one in found
            ],
            {} if spec.argnames else {one.plugin_name: _packed(one.function()) for one in whose},
        )
        stored[hook.name] = marshal.dumps(tuple(known))
    return stored


def _source(module: str) -> str:
    return sys.modules[module].__file__ or ""


def _packed(answer: Any) -> tuple[str, Any]:
    """Return what a plugin answers in the types that can be stored, after the kind of it all."""
    values = answer.values() if isinstance(answer, dict) else answer
    letter = next((_LETTERS[type(one)] for one in values if type(one) in _LETTERS), "")
    if not letter:
        return letter, sorted(answer)
    if isinstance(answer, dict):
        return letter, {name: tuple(one) for name, one in answer.items()}
    return letter, [tuple(one) for one in answer]


def _unpacked(stored: tuple[str, Any]) -> Any:
    letter, answer = stored
    if not letter:
        return answer
    make = _KINDS[letter]._make
    if isinstance(answer, dict):
        return {name: make(one) for name, one in answer.items()}
    return [make(one) for one in answer]
