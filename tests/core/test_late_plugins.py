"""What is known of plugins from an earlier start, and when it is not used."""

import json
import os
import subprocess
import sys
from types import ModuleType

import pytest

from debrepo import Command, hookimpl
from debrepo.late_plugins import LatePlugins, stored_hooks
from debrepo.plugins import installed, load_plugins, new_manager, register

_SCRIPT = """
import sys
from debrepo.__main__ import main
try: main()
finally: print(*sys.modules, file=sys.stderr)
"""
_PLUGIN = """
from debrepo import Command, hookimpl
@hookimpl
def debrepo_commands():
    return [Command("{name}", "mill:{name}", "Grind.")]
"""


class Installation:
    """A script as pip makes them, a directory for other distributions, and stored files."""

    def __init__(self, top):
        self.top, self.site = top, top / "site"
        self.script = top / "bin" / "debrepo"
        for directory in (self.script.parent, self.site):
            directory.mkdir()
        self.script.write_text(_SCRIPT)
        self.settle()

    def settle(self):
        """Let it look as if nothing had been installed lately."""
        for directory in (self.script.parent, self.site):
            os.utime(directory, (1e9, os.stat(directory).st_mtime % 1e9))

    def install(self, module, text, distribution="mill-1.0"):
        """Install a plugin, as another distribution."""
        info = self.site / f"{distribution}.dist-info"
        info.mkdir(exist_ok=True)
        (info / "entry_points.txt").write_text(f"[debrepo]\nmill = {module}\n")
        (self.site / f"{module}.py").write_text(text)

    def run(self, *words, **env):
        """Run a command, and return what it prints and the modules that it has imported."""
        clean = {name: value for name, value in os.environ.items() if "BYTECODE" not in name}
        clean |= {"PYTHONPYCACHEPREFIX": str(self.top / "compiled"), "DEBREPO_DISABLE": ""}
        run = subprocess.run(
            [sys.executable, self.script, "--root", self.top / "root", *words],
            capture_output=True,
            text=True,
            env=clean | {"PYTHONPATH": str(self.site)} | env,
        )
        assert run.returncode == 0, run.stderr
        return run.stdout, set(run.stderr.split())

    @property
    def stored(self):
        """The file with what is known."""
        return next(self.top.rglob("stored_hooks*.pyc"))


@pytest.fixture
def installation(tmp_path):
    made = Installation(tmp_path)
    made.run("version")
    assert made.stored
    return made


def plugin_modules(imported):
    return {name for name in imported if name.endswith(".plugin")}


def test_a_command_imports_the_plugins_whose_hooks_it_calls(installation):
    _, imported = installation.run("repo", "create", "r")
    assert plugin_modules(imported) >= {"debrepo_audit.plugin", "debrepo_notify.plugin"}
    assert "debrepo_web.plugin" not in imported
    assert "pluggy" not in imported


def test_help_imports_no_plugin_and_names_all_commands(installation):
    text, imported = installation.run("--help")
    loaded = {name.partition(".")[0] for name in imported if name.startswith("debrepo_")}
    assert loaded <= {"debrepo_house"}  # of another distribution
    assert text == installation.run("--help", DEBREPO_DISABLE="transport-ar")[0]


def test_what_is_disabled_is_not_taken_from_what_is_stored(installation):
    assert "  mirror " not in installation.run("--help", DEBREPO_DISABLE="mirror")[0]
    assert "  mirror " in installation.run("--help")[0]


def test_a_plugin_that_is_installed_later_is_found(installation):
    installation.install("mill", _PLUGIN.format(name="mill"))
    assert "  mill " in installation.run("--help")[0]


def test_a_plugin_of_others_is_asked_at_each_start(installation):
    text = _PLUGIN.format(name="mill").replace('"mill"', "os.environ['MILL']", 1)
    installation.install("mill", f"import os\n{text}")
    installation.settle()
    assert "  wind " in installation.run("--help", MILL="wind")[0]
    text, imported = installation.run("--help", MILL="water")
    assert "  water " in text
    assert "debrepo_web.plugin" not in imported


def test_a_plugin_that_is_edited_is_asked_anew(installation):
    installation.install("mill", _PLUGIN.format(name="mill"))
    installation.settle()
    installation.run("--help")
    installation.install("mill", _PLUGIN.format(name="windmill"))
    installation.settle()
    assert "  windmill " in installation.run("--help")[0]


def test_a_plugin_that_is_uninstalled_is_gone(installation):
    installation.install("mill", _PLUGIN.format(name="mill"))
    installation.settle()
    assert "  mill " in installation.run("--help")[0]
    for path in [*installation.site.rglob("*.txt")]:
        path.unlink()
        path.parent.rmdir()
    assert "  mill " not in installation.run("--help")[0]


def test_nothing_is_stored_while_something_is_being_installed(tmp_path):
    fresh = Installation(tmp_path)
    fresh.install("mill", _PLUGIN.format(name="mill"))
    os.utime(fresh.site)
    fresh.run("--help")
    assert not [*tmp_path.rglob("stored_hooks*.pyc")]


@pytest.mark.parametrize("damage", [b"", b"?" * 99, b"N", b"("])
def test_a_damaged_file_is_replaced(installation, damage):
    installation.stored.write_bytes(damage)
    assert "  repo " in installation.run("--help")[0]
    assert "debrepo_web.plugin" not in installation.run("--help")[1]


