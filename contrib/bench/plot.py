#!/usr/bin/env python3
"""Draw how each piece of work grows with the number of packages, from the numbers of `run`."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot as plt

Series = dict[str, list[tuple[int, float]]]  # by tool: number of packages, CPU seconds

_COLUMNS = 4
_COLOURS = {"debrepo": "#a80030", "aptly": "#1f77b4", "reprepro": "#2ca02c"}


def draw(numbers: Path, out: Path) -> None:
    """Write an SVG with a panel for each piece of work that was measured at several sizes."""
    panels: dict[str, Series] = defaultdict(lambda: defaultdict(list))
    for row in json.loads(numbers.read_text()):
        panels[row["work"]][row["tool"]].append((row["packages"], row["cpu"]))
    grown = {w: tools for w, tools in panels.items() if any(len(p) > 1 for p in tools.values())}
    if not grown:
        sys.exit("nothing was measured at more than one size")
    rows = -(-len(grown) // _COLUMNS)
    # Names, and not random ones: the same numbers give the same file.
    plt.rcParams.update({"svg.hashsalt": "debrepo", "svg.fonttype": "none", "font.size": 8})
    figure, axes = plt.subplots(
        rows,
        _COLUMNS,
        figsize=(3 * _COLUMNS, 2.2 * rows),
        layout="constrained",
        squeeze=False,
        sharex=True,
        sharey=True,
    )
    for axis in axes.flat[len(grown) :]:
        axis.set_axis_off()
    for axis, (work, tools) in zip(axes.flat, grown.items(), strict=False):
        for tool, points in tools.items():
            axis.loglog(*zip(*sorted(points), strict=True), marker=".", label=tool,
                        color=_COLOURS.get(tool, "#888888"))  # fmt: skip
        axis.set_title(work, fontsize=8)
        axis.minorticks_off()
        axis.grid(visible=True, alpha=0.3)
    figure.supxlabel("packages")
    figure.supylabel("CPU seconds")
    shown = {label: line for axis in axes.flat for line, label in _lines(axis)}
    figure.legend(shown.values(), shown, loc="outside upper right", ncols=len(shown))
    figure.savefig(out, metadata={"Date": None})


def _lines(axis: plt.Axes) -> list[tuple[object, str]]:
    return list(zip(*axis.get_legend_handles_labels(), strict=True))


if __name__ == "__main__":
    draw(Path(sys.argv[1]), Path(sys.argv[2]))
