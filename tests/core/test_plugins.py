import importlib.metadata
import json
import sys
import types
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from debrepo import (
    Command,
    Operation,
    Ref,
    Setting,
    TableRef,
    care_hooks,
    file_hooks,
    hookimpl,
    hookspecs,
    index_hooks,
    naming,
    package_hooks,
    server_hooks,
)
from debrepo.calls import Call
from debrepo.cli import LazyCommand, build_cli
from debrepo.database.environment import Environment
from debrepo.database.store import SharedStore
from debrepo.errors import InvalidInput, NotFound, PluginError
from debrepo.plugins import entry_points, load_plugins, new_manager
from debrepo.refs import declared
from debrepo.session import Session
from debrepo.storage import Storage

ROOT = Path(__file__).parents[2]
MODULES = (hookspecs, package_hooks, care_hooks, file_hooks, index_hooks, server_hooks)
HOOKS = [name for module in MODULES for name in vars(module)]


def test_entry_points_agree_with_importlib_metadata():
    expected = {(ep.name, ep.value) for ep in importlib.metadata.entry_points(group="debrepo")}
    assert set(entry_points()) == expected


def test_first_distribution_on_the_path_wins(tmp_path):
    for directory, module in (("a", "new"), ("b", "old")):
        install(tmp_path / directory, "x", module)
    assert list(entry_points([str(tmp_path / "a"), str(tmp_path / "b")])) == [("x", "new")]


def test_other_entry_points_of_a_distribution_are_no_plugins(tmp_path):
    info = tmp_path / "x-1.0.dist-info"
    info.mkdir()
    (info / "entry_points.txt").write_text("[console_scripts]\nx = x:main\n[debrepo]\ny = y\n")
    assert list(entry_points([str(tmp_path)])) == [("y", "y")]


@pytest.mark.parametrize(
    "command", [c for batch in load_plugins().hook.debrepo_commands() for c in batch], ids=str
)
def test_command_is_what_its_plugin_says(command):
    real = command.ref.load()
    assert isinstance(real, click.Command)
    assert real.get_short_help_str(limit=999) == command.summary


class Proxy:
    """Stands for something that exists only while a request is answered."""

    def __getattr__(self, name):
        raise RuntimeError("there is no request")


def test_module_may_hold_objects_that_answer_no_questions():
    @hookimpl
    def debrepo_commands():
        return [Command("mill", "mill:mill", "Grind.")]

    module = types.ModuleType("mill")
    module.request = Proxy()
    module.debrepo_commands = debrepo_commands
    pm = new_manager()
    pm.register(module)
    assert [command.name for (command,) in pm.hook.debrepo_commands()] == ["mill"]


def test_two_plugins_may_not_define_one_command():
    pm = load_plugins()
    pm.register(Impostor(), "impostor")
    with pytest.raises(PluginError, match="plugins local and impostor both bring the command repo"):
        build_cli(pm)


@pytest.mark.parametrize("count", [1, 2])
def test_plugin_may_not_replace_a_command_of_a_group(tmp_path, count):
    pm = load_plugins()
    for number in range(count):
        name = "repo list" if count == 1 else "repo listing"
        brought = types.SimpleNamespace(debrepo_commands=_bringing(name))
        pm.register(brought, f"impostor{number}")
    said = "local and impostor0" if count == 1 else "impostor[01] and impostor[01]"
    with pytest.raises(PluginError, match=f"plugins {said} both bring the command {name}"):
        build_cli(pm).commands["repo"].load()


def _bringing(name):
    def debrepo_commands():
        return [Command(name, "click:echo", "Not the real one.")]

    return hookimpl(debrepo_commands)


def test_two_plugins_may_not_define_one_operation(tmp_path):
    pm = load_plugins()
    pm.register(Impostor(), "impostor")
    with pytest.raises(PluginError, match=r"local and .* impostor both declare .* repo\.list"):
        Session(tmp_path, pm).call("repo.list")


