"""The end of a command: quick, and nothing is left undone."""

import os
import subprocess
import sys

import pytest

BEFORE = (
    "import atexit, sys, threading, debrepo.cli, debrepo.turnstile, debrepo.__main__ as command\n"
)


def ended(code: str) -> subprocess.CompletedProcess[str]:
    """Run a command line in whose place ``run`` of this code stands."""
    code = f"{BEFORE}{code}\ndebrepo.cli.main = run\ncommand.main()"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ("def run(): print('done'); sys.exit(3)", 3, "done\n"),
        ("def run(): print('done'); sys.exit()", 0, "done\n"),
        ("def run(): print('done')", 0, "done\n"),
        ("def run(): atexit.register(print, 'later'); sys.exit(3)", 3, "later\n"),
        ("def run(): sys.exit(3)\natexit.register(print, 'first')", 3, "first\n"),
    ],
)
def test_what_was_printed_and_registered_is_done_before_the_end(code, status, said):
    end = ended(code)
    assert (end.returncode, end.stdout, end.stderr) == (status, said, "")


def test_a_thread_that_works_on_is_waited_for():
    end = ended(
        "go = threading.Event()\n"
        "def work(): go.wait(); print('worked')\n"
        "def run():\n"
        "    threading.Thread(target=work).start()\n"
        "    threading._register_atexit(go.set)\n"
        "    sys.exit(4)"
    )
    assert (end.returncode, end.stdout) == (4, "worked\n")


def test_an_error_that_nobody_expected_is_shown():
    end = ended("def run(): raise LookupError('here')")
    assert end.returncode == 1
    assert end.stderr.endswith("LookupError: here\n")


def test_output_that_cannot_be_written_is_no_success():
    with open("/dev/full", "w") as full:
        code = f"{BEFORE}def run(): print('x'); sys.exit(0)\ndebrepo.cli.main = run\ncommand.main()"
        end = subprocess.run([sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE)
    assert end.returncode != 0


def shell(line: str, root: object) -> subprocess.CompletedProcess[str]:
    """Run a line of shell, in which ``debrepo`` is the command, as it is installed."""
    line = line.replace("debrepo", f"{sys.executable} -m debrepo", 1)
    environment = {**os.environ, "DEBREPO_ROOT": str(root)}
    return subprocess.run(
        ["sh", "-c", line], capture_output=True, text=True, env=environment, check=False
    )


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    ("stream", "why"),
    [(">/dev/full", "No space left on device"), (">&-", "Bad file descriptor")],
)
@pytest.mark.parametrize("words", ["repo list --json", "--help", "--version", "repo create web"])
def test_result_that_cannot_be_printed_is_an_error(tmp_path, words, stream, why, unbuffered):
    end = shell(f"PYTHONUNBUFFERED={unbuffered} debrepo {words} {stream}", tmp_path / "root")
    assert (end.returncode, end.stdout) == (1, "")
    assert end.stderr.splitlines()[-1] == f"Error: cannot write the output: {why}"
    assert "Traceback" not in end.stderr


@pytest.mark.parametrize("streams", ["<&-", "2>&-", "<&- 2>&-"])
def test_command_needs_neither_input_nor_a_place_for_messages(tmp_path, streams):
    end = shell(f"debrepo repo create web {streams}", tmp_path / "root")
    assert (end.returncode, end.stdout, end.stderr) == (0, "Created repository web.\n", "")


def test_command_that_prints_nothing_needs_no_output(tmp_path):
    end = shell("debrepo repo list >&-", tmp_path / "root")
    assert (end.returncode, end.stderr) == (0, "")


def test_database_never_takes_the_place_of_a_stream_that_is_closed(tmp_path):
    """Whatever a library writes to the third stream would end up in it."""
    code = (
        f"{BEFORE}"
        "import os\n"
        "def run():\n"
        "    null = os.stat(os.devnull)\n"
        "    assert all(os.path.samestat(os.fstat(number), null) for number in range(3))\n"
        "    os.write(2, b'lost'); sys.stderr.write('lost'); sys.exit(3)\n"
        "debrepo.cli.main = run\n"
        "command.main()"
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    end = subprocess.run(["sh", "-c", f"{sys.executable} {script} <&- >&- 2>&-"], check=False)
    assert end.returncode == 3


def test_interrupt_while_waiting_for_a_turn_says_so_and_nothing_else():
    code = (
        f"{BEFORE}"
        "import os, signal\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # off in the background
        "debrepo.turnstile.pass_through = lambda *_: os.kill(os.getpid(), signal.SIGINT)\n"
        "command.main()"
    )
    end = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (end.returncode, end.stdout, end.stderr) == (130, "", "\nAborted!\n")


def test_python_that_does_not_count_what_is_registered_ends_as_usual():
    end = ended("def run(): sys.exit(3)\nimport atexit\ndel atexit._ncallbacks")
    assert (end.returncode, end.stderr) == (3, "")


@pytest.mark.parametrize("where", ["load", "build_cli"])
def test_interrupt_while_modules_load_is_one_line(where):
    code = (
        f"{BEFORE}"
        "import os, signal\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "debrepo.turnstile.pass_through = lambda *_: None\n"
        "import debrepo.cli.root as root\n"
        f"root.{where} = lambda *_: os.kill(os.getpid(), signal.SIGINT)\n"
        "command.main()"
    )
    end = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (end.returncode, end.stdout, end.stderr) == (130, "", "\nAborted!\n")


def test_interrupt_that_comes_where_python_ignores_errors_is_not_lost():
    code = (
        f"{BEFORE}"
        "import os, signal, time\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "class Odd:\n"
        "    def __del__(self): os.kill(os.getpid(), signal.SIGINT)\n"
        "def run():\n"
        "    Odd()\n"
        "    signal.pause()\n"
        "debrepo.cli.main = run\n"
        "command.main()"
    )
    end = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (end.returncode, end.stdout, end.stderr) == (130, "", "\nAborted!\n")


def test_interrupt_waits_for_what_has_to_be_done_to_its_end_and_a_second_one_does_not():
    code = (
        f"{BEFORE}"
        "import os, signal\n"
        "from debrepo.stopping import undisturbed\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "def run():\n"
        "    with undisturbed(), undisturbed():\n"
        "        os.kill(os.getpid(), signal.SIGINT); print('done', flush=True)\n"
        "        if len(sys.argv) > 1: os.kill(os.getpid(), signal.SIGINT)\n"
        "        print('all done', flush=True)\n"
        "    print('too much')\n"
        "debrepo.cli.main = run\n"
        "command.main()"
    )
    for more, said in (([], "done\nall done\n"), (["twice"], "done\n")):
        command = [sys.executable, "-c", code, *more]
        end = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (end.returncode, end.stdout, end.stderr) == (130, said, "\nAborted!\n")


def test_interrupt_of_a_command_is_one_line(tmp_path):
    code = (
        f"{BEFORE}"
        "import os, signal\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"sys.argv = ['debrepo', '--root', {str(tmp_path)!r}, 'version']\n"
        "import debrepo_admin.operations as operations\n"
        "operations.version = lambda *_: os.kill(os.getpid(), signal.SIGINT)\n"
        "command.main()"
    )
    end = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (end.returncode, end.stdout, end.stderr) == (130, "", "\nAborted!\n")
