"""``debrepo db``: what is checked, what goes, and what a backup brings back."""

import json
import shutil
from contextlib import closing

import pytest

from debrepo.catalog import PACKAGES
from debrepo.database import bytes_table
from debrepo.errors import InvalidInput
from debrepo.ingest import deep
from debrepo.plugins import load_plugins
from debrepo.session import Session
from debrepo.testing.packages import break_data, build_deb


@pytest.fixture
def filled(debrepo, debrepo_root, tmp_path):
    debrepo("repo", "create", "r", "--distribution", "stable")
    debrepo("repo", "add", "r", build_deb(tmp_path), build_deb(tmp_path, "other"))
    return debrepo_root


def pool_files(root):
    return sorted(p for p in (root / "pool").rglob("*") if p.is_file() and len(p.parent.name) == 2)


def test_a_sound_database_is_in_order(debrepo, filled):
    assert "Everything is in order" in debrepo("db", "check").output


def test_a_damaged_pool_file_is_named_with_its_package(debrepo, filled):
    file = pool_files(filled)[0]
    file.write_bytes(b"x" * file.stat().st_size)
    result = debrepo("db", "check", exit_code=8)
    assert "_1.0_amd64" in result.output
    assert "1 problem found" in result.output


def test_a_missing_pool_file_is_found_without_reading_any(debrepo, filled):
    pool_files(filled)[0].unlink()
    result = debrepo("db", "check", "--no-files", exit_code=8)
    assert "is missing" in result.output
    assert "1 problem found" in result.output


DAMAGED = {
    "local.repos": {
        "wrong type": b'{"name":"r","comment":5,"set_id":""}',
        "unknown field": b'{"name":"r","set_id":"","other":1}',
        "no JSON": b'{"name"',
    },
    "snapshot.snapshots": {"missing field": b'{"name":"r"}'},
    "publish.publications": {"wrong type": b'{"architectures":5,"keys":[],"compressions":[]}'},
    "server.tokens": {"elements": b'{"name":"r","scopes":[5],"digest":"","created":""}'},
    "core.packages": {"no package": b"\xff"},
}


@pytest.mark.parametrize(
    ("table", "damage"), [(table, damage) for table, kinds in DAMAGED.items() for damage in kinds]
)
def test_a_damaged_record_is_named_and_the_check_goes_on(debrepo, filled, table, damage):
    def spoil(txn):
        txn[bytes_table(table)][b"spoilt"] = DAMAGED[table][damage]

    with closing(Session(filled, load_plugins())) as session:
        session.db.update(spoil)
    pool_files(filled)[0].unlink()
    said = debrepo("db", "check", "--no-files", exit_code=8).output
    assert said.count("spoilt") == 1
    assert f"{table} is damaged" in said
    assert "is missing from the pool" in said
    assert "2 problems found" in said


@pytest.mark.parametrize("damage", DAMAGED["local.repos"])
@pytest.mark.parametrize(
    "command", ["repo list", "repo show r", "graph", "publish repo r --skip-signing", "db cleanup"]
)
def test_a_command_that_meets_a_damaged_record_says_so(debrepo, filled, command, damage):
    def spoil(txn):
        txn[bytes_table("local.repos")][b"r"] = DAMAGED["local.repos"][damage]

    with closing(Session(filled, load_plugins())) as session:
        session.db.update(spoil)
    said = debrepo(*command.split(), exit_code=8).output
    assert "the record" in said
    assert "of local.repos is damaged" in said
    assert "debrepo db check" in said


def test_a_record_of_another_type_is_not_stored(filled):
    with closing(Session(filled, load_plugins())) as session:
        with pytest.raises(
            InvalidInput, match=r"local\.repos: comment has to be text, not a whole"
        ):
            session.call("repo.edit", name="r", comment=5)
        assert session.call("repo.show", name="r").repo.comment == ""
        with pytest.raises(InvalidInput, match="only bytes can be stored"):
            session.db.update(lambda txn: txn[PACKAGES].put_many([(b"x", 5)]))


def test_adding_a_damaged_package_again_repairs_it(debrepo, filled, tmp_path):
    for file in pool_files(filled):
        file.unlink()
    debrepo("repo", "add", "r", tmp_path / "hello_1.0_amd64.deb", tmp_path / "other_1.0_amd64.deb")
    assert "Everything is in order" in debrepo("db", "check").output
    assert len(pool_files(filled)) == 2


@pytest.fixture
def unread(debrepo, filled, tmp_path):
    """Return a root with packages that have not been unpacked; ``bad`` and ``worse`` are broken."""
    (filled / "debrepo.toml").write_text('ingest.deep = "publish"\n')
    packages = [build_deb(tmp_path, f"good{number}") for number in range(3)]
    packages += [break_data(build_deb(tmp_path, name)) for name in ("bad", "worse")]
    debrepo("repo", "add", "r", *packages)
    debrepo("snapshot", "create", "s", "from", "repo", "r")
    debrepo("repo", "remove", "r", "worse")
    return filled


def test_deep_check_names_all_broken_packages_with_their_lists_and_files(debrepo, unread):
    assert "Everything is in order" in debrepo("db", "check").output
    result = debrepo("db", "check", "--deep", exit_code=8)
    bad, worse, error, *_ = result.output.splitlines()
    assert bad.startswith("bad_1.0_amd64.deb of repo:r, snapshot:s is broken: data.tar.xz is ")
    assert worse.startswith("worse_1.0_amd64.deb of snapshot:s is broken: data.tar.xz is ")
    assert error == "Error: 2 problems found"
    assert debrepo("db", "check", "--deep", "--json", exit_code=8).stdout.count("is broken") == 2


