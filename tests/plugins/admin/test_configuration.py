"""``debrepo config``, ``plugin`` and ``version``."""

import json
import tomllib

import pytest

import debrepo as package


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


def test_a_setting_that_nobody_declares_is_an_error(debrepo, debrepo_root):
    debrepo_root.mkdir()
    (debrepo_root / "debrepo.toml").write_text('publish.orgin = "Example"\n')
    result = debrepo("config", "show", exit_code=2)
    assert "no setting is called publish.orgin" in result.output
    assert 'Hint: run "debrepo config show --all"' in result.output


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
    rows = [line.split(None, 1) for line in debrepo("config", "show").output.splitlines()]
    shown = {name: rest.removesuffix(str(path)).rstrip() for name, rest in rows}
    assert shown["publish.origin"] == '"a \\"b\\""'
    assert shown["publish.compressions"] == '["gz"]'
    assert shown["publish.skip_contents"] == "true"
