"""What Tab offers, by the protocols of click and in real shells."""

import shutil
import subprocess

import pytest
from click.shell_completion import BashComplete

from debrepo.cli import build_cli
from debrepo.plugins import load_plugins


@pytest.fixture
def offers(debrepo_root, monkeypatch):
    """Return what completion offers for a line: ``offers("repo show t")``."""
    cli = build_cli(load_plugins())

    def ask(line, root=debrepo_root):
        monkeypatch.setenv("DEBREPO_ROOT", str(root))
        monkeypatch.setenv("COMP_WORDS", f"debrepo {line}")
        monkeypatch.setenv("COMP_CWORD", str(len(f"debrepo {line}".split(" ")) - 1))
        complete = BashComplete(cli, {}, "debrepo", "_DEBREPO_COMPLETE")
        items = complete.get_completions(*complete.get_completion_args())
        return [item.value for item in items]

    return ask


def test_commands_are_completed(offers):
    assert offers("rep") == ["repo", "reprepro"]
    assert "snapshot" in offers("")
    assert offers("publish sw") == ["switch"]


def test_options_are_completed(offers):
    assert offers("repo create --dist") == ["--distribution"]


def test_choices_are_completed(offers):
    assert offers("completion ") == ["bash", "fish", "zsh"]


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("repo show t", ["tests", "tools"]),
        ("repo add o", ["old stuff"]),
        ("repo create ", []),
        ("repo create new ", ["from"]),
        ("repo create new from ", ["repo", "snapshot"]),
        ("repo create new from snapshot ", ["monday"]),
        (
            "repo copy ",
            [
                "old stuff",
                "repo:old stuff",
                "repo:tests",
                "repo:tools",
                "snapshot:monday",
                "tests",
                "tools",
            ],
        ),
        ("repo copy tools te", ["tests"]),
        ("snapshot show ", ["monday"]),
        ("snapshot create new ", ["empty", "from"]),
        ("snapshot create new from repo t", ["tests", "tools"]),
        ("snapshot diff monday ", ["monday"]),
        ("snapshot merge new ", ["monday"]),
        ("snapshot pull monday ", ["monday"]),
        ("graph sn", ["snapshot:monday"]),
        ("publish update ", ["stable", "testing"]),
        ("publish update st", ["stable"]),
        ("publish update stable ", ["team"]),
        ("publish update testing ", ["."]),
        ("publish drop ", ["stable", "testing"]),
        ("publish snapshot ", ["monday"]),
        ("publish snapshot monday ", [".", "fs:mirror:", "monday", "team"]),
        ("publish repo to", ["tools"]),
        ("publish switch stable ", ["monday", "team"]),
    ],
)
def test_names_are_completed(stocked, offers, line, names):
    assert offers(line, stocked) == names


def test_keys_are_completed(debrepo, offers):
    made = debrepo("key", "create", "--name", "Archive").stdout.split()[-1].rstrip(".")
    assert offers("key show ") == [made]
    assert offers("publish update x --gpg-key ") == [made]
    assert offers("publish update x --gpg-key=" + made[:4]) == [made]


def test_tokens_are_completed(debrepo, offers):
    debrepo("token", "create", "ci", "--scope", "read")
    assert offers("token revoke ") == ["ci"]


def test_storages_are_completed_where_a_place_is_due(stocked, offers):
    assert offers("publish repo tools fs", stocked) == ["fs:mirror:"]


def test_the_root_option_is_heeded(stocked, offers):
    assert offers(f"--root {stocked} publish update t") == ["testing"]
    assert offers("publish update t") == []


def test_without_a_database_there_are_no_names_and_none_is_made(offers, debrepo_root):
    for line in ("publish update ", "publish repo ", "key show "):
        assert offers(line) == []
    assert not debrepo_root.exists()


def test_a_database_that_is_none_is_no_error(offers, debrepo_root, capfd):
    (debrepo_root / "db").mkdir(parents=True)
    (debrepo_root / "db" / "data.mdb").write_bytes(b"rubbish" * 4096)
    assert offers("publish update ") == []
    assert capfd.readouterr() == ("", "")