def test_two_plugins_may_not_spell_one_argument(tmp_path):
    pm = load_plugins()
    pm.register(Impostor(), "impostor")
    with pytest.raises(PluginError, match="publish and impostor both bring the spelling of place"):
        Session(tmp_path, pm).spelled("place", "")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("debrepo_publishd", "is debrepo_published meant? If not, disable it with"),
        ("debrepo_xyzzy", "disable it with DEBREPO_DISABLE=mill"),
    ],
)
def test_hook_that_does_not_exist_names_the_plugin_and_what_was_meant(
    tmp_path, monkeypatch, name, hint
):
    module = f"mill_{name}"
    place = tmp_path / "mill-1.0.dist-info"
    place.mkdir()
    (place / "entry_points.txt").write_text(f"[debrepo]\nmill = {module}\n")
    text = f"from debrepo import hookimpl\n\n\n@hookimpl\ndef {name}():\n    pass\n"
    (tmp_path / f"{module}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(PluginError, match=f"plugin mill implements {name}, which is no hook") as no:
        load_plugins()
    assert no.value.hint.startswith(hint)


def test_plugin_that_brings_nothing_may_say_none(tmp_path):
    pm = load_plugins()
    names = ("commands", "operations", "settings", "tables", "storages", "spellings")
    silent = {f"debrepo_{name}": hookimpl(lambda: None) for name in names}
    pm.register(types.SimpleNamespace(**silent), "silent")
    assert "repo" in build_cli(pm).commands
    session = Session(tmp_path, pm)
    try:
        assert session.call("repo.list") == []
        session.storage("")
        session.spelled("place", "x")
    finally:
        session.close()


@pytest.mark.debrepo_plugins(only=["admin", "local"])
def test_marker_chooses_the_plugins_of_a_test(debrepo_plugins):
    loaded = {name for name, plugin in debrepo_plugins.list_name_plugin() if plugin}
    assert loaded == {"admin", "local"}


@pytest.mark.debrepo_plugins(only=["locl"])
def test_marker_with_a_plugin_that_is_not_installed_fails_the_test(request):
    with pytest.raises(AssertionError, match="no plugin called locl is installed"):
        request.getfixturevalue("debrepo_disabled")


@pytest.mark.parametrize(
    ("name", "hint"),
    [("snapshott", "is snapshot meant?"), ("xyzzy", "there are: admin, appstream, aptly")],
)
def test_disabling_what_is_not_installed_is_an_error(name, hint):
    with pytest.raises(PluginError, match=f"no plugin called {name} is installed") as caught:
        load_plugins(["gitlab", "", f" {name}"])
    assert caught.value.hint.startswith(hint)


def test_blanks_between_disabled_plugins_have_no_meaning():
    assert load_plugins(["gitlab", " notify"]).is_blocked("notify")


def test_operation_of_a_plugin_that_is_not_there_is_not_found(tmp_path):
    with pytest.raises(NotFound, match=r"no operation called mill\.grind"):
        Session(tmp_path, load_plugins()).call("mill.grind")


def test_disabled_plugin_takes_its_commands_with_it():
    cli = build_cli(load_plugins(disabled=["snapshot"]))
    assert "snapshot" not in cli.commands
    assert "repo" in cli.commands


@pytest.mark.parametrize("disabled", ["", "snapshot"])
def test_plugin_list_names_the_plugins_that_take_part(tmp_path, disabled):
    cli = build_cli(load_plugins(disabled.split(",")))
    result = CliRunner().invoke(cli, ["--root", str(tmp_path), "plugin", "list", "--json"])
    listed = {plugin["name"] for plugin in json.loads(result.output)}
    assert listed == {name for name, _ in entry_points()} - {disabled}


def test_commands_stay_stubs_until_run():
    commands = build_cli(load_plugins()).commands
    assert [name for name, c in commands.items() if not isinstance(c, LazyCommand)] == ["help"]


def test_command_joins_the_group_of_another_plugin():
    pm = load_plugins()
    pm.register(Extra())
    repo = build_cli(pm).commands["repo"].load()
    assert "echo" in repo.commands
    assert "echo" not in build_cli(load_plugins()).commands["repo"].load().commands


def test_loading_a_group_twice_adds_its_extra_commands_once():
    pm = load_plugins()
    pm.register(Extra())
    stub = build_cli(pm).commands["repo"]
    assert list(stub.load().commands) == list(stub.load().commands)


def test_misspelt_hook_is_an_error(tmp_path, monkeypatch):
    install(tmp_path, "typo", "typo_plugin")
    (tmp_path / "typo_plugin.py").write_text(
        "from debrepo import hookimpl\n\n@hookimpl\ndef debrepo_comands():\n    return []\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(PluginError, match="debrepo_comands"):
        load_plugins()


def test_argument_that_a_hook_does_not_have_is_an_error_with_a_way_out(tmp_path, monkeypatch):
    install(tmp_path, "wish", "wish_plugin")
    (tmp_path / "wish_plugin.py").write_text(
        "from debrepo import hookimpl\n\n@hookimpl\ndef debrepo_published(weather):\n    pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(PluginError, match=r"plugin wish .*weather") as caught:
        load_plugins()
    assert caught.value.hint == "disable it with DEBREPO_DISABLE=wish"


class Storages:
    @hookimpl
    def debrepo_storages(self):
        return {"fs": Ref("nowhere:Storage", "Not the real one.")}


class Signers:
    @hookimpl
    def debrepo_signers(self):
        return {"gpg": Ref("nowhere:Signer", "Not the real one.")}


class IndexKinds:
    @hookimpl
    def debrepo_index_kinds(self):
        return {"packages": Ref("nowhere:Kind", "Not the real one.")}


class Settings:
    @hookimpl
    def debrepo_settings(self):
        return [Setting("publish.origin", "Us", "Not the real one.")]


class OneOfCore:
    @hookimpl
    def debrepo_settings(self):
        return [Setting("database.map_size", 0, "Not the real one.")]


class Tables:
    @hookimpl
    def debrepo_tables(self):
        return [TableRef("local.repos", 1, "nowhere:REPOS")]


def read_database(session):
    with session.db.read():
        pass


def create_publication(session):
    session.call("repo.create", name="a")
    options = {"architectures": ("amd64",), "skip_signing": True}
    session.call("publish.create", kind="repo", names=["a"], distribution="d", options=options)


@pytest.mark.parametrize(
    ("second", "use", "what"),
    [
        (Storages(), lambda session: session.storage("fs:"), "publish-fs and second .* scheme fs"),
        (Signers(), lambda session: session.signer, "gpg and second both bring the signer gpg"),
        (IndexKinds(), create_publication, "publish and second .* the kind of index packages"),
        (
            Settings(),
            lambda session: session.config,
            "the plugin publish and the plugin second both declare the setting publish.origin",
        ),
        (
            OneOfCore(),
            lambda session: session.config,
            "core and the plugin second both declare the setting database.map_size",
        ),
        (
            Tables(),
            read_database,
            "the plugin local and the plugin second both declare the table local.repos",
        ),
    ],
    ids=["storage", "signer", "index kind", "setting", "setting of core", "table"],
)
def test_nobody_replaces_what_another_plugin_brings(session, second, use, what):
    session.plugins.register(second, "second")
    with pytest.raises(PluginError, match=what):
        use(session)


def test_broken_plugin_names_its_distribution_and_how_to_do_without_it(tmp_path, monkeypatch):
    install(tmp_path, "broken", "nowhere.plugin")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(PluginError) as caught:
        load_plugins()
    assert str(caught.value) == (
        "plugin broken of broken 1.0 (nowhere.plugin) failed to load: No module named 'nowhere'"
    )
    assert caught.value.hint == "disable it with DEBREPO_DISABLE=broken"
    assert load_plugins(disabled=["broken"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("raise ValueError('one\\n\\ntwo')", "one two"),
        ("raise ValueError", "ValueError"),
        ("import sys\nsys.exit('bye')", "bye"),
        ("def :", "invalid syntax (broken_plugin.py, line 1)"),
    ],
)
def test_however_a_plugin_is_broken_it_is_one_line(tmp_path, monkeypatch, text, said):
    install(tmp_path, "broken", "broken_plugin")
    (tmp_path / "broken_plugin.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(PluginError) as caught:
        load_plugins()
    assert (
        str(caught.value) == f"plugin broken of broken 1.0 (broken_plugin) failed to load: {said}"
    )


def test_plugin_of_a_taken_name_is_an_error_that_names_where_it_comes_from(tmp_path, monkeypatch):
    install(tmp_path, "other", "other_plugin", plugin="local")
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "other_plugin.py").touch()
    with pytest.raises(PluginError, match=r"other 1.0 .other_plugin. and debrepo_manager .* both"):
        load_plugins()
    assert load_plugins(disabled=["local"])


def test_hook_without_an_answer_asks_the_next_plugin():
    pm = new_manager()
    pm.register(Keeper("mirror"))
    pm.register(Keeper("repo"))
    assert pm.hook.debrepo_package_list(txn=None, kind="repo", name="x") == "repo x"
    assert pm.hook.debrepo_package_list(txn=None, kind="mill", name="x") is None


def install(directory, name, module, plugin=""):
    info = directory / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "entry_points.txt").write_text(f"[debrepo]\n{plugin or name} = {module}\n")


class Impostor:
    @hookimpl
    def debrepo_commands(self):
        return [Command("repo", "nowhere:cli", "Not the real one.")]

    @hookimpl
    def debrepo_operations(self):
        return [Operation("repo.list", "nowhere:list", "Not the real one.", "read", "repo list")]

    @hookimpl
    def debrepo_spellings(self):
        return {"place": Ref("click:echo")}


class Extra:
    @hookimpl
    def debrepo_commands(self):
        return [Command("repo echo", "click:echo", "Say it again.")]


def _failing():
    raise ValueError("the mill\nstands still")


NAMING = ("settings", "tables", "operations", "spellings", "storages", "signers", "databases")


@pytest.mark.parametrize("what", NAMING)
@pytest.mark.parametrize(
    ("implementation", "said"),
    [
        (_failing, r"failed: the mill stands still \(.*test_plugins\.py, line \d+\)$"),
        (lambda: 7, r"failed: "),
        (lambda: Ref("mill:mill"), r"failed: it has to (list|map names to) each .*mill:mill"),
        (lambda: {"mill": 7}, r"failed: it has to (list|map names to) each"),
    ],
    ids=["raises", "a number", "one", "a mapping"],
)
def test_hook_that_fails_at_start_names_the_plugin_and_the_way_out(
    tmp_path, what, implementation, said
):
    pm = load_plugins()
    plugin = types.SimpleNamespace(**{f"debrepo_{what}": hookimpl(implementation)})
    pm.register(plugin, "mill")
    session = Session(tmp_path, pm)
    use = {
        "settings": lambda: session.config,
        "tables": lambda: session.db,
        "operations": lambda: session.operations,
        "spellings": lambda: session.spelled("place", ""),
        "storages": lambda: session.storage(""),
        "signers": lambda: session.signer,
        "databases": lambda: session.db,
    }
    if what == "databases":
        (tmp_path / "debrepo.toml").write_text('database.url = "mill://stream/"\n')
    with pytest.raises(PluginError, match=f"^debrepo_{what} of plugin mill {said}") as caught:
        use[what]()
    assert caught.value.hint == "disable it with DEBREPO_DISABLE=mill"


@pytest.mark.parametrize(
    ("implementation", "said"),
    [
        (_failing, "debrepo_commands of plugin mill failed: the mill stands still"),
        (lambda: Command("mill", "mill:mill", "Grind."), "has to list each Command"),
        (lambda: [Command(" ", "mill:mill", "Grind.")], "mill brings a command without a name"),
    ],
)
def test_help_is_shown_though_a_plugin_cannot_name_its_commands(implementation, said):
    pm = load_plugins()
    pm.register(types.SimpleNamespace(debrepo_commands=hookimpl(implementation)), "mill")
    cli = build_cli(pm)
    for words in (["--help"], ["--version"]):
        assert CliRunner().invoke(cli, words).exit_code == 0
    text = " ".join(CliRunner().invoke(cli, ["--help"]).output.split())
    assert "Manage snapshots" in text
    assert said in text
    result = CliRunner().invoke(cli, ["repo", "list"])
    assert result.exit_code == PluginError.exit_code
    assert said in result.output
    assert result.output.endswith("Hint: disable it with DEBREPO_DISABLE=mill\n")


def test_plugin_that_cannot_be_registered_is_named(tmp_path, monkeypatch):
    install(tmp_path, "mill", "mill_plugin")
    (tmp_path / "mill_plugin.py").write_text(
        "from debrepo import hookimpl\n\n@hookimpl\ndef debrepo_addhooks(pm):\n    pm.grind()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(PluginError, match=r"debrepo_addhooks of plugin mill failed: .*grind"):
        load_plugins()
    assert load_plugins(["mill"])


def test_module_of_a_plugin_that_cannot_be_imported_is_an_error_with_the_line(
    tmp_path, monkeypatch
):
    (tmp_path / "mill_cli.py").write_text("import click\n\nmill = clock.group()\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(PluginError, match=r"cannot load mill_cli:mill: .*mill_cli\.py, line 3"):
        Ref("mill_cli:mill").load()


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        ("storage.*.region", "storage.s3.bucket", ""),
        ("storage.*.region", "storage.s3.region", "a key could be either"),
        ("storage.*.*", "storage.*.region", "a key could be either"),
        ("a.*.c", "a.b.*", "a key could be either"),
        ("a.*.c", "a.b.*.c", ""),
        ("mill.web.hook", "mill.web_hook", "both are DEBREPO_MILL_WEB_HOOK in the environment"),
        ("storage.*.re*", "a.b", r"a \* stands for a whole part"),
    ],
)
def test_settings_that_one_key_could_mean_name_both_plugins(one, other, said):
    pm = new_manager()
    for name, setting in (("left", one), ("right", other)):
        brought = [Setting(setting, "", "Not the only one.")]
        pm.register(
            types.SimpleNamespace(debrepo_settings=hookimpl(lambda brought=brought: brought)), name
        )
    if not said:
        both = declared(pm.hook.debrepo_settings, "setting", Setting)
        naming.check_settings(pm.hook.debrepo_settings, both)
        return
    with pytest.raises(PluginError, match=said) as caught:
        _ = Session(Path("unused"), pm).config
    assert "the plugin left" in str(caught.value)
    assert ("the plugin right" in str(caught.value)) == (not said.startswith("a \\"))


@pytest.mark.parametrize("default", [1.5, None, ["a"], {"a": 1}, (1,)])
def test_setting_has_a_default_of_a_type_that_there_is(default):
    pm = new_manager()
    brought = [Setting("mill.speed", default, "How fast.")]
    pm.register(types.SimpleNamespace(debrepo_settings=hookimpl(lambda: brought)), "mill")
    said = r"the plugin mill declares the setting mill\.speed with the default .*, which is none of"
    with pytest.raises(PluginError, match=said):
        _ = Session(Path("unused"), pm).config


@pytest.mark.parametrize("name", ["", ".mill", "mill.", "mill..speed", "mill.top speed", "a\nb"])
def test_setting_has_a_name_that_a_file_can_have(name):
    pm = new_manager()
    brought = [Setting(name, "", "How fast.")]
    pm.register(types.SimpleNamespace(debrepo_settings=hookimpl(lambda: brought)), "mill")
    with pytest.raises(PluginError, match="the plugin mill cannot call a setting '"):
        _ = Session(Path("unused"), pm).config


def grind(session, name):
    return name


@pytest.mark.parametrize(
    "scope", ["", " ", "mill:{name:grind", "mill:name}:grind", "mill:{}:grind"]
)
def test_operation_has_a_scope_that_can_be_granted(scope):
    pm = new_manager()
    brought = [Operation("mill.grind", f"{__name__}:grind", "Grind.", scope, "mill grind")]
    pm.register(types.SimpleNamespace(debrepo_operations=hookimpl(lambda: brought)), "mill")
    with pytest.raises(PluginError, match=r"mill\.grind of plugin mill has no scope .* granted"):
        _ = Session(Path("unused"), pm).operations


def test_scope_that_names_no_argument_is_an_error_that_says_so(tmp_path):
    pm = load_plugins()
    scope = "mill:{grain}:grind"
    brought = [Operation("mill.grind", f"{__name__}:grind", "Grind.", scope, "mill grind")]
    pm.register(types.SimpleNamespace(debrepo_operations=hookimpl(lambda: brought)), "mill")
    call = Call(Session(tmp_path, pm), grind, (), {"name": "rye"})
    with pytest.raises(PluginError, match=r"mill\.grind names grain, which is no argument of"):
        _ = call.scopes


class Unfinished(Storage):
    """A storage that lacks all methods."""


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("Path", r":Path is no subclass of debrepo\.storage\.Storage"),
        ("grind", r":grind is no subclass of debrepo\.storage\.Storage"),
        ("Unfinished", ":Unfinished does not define delete, get, link, list, open, put, stat"),
    ],
)
def test_storage_that_is_none_is_an_error(tmp_path, target, said):
    pm = load_plugins()
    mill = types.SimpleNamespace(
        debrepo_storages=hookimpl(lambda: {"mill": Ref(f"{__name__}:{target}")})
    )
    pm.register(mill, "mill")
    with pytest.raises(PluginError, match=said):
        Session(tmp_path, pm).storage("mill:")


