"""The configuration: typed values for the keys that plugins declare."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeAlias

from debrepo.clock import parse_duration
from debrepo.errors import InvalidInput
from debrepo.refs import Setting
from debrepo.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

Value: TypeAlias = "str | bool | int | tuple[str, ...]"

#: What core itself reads; everything else is declared by plugins.
CORE_SETTINGS = (
    Setting(
        "archive.policy",
        "dpkg",
        "Packages to let in: those that dpkg installs; strict: those without a remark; lenient:"
        " all that apt can read of",
    ),
    Setting("architectures", (), "Architectures considered where a command names none; empty: all"),
    Setting(
        "dependencies.follow",
        (),
        "What to follow besides Depends: recommends, suggests, source, build-depends, all-variants",
    ),
    Setting("dependencies.profiles", (), "Build profiles that hold, such as nocheck"),
    Setting("database.map_size", 64 << 30, "Bytes of address space to start the database with"),
    Setting(
        "database.url",
        "",
        "Where the database is, as postgresql://USER@HOST/DATABASE; empty: in LMDB below the root",
        secret=True,  # it may have a password in it; and what is restored elsewhere is not this one
    ),
    Setting(
        "ingest.deep",
        "auto",
        "When the data of packages is unpacked and listed: add, publish, idle, or auto: at add if"
        " it is little",
    ),
    Setting("ingest.limits.control", 64 << 20, "Bytes that control.tar may unpack to"),
    Setting("ingest.limits.control_file", 4 << 20, "Bytes of a control file, .dsc or .changes"),
    Setting("ingest.limits.files", 5000, "Files that a .dsc or .changes may list"),
    Setting("ingest.limits.data", 2 << 30, "Bytes that any data.tar may unpack to"),
    Setting("ingest.limits.ratio", 200, "How many times its size a larger data.tar may unpack to"),
    Setting("ingest.limits.paths", 128 << 20, "Bytes of memory for the paths of a package"),
    Setting("ingest.limits.headers", 1_000_000, "Headers in a tar archive, with extended ones"),
    Setting("ingest.limits.extensions", 64 << 20, "Bytes of extended headers in a tar archive"),
    Setting("ingest.limits.records", 500_000, "Records in the pax headers of a tar archive"),
    Setting("ingest.limits.streams", 100_000, "Compressed streams, one after the other, in a file"),
    Setting("ingest.limits.memory", 512 << 20, "Bytes of memory to unpack with"),
    Setting(
        "ingest.limits.cpu",
        20,
        "Seconds of CPU time to read a package, and one more for each MiB of it",
    ),
    Setting("ingest.workers", 0, "Processes or threads that read packages; 0: one for each core"),
    Setting("notices.keep_failed", 2_592_000, "Seconds that notices which were given up are kept"),
    Setting("notices.max_age", 259_200, "Seconds after which a notice is given up"),
    Setting("notices.max_queued", 1000, "Maximum number of notices that plugins want again"),
    Setting("query.count", 10_000, "Queries that may come at once"),
    Setting("query.depth", 100, "Levels of parentheses and negations of a query, at most 150"),
    Setting("query.length", 1 << 20, "Characters of the queries that come at once"),
    Setting("query.terms", 10_000, "Terms of the queries that come at once"),
    Setting("signing.signer", "gpg", "OpenPGP back end that signs Release files"),
    Setting("storages.frozen", False, "Whether nothing is written to storages, as by a test copy"),
    Setting(
        "uploads.directory",
        "",
        "Directory that holds the files that clients upload, shared by all nodes of a cluster;"
        " relative to the root; empty: the root",
    ),
)

#: What the environment says besides settings; tests have further ones.
RESERVED = ("COMPLETE", "CONFIG", "DISABLE", "ROOT", "SERVER", "SERVER_TIMEOUT", "TOKEN")
_VARIABLE = "DEBREPO_"
_TESTS = "DEBREPO_TEST_"
_ALIKE = 0.85  # how much of its letters a mistyped variable shares with what was meant

_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}


class Configured(NamedTuple):
    """A key with its value, and where the value comes from."""

    name: str
    value: Value
    origin: str  #: ``default``, a file, or an environment variable
    help: str
    secret: bool = False


class Idle(NamedTuple):
    """What a plugin would read that is disabled; one that cannot be imported does not say."""

    plugin: str
    settings: tuple[Setting, ...] | None


class Config:
    """Values from a file and the environment, over the defaults of what is declared.

    ``disabled`` is asked for the settings of plugins that are disabled, once one is met that no
    other plugin declares: it has no effect, and is in `without_effect` with where it comes from.
    """

    def __init__(
        self,
        settings: Iterable[Setting],
        path: Path | None = None,
        environ: Mapping[str, str] | None = None,
        disabled: Callable[[], Iterable[Idle]] = tuple,
    ) -> None:
        self._declared = {setting.name: setting for setting in settings}
        self._values: dict[str, Configured] = {}
        self._disabled = disabled
        self.without_effect: list[tuple[str, str, str]] = []  #: name, origin, plugin
        if path is not None:
            for name, value in _flatten(_read(path), ""):
                if not self._is_idle(name, str(path)):
                    self._set(self._setting(name, str(path)), name, value, str(path))
        known = {_VARIABLE + name for name in RESERVED}
        for variable in sorted(environ or ()):
            if variable.startswith(_VARIABLE) and variable not in known:
                self._set_from(variable, (environ or {})[variable])

    def _set_from(self, variable: str, text: str) -> None:
        """Set what an environment variable names; raise if it seems to be mistyped."""
        exact = {_variable(name): name for name in self._declared if "*" not in name}
        name = exact.get(variable) or self._starred(variable)
        if name is not None:
            setting = self._setting(name, variable)
            self._set(setting, name, _from_text(text, setting, variable), variable)
        elif not variable.startswith(_TESTS) and not self._is_idle_variable(variable):
            from difflib import get_close_matches

            known = [*exact, *(_VARIABLE + name for name in RESERVED), *self._alike(variable)]
            for meant in get_close_matches(variable, known, 1, _ALIKE):
                raise InvalidInput(f"{variable} is no setting", hint=f"is {meant} meant?")

    def _alike(self, variable: str) -> Iterator[str]:
        """Yield the variables of settings with a made-up part that one with this part may mean."""
        for pattern in self._declared:
            before, star, after = pattern.partition("*")
            start = _variable(before)
            if star and variable.startswith(start):
                words = variable.removeprefix(start).split("_")
                for count in range(1, len(words)):
                    yield start + "_".join(words[:count]) + _spelled(after)

    def _is_idle(self, name: str, origin: str) -> bool:
        """Whether a name is that of a setting of a disabled plugin; it is noted if so."""
        if self._find(name) is not None:
            return False
        for plugin, settings in self._disabled():
            if settings is None:
                known = not self._meant(name)
            else:
                known = _found(name, {setting.name: setting for setting in settings}) is not None
            if known:
                self.without_effect.append((name, origin, plugin))
                return True
        return False

    def _is_idle_variable(self, variable: str) -> bool:
        for plugin, settings in self._disabled():
            for setting in settings or ():
                before, star, after = setting.name.partition("*")
                start, end = _variable(before), _spelled(after)
                if variable == start or (
                    star and variable.startswith(start) and variable.endswith(end)
                ):
                    self.without_effect.append((setting.name, variable, plugin))
                    return True
        return False

    def _meant(self, name: str) -> str:
        """Return the setting that a name that is none may mean, or nothing."""
        from difflib import get_close_matches

        parts = name.split(".")
        known = []
        for pattern in self._declared:
            own = pattern.split(".")
            fits = len(own) == len(parts)
            known.append(
                ".".join(p if o == "*" else o for o, p in zip(own, parts, strict=True))
                if fits
                else pattern
            )
        return next(iter(get_close_matches(name, known, 1, _ALIKE)), "")

    def _starred(self, variable: str) -> str | None:
        """Return the name of a setting with a made-up part that a variable stands for.

        The part is one that the file names, if one is spelled so, and else in lower case.
        """
        found = []
        for pattern in self._declared:
            before, star, after = pattern.partition("*")
            start, end = _variable(before), _spelled(after)
            middle = variable.removeprefix(start).removesuffix(end)
            if star and middle and variable == start + middle + end:
                made_up = {_spelled(name): name for name in self.names(before.rstrip("."))}
                found.append((len(end), before + made_up.get(middle, middle.lower()) + after))
        return max(found)[1] if found else None

    def __getitem__(self, name: str) -> Any:
        """Return the value of ``name``; the type is that of the declared default."""
        found = self._values.get(name)
        return found.value if found else self._setting(name, "debrepo").default

    def seconds(self, name: str) -> int:
        """Return the length of time that a setting gives, in seconds; see `parse_duration`."""
        try:
            return parse_duration(self[name])
        except InvalidInput as error:
            raise InvalidInput(f"{name}: {error}", hint=error.hint) from None

    def override(self, name: str, value: Value, origin: str) -> None:
        """Let a value stand above the file and the environment: that of a command's option."""
        self._set(self._setting(name, origin), name, value, origin)

    def section(self, prefix: str) -> dict[str, Any]:
        """Return the settings below ``prefix``, without it, defaults filled in."""
        dotted = prefix + "."
        depth = dotted.count(".")
        values: dict[str, Any] = {}
        for name, setting in self._declared.items():
            if _matches(name.split(".")[:depth], prefix.split(".")):
                values[".".join(name.split(".")[depth:])] = setting.default
        for name, found in self._values.items():
            if name.startswith(dotted):
                values[name.removeprefix(dotted)] = found.value
        return values

    def names(self, prefix: str) -> list[str]:
        """Return the names that the user made up below ``prefix``: the ``*`` of a setting."""
        dotted = prefix + "."
        found = {n.removeprefix(dotted).split(".")[0] for n in self._values if n.startswith(dotted)}
        return sorted(found)

    def __iter__(self) -> Iterator[Configured]:
        """Yield every key with the value in force, sorted by name."""
        rows = dict(self._values)
        for name, setting in self._declared.items():
            if "*" not in name and name not in rows:
                rows[name] = Configured(
                    name, setting.default, "default", setting.help, setting.secret
                )
        return iter(sorted(rows.values()))

    def declared(self) -> list[Setting]:
        """Return what can be configured, sorted by name."""
        return sorted(self._declared.values())

    def _find(self, name: str) -> Setting | None:
        return _found(name, self._declared)

    def _setting(self, name: str, origin: str) -> Setting:
        setting = self._find(name)
        if setting is None:
            meant = self._meant(name)
            raise InvalidInput(
                f"{origin}: no setting is called {name}",
                hint=f"is {meant} meant?" if meant else 'run "debrepo config show --all"',
            )
        return setting

    def _set(self, setting: Setting, name: str, value: object, origin: str) -> None:
        expected = type(setting.default)
        if expected is tuple and isinstance(value, list):
            value = tuple(value)
        ok = type(value) is expected
        if isinstance(value, tuple):
            ok = ok and all(isinstance(item, str) for item in value)
        if not ok:
            wanted = {tuple: "a list of strings", bool: "true or false", int: "a whole number"}
            raise InvalidInput(
                f"{origin}: {name} has to be {wanted.get(expected, 'a string')}"
                + _instead(setting, value)
            )
        self._values[name] = Configured(
            name,
            value,  # type: ignore[arg-type]
            origin,
            setting.help,
            setting.secret,
        )