def test_a_broken_configuration_is_no_error(debrepo, offers, debrepo_root, capfd):
    debrepo("repo", "create", "tools")
    assert offers("repo show ") == ["tools"]
    (debrepo_root / "debrepo.toml").write_text("not toml")
    assert offers("repo show ") == []
    assert capfd.readouterr() == ("", "")


def test_the_protocol_answers_on_the_command_line(environment):
    asked = {"_DEBREPO_COMPLETE": "bash_complete", "COMP_CWORD": "3"}
    done = subprocess.run(
        ["debrepo"],
        env=environment | asked | {"COMP_WORDS": "debrepo publish update s"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("plain,stable\n", "")


def test_an_unknown_shell_is_an_error(debrepo):
    assert "'bash', 'fish', 'zsh'" in debrepo("completion", "tcsh", exit_code=2).output


@pytest.fixture
def script(debrepo, tmp_path):
    """Return the path of a shell's script: ``script("bash")``."""

    def write(shell):
        (tmp_path / shell).write_text(debrepo("completion", shell).stdout)
        return str(tmp_path / shell)

    return write


def needs(shell):
    return pytest.mark.skipif(not shutil.which(shell), reason=f"needs {shell}")


_BASH = """
source "$2"
COMP_LINE=$1 COMP_POINT=${#1} COMP_WORDBREAKS=$' \\t\\n"\\'><=;|&(:'
_debrepo debrepo 2>&1
printf '%s\\n' "${COMPREPLY[@]}"
"""


def bash(environment, line, script):
    done = subprocess.run(
        ["bash", "--norc", "-c", _BASH, "bash", line, script("bash")],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return [word for word in done.stdout.splitlines() if word]


@needs("bash")
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("debrepo publ", ["publish"]),
        ("debrepo publish update ", ["stable", "testing"]),
        ("debrepo publish repo t", ["tests", "tools"]),
        ("debrepo publish repo old", ["old\\ stuff"]),
        ("debrepo publish repo old\\ s", ["old\\ stuff"]),
        ("debrepo publish repo tools fs:", ["mirror:"]),
        ("debrepo publish repo tools fs:mi", ["mirror:"]),
        ("debrepo completion z", ["zsh"]),
        ("debrepo --root=/nonexistent publish update ", []),
    ],
)
def test_bash_completes(environment, script, line, words):
    assert bash(environment, line, script) == words


@needs("bash")
def test_bash_hears_of_no_error(environment, script):
    broken = environment | {"DEBREPO_CONFIG": "/nonexistent", "DEBREPO_ROOT": "/dev/null"}
    assert bash(broken, "debrepo publish update ", script) == []


@needs("fish")
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("debrepo publ", ["publish"]),
        ("debrepo publish update ", ["stable", "testing"]),
        ("debrepo publish repo old", ["old stuff"]),
        ("debrepo publish repo tools fs:mi", ["fs:mirror:"]),
    ],
)
def test_fish_completes(environment, script, line, words):
    program = 'source "$argv[2]"; complete -C "$argv[1]"'
    done = subprocess.run(
        ["fish", "--no-config", "-c", program, line, script("fish")],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert [found.split("\t")[0] for found in done.stdout.splitlines()] == words


_ZSH = """
autoload -U compinit && compinit -u -D
source "$2"
compadd() { while [[ $1 == -* ]]; do [[ $1 == -a ]] && { shift 2; break }; shift; done
    print -rl -- "${names[@]}" }
_describe() { print -rl -- "${described[@]%%:*}" }
words=("${(@Q)${(z)1}}") CURRENT=${#words}
[[ $1 == *' ' ]] && { words+=(''); CURRENT=${#words} }
_debrepo
"""


@needs("zsh")
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("debrepo publ", ["publish"]),
        ("debrepo publish update ", ["stable", "testing"]),
        ("debrepo publish repo tools fs:mi", ["fs:mirror:"]),
    ],
)
def test_zsh_completes(environment, script, line, words):
    done = subprocess.run(
        ["zsh", "-f", "-c", _ZSH, "zsh", line, script("zsh")],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert [word for word in done.stdout.splitlines() if word] == words
