"""``debrepo key``, from the outside."""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from click.testing import CliRunner

import debrepo_gpg.plugin
from debrepo.cli import build_cli
from debrepo.plugins import new_manager

pytestmark = pytest.mark.skipif(not shutil.which("gpg"), reason="needs gpg")


@pytest.fixture
def run(tmp_path):
    plugins = new_manager()
    plugins.register(debrepo_gpg.plugin, "gpg")
    cli = build_cli(plugins)

    def run(*args, exit_code=0, root="root"):
        result = CliRunner().invoke(cli, ["--root", str(tmp_path / root), "key", *args])
        assert result.exit_code == exit_code, result.output
        return result

    return run


def create(run, *args):
    return run("create", "--name", "Archive", *args).stdout.split()[-1].rstrip(".")


def test_a_created_key_is_listed(run):
    made = create(run, "--email", "archive@example.org", "--expire", "2y")
    line = run("list").stdout
    assert line.startswith(f"{made}  ed25519  until 20")
    assert line.endswith("  Archive <archive@example.org>\n")


def test_without_keys_the_list_is_empty(run):
    assert run("list").stdout == ""
    assert json.loads(run("list", "--json").stdout) == []


def test_a_key_is_shown_with_what_it_is(run):
    made = create(run, "--algorithm", "rsa4096")
    output = run("show", made[-16:]).stdout
    assert f"Fingerprint: {made}\nUser ID: Archive\nAlgorithm: rsa4096\n" in output
    assert "Expires: never\n" in output


@pytest.fixture
def starts(tmp_path, monkeypatch):
    """Return what counts how often GnuPG was started since it was last asked."""
    program, log = tmp_path / "counted-gpg", tmp_path / "starts"
    program.write_text(f'#!/bin/sh\necho >> {log}\nexec gpg "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("DEBREPO_SIGNING_GPG_PROGRAM", str(program))

    def count():
        found = len(log.read_text()) if log.exists() else 0
        log.write_text("")
        return found

    return count


@pytest.mark.parametrize("command", ["export", "distrust"])
def test_gnupg_is_started_as_often_for_many_names_as_for_one(run, starts, tmp_path, command):
    keys = [create(run) for _ in range(3)]
    exported = tmp_path / "public.asc"
    exported.write_text(run("export", *keys).stdout)
    run("trust", str(exported))
    starts()
    run(command, keys[0])
    once = starts()
    names = keys[1:] if command == "distrust" else [*keys, *(key[-16:] for key in keys)] * 100
    run(command, *names)
    assert 0 < starts() <= once  # less if the listing of keys has been kept meanwhile


def test_gnupg_is_not_started_to_list_keys_that_have_not_changed(run, starts, tmp_path):
    made = create(run)
    home = tmp_path / "root/gnupg"
    for path in [home, *home.iterdir()]:
        os.utime(path, (0, 0))
    shown = run("list").stdout
    assert made in shown
    assert starts() > 0
    assert run("list").stdout == shown
    assert starts() == 0
    later = create(run)
    assert later in run("list").stdout


def test_a_key_is_shown_to_programs(run):
    made = create(run)
    shown = json.loads(run("show", "archive", "--json").stdout)
    assert (shown["fingerprint"], shown["expires"], shown["fault"]) == (made, None, "")
    assert json.loads(run("list", "--json").stdout) == [shown]


def test_an_unknown_key_is_named_with_a_way_out(run):
    result = run("show", "nobody", exit_code=10)
    assert result.output == (
        "Error: there is no secret key 'nobody'\nHint: run \"debrepo key create --name NAME\"\n"
    )


def test_a_new_key_has_no_problems(run):
    made = create(run)
    assert run("check").stdout == f"{made}: no problems\n"
    assert json.loads(run("check", made, "--json").stdout)[0]["problems"] == []


def test_a_key_about_to_expire_fails_the_check(run):
    made = create(run, "--expire", "3d")
    assert run("check", exit_code=1).stdout.startswith(f"{made}: expires on ")


def test_a_check_without_keys_says_how_to_make_one(run):
    assert "debrepo key create" in run("check", exit_code=10).output


def test_the_second_key_calls_for_a_choice(run):
    create(run)
    result = run("create", "--name", "Another")
    assert result.stderr == "2 keys can sign: say which in signing.gpg.keys.\n"


def test_an_exported_key_is_armored(run):
    create(run)
    assert run("export").stdout.startswith("-----BEGIN PGP PUBLIC KEY BLOCK-----\n")


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--name", "A", "a key name needs at least 2"),
        ("--name", "x\n%no-protection", "a key name needs at least 2"),
        ("--email", "a@b\nPassphrase: x", "not an email address"),
        ("--email", "nowhere", "not an email address"),
        ("--expire", "soon", "not an expiry"),
    ],
)
def test_what_would_not_be_a_line_of_its_own_is_refused(run, option, value, said):
    assert said in run("create", "--name", "Archive", option, value, exit_code=2).output


