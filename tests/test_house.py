"""The house rules that no linter checks."""

import ast
import inspect
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import click
import pytest

from debrepo.cli import LazyCommand, build_cli
from debrepo.plugins import load_plugins

ROOT = Path(__file__).parents[1]
PLUGINS = sorted(path.parent.name for path in ROOT.glob("plugins/debrepo_*/__init__.py"))
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
MODULES = sorted([*ROOT.glob("core/**/*.py"), *ROOT.glob("plugins/**/*.py")])

#: What may stand at the top level of the tree.
TOP = {
    "LICENSE", "README.md", "contrib", "core", "docs", "findings", "plugins", "pyproject.toml",
    "tests",
}  # fmt: skip
#: The rooms that have the same name in every plugin; the others are its nouns: its model.
ROOMS = {"__init__", "plugin", "operations", "cli", "api", "tables"}
#: What would be a name for nothing in particular.
VAGUE = {"utils", "helpers", "common", "misc", "base", "manager", "service"}
#: Doors to an operation that names another command as its door.
SECOND_DOORS = {
    "api serve": "server.serve",
    "publish snapshot": "publish.create",
    "publish mirror": "publish.create",
    "group create": "project.create",
    "group list": "project.list",
    "group show": "project.show",
    "group edit": "project.edit",
    "group member": "project.member",
    "group drop": "project.drop",
}

LOADED = load_plugins()
OPERATIONS = [o for batch in LOADED.hook.debrepo_operations() for o in batch]


def leaves(command: click.Command, path: str = "") -> dict[str, click.Command]:
    """Return every command that is no group, by its path: ``{"repo add": …}``."""
    real = command.load() if isinstance(command, LazyCommand) else command
    if not isinstance(real, click.Group):
        return {path: real}
    children = (leaves(c, f"{path} {name}".strip()) for name, c in real.commands.items())
    return {path: command for found in children for path, command in found.items()}


COMMANDS = leaves(build_cli(LOADED))


@pytest.mark.parametrize("plugin", PLUGINS)
def test_plugin_folder_is_an_entry_point(plugin):
    entry_points = PYPROJECT["project"]["entry-points"]["debrepo"]
    name = plugin.removeprefix("debrepo_").replace("_", "-")
    assert entry_points[name] == f"{plugin}.plugin"


def test_entry_point_has_a_plugin_folder():
    targets = PYPROJECT["project"]["entry-points"]["debrepo"].values()
    assert sorted(target.partition(".")[0] for target in targets) == PLUGINS


@pytest.mark.parametrize("plugin", PLUGINS)
def test_plugin_folder_is_under_the_import_contracts(plugin):
    contracts = PYPROJECT["tool"]["importlinter"]
    assert plugin in contracts["root_packages"]
    (forbidden,) = (c for c in contracts["contracts"] if c["name"] == "Core never imports a plugin")
    (independent,) = (c for c in contracts["contracts"] if c["type"] == "independence")
    assert plugin in forbidden["forbidden_modules"]
    assert plugin in independent["modules"]


def test_floors_are_as_the_documentation_says():
    rows = re.findall(r"^\| \d+ \| (.*?) \|", (ROOT / "docs/architecture.md").read_text(), re.M)
    (floors,) = (c for c in PYPROJECT["tool"]["importlinter"]["contracts"] if c.get("exhaustive"))
    layers = [re.findall(r"\w+", layer) for layer in reversed(floors["layers"])]
    assert [re.findall(r"`(\w+)`", row) for row in rows] == layers


@pytest.mark.parametrize("directory", ["core", "plugins"])
def test_import_roots_are_not_packages(directory):
    assert not (ROOT / directory / "__init__.py").exists()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_outgrows_a_reader(path):
    assert len(path.read_text().splitlines()) <= 400


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_module_opens_with_a_chapter_title(path):
    title = (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0]
    assert re.fullmatch(r"\S.*[.?]", title)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_module_is_named_after_something(path):
    assert path.stem not in VAGUE