def _instead(setting: Setting, value: object) -> str:
    """Return what an error says of a value that is wrong: nothing of a secret one."""
    return "" if setting.secret else f", found {_shown(value)}"


def _shown(value: object) -> str:
    """Return a value of a configuration file as it stands there."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_shown, value))}]"
    return repr(value) if isinstance(value, str | int | float) else str(value)


def _found(name: str, declared: Mapping[str, Setting]) -> Setting | None:
    """Return the setting of a name, which may have a part that the user has made up."""
    if name in declared:
        return declared[name]
    parts = name.split(".")
    for pattern, setting in declared.items():
        if "*" in pattern and _matches(pattern.split("."), parts):
            return setting
    return None


def _variable(name: str) -> str:
    return _VARIABLE + _spelled(name)


def _spelled(name: str) -> str:
    return name.upper().replace(".", "_").replace("-", "_")


def _matches(pattern: list[str], parts: list[str]) -> bool:
    return len(pattern) == len(parts) and all(
        p in ("*", part) for p, part in zip(pattern, parts, strict=True)
    )


def _read(path: Path) -> dict[str, Any]:
    import tomllib

    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} is not TOML: {error}") from None
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {os.strerror(error.errno or 0)}") from None


def _flatten(table: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, object]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _from_text(text: str, setting: Setting, variable: str) -> Value:
    default = setting.default
    if isinstance(default, bool):
        if text.lower() not in _TRUE | _FALSE:
            raise InvalidInput(f"{variable} has to be true or false{_instead(setting, text)}")
        return text.lower() in _TRUE
    if isinstance(default, int):
        try:
            return int(text)
        except ValueError:
            raise InvalidInput(
                f"{variable} has to be a whole number{_instead(setting, text)}"
            ) from None
    if isinstance(default, tuple):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    return text


def own_file(root: Path) -> Path | None:
    """Return ``debrepo.toml`` below a root, if it is there; the root has to be of use."""
    path = root / "debrepo.toml"
    try:
        path.stat()
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        raise InvalidInput(f"the root {root} is not a directory") from None
    except OSError as error:
        raise InvalidInput(
            f"cannot use the root {root}: {error.strerror}",
            hint="run debrepo as the user who owns it, or choose another one with --root",
        ) from None
    return path
