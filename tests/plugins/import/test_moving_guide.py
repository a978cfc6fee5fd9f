"""The examples of the guide to moving in and out run, and say what the guide shows."""

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from end_to_end.writers import WRITERS, build_packages

from debrepo.testing.packages import build_deb

GUIDE = (Path(__file__).parents[3] / "docs/guide/moving.md").read_text()
SIZE = re.compile(r" \([0-9.]+ \w+\)")
FIELDS = {"Section": "misc", "Priority": "optional"}


def section(title):
    text = GUIDE.partition(f"## {title}\n")[2]
    return re.split(r"\n## ", text)[0]


def steps(title):
    """Yield the command lines of a section, and what each prints."""
    for block in re.findall(r"```console\n(.*?)```", section(title), re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            line, _, output = part.partition("\n")
            yield line, output.splitlines()


@pytest.fixture
def follow(debrepo, monkeypatch, tmp_path):
    def run(title, places):
        monkeypatch.chdir(tmp_path)
        seen = 0
        for line, output in steps(title):
            for name, place in places.items():
                line = line.replace(name, str(place))
            words = shlex.split(line)
            assert words[0] == "debrepo"
            said = SIZE.sub("", debrepo(*words[1:]).stdout)
            for expected in output:
                assert SIZE.sub("", expected) in said, (line, said)
            seen += 1
        assert seen

    return run


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    return build_packages(tmp_path_factory.mktemp("packages"))


@pytest.fixture(scope="module")
def signing():
    from plugins.mirror.archives import Key

    key = Key()
    yield key
    key.close()


@pytest.mark.skipif(not shutil.which("reprepro"), reason="needs reprepro")
def test_from_reprepro(follow, packages, tmp_path):
    base = tmp_path / "reprepro"
    (base / "conf").mkdir(parents=True)
    (base / "conf/distributions").write_text(
        "Codename: bookworm\nArchitectures: amd64 arm64 source\nComponents: main contrib\n"
        "UDebComponents: main\n"
    )
    tool = build_deb(tmp_path, "tool", "1.0", fields=FIELDS)
    for words in (
        *(("includedeb", "bookworm", deb) for deb in sorted(packages.glob("*.deb"))),
        *(("includeudeb", "bookworm", deb) for deb in packages.glob("*.udeb")),
        *(("includedsc", "bookworm", dsc) for dsc in packages.glob("*.dsc")),
        ("-C", "contrib", "includedeb", "bookworm", tool),
    ):
        subprocess.run(["reprepro", "--silent", "-b", base, *words], check=True)
    build_deb(tmp_path, "hello", "1:3.0", fields=FIELDS)
    follow("From reprepro", {"/srv/reprepro": base})


@pytest.mark.skipif(not shutil.which("aptly"), reason="needs aptly")
def test_from_a_published_archive(follow, packages, signing, tmp_path):
    public, _ = WRITERS["aptly"](tmp_path / "written", packages, signing)
    (tmp_path / "archive-key.asc").write_text(signing.public)
    follow("From a published archive", {"/srv/archive": public})


def test_take_a_place_over(follow, debrepo, debrepo_root, packages, signing, tmp_path):
    public, _ = WRITERS["debrepo"](tmp_path / "written", packages, signing)
    debrepo_root.mkdir()
    os.rename(public, debrepo_root / "public")
    (tmp_path / "old-key.asc").write_bytes(signing("--armor", "--export-secret-keys"))
    debrepo("repo", "create", "tools")
    debrepo("repo", "add", "tools", packages)
    follow("Take a place over", {})


def test_move_out_again(follow, debrepo, debrepo_root, packages, tmp_path):
    debrepo_root.mkdir()
    (debrepo_root / "debrepo.toml").write_text("publish.skip_signing = true\n")
    debrepo("repo", "create", "tools", "--distribution", "stable")
    debrepo("repo", "add", "tools", packages)
    debrepo("publish", "repo", "tools")
    follow("Move out again", {"/srv/": f"{tmp_path}/out/"})
    assert (tmp_path / "out/for-aptly/take-in.sh").exists()