class Ditch(Environment, SharedStore):
    """A store that a plugin brings: LMDB in the place that the URL names."""

    @classmethod
    def open(cls, url, options, root, *, read_only):
        return cls(root / url.partition("://")[2], options["map_size"], read_only=read_only)


def test_database_is_opened_by_the_plugin_that_brings_its_scheme(tmp_path):
    pm = load_plugins()
    mill = types.SimpleNamespace(
        debrepo_databases=hookimpl(lambda: {"ditch": Ref(f"{__name__}:Ditch")})
    )
    pm.register(mill, "mill")
    (tmp_path / "debrepo.toml").write_text('database.url = "ditch://below"\n')
    session = Session(tmp_path, pm)
    assert session.db.place == str(tmp_path / "below")
    session.close()
    assert (tmp_path / "below" / "data.mdb").exists()
    assert not (tmp_path / "db").exists()


@pytest.mark.parametrize(
    ("url", "said", "hint"),
    [
        ("me:secret@host", "database.url is no URL", "postgresql://"),
        ("stream://me:secret@host/db", "no database scheme called 'stream'", "there are: "),
    ],
)
def test_database_url_that_names_none_says_what_there_is(tmp_path, url, said, hint):
    (tmp_path / "debrepo.toml").write_text(f'database.url = "{url}"\n')
    with pytest.raises(InvalidInput, match=said) as caught:
        _ = Session(tmp_path, load_plugins()).db
    assert hint in caught.value.hint
    assert "secret" not in str(caught.value) + caught.value.hint