def test_deep_check_reads_each_package_once(debrepo, unread, monkeypatch):
    first = debrepo("db", "check", "--deep", exit_code=8).output
    monkeypatch.setattr(deep, "_Reader", None)
    assert debrepo("db", "check", "--deep", exit_code=8).output == first


def test_deep_check_passes_over_packages_whose_files_are_damaged(debrepo, unread, tmp_path):
    good = (tmp_path / "good0_1.0_amd64.deb").read_bytes()
    (file,) = (file for file in pool_files(unread) if file.read_bytes() == good)
    file.write_bytes(b"x" * len(good))
    result = debrepo("db", "check", "--deep", exit_code=8)
    assert "good0_1.0_amd64: good0_1.0_amd64.deb: " in result.output
    assert result.output.count("is broken") == 2
    assert "Error: 3 problems found" in result.output


def test_deep_check_names_broken_packages_that_clients_are_served(debrepo, unread):
    debrepo("publish", "repo", "--skip-contents", "--skip-signing", "r")
    result = debrepo("db", "check", "--deep", exit_code=8)
    assert (
        "bad_1.0_amd64.deb of repo:r, snapshot:s, publication:./stable is broken" in result.output
    )


def test_cleanup_deletes_what_nothing_refers_to(debrepo, filled):
    debrepo("repo", "remove", "r", "other")
    assert "Deleted 1 package" in debrepo("db", "cleanup", "--no-trash").output
    assert len(pool_files(filled)) == 1
    debrepo("db", "check")


def test_cleanup_keeps_what_a_snapshot_or_a_publication_needs(debrepo, filled):
    debrepo("snapshot", "create", "s", "from", "repo", "r")
    debrepo("publish", "repo", "r", "--skip-signing")
    debrepo("repo", "remove", "r", "other")
    garbage = json.loads(debrepo("db", "cleanup", "--json").output)
    assert {**garbage, "chunks": 0, "keys": 0, "superseded": 0} == dict.fromkeys(garbage, 0)


def test_a_dry_run_of_cleanup_deletes_nothing(debrepo, filled):
    debrepo("repo", "remove", "r", "other")
    for word, said in ((), "Would move 1 package"), (("--no-trash",), "Would delete 1 package"):
        lines = debrepo("db", "cleanup", "--dry-run", *word).output.splitlines()
        assert lines[0].startswith("Pamd64 other 1.0 ")
        assert lines[1].startswith(said)
    assert len(pool_files(filled)) == 2


def test_cleanup_leaves_the_files_that_two_packages_share(debrepo, filled, tmp_path):
    debrepo("repo", "create", "copy")
    debrepo("repo", "add", "copy", tmp_path / "other_1.0_amd64.deb")
    debrepo("repo", "drop", "r")
    debrepo("db", "cleanup", "--no-trash")
    assert len(pool_files(filled)) == 1
    debrepo("db", "check")


def test_a_backup_put_in_place_is_the_database_as_it_was(debrepo, filled, tmp_path):
    debrepo("db", "backup", tmp_path / "backup")
    debrepo("repo", "drop", "r")
    shutil.rmtree(filled / "db")
    shutil.copytree(tmp_path / "backup", filled / "db")
    assert "2 packages" in debrepo("repo", "list").output
    debrepo("db", "check")


def test_a_backup_does_not_overwrite_anything(debrepo, filled, tmp_path):
    result = debrepo("db", "backup", tmp_path, exit_code=4)
    assert "Hint: name a directory that does not" in result.output


def test_a_copy_takes_the_place_of_the_database(debrepo, filled, tmp_path):
    said = debrepo("db", "copy", str(tmp_path / "copy")).output
    assert said.startswith("Copied state ")
    assert f" to {tmp_path / 'copy'}: " in said
    assert f"\n- Put {tmp_path / 'copy'} in the place of {filled / 'db'}.\n" in said
    before = debrepo("repo", "show", "r", "--with-packages").output
    shutil.rmtree(filled / "db")
    shutil.move(tmp_path / "copy", filled / "db")
    assert debrepo("repo", "show", "r", "--with-packages").output == before


def test_a_copy_replaces_nothing(debrepo, filled, tmp_path):
    (tmp_path / "copy").mkdir()
    assert "exists already" in debrepo("db", "copy", str(tmp_path / "copy"), exit_code=4).output


def test_a_copy_tells_count_and_hash_and_what_to_do(debrepo, filled, tmp_path):
    found = json.loads(debrepo("db", "copy", "--json", str(tmp_path / "copy")).stdout)
    assert found["source"] == str(filled / "db")
    assert found["target"] == str(tmp_path / "copy")
    assert found["entries"] == found["written"] > 10
    assert len(found["digest"]) == 64
    assert len(found["following"]) == 3


@pytest.mark.parametrize(
    ("target", "code", "said"),
    [
        ("", 2, "name a directory, or the URL of a database"),
        ("gopher://there/it", 2, "gopher"),
        ("://", 2, "database scheme"),
    ],
)
def test_a_copy_to_nowhere_is_refused(debrepo, filled, target, code, said):
    before = debrepo("repo", "show", "r", "--with-packages").output
    assert said in debrepo("db", "copy", target, exit_code=code).output
    assert debrepo("repo", "show", "r", "--with-packages").output == before