def test_a_key_with_a_passphrase_signs_where_it_is_configured(run, tmp_path, monkeypatch):
    home = tmp_path / "root" / "gnupg"
    home.mkdir(parents=True)
    (home / "gpg-agent.conf").write_text("s2k-count 65536\n")  # seconds faster
    (tmp_path / "secret").write_text("s3cret\n")
    create(run, "--passphrase-file", str(tmp_path / "secret"))
    assert "a passphrase is needed" in run("check", exit_code=1).stdout
    monkeypatch.setenv("DEBREPO_SIGNING_GPG_PASSPHRASE_FILE", str(tmp_path / "secret"))
    assert run("check").stdout.endswith(": no problems\n")


def test_secret_keys_can_be_brought_along(run, tmp_path):
    made = create(run)
    home = tmp_path / "root" / "gnupg"
    armored = subprocess.run(
        ["gpg", "--batch", "--armor", "--export-secret-keys", made],
        env={"GNUPGHOME": str(home), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=True,
    ).stdout
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=True)
    (tmp_path / "secret.asc").write_bytes(armored)
    result = run("import", str(tmp_path / "secret.asc"), root="other")
    assert result.stdout == f"Imported key {made}.\n"
    assert run("check", root="other").stdout == f"{made}: no problems\n"


def test_a_public_key_is_not_imported(run, tmp_path):
    create(run)
    (tmp_path / "public.asc").write_text(run("export").stdout)
    output = run("import", str(tmp_path / "public.asc"), root="other", exit_code=2).output
    assert "no secret key could be imported" in output


def test_of_several_keys_those_in_use_or_all_are_exported(run):
    one, other = create(run), create(run)
    shown = subprocess.run(
        ["gpg", "--show-keys", "--with-colons"],
        input=run("export").stdout,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert one in shown
    assert other in shown


def test_key_that_is_configured_and_not_there_is_named(run, monkeypatch):
    create(run)
    monkeypatch.setenv("DEBREPO_SIGNING_GPG_KEYS", "0123456789ABCDEF")
    said = run("check", exit_code=1).output
    assert "0123456789ABCDEF: it is configured in signing.gpg.keys, but cannot sign" in said


def test_key_that_is_of_tomorrow_names_the_clock(run, tmp_path):
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory) / "root/gnupg"
        home.mkdir(parents=True, mode=0o700)
        words = ("gpg", "--homedir", home, "--batch", "--passphrase", "", "--quick-gen-key")
        ahead = ("--faked-system-time", "20990101T000000!")
        command = [*words[:3], *ahead, *words[3:], "Ahead", "ed25519", "sign", "never"]
        subprocess.run(command, check=True, capture_output=True)
        said = run("check", exit_code=1, root=str(home.parent)).output
        assert "was made in the future, on 2099-01-01, by the clock of this machine" in said


def test_key_is_not_valid_before_it_was_made(run):
    create(run)
    said = run("check", "--at", "1999-01-01", exit_code=1).output
    assert ": is not valid before 20" in said