def test_command_that_is_no_click_command_is_an_error(tmp_path):
    pm = load_plugins()
    brought = [Command("mill", f"{__name__}:grind", "Grind.")]
    pm.register(types.SimpleNamespace(debrepo_commands=hookimpl(lambda: brought)), "mill")
    result = CliRunner().invoke(build_cli(pm), ["--root", str(tmp_path), "mill"])
    assert "plugin mill brings the command mill, but" in result.output
    assert "is no click command" in result.output
    assert result.exit_code == PluginError.exit_code


class Mistyped:
    @hookimpl
    def debrepo_publishd(self):
        """Do nothing."""


class Misled:
    @hookimpl
    def debrepo_published(self, weather):
        """Do nothing."""


@pytest.mark.parametrize(
    ("plugin", "said"),
    [(Mistyped(), "debrepo_publishd, which is no hook"), (Misled(), "plugin Misled does not fit")],
)
def test_plugin_of_a_marker_is_held_to_the_hooks(request, plugin, said):
    request.applymarker(pytest.mark.debrepo_plugins(more=[plugin]))
    with pytest.raises(PluginError, match=said):
        request.getfixturevalue("debrepo_plugins")


@pytest.mark.parametrize("name", ["repos", "mill", "mill.", "local.grain", "milling.grain"])
def test_table_is_called_after_its_plugin(tmp_path, name):
    pm = load_plugins()
    tables = [TableRef(name, 1, "mill:TABLE")]
    pm.register(types.SimpleNamespace(debrepo_tables=hookimpl(lambda: tables)), "mill")
    with pytest.raises(PluginError, match=r"mill declares the table .* begin with mill\.$"):
        _ = Session(tmp_path, pm).db


