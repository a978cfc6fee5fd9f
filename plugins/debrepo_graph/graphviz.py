"""Graphviz: pictures in SVG, PNG, JPEG and PDF."""

from __future__ import annotations

import subprocess

from debrepo import stopping
from debrepo.errors import PluginError

#: Seconds after which a picture is given up: ten thousand frames take less.
PATIENCE = 300


def draw(dot: str, form: str, *, program: str = "dot") -> bytes:
    """Return what Graphviz makes of a picture in DOT."""
    try:
        done = stopping.run([program, f"-T{form}"], dot.encode(), timeout=PATIENCE)
    except FileNotFoundError:
        raise PluginError(
            f"{form} needs Graphviz, and there is no program {program!r} here",
            hint="install graphviz, or use --format text, dot or mermaid",
        ) from None
    except subprocess.TimeoutExpired:
        raise PluginError(
            f"Graphviz did not finish the picture within {PATIENCE} seconds",
            hint='run "debrepo graph KIND:NAME" to draw less',
        ) from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        reason = said[0] if said else f"it ended with {done.returncode}"
        raise PluginError(f"Graphviz could not draw: {reason}")
    return done.stdout
