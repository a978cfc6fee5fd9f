"""The modules of a start come from one file, and never other ones than without it."""

import os
import subprocess
import sys
import zipfile
from functools import partial
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest

from debrepo import stored_code

_PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from debrepo.stored_code import StoredCode
code = StoredCode(sys.argv[2])
sys.meta_path.insert(0, code)
import debrepo_sample, debrepo_sample.part
print(debrepo_sample.part.VALUE, type(debrepo_sample.part.__loader__).__name__)
code.store()
"""


class Sample:
    """A package with one module, and the file that stores both."""

    def __init__(self, top):
        self.top, self.file = top, top / "all"
        self.part = top / "lib" / "debrepo_sample" / "part.py"
        self.part.parent.mkdir(parents=True)
        (self.part.parent / "__init__.py").write_text("")
        self.part.write_text("VALUE = 1\n")

    def run(self, program=_PROGRAM, **env):
        """Import the module in a new process, and return its value and what loaded it."""
        clean = {name: value for name, value in os.environ.items() if "BYTECODE" not in name}
        run = subprocess.run(
            [sys.executable, "-c", program, str(self.part.parents[1]), str(self.file)],
            capture_output=True,
            text=True,
            check=True,
            env=clean | {"PYTHONPYCACHEPREFIX": str(self.top / "compiled")} | env,
        )
        assert run.stderr == ""
        return run.stdout.strip()


@pytest.fixture
def sample(tmp_path):
    return Sample(tmp_path)


def test_modules_come_from_the_file_from_the_second_start_on(sample):
    assert sample.run() == "1 SourceFileLoader"
    before = sample.file.read_bytes()
    assert sample.run() == "1 _Loader"
    assert sample.file.read_bytes() == before


def test_a_module_that_changes_is_compiled_and_stored_again(sample):
    sample.run()
    sample.part.write_text("VALUE = 22\n")
    assert sample.run() == "22 SourceFileLoader"
    assert sample.run() == "22 _Loader"


def test_a_module_that_is_gone_cannot_be_imported(sample):
    sample.run()
    sample.part.unlink()
    program = _PROGRAM.replace("import debrepo_sample,", "import debrepo_sample\ntry: import")
    program = program.partition("print")[0] + "except ImportError as error: print(error)\n"
    assert sample.run(program) == "No module named 'debrepo_sample.part'"


def test_modules_for_another_python_path_are_not_used(sample):
    sample.run()
    assert sample.run(PYTHONPATH=str(sample.top)) == "1 SourceFileLoader"


@pytest.mark.parametrize("damage", ["cut", "garbage", "empty", "code"])
def test_a_damaged_file_is_ignored(sample, damage):
    sample.run()
    whole = sample.file.read_bytes()
    sample.file.write_bytes(
        {"cut": whole[:50], "garbage": b"?" * 99, "empty": b"", "code": whole[:-40]}[damage]
    )
    assert sample.run().startswith("1 ")


def test_where_nothing_can_be_written_modules_are_imported_as_ever(sample):
    sample.file = sample.top / "nowhere" / "all"
    assert sample.run() == "1 SourceFileLoader"
    assert sample.run() == "1 SourceFileLoader"


def test_python_that_writes_no_compiled_files_writes_none_here(sample):
    assert sample.run(PYTHONDONTWRITEBYTECODE="1") == "1 SourceFileLoader"
    assert not sample.file.exists()


def test_a_stored_module_looks_like_any_other(sample):
    shown = "package, part = debrepo_sample, debrepo_sample.part\nimport inspect\n"
    shown += "print(package.__path__, package.__file__, package.__cached__, part.__file__)\n"
    shown += "print(part.__package__, part.__spec__.cached, inspect.getsource(part))\n"
    program = _PROGRAM.partition("print")[0] + shown
    plain = sample.run(program)
    sample.run()
    assert sample.run(program) == plain


@pytest.fixture
def command(tmp_path):
    """Return a function that runs a script as pip makes them, and says what loaded click."""
    script = tmp_path / "bin" / "debrepo"
    script.parent.mkdir()
    script.write_text(
        "import sys\nfrom debrepo.__main__ import main\ntry: main()\nfinally:\n"
        "    print(*{type(sys.modules[name].__loader__).__name__ for name in ('click', 'enum')})\n"
    )
    clean = {name: value for name, value in os.environ.items() if "BYTECODE" not in name}

    def run(*given):
        return subprocess.run(
            [sys.executable, *(given or [script]), "--version"],
            capture_output=True,
            text=True,
            check=True,
            env=clean | {"PYTHONPYCACHEPREFIX": str(tmp_path / "compiled")},
        ).stdout.splitlines()[-1]

    run.script = script
    return run


def test_a_command_stores_what_it_has_imported(command):
    assert command() == "SourceFileLoader"
    assert command() == "_Loader"


def test_code_that_looks_into_the_current_directory_first_stores_nothing(command):
    command()
    assert command("-c", command.script.read_text()) == "SourceFileLoader"


_USE = """
from debrepo import stored_code
code = stored_code.use()
import debrepo.part
print(type(debrepo.part.__loader__).__name__)
code.store()
"""


@pytest.fixture
def environment(tmp_path):
    """Install the module, and one more, as pip does; return where, and a function to run Python."""
    wheel = tmp_path / "sample-1.0-py3-none-any.whl"
    code = Path(stored_code.__file__)
    files = {
        "debrepo/__init__.py": b"",
        "debrepo/part.py": b"",
        "debrepo/stored_code.py": code.read_bytes(),
        "debrepo/stored_modules.py": code.with_name("stored_modules.py").read_bytes(),
        "sample-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: sample\nVersion: 1.0\n",
        "sample-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\n"
        b"Tag: py3-none-any\n",
    }
    files["sample-1.0.dist-info/RECORD"] = "".join(f"{name},,\n" for name in files).encode()
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    venv = tmp_path / "venv"
    clean = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}

    def run(*words):
        return subprocess.run(words, capture_output=True, text=True, check=True, env=clean).stdout

    run(sys.executable, "-m", "venv", "--without-pip", venv)
    python = venv / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python, "--quiet")
    run(*pip, "install", "--no-deps", "--no-index", wheel)
    script = tmp_path / "run.py"
    script.write_text(_USE)
    (package,) = venv.glob("lib/python3*/site-packages/debrepo")
    return package, partial(run, python, script), partial(run, *pip, "uninstall", "--yes", "sample")


def test_what_is_stored_is_removed_with_the_package(environment):
    package, start, uninstall = environment
    assert [start(), start()] == ["SourceFileLoader\n", "_Loader\n"]
    (stored,) = (package / "__pycache__").glob("stored_modules.*")
    assert b"debrepo.part" in stored.read_bytes()
    uninstall()
    assert not package.exists()


def test_file_is_a_sound_compiled_file_of_its_module(environment):
    package, start, _ = environment
    start()
    (stored,) = (package / "__pycache__").glob("stored_modules.*")
    before = stored.read_bytes()
    loader = SourceFileLoader("stored_modules", str(package / "stored_modules.py"))
    assert loader.get_code("stored_modules").co_consts[0].startswith("Stored modules: ")
    assert stored.read_bytes() == before
