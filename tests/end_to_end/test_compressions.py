"""Indexes put together from pieces: real clients read them whole, in every compression."""

import gzip
import re

import pytest
from end_to_end.archive import Archive
from end_to_end.clients import Apt, WebServer, run, which

from debrepo.testing.packages import build_deb

COUNT = 1500  # packages, of several pieces in every compression
FORMS = {"gz": "gz", "xz": "xz", "zst": "zstd", "bz2": "bz2"}  # as apt calls them


@pytest.fixture(scope="module")
def large(keys, tmp_path_factory):
    """An archive of many packages, published once in each compression."""
    debs = tmp_path_factory.mktemp("many")
    for number in range(COUNT):
        build_deb(debs, f"package{number}", compression="gzip")
    archive = Archive(tmp_path_factory.mktemp("root"))
    archive.environment["DEBREPO_SIGNING_GPG_HOME"] = str(keys)
    archive("repo", "create", "many")
    archive("repo", "add", "many", debs)
    for form in (*FORMS, "plain"):
        archive(
            *("publish", "repo", "many", "--distribution", form, "--compressions", form),
            *("--architectures", "amd64"),
        )
    return archive


def index(archive, form):
    name = "Packages" if form == "plain" else f"Packages.{form}"
    return archive.public / "dists" / form / "main/binary-amd64" / name


def pieces(path):
    """Return of how many members, blocks or frames an index consists."""
    data = path.read_bytes()
    if path.suffix == ".gz":
        return len(re.findall(rb"\x1f\x8b\x08[\0-\x1f].{4}[\0\2\4]", data, re.DOTALL))
    if path.suffix == ".zst":
        return data.count(b"\x28\xb5\x2f\xfd")
    said = run("xz", "--robot", "--list", path)
    return int(re.search(r"^file\t1\t(\d+)\t", said, re.MULTILINE)[1])


@pytest.mark.parametrize("form", ["gz", "xz", "zst"])
def test_index_is_made_of_pieces(large, form):
    assert pieces(index(large, form)) > 1


@pytest.mark.parametrize("form", [*FORMS, "plain"])
def test_apt_reads_all_of_an_index(large, tmp_path, form):
    apt = Apt(tmp_path / "client", large.source(suite=form, types="deb"))
    apt.update()
    assert len(apt("apt-cache", "pkgnames").split()) == COUNT


@pytest.mark.parametrize(("program", "form"), [("gzip", "gz"), ("xz", "xz"), ("zstd", "zst")])
def test_programs_find_an_index_whole(large, program, form):
    if which(program) is None:
        pytest.skip(f"there is no {program}")
    run(program, "--test", index(large, form))
    assert run(program, "-dc", index(large, form)) == index(large, "plain").read_text()
    if form == "gz":
        assert (
            gzip.decompress(index(large, form).read_bytes()) == index(large, "plain").read_bytes()
        )


def test_nothing_is_asked_for_by_its_name_where_by_hash_is_forced(large, tmp_path):
    with WebServer(large.public) as web:
        source = large.source(web.url, "xz", "deb")
        apt = Apt(tmp_path / "client", source.replace("Suites:", "By-Hash: force\nSuites:"))
        apt.update()
        assert len(apt("apt-cache", "pkgnames").split()) == COUNT
        asked = [path for path in web.asked if not path.endswith("/InRelease")]
    assert asked
    assert all("/by-hash/SHA256/" in path for path in asked)


def test_differences_that_are_not_published_are_not_asked_for(large, tmp_path):
    with WebServer(large.public) as web:
        apt = Apt(tmp_path / "client", large.source(web.url, "gz", "deb"))
        apt.update()
        large("repo", "add", "many", build_deb(tmp_path, "later"))
        large("publish", "update", "gz")
        apt.update()
        assert apt.candidate("later") == "1.0"
        assert not [path for path in web.asked if "diff" in path]
    large("repo", "remove", "many", "later")
    large("publish", "update", "gz")
