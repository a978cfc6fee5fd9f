"""``debrepo config``, ``plugin`` and ``version``."""

import json
import tomllib

import pytest

import debrepo as package
from debrepo import Setting, hookimpl
from debrepo.errors import InvalidInput
from debrepo.plugins import load_plugins
from debrepo.session import Session


def values(debrepo):
    rows = json.loads(debrepo("config", "show", "--json").output)
    return {row["name"]: (row["value"], row["origin"]) for row in rows}


def test_every_setting_has_a_default(debrepo):
    assert values(debrepo)["publish.compressions"] == (["gz", "xz"], "default")


def test_the_file_below_the_root_is_read(debrepo, debrepo_root):
    debrepo_root.mkdir()
    path = debrepo_root / "debrepo.toml"
    path.write_text('[publish]\norigin = "Example"\n[storage.fs.web]\nroot = "/srv/www"\n')
    found = values(debrepo)
    assert found["publish.origin"] == ("Example", str(path))
    assert found["storage.fs.web.root"] == ("/srv/www", str(path))


def test_the_environment_wins_over_the_file(debrepo, debrepo_root, monkeypatch):
    debrepo_root.mkdir()
    (debrepo_root / "debrepo.toml").write_text('publish.origin = "Example"\n')
    monkeypatch.setenv("DEBREPO_PUBLISH_ORIGIN", "Other")
    assert values(debrepo)["publish.origin"] == ("Other", "DEBREPO_PUBLISH_ORIGIN")


def test_the_environment_names_settings_of_storages(debrepo, debrepo_root, monkeypatch):
    debrepo_root.mkdir()
    (debrepo_root / "debrepo.toml").write_text('storage.fs.My-Web.root = "/srv/www"\n')
    monkeypatch.setenv("DEBREPO_STORAGE_FS_MY_WEB_LINK", "copy")
    monkeypatch.setenv("DEBREPO_STORAGE_S3_CLOUD_REGION", "eu-central-1")
    monkeypatch.setenv("DEBREPO_STORAGE_S3_CLOUD_MULTI_DELETE", "no")
    monkeypatch.setenv("DEBREPO_STORAGE_S3_CLOUD_SECRET_ACCESS_KEY", "hush")
    found = {name: value for name, (value, _) in values(debrepo).items()}
    assert found["storage.fs.My-Web.link"] == "copy"
    assert found["storage.s3.cloud.region"] == "eu-central-1"
    assert found["storage.s3.cloud.multi_delete"] is False
    assert found["storage.s3.cloud.secret_access_key"] == "(secret)"
    assert "hush" not in debrepo("config", "show", "--all").output


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("DEBREPO_PUBLISH_ORGIN", "DEBREPO_PUBLISH_ORIGIN"),
        ("DEBREPO_SERVER_TIMOUT", "DEBREPO_SERVER_TIMEOUT"),
        ("DEBREPO_STORAGE_S3_CLOUD_REGOIN", "DEBREPO_STORAGE_S3_CLOUD_REGION"),
        ("DEBREPO_STORAGE_FS_MY_WEB_LINKS", "DEBREPO_STORAGE_FS_MY_WEB_LINK"),
    ],
)
def test_a_mistyped_variable_is_an_error_that_names_what_was_meant(
    debrepo, monkeypatch, variable, meant
):
    monkeypatch.setenv(variable, "1")
    said = debrepo("config", "show", exit_code=2).output
    assert said == f"Error: {variable} is no setting\nHint: is {meant} meant?\n"


def test_a_variable_of_somebody_else_is_nothing_to_complain_about(debrepo, monkeypatch):
    monkeypatch.setenv("DEBREPO_OF_THE_NIGHTLY_JOB", "1")
    debrepo("config", "show")


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("publish.orgin = 1", "is publish.origin meant?"),
        ("storage.s3.cloud.regoin = 1", "is storage.s3.cloud.region meant?"),
        ("weather.forecast = 1", 'run "debrepo config show --all"'),
    ],
)
def test_a_setting_that_nobody_declares_is_an_error(debrepo, debrepo_root, line, meant):
    debrepo_root.mkdir()
    (debrepo_root / "debrepo.toml").write_text(line)
    result = debrepo("config", "show", exit_code=2)
    assert f"no setting is called {line.removesuffix(' = 1')}" in result.output
    assert f"Hint: {meant}" in result.output


@pytest.mark.debrepo_plugins(disabled=["publish-s3", "gitlab"])
def test_settings_of_a_disabled_plugin_have_no_effect_and_are_named(
    debrepo, debrepo_root, monkeypatch
):
    debrepo_root.mkdir()
    path = debrepo_root / "debrepo.toml"
    path.write_text('storage.s3.cloud.bucket = "b"\npublish.origin = "Example"\n')
    monkeypatch.setenv("DEBREPO_STORAGE_S3_CLOUD_SECRET_ACCESS_KEY", "hush")
    shown = debrepo("config", "show")
    assert (
        f"{path} sets storage.s3.cloud.bucket, without effect: the plugin publish-s3 is disabled."
        in shown.stderr
    )
    assert "DEBREPO_STORAGE_S3_CLOUD_SECRET_ACCESS_KEY sets" in shown.stderr
    assert "hush" not in shown.output
    assert "publish.origin" in shown.stdout
    assert "storage.s3.cloud" not in shown.stdout


