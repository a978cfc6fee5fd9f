"""``debrepo backup`` and ``debrepo restore``: what is written, what counts, and what comes back."""

import json
import shutil
import stat

import pytest

from debrepo.catalog import CONTENTS
from debrepo.testing.packages import build_deb


@pytest.fixture
def to(tmp_path):
    return tmp_path / "backups"


@pytest.fixture
def filled(debrepo, debrepo_root, tmp_path):
    """Return a root with two packages, of which one is published."""
    debrepo("repo", "create", "tools")
    debrepo("repo", "add", "tools", build_deb(tmp_path), build_deb(tmp_path, "other"))
    debrepo("publish", "repo", "tools", "--distribution", "stable", "--skip-signing")
    return debrepo_root


@pytest.fixture
def create(debrepo, to):
    """Return a function that makes a backup, and returns what was done."""

    def create(*options):
        return json.loads(debrepo("backup", to, "--json", *options).stdout)

    return create


@pytest.fixture
def new(tmp_path):
    return tmp_path / "new"


def pool(root):
    return sorted(path.relative_to(root) for path in root.glob("pool/??/*") if path.is_file()
                  and len(path.name) == 62)  # fmt: skip


def pieces(to):
    return {path.name for path in to.glob("pieces/*/*")}


def test_restored_root_has_the_database_the_pool_and_the_configuration(
    debrepo, filled, create, to, new
):
    (filled / "debrepo.toml").write_text('publish.origin = "Ours"\n')
    done = create()
    assert (done["files"], done["new_files"], done["lacking"], done["keys"]) == (2, 2, [], False)
    result = debrepo("--root", new, "restore", to)
    assert f"Restored backup {done['id']} to {new}: " in result.stdout
    assert "2 package files" in result.stdout
    assert pool(new) == pool(filled)
    for line in ("repo show tools --with-packages", "publish show stable", "config show"):
        words = line.split()
        there = debrepo("--root", new, *words).stdout.replace(str(new), str(filled))
        assert there == debrepo(*words).stdout
    assert "Everything is in order" in debrepo("--root", new, "db", "check").output
    assert not (new / "restoring").exists()


def test_restored_root_publishes_nothing_until_it_is_told(debrepo, filled, create, to, new):
    create()
    result = debrepo("--root", new, "restore", to)
    assert f'Nothing is published until "debrepo --root {new} storage thaw"' in result.stderr
    said = debrepo("--root", new, "publish", "update", "stable", exit_code=5).output
    assert f"storages are frozen: restored from {to}, backup " in said
    assert not (new / "public").exists()
    debrepo("--root", new, "storage", "thaw")


def test_second_backup_writes_what_has_changed(debrepo, filled, create, to, tmp_path):
    first = create()
    again = create()
    assert (again["files"], again["new_files"]) == (2, 0)
    assert again["pieces"] <= 2  # the record of the first backup, which is in the database
    debrepo("repo", "add", "tools", build_deb(tmp_path, "third"))
    more = create()
    assert (more["files"], more["new_files"]) == (3, 1)
    listed = json.loads(debrepo("backup", "list", to, "--json").stdout)
    assert {one["id"] for one in listed} == {first["id"], again["id"], more["id"]}
    assert [one["files"] for one in listed] == sorted(one["files"] for one in listed)[::-1]


def test_few_pieces_change_of_a_large_database(to, session):
    rows = [(f"x.{number:06}".encode(), b"value" * 20) for number in range(20_000)]
    session.db.update(lambda txn: txn[CONTENTS].put_many(rows))
    assert session.call("backup.create", to=str(to)).pieces > 20
    session.db.update(lambda txn: txn[CONTENTS].put_many([(b"x.010000", b"changed")]))
    assert session.call("backup.create", to=str(to)).pieces <= 3


def test_older_backup_is_restored_by_its_id(debrepo, filled, create, to, new):
    first = create()
    debrepo("repo", "remove", "tools", "other")
    create()
    debrepo("--root", new, "restore", to, "--at", first["id"])
    assert "2 packages" in debrepo("--root", new, "repo", "list").output


