"""Regular expressions come from a file from the second start on, and are the same."""

import os
import re
import subprocess
import sys

import pytest

from debrepo.known_patterns import KnownPatterns

PATTERNS = [
    ("(?P<name>[a-z]+)=(?P<value>.*)", 0), ("(?i)straße|ſ", 0), (r"\w+\s*", re.ASCII),
    (rb"(?:[0-9]{1,9}:)?[0-9][A-Za-z0-9.+~-]*+(?<!-)", 0), ("a.b # c", re.VERBOSE | re.DOTALL),
    (b"^x$", re.MULTILINE), ("[^\\W\\d_]|(a)(b)?(?(1)c|d)", re.IGNORECASE),
]  # fmt: skip
#: Runs a command, and says how many patterns were compiled.
_SCRIPT = """
import re, sys
made = []
def count(*args, usual=re._compiler._code):
    made.append(args)
    return usual(*args)
re._compiler._code = count
from debrepo.__main__ import main
try: main()
finally: print(len(made))
"""


def compiled(stored, pattern, flags):
    """Compile as a module does that is being imported, through the functions of `re`."""
    scope = {"stored": stored, "pattern": pattern, "flags": int(flags)}
    code = "def ask(): return between()\ndef between(): return stored.compile(pattern, flags)\n"
    exec(f"{code}found = ask()", scope)
    return scope["found"]


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    return tmp_path / "patterns.all"


def test_stored_patterns_are_those_that_python_compiles(path):
    first = KnownPatterns(str(path))
    made = [compiled(first, *each) for each in PATTERNS]
    first.store()
    again = KnownPatterns(str(path))
    again._compile = None
    for (pattern, flags), usual in zip(PATTERNS, made, strict=True):
        found = compiled(again, pattern, flags)
        assert found == usual == re.compile(pattern, flags)
        assert (found.groups, found.groupindex) == (usual.groups, usual.groupindex)


def test_what_is_compiled_later_is_added(path):
    for pattern in ("a+", "b+"):
        stored = KnownPatterns(str(path))
        compiled(stored, pattern, 0)
        stored.store()
    assert {pattern for pattern, _ in KnownPatterns(str(path))._known} == {"a+", "b+"}


def test_what_functions_compile_is_not_stored(path):
    """It may come from a user, and others use the file too."""
    stored = KnownPatterns(str(path))
    stored.compile("secret", 0)
    stored.store()
    assert not path.exists()


def test_a_wrong_pattern_is_an_error_as_ever(path):
    stored = KnownPatterns(str(path))
    with pytest.raises(re.error, match="unterminated"):
        compiled(stored, "(a", 0)
    stored.store()
    assert not path.exists()


def test_patterns_of_another_python_are_not_used(path, monkeypatch):
    stored = KnownPatterns(str(path))
    compiled(stored, "a+", 0)
    stored.store()
    monkeypatch.setattr(sys, "version", "3.99")
    assert KnownPatterns(str(path))._known == {}


@pytest.mark.parametrize("damage", [b"", b"?" * 20, "cut", "code"])
def test_a_damaged_file_does_no_harm(path, damage):
    stored = KnownPatterns(str(path))
    usual = compiled(stored, "a+(b)", 0)
    stored.store()
    whole = path.read_bytes()
    path.write_bytes({"cut": whole[:-30]}.get(damage, damage if damage != "code" else whole))
    stored = KnownPatterns(str(path))
    if damage == "code":
        stored._known = dict.fromkeys(stored._known, b"(\x00\x00\x00\x00")
    assert compiled(stored, "a+(b)", 0) == usual


def test_a_command_compiles_what_modules_need_once(tmp_path):
    script = tmp_path / "debrepo"
    script.write_text(_SCRIPT)
    clean = {name: value for name, value in os.environ.items() if "BYTECODE" not in name}
    clean |= {"PYTHONPYCACHEPREFIX": str(tmp_path / "compiled")}

    def run():
        words = [sys.executable, script, "--root", tmp_path / "root", "repo", "list"]
        run = subprocess.run(words, capture_output=True, text=True, check=True, env=clean)
        return int(run.stdout.split()[-1])

    assert run() > 20
    assert run() < 5
