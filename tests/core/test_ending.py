"""The end of a command: quick, and nothing is left undone."""

import subprocess
import sys

import pytest

BEFORE = "import atexit, sys, threading, debrepo.cli, debrepo.__main__ as command\n"


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
