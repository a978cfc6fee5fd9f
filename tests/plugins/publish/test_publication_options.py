"""Options of a publication that plugins declare: flags, the document, a server, aptly's API."""

import json

import pytest
from click.testing import CliRunner
from plugins.publish.test_index_kinds import Plugin, read

from debrepo import PublicationOption, fitting, hookimpl
from debrepo import encoding as wire
from debrepo.cli import build_cli
from debrepo.errors import InvalidInput, PluginError
from debrepo.plugins import load_plugins
from debrepo.testing.packages import build_deb
from debrepo_publish.model.options import declared
from debrepo_publish.model.publication import Publication
from debrepo_publish.model.tables import PUBLICATIONS


class Declares:
    """Declares options."""

    def __init__(self, *options):
        self.options = options

    @hookimpl
    def debrepo_publication_options(self):
        return self.options


EVERY = (
    PublicationOption("limit", 10, "How many"),
    PublicationOption("colours", ("red",), "Which colours"),
    PublicationOption("greeting", "", "What to say"),
    PublicationOption("loud", False, "Whether to shout"),
)


@pytest.fixture
def plugins():
    found = load_plugins()
    found.register(Plugin("Names"), "extra")
    found.register(Declares(*EVERY), "every")
    return found


@pytest.fixture
def debrepo(plugins, tmp_path):
    cli = build_cli(plugins)

    def run(*words, exit_code=0):
        result = CliRunner().invoke(cli, ["--root", str(tmp_path / "root"), *map(str, words)])
        assert result.exit_code == exit_code, result.output
        return result

    return run


@pytest.fixture
def tools(debrepo, tmp_path):
    debrepo("repo", "create", "tools", "--distribution", "stable")
    debrepo("repo", "add", "tools", build_deb(tmp_path))


def test_flags_are_shown_taken_and_kept(debrepo, tools, tmp_path):
    for command in ("repo", "snapshot", "update", "switch"):
        said = debrepo("publish", command, "--help").output
        assert "--roster / --no-roster" in said
        assert "--roster-word TEXT" in said
        assert said.index("--roster-word") < said.index("--help")
    assert "--roster" not in debrepo("publish", "drop", "--help").output
    debrepo(
        *("publish", "repo", "tools", "--skip-signing", "--roster", "--limit", "3"),
        *("--colours", "red, blue", "--greeting", "hi"),
    )
    shown = debrepo("publish", "show", "stable").output
    for line in ("Roster: yes", "Limit: 3", "Colours: red, blue", "Greeting: hi"):
        assert f"\n{line}\n" in shown
    debrepo("publish", "update", "stable", "--no-roster")
    found = json.loads(debrepo("publish", "show", "stable", "--json").output)
    assert found["options"] == {
        "roster": False,
        "limit": 3,
        "colours": ["red", "blue"],
        "greeting": "hi",
    }
    debrepo("publish", "update", "stable", "--limit", "many", exit_code=2)


def test_option_of_a_plugin_that_is_gone_is_a_warning(debrepo, tools, tmp_path):
    debrepo("publish", "repo", "tools", "--skip-signing", "--roster", "--limit", "3")
    bare = build_cli(load_plugins())
    words = ["--root", str(tmp_path / "root"), "publish", "update", "stable"]
    result = CliRunner().invoke(bare, words)
    assert result.exit_code == 0
    assert "Warning: no plugin reads the option limit of ./stable; it has no effect" in (
        result.stderr
    )
    release = tmp_path / "root/public/dists/stable/Release"
    assert "Names" not in release.read_text()
    debrepo("publish", "update", "stable")
    assert "Names" in release.read_text()


