"""The API page: what plugins may use, from the source; cog calls `section`.

`python docs/api.py` writes the list of what is stable, which a test compares with the code.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

LIST = Path(__file__).parents[1] / "tests" / "stable_api.txt"
ROOT = Path(__file__).parents[1]

#: The sections of the page, and what is stable: ``module:name``, or the public names of a module.
STABLE: dict[str, tuple[str, ...]] = {
    "names": (
        "debrepo:Ref",
        "debrepo:Command",
        "debrepo:Operation",
        "debrepo:Setting",
        "debrepo:PublicationOption",
        "debrepo:TableRef",
        "debrepo:BackgroundJob",
    ),
    "session": ("debrepo.session:Session", "debrepo.calls:Call"),
    "settings": ("debrepo.config:Config",),
    "tables": (
        "debrepo.database:json_table",
        "debrepo.database:bytes_table",
        "debrepo.database:Table",
        "debrepo.database:Database",
        "debrepo.database:Transaction",
        "debrepo.database:TableView",
    ),
    "packages": (
        "debrepo.package:Package",
        "debrepo.package:PackageKey",
        "debrepo.package:PackageFile",
        "debrepo.package:PackageList",
        "debrepo.arrival:Arrival",
        "debrepo.version:sort_key",
        "debrepo.version:compare",
    ),
    "catalog": (
        "debrepo.catalog:get",
        "debrepo.catalog:get_many",
        "debrepo.catalog:find",
        "debrepo.catalog:keep",
    ),
    "packageset": (
        "debrepo.packageset:entries",
        "debrepo.packageset:find",
        "debrepo.packageset:count",
        "debrepo.packageset:contains",
        "debrepo.packageset:group",
        "debrepo.packageset:build",
        "debrepo.packageset:update",
        "debrepo.packageset:diff",
        "debrepo.packageset:Difference",
        "debrepo.packageset:union",
        "debrepo.packageset:intersection",
        "debrepo.packageset:difference",
        "debrepo.packageset:latest",
    ),
    "lists": (
        "debrepo.lists:get",
        "debrepo.lists:parse",
        "debrepo.lists:check_name",
        "debrepo.lists:users",
        "debrepo.lists:check_unused",
        "debrepo.selection:parse",
        "debrepo.selection:members",
        "debrepo.selection:search",
    ),
    "publications": ("debrepo.published:PublicationState", "debrepo.published:Superseded"),
    "storage": (
        "debrepo.storage:Storage",
        "debrepo.storage:PoolLink",
        "debrepo.storage:Stat",
        "debrepo.storage:check_path",
        "debrepo.storage:content_type",
        "debrepo.storage:somebody_elses",
        "debrepo.object_storage:ObjectStorage",
        "debrepo.object_storage:Object",
        "debrepo.object_storage:Headers",
        "debrepo.object_storage:side_by_side",
    ),
    "services": (
        "debrepo.service_storage:ServiceStorage",
        "debrepo.service_storage:NamesPage",
        "debrepo.wire.web_service:WebService",
        "debrepo.wire.web_service:Conduct",
        "debrepo.wire.web_service:SignedRequest",
        "debrepo.wire.transfer:WireAnswer",
        "debrepo.wire.refusals:Reason",
        "debrepo.wire.slices:Slice",
    ),
    "signer": (
        "debrepo.signing:Signer",
        "debrepo.signing:SigningKey",
        "debrepo.signing:Signatures",
        "debrepo.signing:MadeSignature",
        "debrepo.signing:KeyRotation",
    ),
    "transport": (
        "debrepo.transport:Transport",
        "debrepo.transport:TransportOptions",
        "debrepo.transport:Want",
        "debrepo.transport:Fetched",
        "debrepo.transport:Validators",
    ),
    "index kinds": (
        "debrepo.index_kind:IndexKind",
        "debrepo.index_kind:WholeIndexKind",
        "debrepo.index_kind:SortedIndexKind",
        "debrepo.index_kind:AnyIndexKind",
        "debrepo.index_kind:Published",
        "debrepo.index_kind:Context",
    ),
    "long work": (
        "debrepo.progress:Progress",
        "debrepo.progress:Meter",
        "debrepo.stopping:each",
        "debrepo.stopping:checkpoint",
        "debrepo.stopping:run",
        "debrepo.leases:LeaseKeeper",
        "debrepo.leases:hold",
        "debrepo.leases:held",
        "debrepo.leases:Lease",
    ),
    "errors": ("debrepo.errors:DebrepoError",),
    "commands": (
        "debrepo.cli.completion:Name",
        "debrepo.cli.completion:of_lists",
        "debrepo.cli.output:print_json",
        "debrepo.cli.output:print_table",
        "debrepo.cli.output:print_fields",
        "debrepo.cli.output:counted",
        "debrepo.cli.output:size",
    ),
    "http": (
        "debrepo.http:Routes",
        "debrepo.http:opens",
        "debrepo.http:Door",
        "debrepo.http:Answer",
        "debrepo.http:json_answer",
        "debrepo.http:known_as",
        "debrepo.permissions:Caller",
    ),
    "notices": ("debrepo.notices:Retry", "debrepo.arrival:RefusedPackage"),
    "metrics": (
        "debrepo.metrics:Metric",
        "debrepo.metrics:Requests",
        "debrepo.metrics:Amounts",
    ),
    "health": ("debrepo.health:Checkup", "debrepo.health:Concern"),
    "links": ("debrepo.package:Link", "debrepo.package:Node"),
    "testing": (
        "debrepo.testing:StorageContract",
        "debrepo.testing:ServiceContract",
        "debrepo.testing:ObjectStoreContract",
        "debrepo.testing:SignerContract",
        "debrepo.testing:TransportContract",
        "debrepo.testing:IndexKindContract",
        "debrepo.testing.fixtures:debrepo_root",
        "debrepo.testing.fixtures:debrepo_disabled",
        "debrepo.testing.fixtures:debrepo_plugins",
        "debrepo.testing.fixtures:debrepo",
        "debrepo.testing.fixtures:session",
        "debrepo_server.testing:api",
        "debrepo_server.testing:serving",
        "debrepo.testing.packages:build_deb",
        "debrepo.testing.packages:build_source",
    ),
}

#: Classes whose objects plugins are given: how they are made may change.
GIVEN = {
    "Call", "Config", "Context", "Database", "Door", "Fetched", "Progress", "Session", "TableView",
    "Transaction", "Want",
}  # fmt: skip
#: What is public for other parts of debrepo, and nothing for plugins to rely on.
UNSTABLE = {
    "Call.check_links", "Call.fit",
    "Config.__iter__", "Config.declared", "Config.idle", "Config.override",
    "Database.backup", "Database.close", "Database.copy", "Database.serial", "Database.stats",
    "Database.watched", "Database.written",
    "Door.in_turn", "Door.kept",
    "Progress.end",
    "Session.acting", "Session.close", "Session.receiving", "Session.signing_with",
    "Session.spelled", "Session.used",
    "TableView.faults", "Transaction.run_actions",
}  # fmt: skip

_SPECIAL = ("__getitem__", "__setitem__", "__contains__", "__iter__")


class Described(NamedTuple):
    """A name with its signature as it stands in the source, and what its docstring says."""

    name: str
    signature: str
    text: str

    def __str__(self) -> str:
        return f"{self.name}{self.signature}"


def section(name: str) -> str:
    """Return the reference of one section of the page."""
    text = "\n".join(_described(target) for target in STABLE[name])
    return text.replace("]]]", "]] ]")  # cog ends a block at three of them


def stable() -> list[str]:
    """Return a line for each stable name, with its signature."""
    return [
        f"{target.partition(':')[0]}:{found}"
        for targets in STABLE.values()
        for target in targets
        for found in members(target)
        if found.name not in UNSTABLE
    ]


def quoted(path: str, *names: str, language: str = "python") -> str:
    """Return a file of the checkout as a fenced block, or the definitions called ``names``."""
    text = (ROOT / path).read_text()
    if names:
        lines = text.splitlines()
        found = {
            node.name: "\n".join(lines[_start(node) - 1 : node.end_lineno])
            for node in ast.parse(text).body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        }
        text = "\n\n\n".join(found[name] for name in names)
    return f"```{language}\n{text.strip()}\n```"


def _start(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> int:
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])


def _described(target: str) -> str:
    head, *others = (one for one in members(target) if one.name not in UNSTABLE)
    module = target.partition(":")[0]
    shown = f"### {head.name}\n\n```python\nfrom {module} import {head.name}\n"
    if head.signature:
        shown += f"\n{head}\n"
    shown += "```\n\n" + _prose(head.text) + "\n"
    if others:
        rows = (f"- `{other}`" + _after(other.text) for other in others)
        shown += "\n" + "\n".join(rows) + "\n"
    return shown


def _after(text: str) -> str:
    """Return what stands behind a signature: the summary, and what else is said below it."""
    summary, _, rest = text.partition("\n\n")
    said = f": {' '.join(summary.split())}" if summary else ""
    return f"{said}\n\n{textwrap.indent(_prose(rest), '  ')}\n" if rest else said


def _prose(text: str) -> str:
    """Return a docstring as Markdown: ``literals`` and `references` become code."""
    return re.sub(r"::\n\n((?:[ ]{4}.*\n?|\n)+)", _block, text + "\n").strip()


def _block(found: re.Match[str]) -> str:
    return ":\n\n```python\n" + textwrap.dedent(found[1]).strip("\n") + "\n```\n\n"


def members(target: str) -> list[Described]:
    """Return what a name stands for, and the public members of a class."""
    module, _, name = target.partition(":")
    value = getattr(import_module(module), name)
    value = getattr(value, "_fixture_function", value)  # as pytest wraps it
    value = getattr(value, "__wrapped__", value)
    node = ast.parse(textwrap.dedent(inspect.getsource(value))).body[0]
    text = inspect.cleandoc(ast.get_docstring(node) or "")  # type: ignore[arg-type]
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return [Described(name, _signature(node), text)]
    assert isinstance(node, ast.ClassDef)
    fields = [_field(one) for one in node.body if _is_public_field(one)]
    tuples = any(ast.unparse(base).startswith("NamedTuple") for base in node.bases)
    inits = [one for one in node.body if getattr(one, "name", "") == "__init__"]
    signature = f"({', '.join(fields)})" if tuples else "".join(map(_without_self, inits[:1]))
    signature = "" if name in GIVEN else signature
    if name.endswith("Contract"):
        return [Described(name, "", text), *_fixtures(node, name)]
    attributes = [] if tuples else [Described(f"{name}.{field}", "", "") for field in fields]
    return [Described(name, signature, text), *attributes, *_methods(node, name)]


def _is_public_field(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and not node.target.id.startswith("_")
    )


def _field(node: ast.stmt) -> str:
    return ast.unparse(node)


def _methods(node: ast.ClassDef, name: str) -> Iterator[Described]:
    for one in node.body:
        if not isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if one.name.startswith("_") and one.name not in _SPECIAL:
            continue
        text = inspect.cleandoc(ast.get_docstring(one) or "")
        marks = {ast.unparse(decorator) for decorator in one.decorator_list}
        if marks & {"property", "cached_property", "opened_once"}:
            yield Described(f"{name}.{one.name}", f": {ast.unparse(one.returns)}", text)  # type: ignore[arg-type]
        elif "overload" not in marks:
            yield Described(f"{name}.{one.name}", _without_self(one), text)


def _fixtures(node: ast.ClassDef, name: str) -> Iterator[Described]:
    """Return what a subclass of a contract says: fixtures to override, and attributes."""
    for one in node.body:
        if _is_public_field(one):
            yield Described(f"{name}.{_field(one)}", "", "")
        elif isinstance(one, ast.FunctionDef) and not one.name.startswith(("test_", "_")):
            text = inspect.cleandoc(ast.get_docstring(one) or "")
            yield Described(f"{name}.{one.name}", _without_self(one), text)


def _without_self(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    static = any(ast.unparse(one) == "staticmethod" for one in node.decorator_list)
    arguments = node.args.posonlyargs or node.args.args
    if arguments and not static:
        del arguments[0]
        if node.args.posonlyargs == [] and ast.unparse(node.args).startswith("/"):
            return _signature(node).replace("(/, ", "(", 1)
    return _signature(node)


def _signature(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    if node.name == "__init__":
        returns = ""
    return f"({ast.unparse(node.args)}){returns}"


if __name__ == "__main__":
    LIST.write_text("\n".join(stable()) + "\n")