def test_table_of_a_plugin_with_a_hyphen_has_an_underscore():
    pm = new_manager()
    tables = [TableRef("water_mill.grain", 1, "mill:TABLE")]
    pm.register(types.SimpleNamespace(debrepo_tables=hookimpl(lambda: tables)), "water-mill")
    naming.check_tables(pm.hook.debrepo_tables)


@click.group()
def mill():
    """Grind."""


@mill.group()
def stone():
    """Manage stones."""


@stone.command()
def turn():
    """Turn a stone."""


@mill.command()
def stop():
    """Stop."""


def _commands(*paths):
    found = [Command(path, f"{__name__}:{path.split()[-1]}", path) for path in paths]
    return types.SimpleNamespace(debrepo_commands=hookimpl(lambda: found))


@pytest.fixture
def milled(monkeypatch):
    """Return the group that the commands of plugins make, of which the first brings it."""
    here = types.SimpleNamespace(mill=mill, stone=stone, dress=stop, oil=stop, wheel=stone)
    monkeypatch.setitem(sys.modules, __name__, here)

    def milled(**plugins):
        pm = new_manager()
        pm.register(_commands("mill"), "miller")
        for name, paths in plugins.items():
            pm.register(_commands(*paths), name)
        return build_cli(pm).commands["mill"].load()

    return milled