@pytest.fixture
def late():
    return LatePlugins(stored_hooks(load_plugins()))


def test_every_hook_has_the_implementations_that_pluggy_finds(late):
    names = {name for name in vars(load_plugins().hook) if name != "debrepo_addhooks"}
    assert len(names) > 50
    for name in names:
        found = getattr(load_plugins().hook, name).get_hookimpls()
        known = getattr(late.hook, name).get_hookimpls()
        assert [one.plugin_name for one in known] == [one.plugin_name for one in found]
        assert [one.argnames for one in known] == [one.argnames for one in found]


def test_what_plugins_name_is_what_they_say(late):
    hooks = load_plugins().hook
    for name, hook in vars(hooks).items():
        if name != "debrepo_addhooks" and not hook.spec.argnames:
            found, known = hook(), getattr(late.hook, name)()
            ordered = name != "debrepo_scopes"
            assert (known if ordered else [*map(set, known)]) == found


def test_what_plugins_name_follows_from_their_code_alone():
    """Not from the environment or the user: it is stored for all of them."""
    code = (
        "import sys, json; from debrepo.plugins import load_plugins\n"
        "hooks = vars(load_plugins(disabled=[*sys.argv[1:]]).hook); before = set(sys.modules)\n"
        "naming = [h for h in hooks.values() if h.has_spec() and not h.spec.argnames]\n"
        "named = {h.name: [sorted(map(repr, a)) for a in h()] for h in naming}\n"
        "print(json.dumps([named, sorted(set(sys.modules) - before)]))"
    )
    others = [name for name, _, whose in installed() if whose != "debrepo_manager"]
    seen = []
    for env in (dict(os.environ), {"HOME": "/nowhere", "PATH": "/nowhere"}):
        run = [sys.executable, "-c", code, *others]
        seen.append(subprocess.run(run, capture_output=True, text=True, check=True, env=env).stdout)
    assert (seen[0] == seen[1]) is True
    assert {name for name in json.loads(seen[0])[1] if not name.startswith("debrepo_")} == set()


def made(*plugins):
    """Return what pluggy and what is stored make of plugins, which are modules."""
    manager = new_manager()
    for number, functions in enumerate(plugins):
        module = ModuleType(f"made{number}")
        module.__file__ = __file__
        for name, function in functions.items():
            setattr(module, name, function)
            function.__name__ = name
        sys.modules[module.__name__] = module
        register(manager, module, f"plugin{number}")
    return manager, LatePlugins(stored_hooks(manager))


def test_calls_are_made_as_pluggy_makes_them():
    def told(answer, **options):
        return hookimpl(**options)(lambda txn, name: answer and (*answer, txn, name))

    hook = "debrepo_package_list"
    plugins = [
        {hook: told((1,))}, {hook: told(None)}, {hook: told((3,), tryfirst=True)},
        {hook: told((4,), trylast=True)}, {hook: hookimpl(lambda: (5,))},
    ]  # fmt: skip
    both = made(*plugins)
    one, other = (getattr(each.hook, hook)(txn="t", kind="k", name="n") for each in both)
    assert one == other
    names = [[i.plugin_name for i in getattr(each.hook, hook).get_hookimpls()] for each in both]
    assert names[0] == names[1]


@pytest.mark.parametrize("hook", ["debrepo_links", "debrepo_authenticate"])
def test_a_hook_that_nobody_implements_answers_as_with_pluggy(hook):
    manager, late = made()
    facts = {"txn": None, "secret": ""}
    assert getattr(late.hook, hook)(**facts) == getattr(manager.hook, hook)(**facts)


def test_some_plugins_can_be_left_out():
    manager, late = made(
        {"debrepo_links": hookimpl(lambda: [1])}, {"debrepo_links": hookimpl(lambda: [2])}
    )
    left = [sys.modules["made0"]]
    for each in (manager, late):
        assert each.subset_hook_caller("debrepo_links", left)(txn=None) == [[2]]


def test_the_specification_of_a_hook_is_at_hand(late):
    assert late.hook.debrepo_links.spec.function.__name__ == "debrepo_links"
    with pytest.raises(AttributeError, match="there is no hook debrepo_link"):
        _ = late.hook.debrepo_link


def test_nothing_is_known_of_plugins_that_wrap_others():
    def debrepo_links():
        return (yield)

    manager = new_manager()
    module = ModuleType("wrapping")
    module.debrepo_links = hookimpl(wrapper=True)(debrepo_links)
    register(manager, module, "wrapping")
    assert stored_hooks(manager) == {}


def test_what_else_a_manager_can_do_is_left_to_one(late):
    assert late.list_name_plugin() == load_plugins().list_name_plugin()


def test_a_plugin_that_cannot_be_imported_any_more_is_named(late):
    broken = late.hook.debrepo_links.get_hookimpls()[0]
    broken._module = "debrepo_nowhere"
    with pytest.raises(Exception, match=f"plugin {broken.plugin_name} of .* failed to load"):
        _ = broken.function


def test_hookimpl_refuses_what_pluggy_does_not_know():
    with pytest.raises(TypeError, match="no option tryfrist"):
        hookimpl(tryfrist=True)


def test_commands_are_stored_as_they_are():
    manager, late = made({"debrepo_commands": hookimpl(lambda: [Command("a", "b:c", "D.")])})
    assert late.hook.debrepo_commands() == manager.hook.debrepo_commands()
