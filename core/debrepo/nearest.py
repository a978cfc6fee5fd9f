"""The word that somebody may have meant: the nearest of those that there are."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST = 80  # characters that are compared


def nearest(word: str, known: Iterable[str], alike: float = 0.6) -> str:
    """Return the word of ``known`` that is most like ``word``, or an empty string.

    ``alike``, from 0 to 1, is how much of their letters both have to share.
    """
    from difflib import get_close_matches  # which nobody loads who makes no mistake

    return next(iter(get_close_matches(word[:_LONGEST], list(known), 1, alike)), "")


def meant(word: str, known: Iterable[str], otherwise: str) -> str:
    """Return a hint: the word that may have been meant, and what to do if it was not."""
    found = nearest(word, known)
    return f"is {found} meant? If not, {otherwise}" if found else otherwise
