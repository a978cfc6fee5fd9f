"""The Debian package that contrib/debian/build makes."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import debrepo

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(
    not (shutil.which("dh") and shutil.which("dh_python3")),
    reason="contrib/debian/build needs debhelper and dh-python",
)


def output_of(*command: str | Path, **environment: str) -> str:
    env = os.environ | environment
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def deb(tmp_path_factory):
    """Build the package; where lintian is installed, it has to be content."""
    output = tmp_path_factory.mktemp("deb")
    # Half of the time would be to compress it well.
    output_of(ROOT / "contrib/debian/build", output, DPKG_DEB_COMPRESSOR_LEVEL="1")
    (built,) = output.iterdir()
    return built


@pytest.fixture(scope="module")
def installed(deb, tmp_path_factory):
    """Unpack the package into a directory that has the Python of this machine."""
    directory = tmp_path_factory.mktemp("installed")
    output_of("dpkg-deb", "--extract", deb, directory)
    (directory / "usr/bin/python3").symlink_to("/usr/bin/python3")
    return directory


@pytest.fixture
def installed_debrepo(installed, tmp_path):
    def run(*args):
        python = installed / "usr/lib/debrepo/bin/python3"
        command = installed / "usr/bin/debrepo"
        return output_of(python, "-I", command, "--root", tmp_path / "root", *args)

    return run


def test_installed_command_runs_from_the_package_alone(installed_debrepo):
    assert installed_debrepo("version") == f"debrepo {debrepo.__version__}\n"
    installed_debrepo("repo", "create", "tools")
    assert "tools" in installed_debrepo("repo", "list")


def test_package_contains_the_server_mirrors_and_publishing_to_s3(installed):
    python = installed / "usr/lib/debrepo/bin/python3"
    code = "import uvicorn, fastapi, multipart, pycurl, debrepo_publish_s3.client; pycurl.Curl()"
    output_of(python, "-I", "-c", code)


def test_package_needs_python_and_no_python_packages(deb):
    needed = output_of("dpkg-deb", "--field", deb, "Depends").split(", ")
    python = [name for name in needed if name.startswith("python3")]
    minor = int(output_of("/usr/bin/python3", "-c", "import sys; print(sys.version_info.minor)"))
    assert python == [f"python3 (>= 3.{minor}~)", f"python3 (<< 3.{minor + 1})", "python3:any"]


def test_package_makes_its_user_and_its_directory(installed, deb, tmp_path):
    assert " debrepo " in (installed / "usr/lib/sysusers.d/debrepo.conf").read_text()
    assert "/var/lib/debrepo" in (installed / "usr/lib/tmpfiles.d/debrepo.conf").read_text()
    output_of("dpkg-deb", "--control", deb, tmp_path)
    script = (tmp_path / "postinst").read_text()
    assert "systemd-sysusers" in script
    assert "systemd-tmpfiles" in script
    assert "py3compile" in script


def test_package_removes_what_commands_store_beside_the_modules(deb, tmp_path):
    output_of("dpkg-deb", "--control", deb, tmp_path)
    script = (tmp_path / "prerm").read_text()
    name = f"stored_modules.{sys.implementation.cache_tag}.pyc"
    stored = Path(debrepo.__file__).parent / "__pycache__" / name
    (pattern,) = re.findall(r"^rm -f .*/site-packages/(.*)$", script, re.MULTILINE)
    assert stored.match(pattern)


def test_package_has_manual_pages_and_completions(installed):
    share = installed / "usr/share"
    for path in (
        "man/man1/debrepo.1.gz",
        "man/man1/debrepo-publish-update.1.gz",
        "man/man5/debrepo.toml.5.gz",
        "bash-completion/completions/debrepo",
        "zsh/vendor-completions/_debrepo",
        "fish/vendor_completions.d/debrepo.fish",
    ):
        assert (share / path).stat().st_size > 100


def test_nothing_in_the_package_names_the_directory_that_it_was_built_in(installed):
    private = installed / "usr/lib/debrepo"
    files = [path for path in private.rglob("*") if path.suffix in {".cfg", ".pth", ".json", ""}]
    texts = [path.read_bytes() for path in files if path.is_file()]
    assert [text for text in texts if b"/debian/debrepo" in text] == []


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
def test_systemd_accepts_the_units(installed, tmp_path):
    found = sorted(installed.glob("**/systemd/system/debrepo*.*"))
    assert [unit.name for unit in found] == [
        "debrepo-backup.service",
        "debrepo-backup.timer",
        "debrepo-doctor.service",
        "debrepo-doctor.timer",
        "debrepo-renew.service",
        "debrepo-renew.timer",
        "debrepo-watch.service",
        "debrepo.service",
        "debrepo.socket",
    ]
    for unit in found:
        text = unit.read_text().replace("/usr/bin/debrepo", sys.executable)
        (tmp_path / unit.name).write_text(text.replace("man:debrepo", "man:true"))
    units = [tmp_path / unit.name for unit in found]
    environment = os.environ | {"SYSTEMD_UNIT_PATH": f"{tmp_path}:"}
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert [line for line in done.stderr.splitlines() if "debrepo" in line] == []
