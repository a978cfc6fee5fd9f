"""``debrepo db repair``: files that the pool has lost come back from wherever else they are."""

import json
import os
import shutil
from contextlib import closing
from hashlib import sha256

import pytest

from debrepo.plugins import load_plugins
from debrepo.session import Session
from debrepo.testing.crashes import crashes
from debrepo.testing.packages import build_deb, build_source


@pytest.fixture
def debs(tmp_path):
    (tmp_path / "debs").mkdir()
    return tmp_path / "debs"


@pytest.fixture
def filled(debrepo, debrepo_root, debs):
    debrepo("repo", "create", "r", "--distribution", "stable")
    debrepo("repo", "add", "r", build_deb(debs), build_deb(debs, "other"), build_source(debs))
    return debrepo_root


@pytest.fixture
def published(debrepo, filled):
    debrepo("publish", "repo", "r", "--skip-signing")
    return filled


def pool_file(root, path):
    digest = sha256(path.read_bytes()).hexdigest()
    return root / "pool" / digest[:2] / digest[2:]


def lose(root, *paths):
    for path in paths:
        pool_file(root, path).unlink()


def damage(root, path):
    """Spoil a byte, in a file of its own: what is published shares the old one."""
    file = pool_file(root, path)
    data = file.read_bytes()
    file.unlink()
    file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))


def test_nothing_is_lost_where_all_is_there(debrepo, filled):
    assert debrepo("db", "repair", "--deep").output == "Nothing is lost.\n"


def test_lost_and_damaged_files_come_back_from_what_is_published(debrepo, published, debs):
    lose(published, debs / "hello_1.0_amd64.deb", debs / "hello_1.0.orig.tar.xz")
    damage(published, debs / "other_1.0_amd64.deb")
    debrepo("db", "check", exit_code=8)
    said = debrepo("db", "repair", "--deep").output
    assert "hello_1.0_amd64: hello_1.0_amd64.deb: " in said
    assert "is missing; restored from .: pool/main/h/hello/hello_1.0_amd64.deb" in said
    assert "is damaged; restored from .: pool/main/o/other/other_1.0_amd64.deb" in said
    assert said.endswith("Repaired 3 files.\n")
    assert "Everything is in order" in debrepo("db", "check").output


def test_file_of_another_size_is_found_without_reading_any(debrepo, published, debs):
    file = pool_file(published, debs / "other_1.0_amd64.deb")
    file.unlink()
    file.write_bytes(b"short")
    assert "has 5 bytes, and not " in debrepo("db", "repair").output
    debrepo("db", "check")


def test_damage_that_the_published_file_shares_is_named_and_not_copied(debrepo, published, debs):
    file = pool_file(published, debs / "other_1.0_amd64.deb")
    with file.open("r+b") as opened:  # the published file is the same
        opened.write(b"x")
    said = debrepo("db", "repair", "--deep", exit_code=8).output
    assert "other_1.0_amd64.deb is damaged: its SHA256 checksum is " in said
    assert "Error: 1 file could not be found; looked in publications in ." in said
    debrepo("db", "repair", "--deep", "--from", debs)
    said = debrepo("publish", "repair", "stable", "--files").output
    debrepo("publish", "verify", "stable", "--files")


@pytest.mark.parametrize("kind", ["root", "pool", "tree", "directory"])
def test_files_come_back_from_a_directory_that_is_named(debrepo, published, debs, tmp_path, kind):
    place = {
        "root": published,
        "pool": published / "pool",
        "tree": published / "public",
        "directory": debs,
    }[kind]
    shutil.copytree(place, tmp_path / "copy")
    shutil.rmtree(published / "public")
    lose(published, debs / "hello_1.0_amd64.deb", debs / "other_1.0_amd64.deb")
    said = debrepo("db", "repair", "--from", tmp_path / "copy").output
    assert said.count(f"restored from {tmp_path}/copy/") == 2
    assert "Everything is in order" in debrepo("db", "check").output