def test_cleanup_between_two_backups_takes_nothing_from_the_older_one(
    debrepo, filled, create, to, new
):
    first = create()
    debrepo("publish", "drop", "stable")
    debrepo("repo", "drop", "tools")
    debrepo("db", "cleanup", "--no-trash")
    assert create()["files"] == 0
    debrepo("--root", new, "restore", to, "--at", first["id"])
    assert "Everything is in order" in debrepo("--root", new, "db", "check").output


def test_only_the_newest_backups_are_kept_with_what_they_need(debrepo, filled, create, to, new):
    first = create()
    debrepo("publish", "drop", "stable")
    debrepo("repo", "remove", "tools", "other")
    debrepo("db", "cleanup", "--no-trash")
    second = create()
    dry = json.loads(debrepo("backup", "prune", to, "--keep", "1", "--dry-run", "--json").stdout)
    assert (dry["dropped"], dry["files"]) == ([first["id"]], 1)
    assert len(list(to.glob("backups/*"))) == 2
    assert debrepo("backup", "prune", to, "--keep", "1").stdout == f"{first['id']}\n"
    assert len(pool(to)) == 1
    third = create("--keep", "1")
    assert third["pruned"] == [second["id"]]
    assert f"{third['id']}: whole" in debrepo("backup", "check", to, "--files").stdout
    debrepo("--root", new, "restore", to)
    assert "1 package" in debrepo("--root", new, "repo", "list").output


def test_nobody_else_can_read_a_backup(filled, create, to):
    create()
    modes = {stat.S_IMODE(path.stat().st_mode) for path in to.rglob("*")}
    assert modes == {0o600, 0o700}


def test_secrets_of_the_configuration_stay_behind_and_are_named(debrepo, filled, create, to, new):
    text = """
[storage.s3.lab]
bucket = "b"  # ours
access_key_id = "AKIA"
secret_access_key = 'hush "hush"'
"""
    (filled / "debrepo.toml").write_text(text)
    assert create()["blanked"] == ["storage.s3.lab.secret_access_key"]
    said = debrepo("--root", new, "restore", to).stderr
    assert f"Set again in {new}/debrepo.toml: storage.s3.lab.secret_access_key." in said
    expected = text.replace("'hush \"hush\"'", '""')
    assert (new / "debrepo.toml").read_text() == expected


def test_configuration_with_a_secret_that_cannot_be_cut_out_stays_behind(
    debrepo, filled, create, to, new
):
    (filled / "debrepo.toml").write_text(
        '[storage.s3.lab]\nbucket = "b"\nsecret_access_key = "a\\u0062"\n'
    )
    result = debrepo("backup", to)
    assert "debrepo.toml is left out" in result.stderr
    debrepo("--root", new, "restore", to)
    assert not (new / "debrepo.toml").exists()


def test_configuration_that_is_there_is_not_replaced(debrepo, filled, create, to, new):
    (filled / "debrepo.toml").write_text('publish.origin = "Old"\n')
    create()
    new.mkdir()
    (new / "debrepo.toml").write_text('publish.origin = "New"\n')
    assert "was there, and stays as it is" in debrepo("--root", new, "restore", to).stderr
    assert 'publish.origin = "New"' in debrepo("--root", new, "config", "show").stdout


@pytest.mark.parametrize("how", ["reference", "none"])
def test_pool_that_is_not_copied_comes_from_a_copy_of_it(
    debrepo, filled, create, to, new, tmp_path, how
):
    done = create("--pool", how)
    assert (done["files"], done["new_files"]) == (2, 0)
    assert not (to / "pool").exists()
    shutil.copytree(filled / "pool", tmp_path / "copy")
    shutil.rmtree(filled / "pool")
    if how == "reference":
        said = debrepo("--root", new, "restore", to, exit_code=3).output
        assert f"refers to the pool in {filled}/pool, which is not there" in said
        assert "--pool" in said
    debrepo("--root", new, "restore", to, "--pool", tmp_path / "copy")
    assert "Everything is in order" in debrepo("--root", new, "db", "check").output


def test_pool_that_is_referred_to_is_found_where_it_was(debrepo, filled, create, to, new):
    create("--pool", "reference")
    debrepo("--root", new, "restore", to)
    assert "Everything is in order" in debrepo("--root", new, "db", "check").output


