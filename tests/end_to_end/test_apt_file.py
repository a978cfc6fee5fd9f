"""apt-file, looking for files in the Contents that we publish."""

import shutil

import pytest
from end_to_end.clients import SYSTEM, Apt, which

from debrepo.testing.packages import build_deb, build_source

SETTINGS = SYSTEM / "etc/apt/apt.conf.d/50apt-file.conf"

pytestmark = pytest.mark.skipif(
    not (which("apt-file") and SETTINGS.exists()), reason="apt-file is not installed"
)


@pytest.fixture
def searcher(tmp_path, archive, debs):
    for name in ("first", "second"):
        build_deb(debs, name, paths={"usr/share/both of us/ä.txt": b"", f"usr/bin/{name}": b""})
    build_source(debs, "third", "1.0-1", paths={"third-1.0/src/hello world.c": b""})
    archive("repo", "create", "tools", "--distribution", "stable")
    archive("repo", "add", "tools", debs)
    archive("publish", "repo", "tools")
    apt = Apt(tmp_path / "client", archive.source(""))
    shutil.copy(SETTINGS, apt.home / "etc/apt/apt.conf.d")
    (apt.home / "etc/apt/apt.conf.d/60sources.conf").write_text(
        'Acquire::IndexTargets::deb-src::Contents-dsc::DefaultEnabled "true";\n'
    )
    apt.update()
    return apt


def test_a_file_is_found_in_its_package(searcher):
    assert searcher("apt-file", "search", "/usr/bin/first") == "first: /usr/bin/first\n"


def test_a_path_with_blanks_and_umlauts_is_found_in_both_packages(searcher):
    found = searcher("apt-file", "search", "/usr/share/both of us/ä.txt").splitlines()
    assert found == [f"{name}: /usr/share/both of us/ä.txt" for name in ("first", "second")]


@pytest.mark.parametrize("section", ["Science Math", "utils,web", "x/y z,"])
def test_section_with_blanks_or_commas_invents_no_package(searcher, archive, debs, section):
    build_deb(debs, "odd", fields={"Section": section}, paths={"usr/bin/odd one": b""})
    archive("repo", "add", "tools", debs)
    archive("publish", "update", "stable")
    searcher.update()
    assert searcher("apt-file", "search", "/usr/bin/odd one") == "odd: /usr/bin/odd one\n"
    assert searcher("apt-file", "list", "odd") == "odd: /usr/bin/odd one\n"


def test_files_of_packages_for_all_architectures_are_found(searcher):
    assert "/usr/share/doc/greeter/copyright" in searcher("apt-file", "list", "greeter")


def test_files_of_source_packages_are_found(searcher):
    found = searcher("apt-file", "-I", "dsc", "search", "src/hello world.c")
    assert found == "third: /src/hello world.c\n"
    assert "debian/changelog" in searcher("apt-file", "-I", "dsc", "list", "third")


def test_a_file_that_went_away_is_not_found_any_more(searcher, archive):
    assert searcher("apt-file", "search", "/usr/bin/first")
    archive("repo", "remove", "tools", "first")
    archive("publish", "update", "stable")
    searcher.update()
    assert searcher("apt-file", "search", "/usr/bin/first", exit_code=1) == ""