def test_what_nobody_has_is_listed_with_where_somebody_looked(debrepo, filled, debs, tmp_path):
    (tmp_path / "empty").mkdir()
    lose(filled, debs / "hello_1.0_amd64.deb")
    shown = debrepo("db", "repair", exit_code=8)
    assert "looked in nowhere" in shown.output
    result = debrepo("db", "repair", "--json", "--from", tmp_path / "empty", exit_code=8)
    (file,) = json.loads(result.stdout)["files"]
    assert file["name"] == "hello_1.0_amd64: hello_1.0_amd64.deb"
    assert (file["fault"], file["found"]) == ("is missing", "")
    assert f"looked in {tmp_path / 'empty'}" in result.stderr


def test_dry_run_names_what_is_lost_and_brings_nothing(debrepo, published, debs):
    lose(published, debs / "hello_1.0_amd64.deb")
    assert "is missing\n" in debrepo("db", "repair", "--dry-run", exit_code=8).output
    assert not pool_file(published, debs / "hello_1.0_amd64.deb").exists()


def test_place_that_is_no_directory_is_refused(debrepo, filled, debs):
    said = debrepo("db", "repair", "--from", debs / "none", exit_code=2).output
    assert "none is not a directory" in said


def test_storage_that_cannot_be_opened_keeps_no_other_from_being_asked(
    debrepo, filled, debs, tmp_path
):
    config = filled / "debrepo.toml"
    storages = [f'[storage.fs.{name}]\nroot = "{tmp_path}/{name}"\n' for name in "az"]
    config.write_text("".join(storages))
    for name in "az":
        debrepo("publish", "repo", "r", f"fs:{name}:", "--skip-signing")
    config.write_text(storages[1])
    lose(filled, debs / "hello_1.0_amd64.deb")
    said = debrepo("db", "repair").output
    assert "publications in fs:a:.: no storage fs:a is configured" in said
    assert "restored from fs:z:.: pool/main/h/hello/hello_1.0_amd64.deb" in said


@pytest.mark.parametrize("download", ["all", "lazy"])
def test_files_of_a_mirror_come_back_from_its_archive(debrepo, published, debs, tmp_path, download):
    url = f"file://{published}/public"
    there = tmp_path / "there"

    def run(*words, exit_code=0):
        return debrepo("--root", there, *words, exit_code=exit_code)

    words = ("--ignore-signatures", "--with-sources", "--download", download)
    run("mirror", "create", "m", url, "stable", *words)
    run("mirror", "update", "m")
    if download == "lazy":
        run("publish", "mirror", "m", "--skip-signing", "--distribution", "x")
        shutil.rmtree(there / "public")
        lose(there, debs / "hello_1.0_amd64.deb")
        run("db", "repair")  # it is fetched when it is needed
        return
    lose(there, debs / "hello_1.0_amd64.deb", debs / "hello_1.0.orig.tar.xz")
    said = run("db", "repair").output
    assert said.count(f"restored from {url}/pool/main/h/hello/") == 2
    assert "Everything is in order" in run("db", "check").output


def test_mirror_whose_archive_is_gone_is_named(debrepo, published, debs, tmp_path):
    url = f"file://{published}/public"
    there = tmp_path / "there"
    debrepo("--root", there, "mirror", "create", "m", url, "stable", "--ignore-signatures")
    debrepo("--root", there, "mirror", "update", "m")
    shutil.rmtree(published / "public")
    lose(there, debs / "hello_1.0_amd64.deb")
    said = debrepo("--root", there, "db", "repair", exit_code=8).output
    assert f"looked in mirror m: {url}/" in said
    shutil.rmtree(there / "cache" / "mirror")
    said = debrepo("--root", there, "db", "repair", exit_code=8).output
    assert "the indexes of its last update are not kept" in said


def test_repair_that_is_killed_anywhere_is_done_by_the_next(debrepo, published, debs, session):
    session.close()

    def repair():
        with closing(Session(published, load_plugins())) as one:
            one.call("db.repair", deep=True)

    lost = debs / "hello_1.0_amd64.deb"
    lose(published, lost)
    damage(published, debs / "other_1.0_amd64.deb")
    for _ in crashes(repair, points=10):
        repair()
        with closing(Session(published, load_plugins())) as after:
            assert after.call("db.check") == []
        lose(published, lost)
        damage(published, debs / "other_1.0_amd64.deb")
    assert os.listdir(published / "pool" / "staging") is not None