@pytest.mark.parametrize("plugin", PLUGINS)
def test_plugin_has_the_rooms_that_every_plugin_has(plugin):
    house = ROOT / "plugins" / plugin
    rooms = {path.stem for path in house.glob("*.py")}
    rooms |= {path.parent.name for path in house.glob("*/__init__.py")}
    assert {"__init__", "plugin"} <= rooms
    brought = command_refs(plugin)
    assert ("cli" in rooms) == bool(brought)
    assert all(ref.startswith(f"{plugin}.cli:") for ref in brought)


@pytest.mark.parametrize("plugin", PLUGINS)
def test_operations_of_a_plugin_are_in_its_operations_room(plugin):
    module = LOADED.get_plugin(plugin.removeprefix("debrepo_").replace("_", "-"))
    answer = getattr(module, "debrepo_operations", list)()
    room = re.compile(rf"{plugin}\.(\w+_)?operations:")  # token_operations, where there are many
    assert [o.target for o in answer if not room.match(o.target)] == []


@pytest.mark.parametrize("plugin", PLUGINS)
def test_operations_are_where_their_plugin_says(plugin):
    """A command names the function; what it does is found in the registry by that name."""
    module = LOADED.get_plugin(plugin.removeprefix("debrepo_").replace("_", "-"))
    for operation in getattr(module, "debrepo_operations", list)():
        function = operation.ref.load()
        assert f"{function.__module__}:{function.__qualname__}" == operation.target


@pytest.mark.parametrize("plugin", PLUGINS)
def test_tables_of_a_plugin_are_with_its_model(plugin):
    module = LOADED.get_plugin(plugin.removeprefix("debrepo_").replace("_", "-"))
    rooms = {t.target.partition(":")[0] for t in getattr(module, "debrepo_tables", list)()}
    assert rooms & {f"{plugin}.{room}" for room in ROOMS - {"tables"}} == set()


def command_refs(plugin: str) -> list[str]:
    module = LOADED.get_plugin(plugin.removeprefix("debrepo_").replace("_", "-"))
    return [command.target for command in getattr(module, "debrepo_commands", list)()]


in_git = pytest.mark.skipif(
    not ((ROOT / ".git").exists() and shutil.which("git")), reason="not a git checkout"
)


@in_git
def test_top_level_holds_what_was_agreed():
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files"], capture_output=True, text=True, check=True
    )
    found = {line.partition("/")[0] for line in listed.stdout.splitlines()}
    assert {name for name in found - TOP if not name.startswith(".")} == set()


