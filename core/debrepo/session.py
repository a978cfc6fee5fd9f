"""The session: what one command, or one server process, works with."""

from __future__ import annotations

import os
from copy import copy
from threading import RLock
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from debrepo.calls import Call
from debrepo.errors import DebrepoError, InvalidInput, NotFound
from debrepo.progress import Progress
from debrepo.refs import Operation, Setting, TableRef, claimed, declared, load_class, unknown_names
from debrepo.uploads import AREA

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import Self

    from pluggy import HookCaller, HookRelay, PluginManager

    from debrepo.config import Config
    from debrepo.database import Database, Transaction
    from debrepo.database.asking import Steady
    from debrepo.database.store import SharedStore
    from debrepo.leases import LeaseKeeper
    from debrepo.pool import Pool
    from debrepo.refs import Ref
    from debrepo.signing import Signer
    from debrepo.storage import Storage
    from debrepo.transport import Transport, TransportOptions

P = ParamSpec("P")
T = TypeVar("T")


class opened_once(Generic[T]):  # noqa: N801  # it is used as one uses a function
    """What a session opens on first use, for itself and for those derived from it."""

    def __init__(self, opener: Callable[[Any], T]) -> None:
        self._opener = opener
        self.__doc__ = opener.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, session: None, owner: type) -> Self: ...
    @overload
    def __get__(self, session: Session, owner: type) -> T: ...
    def __get__(self, session: Session | None, owner: type) -> Self | T:
        if session is None:
            return self
        with session.whole.opening:
            opened = session.whole.__dict__
            if self._name not in opened:
                opened[self._name] = self._opener(session.whole)
            found: T = opened[self._name]
            return found


