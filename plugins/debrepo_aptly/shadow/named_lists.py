"""What aptly's commands for repositories, mirrors and snapshots have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo_aptly.shadow.asked import say, say_found

if TYPE_CHECKING:
    from typing import Any

    from debrepo_aptly.shadow.asked import AptlyRequest


def search(asked: AptlyRequest, kind: str) -> None:
    """Search the packages of a list."""
    name, *queries = asked.arguments
    asked.the(kind, name, "search")
    found: Any = asked.call(
        f"{kind}.search",
        name=name,
        queries=[asked.query(text) for text in queries],
        dependencies=asked.with_dependencies,
        details=bool(asked.text("format")),
    )
    say_found(found, asked.text("format"))


def rename(asked: AptlyRequest, kind: str, called: str) -> None:
    """Rename a list, of what aptly has called so: ``Local repo``."""
    old, new = asked.arguments
    asked.the(kind, old, "rename")
    asked.check_free(kind, new, "rename")
    asked.call(f"{kind}.rename", name=old, new_name=new)
    say(f"\n{called} {old} -> {new} has been successfully renamed.")