def test_option_that_has_another_type_now_has_its_default(session, add, create, update):
    session.plugins.register(Declares(PublicationOption("limit", "", "Text")), "text")
    add()
    create(limit="ten")
    session.plugins.unregister(name="text")
    session.plugins.register(Declares(PublicationOption("limit", 1, "Number")), "number")
    said = []
    session.progress.note = said.append
    update(origin="Us")
    assert [line for line in said if "option limit" in line]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"limit": "10"}, "the option limit: a whole number, not text"),
        ({"limit": True}, "the option limit: a whole number, not true or false"),
        ({"limit": 1 << 70}, "the option limit: a whole number"),
        ({"loud": 1}, "the option loud: true or false"),
        ({"greeting": "a\nb"}, "the option greeting has to be one line"),
        ({"colours": ("a", "b\n")}, "the option colours has to be one line"),
        ({"colours": "red"}, "the option colours: a tuple"),
        ({"colour": "red"}, "a publication has no option 'colour'"),
        ({"options": {"colour": "red"}}, "no plugin has an option of publications called 'colour'"),
        ({"options": {"origin": "Us"}}, "no plugin has an option of publications called 'origin'"),
        ({"options": ["loud"]}, "the options have to be a table"),
    ],
)
def test_value_of_another_type_is_refused(session, add, create, options, said):
    session.plugins.register(Declares(*EVERY), "every")
    add()
    with pytest.raises(InvalidInput, match=said):
        create(**options)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("loud", "plugins every and other both declare the option loud of publications"),
        ("no_loud", "plugins every and other both declare the option loud of publications"),
        ("origin", "plugin other cannot call an option of publications 'origin'"),
        ("no_contents", "cannot call an option of publications 'no_contents'"),
        ("sign", "cannot call an option of publications 'sign'"),
        ("session", "cannot call an option of publications 'session'"),
        ("_x", "cannot call an option of publications '_x'"),
        ("x__y", "cannot call an option of publications 'x__y'"),
        ("", "cannot call an option of publications ''"),
        ("as_json", "cannot call an option of publications 'as_json'"),
        ("Big-Name", "cannot call an option of publications 'Big-Name'"),
        ("a b", "cannot call an option of publications 'a b'"),
    ],
)
def test_options_do_not_replace_one_another(session, name, said):
    session.plugins.register(Declares(*EVERY), "every")
    session.plugins.register(Declares(PublicationOption(name, False, "x")), "other")
    with pytest.raises(PluginError, match=said) as error:
        declared(session.hook)
    assert "DEBREPO_DISABLE" in error.value.hint or "cannot" in said


def test_no_flag_of_publish_can_be_taken(debrepo):
    """Whatever flag is added to publish, a plugin cannot declare it as well."""
    from debrepo_publish import cli

    found = load_plugins()
    flags = {
        name
        for command in ("repo", "snapshot", "update", "switch")
        for option in cli.publish.commands[command].params
        for name in [option.name, *(opt.lstrip("-").replace("-", "_") for opt in option.opts)]
    }
    for name in sorted(flags):
        found.register(Declares(PublicationOption(name, False, "x")), f"declares-{name}")
        with pytest.raises(PluginError, match="option"):
            declared(found.hook)
            pytest.fail(f"a plugin may declare {name}")
        found.unregister(name=f"declares-{name}")


def test_stored_publication_without_options_is_read(session, add, create):
    add()
    create()
    with session.db.read() as txn:
        (publication,) = txn[PUBLICATIONS].values()
    fields = publication._asdict()
    del fields["options"]
    assert PUBLICATIONS.load(json.dumps(fields).encode()) == publication
    assert Publication("", ".", "stable", {}).options == {}


def test_rollback_brings_options_back(session, add, create, update, public):
    session.plugins.register(Plugin("Names"), "extra")
    add()
    create(roster=True)
    update(roster=False)
    session.call("publish.rollback", distribution="stable")
    assert read(public, "names/Names") == "stable main\nhello is here\n"


def test_options_come_back_from_a_server_as_they_are():
    options = {"loud": True, "limit": 3, "colours": ("red",), "greeting": ""}
    publication = Publication("", ".", "stable", {}, options=options)
    sent = json.loads(json.dumps(wire.encode(publication, str)))
    found = wire.decode(sent, str, Publication)
    assert found == publication
    assert fitting.fitter(Publication)(found) is found


def test_hooks_see_what_was_given(session, add, create):
    class Gate:
        @hookimpl
        def debrepo_before_commit(self, after):
            seen.append(dict(after.options))

    seen = []
    session.plugins.register(Declares(*EVERY), "every")
    session.plugins.register(Gate(), "gate")
    add()
    create(loud=True)
    assert seen == [{"loud": True}]
