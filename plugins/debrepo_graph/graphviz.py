"""Graphviz: pictures in SVG, PNG, JPEG and PDF."""

from __future__ import annotations

import subprocess

from debrepo.errors import PluginError

#: Seconds after which a picture is given up: ten thousand frames take less.
PATIENCE = 300


def draw(dot: str, form: str, *, program: str = "dot") -> bytes:
    """Return what Graphviz makes of a picture in DOT."""
    try:
        done = subprocess.run(
            [program, f"-T{form}"],
            input=dot.encode(),
            capture_output=True,
            timeout=PATIENCE,
            check=True,
        )
    except FileNotFoundError:
        raise PluginError(
            f"{form} needs Graphviz, and there is no program {program!r} here",
            hint="install graphviz, or choose --format text, dot or mermaid, which need nothing",
        ) from None
    except subprocess.TimeoutExpired:
        raise PluginError(
            f"Graphviz did not finish the picture within {PATIENCE} seconds",
            hint="draw less: debrepo graph KIND:NAME",
        ) from None
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip().splitlines()
        raise PluginError(f"Graphviz could not draw: {said[0] if said else error}") from None
    return done.stdout