def test_lost_file_of_the_pool_fails_the_backup_which_is_made(debrepo, filled, create, to, new):
    (filled / pool(filled)[0]).unlink()
    said = debrepo("backup", to, exit_code=3).output
    assert "1 file of the pool could not be backed up, such as " in said
    said = debrepo("--root", new, "restore", to, exit_code=6).output
    assert "1 package file could not be restored" in said
    assert "2 packages" in debrepo("--root", new, "repo", "list").output


def test_damaged_file_of_the_pool_is_not_copied(debrepo, filled, create, to):
    (filled / pool(filled)[0]).write_bytes(b"x" * (filled / pool(filled)[0]).stat().st_size)
    debrepo("backup", to, exit_code=3)
    assert len(pool(to)) == 1


def test_file_that_the_pool_has_lost_since_is_still_in_the_backup(debrepo, filled, create, to, new):
    create()
    (filled / pool(filled)[0]).unlink()
    done = create()
    assert (done["files"], done["lacking"]) == (2, [])
    debrepo("--root", new, "restore", to)
    assert "Everything is in order" in debrepo("--root", new, "db", "check").output


def spoil(path, text=b"spoilt"):
    path.chmod(0o600)
    path.write_bytes(text)


def test_check_names_what_is_missing_or_damaged(debrepo, filled, create, to):
    number = create()["id"]
    assert debrepo("backup", "check", to, "--files").stdout == f"{number}: whole\n"
    file = to / pool(to)[0]
    data = file.read_bytes()
    spoil(file, bytes(len(data)))
    assert debrepo("backup", "check", to).stdout == f"{number}: whole\n"
    said = debrepo("backup", "check", to, "--files", exit_code=6).output
    assert f"{number}: {file.relative_to(to)} of {to} is damaged" in said
    assert "delete what is damaged" in said  # a backup takes a file of the right size for sound
    spoil(file)
    said = debrepo("backup", "check", to, exit_code=6).output
    assert f"{file.relative_to(to)} of {to} has 6 bytes, and not {len(data)}" in said
    file.unlink()
    said = debrepo("backup", "check", to, exit_code=6).output
    assert f"{file.relative_to(to)} is missing from {to}" in said
    assert create()["new_files"] == 1
    assert debrepo("backup", "check", to, "--files").stdout.count(": whole") == 2
    piece = next(to.glob("pieces/*/*"))
    spoil(piece)
    assert (
        f"{piece.relative_to(to)} of {to} is damaged"
        in debrepo("backup", "check", to, exit_code=6).output
    )


def test_damaged_manifest_counts_for_nothing(debrepo, filled, create, to, new):
    create()
    manifest = next(to.glob("backups/*"))
    spoil(manifest, manifest.read_bytes().replace(b'"files": 2', b'"files": 3'))
    assert "is damaged" in debrepo("--root", new, "restore", to, exit_code=6).output
    assert not new.exists()
    assert "is damaged" in debrepo("backup", "list", to).stderr
    assert "is damaged" in debrepo("backup", "check", to, exit_code=6).output
    said = debrepo("backup", "prune", to, "--keep", "1", exit_code=6).output
    assert "use another backup" in said
    assert len(pool(to)) == 2


def test_target_inside_of_the_root_is_refused_behind_a_link_too(debrepo, filled, tmp_path):
    (tmp_path / "link").symlink_to(filled)
    assert "are not apart" in debrepo("backup", tmp_path / "link" / "to", exit_code=2).output
    assert not (filled / "to").exists()


def test_restore_refuses_a_root_that_is_not_empty(debrepo, filled, create, to):
    create()
    said = debrepo("restore", to, exit_code=4).output
    assert f"the root {filled} is not empty: it has cache" in said
    assert "name a new directory with --root" in said


def test_doctor_knows_of_the_backup(debrepo, filled, create, to):
    assert "backup none: there was never one" in debrepo("doctor").stdout
    create()
    assert f"ok: backup {to}" in debrepo("doctor").stdout


