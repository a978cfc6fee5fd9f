"""Options: what plugins let a publication say, besides the fields of its document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from debrepo import fitting
from debrepo.errors import InvalidInput, PluginError
from debrepo.naming import check_default
from debrepo.options import PublicationOption
from debrepo.refs import answers, without
from debrepo_publish.model.publication import Publication

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pluggy import HookRelay

    from debrepo.session import Session
    from debrepo_publish.model.publication import Option

#: Flags of ``publish`` that set no field of a document by their name.
_TAKEN = {
    "acquire_by_hash",
    "alias",
    "as_json",
    "batch",
    "butautomaticupgrades",
    "component",
    "dry_run",
    "force",
    "force_overwrite",
    "gpg_key",
    "help",
    "json",
    "keyring",
    "markdown",
    "names",
    "notautomatic",
    "passphrase_file",
    "place",
    "q",
    "quiet",
    "same_packages",
    "secret_keyring",
    "session",
    "sign",
    "skip_bz2",
    "skip_cleanup",
    "skip_contents",
    "take_over",
    "yes_really",
}


def declared(hook: HookRelay) -> dict[str, PublicationOption]:
    """Return the options that plugins declare, by name; two of one name are an error."""
    found: dict[str, PublicationOption] = {}
    owners: dict[str, str] = {}
    for whose, brought in answers(hook.debrepo_publication_options, PublicationOption):
        for option in brought:
            name = option.name
            bare = name.removeprefix("no_")
            if not _is_name(name) or bare in Publication._fields or bare in _TAKEN:
                raise PluginError(
                    f"plugin {whose} cannot call an option of publications {name!r}",
                    hint=without(whose),
                )
            clash = next((one for one in (name, bare, f"no_{name}") if one in owners), None)
            if clash is not None:
                raise PluginError(
                    f"plugins {owners[clash]} and {whose} both declare the option {bare} of"
                    " publications",
                    hint=without(whose, one=True),
                )
            check_default(whose, f"the option {name} of publications", option.default)
            found[name], owners[name] = option, whose
    return found


def _is_name(name: str) -> bool:
    """Return whether a flag can be made of a name: lower-case words, underscores between them."""
    words = name.split("_")
    return name.isascii() and name.islower() and all(map(str.isalnum, words)) and name[0].isalpha()


def value(hook: HookRelay, publication: Publication, name: str) -> Option:
    """Return what a publication says of an option: a field of its document, or a plugin's."""
    if name in _READABLE:
        found: Option = getattr(publication, name)
        return found
    known = declared(hook)
    if name not in known:
        raise PluginError(
            f"no option of publications is called {name}",
            hint="name it in debrepo_publication_options",
        )
    default = known[name].default
    said = publication.options.get(name, default)
    return said if type(said) is type(default) else default


def option(session: Session, publication: Publication, name: str) -> Option:
    """Return an option of this plugin's own: without a word on it, the setting of that name."""
    said: Option = publication.options.get(name, session.config[f"publish.{name}"])
    return said


#: Fields of the document that kinds of index may read as if they were options.
_READABLE = {"contents"}


def checked(option: PublicationOption, given: Any) -> Option:
    """Return a value of an option; raise `InvalidInput` if it is of another type."""
    kind: Any = type(option.default)
    found: Any = tuple(given) if kind is tuple and isinstance(given, list) else given
    try:
        fitting.fitter(tuple[str, ...] if kind is tuple else kind)(found)
    except fitting.Misfit as misfit:
        raise InvalidInput(f"the option {option.name}: {misfit}") from None
    texts = found if kind is tuple else (found,) if kind is str else ()
    if not all(text.isprintable() for text in texts):
        raise InvalidInput(f"the option {option.name} has to be one line of text")
    value: Option = found
    return value


def given(
    table: Any, alone: Mapping[str, Any], declared: Mapping[str, PublicationOption]
) -> dict[str, Option]:
    """Return options that are given in a table, or alone; raise `InvalidInput` for others."""
    if not isinstance(table, dict):
        raise InvalidInput("the options have to be a table")
    found = {**table, **alone}
    unknown = [name for name in found if name not in declared]
    if unknown:
        raise InvalidInput(
            f"no plugin has an option of publications called {str(unknown[0])[:80]!r}",
            hint=f"there are: {', '.join(sorted(declared)) or 'none'}",
        )
    return {name: checked(declared[name], value) for name, value in found.items()}


def orphaned(hook: HookRelay, publication: Publication) -> list[str]:
    """Return the options of a publication that no plugin declares so: they have no effect."""
    if not publication.options:
        return []
    known = declared(hook)
    return sorted(
        name
        for name, said in publication.options.items()
        if name not in known or type(said) is not type(known[name].default)
    )