@in_git
def test_examples_name_no_host_of_a_package_registry():
    """A reader may copy them, and a test may run them: so they name hosts that nobody has."""
    hosts = ("deb.debian", "security.debian", "ftp.debian", "pypi", "files.pythonhosted")
    pattern = "|".join(re.escape(f"{host}.org") for host in hosts) + "|registry[.]npmjs"
    found = subprocess.run(
        ["git", "-C", str(ROOT), "grep", "-nIE", pattern],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.stdout == ""


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_operation_has_a_door(operation):
    assert operation.command in COMMANDS


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_operation_has_a_scope_of_its_own_arguments(operation):
    for scope in operation.scopes:
        assert re.fullmatch(r"read|admin|[a-z]+(:(\{[a-z_]+\}|[a-z]+))+", scope)
    arguments = set(inspect.signature(operation.ref.load()).parameters)
    assert set(re.findall(r"\{([a-z_]+)\}", operation.scope)) <= arguments


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_operation_that_changes_something_needs_more_than_to_read(operation):
    assert operation.scope != "read" or not operation.changes


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_operation_is_a_typed_function_on_a_session(operation):
    first, *others = inspect.signature(operation.ref.load()).parameters.values()
    assert (first.name, first.annotation) == ("session", "Session")
    assert [p.name for p in others if p.annotation is inspect.Parameter.empty] == []


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_operation_says_what_it_does(operation):
    assert re.fullmatch(r"[A-Z].*\.", operation.summary)
    assert inspect.getdoc(operation.ref.load())


#: Commands that are doors to no operation of their own: about the command line, and to many.
WITHOUT_OPERATION = {"aptly", "help", "task run"}


@pytest.mark.parametrize("path", sorted(COMMANDS.keys() - WITHOUT_OPERATION))
def test_command_is_the_door_to_an_operation(path):
    assert path in SECOND_DOORS or path in {operation.command for operation in OPERATIONS}


@pytest.mark.parametrize("path", sorted(SECOND_DOORS))
def test_second_door_leads_to_an_operation(path):
    assert path in COMMANDS
    assert SECOND_DOORS[path] in {operation.name for operation in OPERATIONS}


@pytest.mark.parametrize("path", sorted(COMMANDS))
def test_command_and_its_options_have_help(path):
    command = COMMANDS[path]
    assert command.help
    assert "\\b" not in command.help  # of a raw docstring: click's mark is the character
    options = [p for p in command.params if isinstance(p, click.Option)]
    assert [option.name for option in options if not option.help] == []


@pytest.mark.parametrize(
    "path", [p for p in sorted(COMMANDS) if p.split()[-1] in {"list", "show", "search"}]
)
def test_command_that_lists_or_shows_can_print_json(path):
    assert "as_json" in {parameter.name for parameter in COMMANDS[path].params}


#: What a library says of its errors in words, and in nothing else.
ONLY_WORDS = {
    "core/debrepo/archive/compression.py": {"_TOO_LARGE", "_NO_MEMORY"},
    "core/debrepo/database/opening.py": {"already open"},
}


def texts_that_decide(tree):
    """Yield each expression that compares the text of an error or of a problem with words."""
    caught = {node.name for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler)}

    def is_message(node):
        if isinstance(node, ast.Attribute) and node.attr in ("text", "message", "hint"):
            return isinstance(node.value, ast.Name) and node.value.id in (
                *caught,
                *("problem", "error", "p", "fault"),
            )
        return (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "str"
            and isinstance(node.args[0], ast.Name)
            and node.args[0].id in (*caught, "problem", "error", "fault")
        )

    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            members = isinstance(node.ops[0], (ast.In, ast.NotIn))  # of lines said so far, maybe
            parts = node.comparators if members else [node.left, *node.comparators]
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("startswith", "endswith", "find", "match", "search", "fullmatch")
        ):
            parts = [node.func.value, *node.args]
        else:
            continue
        if any(is_message(part) for part in parts):
            yield ast.unparse(node)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_decides_by_the_words_of_a_message(module):
    allowed = ONLY_WORDS.get(str(module.relative_to(ROOT)), ())
    found = texts_that_decide(ast.parse(module.read_text()))
    assert [text for text in found if not any(words in text for words in allowed)] == []


@pytest.mark.parametrize(
    "code",
    [
        'again = [p for p in problems if "superseded" not in p.text]',
        'try:\n    f()\nexcept OSError as why:\n    if "full" in str(why):\n        pass',
        'try:\n    f()\nexcept OSError as why:\n    str(why).startswith("full")',
    ],
)
def test_code_that_decides_by_words_would_be_noticed(code):
    assert list(texts_that_decide(ast.parse(code)))


def operation_calls(path: Path) -> list[ast.Call]:
    """Return the calls of operations by name in a module: ``session.call("repo.add", …)``."""
    found = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
    named = [c for c in found if isinstance(c.func, ast.Attribute) and c.func.attr == "call"]
    literal = [c for c in named if c.args and isinstance(c.args[0], ast.Constant)]
    return [c for c in literal if "." in c.args[0].value]  # others call services by one word


CALLING = [path for path in MODULES if operation_calls(path)]


@pytest.mark.parametrize("path", CALLING, ids=lambda path: str(path.relative_to(ROOT)))
def test_call_of_an_operation_fits_it(path):
    functions = {operation.name: operation.ref.load() for operation in OPERATIONS}
    for call in operation_calls(path):
        name = call.args[0].value
        given = {keyword.arg: None for keyword in call.keywords if keyword.arg}
        signature = inspect.signature(functions[name])
        whole = len(given) == len(call.keywords)
        (signature.bind if whole else signature.bind_partial)(None, *call.args[1:], **given)


def test_every_json_table_states_the_type_of_its_records():
    lacking = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "json_table"
        and "record" not in {keyword.arg for keyword in node.keywords}
    ]
    assert lacking == []