class Session:
    """A root directory and the plugins; everything else opens on first use.

    Operations, and requests to a server, get a session derived from the one of the process:
    it shares all that is open, and knows what is being done and on whose behalf.
    """

    def __init__(
        self,
        root: Path,
        plugins: PluginManager,
        *,
        config_path: Path | None = None,
        progress: Progress | None = None,
        read_only: bool = False,
        copied: bool = False,
    ) -> None:
        self.root = root
        self.plugins = plugins
        self.config_path = config_path
        self.progress = progress or Progress()
        self.read_only = read_only
        self.copied = (
            copied  #: whether the database is a copy, below the root whatever is configured
        )
        self.whole = self
        self.opening = RLock()  # the threads of a server may be the first to use something
        self.actor = ""  #: on whose behalf; empty: the user who runs this process
        self._area: Path | None = None
        self._check: Callable[[Call], None] | None = None
        self._call: Call | None = None
        self._steady: Steady | None = None

    def acting(
        self,
        *,
        actor: str,
        progress: Progress | None = None,
        check: Callable[[Call], None] | None = None,
    ) -> Session:
        """Return a session on behalf of ``actor``, that shares all that is open.

        ``check`` is asked about every operation before it begins, and raises `NotAllowed`;
        not about those that an operation calls in its turn. What an operation is called with
        has to be of the types that it states, and files have to lie in the upload area.
        """
        part = copy(self)
        part.actor = actor
        part.progress = progress or self.progress
        part._check = check  # noqa: SLF001  # of this class
        return part

    def receiving(self, area: Path) -> Session:
        """Return a session for files that a route has received below a directory of its own."""
        part = copy(self)
        part._area = area  # noqa: SLF001  # of this class
        return part

    @property
    def uploads(self) -> Path:
        """What uploaded files lie below: the root, or what all nodes of a cluster share."""
        below: str = self.config["uploads.directory"]
        return self.root / os.path.expanduser(below)  # noqa: PTH111  # of a string

    @property
    def area(self) -> Path:
        """What the files lie below that a caller may name."""
        return self._area or self.uploads / AREA

    @property
    def has_own_area(self) -> bool:
        """Whether a route has received the files, into a directory of its own."""
        return self._area is not None

    @property
    def hook(self) -> HookRelay:
        """The hooks of `debrepo.hookspecs`, ready to call."""
        return self.plugins.hook

    @opened_once
    def config(self) -> Config:
        """The configuration: a file given by name, else ``debrepo.toml`` below the root."""
        from debrepo import naming
        from debrepo.config import CORE_SETTINGS, Config, own_file

        path = own_file(self.root)
        settings = declared(self.hook.debrepo_settings, "setting", Setting, CORE_SETTINGS)
        naming.check_settings(self.hook.debrepo_settings, settings)
        # A manager that pluggy made, and not `load_plugins`, has nothing disabled.
        disabled = getattr(self.plugins, "disabled_settings", tuple)
        return Config(settings, self.config_path or path, os.environ, disabled)

    @property
    def database_url(self) -> str:
        """Where the database is, if not in LMDB below the root."""
        return "" if self.copied else str(self.config["database.url"])

    @property
    def db(self) -> Database:
        """The package database; the audit log records what an operation writes there."""
        database: Database = self._db
        if self._steady is not None:
            database = database.seen(self._steady)
        return database if self._call is None else database.watched(self._account())

    def seeing(self, steady: Steady | None) -> Session:
        """Return a session on what `Database.steady` has yielded; ``None``: as it is now."""
        part = copy(self)
        part._steady = steady  # noqa: SLF001  # of this class
        return part

    @opened_once
    def _db(self) -> Database:
        from debrepo import freezing, naming
        from debrepo.catalog import TABLES
        from debrepo.database import Database

        tables = declared(self.hook.debrepo_tables, "table", TableRef, TABLES)
        naming.check_tables(self.hook.debrepo_tables)
        freezing.check_restored(self.root)
        path, size = self.root / "db", self.config["database.map_size"]
        store = self.shared_store(url) if (url := self.database_url) else None
        return Database(path, tables, map_size=size, read_only=self.read_only, store=store)

    def shared_store(self, url: str) -> SharedStore:
        """Open the store that a URL names, by the plugin that brings its scheme."""
        from debrepo.database import store as stores

        if not self.read_only:
            stores.make_root(self.root)
        kind: Any = stores.SharedStore
        scheme, options = stores.scheme_of(url), self.config.section("database")
        ref = self._claimed(self.hook.debrepo_databases, "database scheme", scheme)
        opener = load_class(ref, kind)
        store: SharedStore = opener.open(url, options, self.root, read_only=self.read_only)
        return store

    @opened_once
    def pool(self) -> Pool:
        """The package files."""
        from debrepo.pool import Pool

        return Pool(self.root / "pool")

    @opened_once
    def leases(self) -> LeaseKeeper:
        """Who works on which name, among all that share the database."""
        from debrepo.leases import FileLeases

        brought = self._db.lease_keeper() if self.database_url else None
        return brought or FileLeases(self.root)

    @opened_once
    def _publisher(self) -> str:
        from debrepo import fencing

        return fencing.publisher(self._db)

    @opened_once
    def operations(self) -> dict[str, Operation]:
        """What the plugins can do, by name."""
        from debrepo.naming import check_scopes

        found = declared(self.hook.debrepo_operations, "operation", Operation)
        check_scopes(self.hook.debrepo_operations, found)
        return {one.name: one for one in found}

    def run(
        self, function: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Call an operation by its function; every door goes through here."""
        result: T = self._do(Call(self, function, args, kwargs))
        return result

    def call(self, name: str, /, **arguments: Any) -> Any:
        """Call an operation by its name, as one plugin calls what another one brings."""
        try:
            operation = self.operations[name]
        except KeyError:
            raise NotFound(
                f"no operation called {name}", hint="the plugin that provides it may be disabled"
            ) from None
        function = operation.ref.load()
        if unknown_names(function, arguments):
            from debrepo.arguments import check_names  # which no command line waits for

            check_names(name, function, arguments)
        return self._do(Call(self, function, (), arguments, operation))

    def _do(self, call: Call) -> Any:
        _ = self.config  # says what is wrong with a root, before a lease or the pool meets it
        if self._check is not None:
            self._admit(call, self._check)
        part = copy(self)
        part._check = None  # noqa: SLF001  # of this class
        part._call = call  # noqa: SLF001  # of this class
        return call.function(part, *call.args, **call.kwargs)

    def _admit(self, call: Call, check: Callable[[Call], None]) -> None:
        """Raise unless a caller may do this, with these arguments; the log has a line for it."""
        try:
            call.fit()
            check(call)
            call.check_links()
        except DebrepoError as error:
            from logging import getLogger  # which no command line waits for

            said = str(error).encode("unicode_escape").decode()
            name = call.operation.name
            getLogger("debrepo.operations").warning("%s: refused %s: %s", self.actor, name, said)
            raise

    def spelled(self, what: str, text: str) -> str:
        """Return the one spelling that an argument called ``what`` has in scopes."""
        known = claimed(self.hook.debrepo_spellings, "spelling of")
        return str(known[what].load()(text)) if what in known else text

    def storage(self, endpoint: str) -> Storage:
        """Open the storage ``SCHEME:NAME``, or the default one for the empty string."""
        scheme, _, name = endpoint.partition(":")
        scheme = scheme or "fs"
        opener = self._claimed(self.hook.debrepo_storages, "storage scheme", scheme)
        if name and name not in self.config.names(f"storage.{scheme}"):
            raise NotFound(
                f"no storage {scheme}:{name} is configured",
                hint=f"add [storage.{scheme}.{name}] to {self.root / 'debrepo.toml'}",
            )
        names = self.config.names(f"storage.{scheme}") if endpoint and not name else ()
        if names and "default" not in names:
            raise InvalidInput(
                f"no storage {scheme} without a name is configured",
                hint=f"name one, and a prefix after it: {scheme}:{names[0]}:.",
            )
        options = self.config.section(f"storage.{scheme}.{name or 'default'}")
        from debrepo import freezing
        from debrepo import storage as storages

        storage: Storage = load_class(opener, storages.Storage).open(name, options, self.root)
        if self.database_url:
            from debrepo import fencing

            storage = fencing.guard(storage, self.leases.check, lambda: self._publisher)
        why = self.frozen
        return freezing.guard(storage, why) if why else storage

    @property
    def frozen(self) -> str:
        """Why nothing is written to storages; empty: it is."""
        from debrepo import freezing

        return freezing.reason(self.root, configured=self.config[freezing.SETTING])

    def check_thawed(self) -> None:
        """Raise `InUse` if nothing may be written to storages, before anything is begun."""
        if why := self.frozen:
            from debrepo.freezing import refusal

            raise refusal(why)

    def check_begun(self) -> None:
        """Raise `NotFound` where there is no database: what is made now would be all right."""
        if not self.database_url and not (self.root / "db").exists():
            raise NotFound(
                f"there is no database in {self.root}",
                hint='name another directory with --root, or begin with "debrepo repo create NAME"',
            )

    def transport(self, url: str, options: TransportOptions) -> Transport:
        """Open the transport for the scheme of a URL; the caller closes it."""
        from dataclasses import replace

        scheme, mark, _ = url.partition("://")
        known = claimed(self.hook.debrepo_transports, "transport")
        if not mark or scheme.lower() not in known:
            from debrepo.credentials import bare

            raise InvalidInput(
                f"no transport for {bare(url)[:200]}",
                hint=f"it can begin with {', '.join(f'{name}://' for name in sorted(known))};"
                " plugins bring more",
            )
        options = replace(options, opener=self.transport)
        from debrepo import transport as transports

        opener = load_class(known[scheme.lower()], transports.Transport)
        transport: Transport = opener.open(options)
        return transport

    @opened_once
    def signer(self) -> Signer:
        """The OpenPGP back end that the configuration names."""
        return self._signer({})

    def signing_with(self, **options: Any) -> Session:
        """Return a session whose signer has other settings: ``passphrase_file``."""
        part = copy(self)
        part.__dict__["signer"] = self._signer(options)
        return part

    def _signer(self, options: Mapping[str, Any]) -> Signer:
        from debrepo import signing

        name = self.config["signing.signer"]
        opener = self._claimed(self.hook.debrepo_signers, "signer", name)
        settings = {**self.config.section(f"signing.{name}"), **options}
        signer: Signer = load_class(opener, signing.Signer).open(settings, self.root)
        return signer

    def _claimed(self, hook: HookCaller, what: str, name: str) -> Ref:
        known = claimed(hook, what)
        try:
            found: Ref = known[name]
        except KeyError:
            raise InvalidInput(
                f"no {what} called {name!r}", hint=f"there are: {', '.join(sorted(known))}"
            ) from None
        return found

    def _account(self) -> Callable[[Transaction], None]:
        """Return what tells the plugins of each transaction in which this operation writes."""
        call = self._call

        def tell(txn: Transaction) -> None:
            hook = self.hook.debrepo_changing
            if call is not None and hook.get_hookimpls() and call.is_news(txn):
                hook(txn=txn, call=call)

        return tell

    @property
    def used(self) -> bool:
        """Whether the database has been opened."""
        return "_db" in self.whole.__dict__

    def close(self) -> None:
        """Close what was opened."""
        if "_db" in self.__dict__:
            self._db.close()
