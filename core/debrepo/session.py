"""The session: what one command, or one server process, works with."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from debrepo.errors import InvalidInput, NotFound, PluginError
from debrepo.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pluggy import HookRelay, PluginManager

    from debrepo.config import Config
    from debrepo.database import Database
    from debrepo.pool import Pool
    from debrepo.refs import Operation, Ref
    from debrepo.signing import Signer
    from debrepo.storage import Storage

P = ParamSpec("P")
T = TypeVar("T")

#: Other spellings of a storage's scheme, for those who come from aptly.
SCHEMES = {"filesystem": "fs"}


class Session:
    """A root directory and the plugins; everything else opens on first use."""

    def __init__(
        self,
        root: Path,
        plugins: PluginManager,
        *,
        config_path: Path | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.root = root
        self.plugins = plugins
        self.config_path = config_path
        self.progress = progress or Progress()

    @property
    def hook(self) -> HookRelay:
        """The hooks of `debrepo.hookspecs`, ready to call."""
        return self.plugins.hook

    @cached_property
    def config(self) -> Config:
        """The configuration: a file given by name, else ``debrepo.toml`` below the root."""
        from debrepo.config import CORE_SETTINGS, Config

        path = self.config_path or self.root / "debrepo.toml"
        declared = [setting for batch in self.hook.debrepo_settings() for setting in batch]
        found = path if self.config_path or path.exists() else None
        return Config([*CORE_SETTINGS, *declared], found, os.environ)

    @cached_property
    def db(self) -> Database:
        """The package database."""
        from debrepo.catalog import TABLES
        from debrepo.database import Database

        tables = [*TABLES, *(table for batch in self.hook.debrepo_tables() for table in batch)]
        return Database(self.root / "db", tables, map_size=self.config["database.map_size"])

    @cached_property
    def pool(self) -> Pool:
        """The package files."""
        from debrepo.pool import Pool

        return Pool(self.root / "pool")

    @cached_property
    def operations(self) -> dict[str, Operation]:
        """What the plugins can do, by name."""
        found: dict[str, Operation] = {}
        for batch in self.hook.debrepo_operations():
            for operation in batch:
                if operation.name in found:
                    raise PluginError(f"two plugins define the operation {operation.name!r}")
                found[operation.name] = operation
        return found

    def run(
        self, function: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Call an operation by its function; every door goes through here."""
        return function(self, *args, **kwargs)

    def call(self, name: str, /, **arguments: Any) -> Any:
        """Call an operation by its name, as one plugin calls what another one brings."""
        try:
            operation = self.operations[name]
        except KeyError:
            raise NotFound(
                f"no operation called {name}", hint="is the plugin that brings it disabled?"
            ) from None
        return self.run(operation.ref.load(), **arguments)

    def storage(self, endpoint: str) -> Storage:
        """Open the storage ``SCHEME:NAME``, or the default one for the empty string."""
        scheme, _, name = endpoint.partition(":")
        scheme = SCHEMES.get(scheme, scheme) or "fs"
        opener = self._named("storage scheme", scheme, self.hook.debrepo_storages())
        if name and name not in self.config.names(f"storage.{scheme}"):
            raise NotFound(
                f"no storage {scheme}:{name} is configured",
                hint=f"add [storage.{scheme}.{name}] to {self.root / 'debrepo.toml'}",
            )
        options = self.config.section(f"storage.{scheme}.{name or '*'}")
        storage: Storage = opener.load().open(name, options, self.root)
        return storage

    @cached_property
    def signer(self) -> Signer:
        """The OpenPGP back end that the configuration names."""
        name = self.config["signing.signer"]
        opener = self._named("signer", name, self.hook.debrepo_signers())
        signer: Signer = opener.load().open(self.config.section(f"signing.{name}"), self.root)
        return signer

    def _named(self, what: str, name: str, answers: list[dict[str, Ref]]) -> Ref:
        known = {key: ref for answer in answers for key, ref in answer.items()}
        try:
            return known[name]
        except KeyError:
            raise InvalidInput(
                f"no {what} called {name!r}", hint=f"there are: {', '.join(sorted(known))}"
            ) from None

    def close(self) -> None:
        """Close what was opened."""
        if "db" in self.__dict__:
            self.db.close()