def test_command_joins_a_group_within_the_group_of_another_plugin(milled):
    group = milled(one=["mill stone dress"], two=["mill stone oil", "mill oil"])
    assert sorted(group.commands) == ["oil", "stone", "stop"]
    assert sorted(group.commands["stone"].commands) == ["dress", "oil", "turn"]
    assert sorted(stone.commands) == ["turn"]


def test_command_joins_a_group_that_joins_another_one(milled):
    group = milled(one=["mill wheel dress", "mill wheel oil"], two=["mill wheel"])
    assert sorted(group.commands["wheel"].load().commands) == ["dress", "oil", "turn"]


@pytest.mark.parametrize(
    ("plugins", "said"),
    [
        (
            {"one": ["mill stone turn"]},
            "plugins miller and one both bring the command mill stone turn",
        ),
        (
            {"one": ["mill stone oil"], "two": ["mill stone oil"]},
            "plugins (one and two|two and one) both bring the command mill stone oil",
        ),
        ({"one": ["mill stop oil"]}, "one brings the command mill stop oil, but mill stop is no"),
        ({"one": ["mill xyz oil"]}, "one brings the command mill xyz oil, but mill xyz is no"),
    ],
)
def test_commands_that_clash_within_a_group_name_both_plugins(milled, plugins, said):
    with pytest.raises(PluginError, match=said):
        milled(**plugins)


def test_command_of_a_group_that_nobody_brings_is_left_out():
    pm = new_manager()
    pm.register(_commands("xyz oil"), "one")
    assert [*build_cli(pm).commands] == ["help"]


class Keeper:
    def __init__(self, kind):
        self.kind = kind

    @hookimpl
    def debrepo_package_list(self, kind, name):
        return f"{kind} {name}" if kind == self.kind else None


@pytest.mark.parametrize("hook", [name for name in HOOKS if name.startswith("debrepo_")], ids=str)
def test_every_hook_has_a_user_among_the_built_in_plugins(hook):
    """What nobody uses does not work in practice; a plugin reads there how it is meant."""
    built_in = {path.parent.name for path in ROOT.glob("plugins/debrepo_*/plugin.py")}
    others = [name for name, module in entry_points() if module.partition(".")[0] not in built_in]
    pm = load_plugins(disabled=others)
    assert getattr(pm.hook, hook).get_hookimpls()
