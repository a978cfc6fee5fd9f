"""The limits that real packages are held to, and what was measured against them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tools import ADD, ADD_CONTENTS, ADD_PUBLISH, DIGESTS, LARGE, MIRROR

if TYPE_CHECKING:
    from meter import Reading, Results


class Limit(NamedTuple):
    """How many times what something else takes a piece of work may take."""

    work: str
    quantity: str  # a field of a reading
    most: float
    tool: str = "aptly"
    of: str = ""  # the other's work, where it is another


LIMITS = [
    Limit(ADD, "cpu", 0.6),
    Limit(ADD, "wall", 0.6),
    Limit(ADD_PUBLISH, "cpu", 0.6),
    Limit(ADD_PUBLISH, "wall", 0.6),
    Limit(ADD_CONTENTS, "cpu", 0.75),
    Limit(ADD_CONTENTS, "wall", 0.5),
    Limit(LARGE, "cpu", 1.2, "debrepo", DIGESTS),
]
PEAK = 150  # MB of the largest process, whatever it does
MIRROR_LIMITS = [
    Limit(MIRROR.first, "cpu", 1 / 3),
    Limit(MIRROR.changed, "cpu", 0.1),
    Limit(MIRROR.show, "cpu", 1.0),
    Limit(MIRROR.listed, "cpu", 1.0),
    Limit(MIRROR.search, "cpu", 1.0),
]
MIRROR_PEAK = 250  # MB
NOTHING_NEW = 0.25  # seconds of wall time, start-up included


def holds(results: Results) -> str:
    """Return each limit beside what was measured, as a table in Markdown."""
    lines = _ratios(results, LIMITS)
    peaks = [by_tool["debrepo"].peak / 1e6 for by_tool in results.values() if "debrepo" in by_tool]
    if peaks:
        lines.append(_line("the largest process of all of them, MB", "", PEAK, max(peaks), ".0f"))
    return "\n".join(lines) + "\n"


def mirror_holds(results: Results, requests: dict[str, dict[str, int]]) -> str:
    """Return the limits of mirrors beside what was measured, as a table in Markdown."""
    lines = _ratios(results, MIRROR_LIMITS)
    if "debrepo" in results[MIRROR.first]:
        peak = results[MIRROR.first]["debrepo"].peak / 1e6
        lines.append(_line(f"{MIRROR.first}, peak, MB", "", MIRROR_PEAK, peak, ".0f"))
        wall, asked = results[MIRROR.same]["debrepo"].wall, requests[MIRROR.same]["debrepo"]
        lines.append(_line(f"{MIRROR.same}, seconds", "", NOTHING_NEW, wall, ".2f"))
        lines.append(_line(f"{MIRROR.same}, requests", "", 1, asked, ".0f"))
    return "\n".join(lines) + "\n"


def _ratios(results: Results, limits: list[Limit]) -> list[str]:
    lines = ["### Held to", "", "| work | of | at most | measured | |", "|---|---|--:|--:|---|"]
    for limit in limits:
        ours = _reading(results, limit.work, "debrepo")
        theirs = _reading(results, limit.of or limit.work, limit.tool)
        if ours and theirs:
            measured = getattr(ours, limit.quantity) / getattr(theirs, limit.quantity)
            name = {"cpu": "CPU", "wall": "wall time"}[limit.quantity]
            of = limit.of or f"{limit.tool}'s"
            lines.append(_line(f"{limit.work}, {name}", of, limit.most, measured, ".2f"))
    return lines


def _reading(results: Results, work: str, tool: str) -> Reading | None:
    return results.get(work, {}).get(tool)


def _line(work: str, of: str, most: float, measured: float, form: str) -> str:
    verdict = "held" if measured <= most else "**not held**"
    return f"| {work} | {of} | {most:.3g} | {measured:{form}} | {verdict} |"