def test_frozen_root_makes_no_backup_beside_those_of_the_live_one(debrepo, filled, create, to, new):
    create()
    debrepo("--root", new, "restore", to)
    for line in (["backup", to], ["backup", "prune", to, "--keep", "1"]):
        assert "storages are frozen" in debrepo("--root", new, *line, exit_code=5).output
    assert len(list(to.glob("backups/*"))) == 1


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["backup", ""], 2, "not a place for backups"),
        (["backup", "ftp:x:y"], 2, "no storage scheme called 'ftp'"),
        (["backup", "s3:lab"], 2, "s3:lab names no prefix\nHint: write s3:lab:backup, or"),
        (["backup", "s3:lab:x"], 3, "no storage s3:lab is configured"),
        (["backup", "fs:x:../y"], 2, "not a path below a storage"),
        (["backup", "{root}/backup"], 2, "are not apart"),
        (["backup", "{tmp}"], 2, "are not apart"),
        (["backup", "{deb}"], 2, "is not a directory"),
        (["backup", "{full}"], 4, "holds other files: x"),
        (["backup", "{to}", "--keep", "0"], 2, "cannot keep 0 backups"),
        (["backup", "{to}", "--with-keys", "{full}/x"], 2, "not a public key"),
        (["backup", "{to}", "--with-keys", "nobody"], 2, "nobody"),
        (["backup", "{to}", "--with-keys"], 2, "requires an argument"),
        (["backup", "list", "{none}"], 3, "there is no directory {none}"),
        (["backup", "list", "{full}"], 3, "there are no backups in {full}"),
        (["backup", "check", "{none}"], 3, "there is no directory"),
        (["backup", "prune", "{to}", "--keep", "0"], 3, "there is no directory"),
        (["--root", "{new}", "restore", "{none}"], 3, "there is no directory"),
        (["--root", "{new}", "restore", "{full}"], 3, "there are no backups in {full}"),
    ],
)
def test_bad_input_is_one_line_and_changes_nothing(
    debrepo, filled, tmp_path, to, new, words, code, said
):
    full = tmp_path / "full"
    full.mkdir()
    (full / "x").write_text("something")
    names = {
        "root": filled, "tmp": tmp_path, "deb": tmp_path / "hello_1.0_amd64.deb", "full": full,
        "to": to, "none": tmp_path / "none", "new": new,
    }  # fmt: skip
    result = debrepo(*[word.format(**names) for word in words], exit_code=code)
    assert said.format(**names) in result.output
    assert not to.exists()
    assert [path.name for path in full.iterdir()] == ["x"]
    assert not (tmp_path / "none").exists()
    assert not new.exists()


def test_backups_of_a_later_format_are_refused(debrepo, filled, create, to, new):
    create()
    spoil(to / "debrepo-backup", b'{"format": 2}')
    for line in (["backup", to], ["backup", "list", to], ["--root", new, "restore", to]):
        assert "are of another format (2)" in debrepo(*line, exit_code=2).output


def test_id_that_no_backup_has_is_answered_with_the_newest(debrepo, filled, create, to, new):
    number = create()["id"]
    said = debrepo("--root", new, "restore", to, "--at", "1999", exit_code=3).output
    assert f"has an ID that begins with '1999'\nHint: the newest is {number}" in said


def test_files_that_were_moved_to_a_storage_are_referred_to(
    debrepo, filled, create, to, new, tmp_path
):
    lines = (
        'pool.storage = "fs:far:packages"',
        "pool.cache = 0",
        f'storage.fs.far.root = "{tmp_path}/far"',
    )
    (filled / "debrepo.toml").write_text("\n".join(lines))
    debrepo("pool", "move")
    assert pool(filled) == []
    done = create()
    assert (done["files"], done["elsewhere"], done["lacking"]) == (0, 2, [])
    debrepo("--root", new, "restore", to)
    assert "Everything is in order" in debrepo("--root", new, "db", "check").output
    assert "storages are frozen" in debrepo("--root", new, "pool", "move", exit_code=5).output
    debrepo("--root", new, "storage", "thaw")
    debrepo("--root", new, "publish", "update", "stable")
    assert len(list((new / "public").rglob("*.deb"))) == 2


def test_mistyped_command_makes_no_backup(debrepo, filled, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = debrepo("backup", "lst", exit_code=2).stderr
    assert "No such command 'lst'. Did you mean 'list'?" in said
    assert not (tmp_path / "lst").exists()
    (tmp_path / "there").mkdir()
    assert "Created backup" in debrepo("backup", "there").stdout
    assert "Created backup" in debrepo("backup", "./new").stdout