@pytest.mark.debrepo_plugins(disabled=["publish-s3"])
def test_a_typo_is_an_error_whatever_is_disabled(debrepo, debrepo_root):
    debrepo_root.mkdir()
    (debrepo_root / "debrepo.toml").write_text('storage.s3.cloud.bukcet = "b"\n')
    debrepo("config", "show", exit_code=2)


def test_settings_of_a_plugin_that_is_disabled_because_it_is_broken_have_no_effect(
    tmp_path, debrepo_root, monkeypatch
):
    info = tmp_path / "broken-1.0.dist-info"
    info.mkdir()
    (info / "entry_points.txt").write_text("[debrepo]\nbroken = nowhere.plugin\n")
    monkeypatch.syspath_prepend(tmp_path)
    debrepo_root.mkdir()
    path = debrepo_root / "debrepo.toml"
    path.write_text("weather.forecast = true\n")
    config = Session(debrepo_root, load_plugins(disabled=["broken"])).config
    assert config.without_effect == [("weather.forecast", str(path), "broken")]
    path.write_text('publish.orgin = "x"\n')
    with pytest.raises(InvalidInput, match=r"publish\.orgin"):
        _ = Session(debrepo_root, load_plugins(disabled=["broken"])).config


class Weather:
    """A plugin with secrets."""

    @hookimpl
    def debrepo_settings(self):
        return [
            Setting("weather.token", "", "Token of the service", secret=True),
            Setting("weather.pin", 0, "Number of the service", secret=True),
        ]


@pytest.mark.debrepo_plugins(more=[Weather()])
def test_a_secret_is_shown_nowhere(debrepo, debrepo_root, api):
    debrepo_root.mkdir(exist_ok=True)
    path = debrepo_root / "debrepo.toml"
    path.write_text('weather.token = "hush"\n')
    asked = api.post("/api/operations/config.show", json={"arguments": {}}).text
    shown = [debrepo("config", "show", *options).output for options in ([], ["--all"], ["--json"])]
    for text in (asked, *shown):
        assert "weather.token" in text
        assert "hush" not in text
    assert "hush" not in api.get("/api/metrics").text
    path.write_text('weather.token = ["hush"]\n')
    assert "hush" not in debrepo("config", "show", exit_code=2).output


@pytest.mark.debrepo_plugins(more=[Weather()])
@pytest.mark.parametrize("text", ["hush", "0x68757368"])
def test_an_error_of_the_environment_shows_no_secret(debrepo, monkeypatch, text):
    monkeypatch.setenv("DEBREPO_WEATHER_PIN", text)
    said = debrepo("config", "show", exit_code=2).output
    assert said == "Error: DEBREPO_WEATHER_PIN has to be a whole number\n"


def test_a_value_of_the_wrong_type_says_what_it_has_to_be(debrepo, debrepo_root):
    debrepo_root.mkdir()
    (debrepo_root / "debrepo.toml").write_text('publish.compressions = "gz"\n')
    result = debrepo("config", "show", exit_code=2)
    assert "publish.compressions has to be a list of strings, found 'gz'" in result.output


def test_a_file_that_is_no_toml_names_itself(debrepo, debrepo_root):
    debrepo_root.mkdir()
    (debrepo_root / "debrepo.toml").write_text("publish = [")
    assert "debrepo.toml is not TOML" in debrepo("config", "show", exit_code=2).output


def test_the_created_file_changes_nothing_and_can_be_read(debrepo, debrepo_root):
    before = values(debrepo)
    debrepo("config", "create")
    text = (debrepo_root / "debrepo.toml").read_text()
    assert values(debrepo) == before
    lines = [line.removeprefix("# ") for line in text.splitlines() if " = " in line]
    tomllib.loads("\n".join(lines))
    debrepo("config", "create", exit_code=4)


def test_plugins_say_what_they_are_for(debrepo):
    rows = json.loads(debrepo("plugin", "list", "--json").output)
    by_name = {row["name"]: row["summary"] for row in rows}
    assert by_name["local"] == 'Local repositories: "debrepo repo".'


def test_version_is_that_of_the_package(debrepo):
    assert debrepo("version").output == f"debrepo {package.__version__}\n"
    assert package.__version__ in debrepo("--version").output


def test_values_are_shown_as_a_configuration_file_has_them(debrepo, debrepo_root):
    debrepo_root.mkdir(exist_ok=True)
    path = debrepo_root / "debrepo.toml"
    path.write_text(
        '[publish]\norigin = "a \\"b\\""\ncompressions = ["gz"]\nskip_contents = true\n'
    )
    text = debrepo("config", "show").output
    assert f'publish.origin = "a \\"b\\""  # {path}\n' in text
    shown = tomllib.loads(text)["publish"]
    assert (shown["origin"], shown["compressions"]) == ('a "b"', ["gz"])
    assert shown["skip_contents"] is True
