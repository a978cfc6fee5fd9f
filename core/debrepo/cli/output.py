"""Output: results on standard output, as text for people or as JSON for programs."""

from __future__ import annotations

from itertools import groupby, islice
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from debrepo.cli.options import Style
    from debrepo.package import Package, PackageKey
    from debrepo.selection import Found, Missing

T = TypeVar("T")

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Print what would be done, without doing it."
)
force_option = click.option(
    "--force", is_flag=True, help="Drop it even if other snapshots were created from it."
)


def print_json(value: object) -> None:
    """Print ``value``; bytes become hex, tuples become lists, times ISO 8601."""
    import json

    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=_plain))


def _plain(value: Any) -> object:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return str(value)


def print_fields(fields: Mapping[str, object]) -> None:
    """Print ``Name: value`` lines; what is empty is left out."""
    for name, value in fields.items():
        if value not in ("", None, (), []):
            text = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else value
            click.echo(f"{name}: {text}")


def plain_list(found: Any, size: int, packages: Iterable[PackageKey]) -> dict[str, object]:
    """Return a repository or a snapshot as JSON has it; ``found`` is its record."""
    return {
        **found._asdict(),
        "set_id": found.set_id.hex(),
        "size": size,
        "packages": [str(key) for key in packages],
    }


def print_table(rows: Iterable[Sequence[object]], *, markdown: bool = False) -> None:
    """Print rows in aligned columns, two blanks apart; in Markdown, the first is the head."""
    lines = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    if markdown:
        lines = [[cell.replace("|", "\\|") for cell in line] for line in lines]
        lines.insert(1, ["-" * max(width, 3) for width in widths])
    left, between, right = ("| ", " | ", " |") if markdown else ("", "  ", "")
    print_lines(
        (left + between.join(map(str.ljust, line, widths)) + right).rstrip() for line in lines
    )


def print_lines(lines: Iterable[str]) -> None:
    """Print lines, many at a time: each call of echo costs as much as finding a package."""
    remaining = iter(lines)
    while batch := list(islice(remaining, _BATCH)):
        click.echo("\n".join(batch))


_BATCH = 1000  # lines


def newest_first(keys: Iterable[PackageKey]) -> list[PackageKey]:
    """Return packages as people list them: by name, and the newest version first."""
    return _newest_first(keys, lambda key: key)


def _newest_first(items: Iterable[T], key_of: Callable[[T], PackageKey]) -> list[T]:
    from debrepo.version import sort_key

    def name(item: T) -> str:
        return key_of(item).name

    ordered: list[T] = []
    for _, namesakes in groupby(sorted(items, key=name), key=name):
        versions = list(namesakes)
        if len(versions) > 1:  # else its version, which takes time to take apart, says nothing
            versions.sort(key=lambda item: sort_key(key_of(item).version), reverse=True)
        ordered += versions
    return ordered


def print_packages(keys: Iterable[PackageKey]) -> None:
    """Print packages, indented under what came before."""
    print_lines(f"  {key.display}" for key in newest_first(keys))


def print_found(found: Sequence[Found], style: Style) -> None:
    """Print the packages that a search found, in the order and the way asked for."""
    ordered = _ordered(found, style.sort)
    if style.template is not None:
        render = style.template.render
        print_lines(render(described(one.package)) for one in ordered if one.package is not None)
        return
    if style.as_json:
        plain = [{"key": str(f.key), "why": f.why} if style.with_why else str(f.key) for f in found]
        print_json(plain)
        return
    texts = ((str(one.key) if style.raw else one.key.display, one.why) for one in ordered)
    print_lines(f"{text}  ({why})" if style.with_why and why else text for text, why in texts)


def _ordered(found: Iterable[Found], sort: str) -> list[Found]:
    if sort == "name":
        return _newest_first(found, lambda one: one.key)
    from debrepo.version import sort_key

    ordered = sorted(found, key=lambda one: sort_key(one.key.version), reverse=True)
    if sort == "version":
        return ordered
    return sorted(ordered, key=lambda one: (one.key.architecture, one.key.name))


def print_changes(word: str, found: Iterable[Found], *, with_why: bool = False) -> None:
    """Print a line for each package: what happened to it, and which package pulled it in."""
    print_lines(
        f"{word:8} {one.key.display}" + (f"  ({one.why})" if with_why and one.why else "")
        for one in found
    )


def warn_missing(missing: Iterable[Missing]) -> None:
    """Say on standard error what dependencies could not be found."""
    for one in missing:
        click.echo(f"missing  {one}", err=True)


def described(package: Package) -> dict[str, object]:
    """Return what a template can say of a package: its fields, and what we know beside them."""
    key = package.key
    fields: dict[str, object] = {"Package": key.name, **package.fields()}
    if package.kind != "source" and len(package.files) == 1:
        file = package.files[0]
        fields |= {"Filename": file.name, "Size": str(file.size), "MD5sum": file.md5}
        fields |= {"SHA1": file.sha1, "SHA256": file.sha256, "SHA512": file.sha512}
    fields["Key"] = str(key)
    fields["ShortKey"] = f"P{key.architecture} {key.name} {key.version}"
    fields["FilesHash"] = key.hash
    return fields


def size(count: float) -> str:
    """Return a number of bytes as people read it: ``1.5 MiB``."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def counted(count: int, noun: str, plural: Callable[[str], str] | None = None) -> str:
    """Return ``1 package``, ``2 packages``."""
    if count == 1:
        return f"1 {noun}"
    return f"{count:,} {plural(noun) if plural else noun + 's'}"
