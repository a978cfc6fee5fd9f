"""Contexts: which kinds of index there are, and what each of them depends on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from debrepo.errors import InvalidInput, PluginError
from debrepo.index_kind import (
    OF_PACKAGES,
    OF_PUBLICATIONS,
    AnyIndexKind,
    Context,
    IndexKind,
    SortedIndexKind,
)
from debrepo.package import Kind
from debrepo.refs import claimed, owner
from debrepo.values import NamedTuple
from debrepo_publish.model import options
from debrepo_publish.model.hashing import key_of
from debrepo_publish.model.publication import COMPRESSIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pluggy import HookRelay

    from debrepo.session import Session
    from debrepo_publish.model.publication import Generation, Publication


class WantedIndex(NamedTuple):
    """A kind of index, and what it is made for in one component."""

    name: str
    plugin: str
    kind: AnyIndexKind
    context: Context

    @property
    def key(self) -> bytes:
        """A hash of all that its indexes depend on besides packages."""
        return key_of(self.name.encode(), b"%d" % self.kind.version, self.context.signature())


class Kinds(NamedTuple):
    """The kinds of index of a generation."""

    wanted: dict[str, list[WantedIndex]]  #: by component
    key: bytes  #: a hash of what they depend on besides packages and components

    def read(self, component: str, what: str) -> list[WantedIndex]:
        """Return the kinds that read something of the packages of a component."""
        return [one for one in self.wanted[component] if what in one.kind.reads]


def kinds(session: Session, publication: Publication, generation: Generation) -> Kinds:
    """Return what is wanted for each component of a generation; sorted lines come last.

    Indexes get their names in this order, and clients ask for Packages before Contents.
    """
    brought = sorted(_brought(session.hook), key=lambda one: isinstance(one[2], SortedIndexKind))
    keys: list[bytes] = []
    for name, plugin, kind in brought:
        context = _context(
            session, publication, generation, "", WantedIndex(name, plugin, kind, _NONE)
        )
        said = context.signature(without=["component"])
        keys += (name.encode(), b"%d" % kind.version, said)
    wanted: dict[str, list[WantedIndex]] = {component: [] for component in generation.parts}
    for component, found in wanted.items():
        for name, plugin, kind in brought:
            one = WantedIndex(name, plugin, kind, _NONE)
            context = _context(session, publication, generation, component, one)
            if kind.applies(context):
                found.append(one._replace(context=context))
    return Kinds(wanted, key_of(*keys))


_NONE = Context({})


def _brought(hook: HookRelay) -> Iterator[tuple[str, str, AnyIndexKind]]:
    """Yield the kinds of index that plugins bring: name, plugin, and an instance."""
    refs = claimed(hook.debrepo_index_kinds, "kind of index")
    for name, ref in sorted(refs.items()):
        plugin, found = owner(hook.debrepo_index_kinds, name), ref.load()
        if not isinstance(found, type) or not issubclass(found, (IndexKind, SortedIndexKind)):
            raise PluginError(f"the kind of index {name} of plugin {plugin} is no IndexKind")
        missing = sorted(found.__abstractmethods__)
        if missing:
            raise PluginError(
                f"the kind of index {name} of plugin {plugin} does not define {missing[0]}"
            )
        if issubclass(found, SortedIndexKind) and "extract" in found.reads:
            raise PluginError(
                f"the kind of index {name} of plugin {plugin} is of sorted lines, which are not"
                " made of extracts"
            )
        for verb, named, known in (
            ("read", found.reads, (*OF_PACKAGES, *OF_PUBLICATIONS)),
            ("take", found.takes, get_args(Kind)),
        ):
            unknown = sorted(set(named) - set(known))
            if unknown:
                raise PluginError(
                    f"the kind of index {name} of plugin {plugin} cannot {verb} {unknown[0]!r}",
                    hint=f"there are: {', '.join(known)}",
                )
        yield name, plugin, found()


def _context(
    session: Session,
    publication: Publication,
    generation: Generation,
    component: str,
    one: WantedIndex,
) -> Context:
    """Return the part of a publication that a kind reads."""
    kind = one.kind
    origin, label = publication.names
    everything = {
        "component": component,
        "architectures": generation.architectures,
        "digests": publication.sums,
        "source": publication.has_source(generation.parts),
        "distribution": publication.distribution,
        "suite": publication.suite or publication.distribution,
        "codename": publication.codename or publication.distribution,
        "origin": origin,
        "label": label,
        "version": publication.version,
    }
    try:
        settings = {name: session.config[name] for name in kind.settings}
    except InvalidInput as error:
        raise PluginError(f"the kind of index {one.name} of plugin {one.plugin}: {error}") from None
    return Context(
        {name: value for name, value in everything.items() if name in kind.reads},
        {name: options.value(session.hook, publication, name) for name in kind.options},
        settings,
    )


def header(wanted: WantedIndex, path: str) -> bytes:
    """Return what stands once at the start of an index; raise `PluginError` if it is no bytes."""
    found: object = wanted.kind.header(path, wanted.context)
    if not isinstance(found, bytes):
        raise _wrong(wanted, f"a header that is no bytes: {found!r}")
    return found


def expected(wanted: WantedIndex) -> list[str]:
    """Return the indexes that exist even without packages; raise `PluginError` for others."""
    found: Any = wanted.kind.expected(wanted.context)
    if isinstance(found, str) or not hasattr(found, "__iter__"):
        raise _wrong(wanted, f"no list of expected indexes: {found!r}")
    return list(checked(wanted, dict.fromkeys(found, b"")))


def compressions(wanted: WantedIndex, of_publication: tuple[str, ...]) -> list[str]:
    """Return those of a publication that a kind chooses; raise `PluginError` for unknown ones."""
    chosen: Any = wanted.kind.compressions(of_publication)
    if not isinstance(chosen, (tuple, list)) or not {*chosen} <= {*COMPRESSIONS}:
        raise _wrong(wanted, f"compressions that do not exist: {chosen!r}")
    return [name for name in of_publication if name in chosen]


def _wrong(wanted: WantedIndex, what: str) -> PluginError:
    return PluginError(f"the kind of index {wanted.name} of plugin {wanted.plugin} gives {what}")


def checked(wanted: WantedIndex, texts: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the text of indexes by path; raise `PluginError` if something is no path or text."""
    if not hasattr(texts, "items"):
        raise _wrong(wanted, f"no texts by path: {texts!r:.80}")
    for path, text in texts.items():
        parts = path.split("/")
        what = ""
        if {"", ".", "..", "by-hash"} & set(parts) or not path.isprintable() or " " in path:
            what = "a path that is not below a component"
        elif not isinstance(text, bytes):
            what = f"a {type(text).__name__} instead of bytes"
        if what:
            raise _wrong(wanted, f"{what}: {path!r}")
    return dict(texts)
