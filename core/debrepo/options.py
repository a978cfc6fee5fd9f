"""Options that plugins add to publications."""

from __future__ import annotations

from debrepo.values import NamedTuple


class PublicationOption(NamedTuple):
    """An option of publications: ``commands``, with its default and one line of help.

    ``publish`` has a flag for it, ``--commands``, with ``--no-commands`` if it is ``bool``. A
    value takes the type of the default, as that of a `Setting` does.
    """

    name: str  #: lower-case words with underscores, which become hyphens in the flag
    default: str | bool | int | tuple[str, ...]
    help: str
    repeated: bool = False  #: whether each value has a flag of its own; one empty value: none
