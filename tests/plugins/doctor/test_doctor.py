"""One answer to whether everything is all right, from all plugins."""

import json
import logging
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from debrepo import hookimpl
from debrepo.errors import RemoteError
from debrepo.health import Checkup, Concern
from debrepo.testing.packages import build_deb
from debrepo_doctor import examining
from debrepo_doctor.records import EXAMINATIONS, LAST


class Idle:
    def has_work(self):
        return False


class Busy:
    def has_work(self):
        return True


class Sick:
    @hookimpl
    def debrepo_health(self):
        yield Checkup("cat", "tom", (Concern("warning", "sneezes", "give it milk"),))
        raise RemoteError("the vet does not answer", hint="call again")


class Babbling:
    @hookimpl
    def debrepo_health(self):
        return ["all is well"]


class Broken:
    @hookimpl
    def debrepo_health(self, session):
        raise ZeroDivisionError


@pytest.fixture
def published(debrepo, debrepo_root, tmp_path, monkeypatch):
    """Return the published tree of a repository with a package; nothing is wrong with it."""
    monkeypatch.setenv("DEBREPO_PUBLISH_SKIP_SIGNING", "1")
    debrepo("repo", "create", "tools")
    debrepo("repo", "add", "tools", build_deb(tmp_path, "hello"))
    debrepo("publish", "repo", "tools", "--distribution", "stable")
    debrepo("db", "backup", tmp_path / "backup")
    return debrepo_root / "public"


def spoil(published):
    (deb,) = published.glob("pool/main/h/hello/*.deb")
    deb.unlink()


def test_all_that_is_well_is_named_and_the_exit_code_is_0(debrepo, published):
    lines = debrepo("doctor").stdout.splitlines()
    assert all(line.startswith("ok: ") for line in lines)
    assert {line.split()[1] for line in lines} >= {
        "backup", "configuration", "database", "disk", "publication",
    }  # fmt: skip


def test_quiet_names_only_what_is_wrong_before_and_after_the_command(debrepo, published):
    assert debrepo("-q", "doctor").stdout == ""
    assert debrepo("doctor", "-q").stdout == ""
    spoil(published)
    (line,) = debrepo("doctor", "-q", exit_code=6).stdout.splitlines()
    assert line.startswith("error: publication ./stable: pool/main/h/hello/hello_1.0_amd64.deb: ")
    assert line.endswith('(run "debrepo publish repair stable")')


def test_json_has_every_thing_with_what_is_wrong(debrepo, published):
    spoil(published)
    result = debrepo("doctor", "--json", exit_code=6)
    found = {row["area"]: row for row in json.loads(result.stdout)}
    assert found["disk"] == {**found["disk"], "status": "ok", "concerns": []}
    assert found["publication"]["status"] == "error"
    assert found["publication"]["concerns"][0]["severity"] == "error"
    assert "1 thing of 7 needs attention" in result.stderr


def test_a_root_without_a_database_is_an_error_and_stays_as_it_was(debrepo, debrepo_root):
    result = debrepo("doctor", exit_code=3)
    assert f"there is no database in {debrepo_root}" in result.stderr
    assert not (debrepo_root / "db").exists()


def test_a_root_that_publishes_nothing_is_all_right(debrepo):
    debrepo("repo", "create", "main")
    assert "error" not in debrepo("doctor").stdout


def test_plugins_add_what_they_look_after_and_one_that_fails_stops_no_other(
    debrepo, published, debrepo_plugins
):
    debrepo_plugins.register(Sick(), "sick")
    debrepo_plugins.register(Broken(), "broken")
    debrepo_plugins.register(Babbling(), "babbling")
    lines = debrepo("doctor", "-q", exit_code=6).stdout.splitlines()
    assert lines == [
        "warning: cat tom: sneezes (give it milk)",
        "error: plugin babbling: it cannot say how it is: it has to list each Checkup, and lists "
        "'all is well'",
        "error: plugin broken: it cannot say how it is: ZeroDivisionError",
        "error: plugin sick: it cannot say how it is: the vet does not answer (call again)",
    ]


def test_warnings_fail_only_where_that_is_asked_for(debrepo, published, debrepo_plugins):
    class Sneezing:
        @hookimpl
        def debrepo_health(self):
            return [Checkup("cat", "tom", (Concern("warning", "sneezes"),))]

    debrepo_plugins.register(Sneezing(), "sneezing")
    assert "warning: cat tom: sneezes\n" in debrepo("doctor").stdout
    debrepo("doctor", "--strict", exit_code=6)


def test_watching_prints_what_changes(debrepo, published, monkeypatch):
    (deb,) = published.glob("pool/main/h/hello/*.deb")
    data = deb.read_bytes()
    steps = iter([deb.unlink, lambda: deb.write_bytes(data)])

    def sleep(seconds):
        step = next(steps, None)
        if step is None:
            raise KeyboardInterrupt
        step()

    monkeypatch.setattr("debrepo_doctor.cli.time.sleep", sleep)
    result = debrepo("doctor", "-q", "--watch", "5", exit_code=1)
    told = [line.partition(" ")[2] for line in result.stdout.splitlines()]
    assert told[0].startswith("error: publication ./stable: pool/main/h/hello/")
    assert told[1] == "ok: publication ./stable"


def test_full_disk_is_told_before_it_is_full(debrepo, published, monkeypatch):
    monkeypatch.setenv("DEBREPO_DOCTOR_FREE", "100")
    result = debrepo("doctor", "-q", exit_code=6)
    assert "% of the disk are free" in result.stdout
    assert 'make room, for instance with "debrepo db cleanup"' in result.stdout


def test_inodes_are_told_before_there_are_none(debrepo, published, monkeypatch):
    state = list(os.statvfs(published))
    state[5:8] = 1000, 30, 30  # f_files, f_ffree, f_favail
    monkeypatch.setattr("os.statvfs", lambda _: os.statvfs_result(state))
    assert "error: disk" in (said := debrepo("doctor", "-q", exit_code=6).stdout)
    assert "only 3.0 % of its inodes are free" in said
    state[5:8] = 1000, 80, 80
    assert "warning: disk" in debrepo("doctor", "-q").stdout
    state[5:8] = 0, 0, 0  # a file system that counts none
    assert "of its inodes" not in debrepo("doctor").stdout


def test_sizes_and_dates_are_told_of_what_is_all_right(debrepo, published, debrepo_root):
    debrepo("publish", "update", "stable", "--valid-for", "40d", "--force")
    lines = debrepo("doctor").stdout.splitlines()
    (disk,) = [line for line in lines if line.startswith("ok: disk ")]
    assert "% of the disk free, " in disk
    assert disk.endswith(" % of its inodes free")
    (database,) = [line for line in lines if line.startswith("ok: database ")]
    assert database.endswith("iB")
    (cache,) = [line for line in lines if line.startswith("ok: cache ")]
    assert cache.endswith(" of 2.0 GiB")
    assert any(line.startswith("ok: publication ./stable: valid until 20") for line in lines)
    told = {one["area"]: one["details"] for one in json.loads(debrepo("doctor", "--json").stdout)}
    assert {area for area, details in told.items() if details} == {
        *("cache", "database", "disk", "publication"),
    }


def test_cache_beyond_its_limit_is_a_warning(debrepo, published, monkeypatch):
    monkeypatch.setenv("DEBREPO_PUBLISH_CACHE_SIZE", "1")
    said = debrepo("doctor", "-q").stdout
    assert said.startswith("warning: cache ")
    assert "more than its limit (raise publish.cache_size" in said


@pytest.mark.parametrize("point", ["staging:put_indexes", "commits:commit"])
def test_publish_that_was_killed_is_told_until_the_next_one_finishes_it(
    debrepo, published, debrepo_root, tmp_path, point
):
    debrepo("repo", "add", "tools", build_deb(tmp_path, "other"))
    driver = Path(__file__).parents[2] / "interrupting.py"
    command = [sys.executable, driver, f"debrepo_publish.engine.{point}", "--root", debrepo_root]
    subprocess.run(
        [*command, "publish", "update", "stable"],
        env={**os.environ, "DEBREPO_TEST_SIGNAL": "SIGKILL"},
        start_new_session=True,
        check=False,
    )
    said = debrepo("doctor", "-q", exit_code=6).stdout
    assert "publication ./stable: dists/stable/Release: generation 2 was left half done" in said
    debrepo("publish", "update", "stable")
    assert "publication" not in debrepo("doctor", "-q").stdout


def test_publication_whose_own_key_is_gone_is_an_error(debrepo, published, monkeypatch):
    key = debrepo("key", "create", "--name", "Archive").stdout.split()[2].rstrip(".")
    monkeypatch.setenv("DEBREPO_PUBLISH_SKIP_SIGNING", "0")
    debrepo("publish", "repo", "tools", "own", "--distribution", "d", "--gpg-key", key)
    assert "cannot be signed" not in debrepo("doctor").stdout
    shutil.rmtree(published.parent / "gnupg")
    said = debrepo("doctor", exit_code=6).stdout
    assert "error: publication own/d: cannot be signed again: there is no secret key" in said


def test_many_warnings_of_a_publication_stay_warnings(debrepo, published, tmp_path):
    names = [f"more{number}" for number in range(6)]
    debrepo("repo", "add", "tools", *[build_deb(tmp_path, name) for name in names])
    debrepo("publish", "update", "stable")
    debrepo("repo", "remove", "tools", " | ".join(names))
    debrepo("publish", "update", "stable")
    for superseded in published.glob("pool/main/m/*/*.deb"):
        superseded.unlink()
    lines = debrepo("doctor", "-q").stdout.splitlines()
    told = [line for line in lines if " publication ./stable: " in line]
    assert all(line.startswith("warning: ") for line in told)
    assert told[-1].startswith("warning: publication ./stable: 1 more problem")
    spoil(published)
    assert "error: publication ./stable: " in debrepo("doctor", "-q", exit_code=6).stdout


def test_settings_that_name_storages_which_are_not_configured_are_errors(
    debrepo, published, debrepo_root
):
    config = debrepo_root / "debrepo.toml"
    config.write_text('gitlab.storage = "fs:web"\n')
    said = debrepo("doctor", "-q", exit_code=6).stdout
    assert "gitlab.storage names the storage fs:web, which is not configured" in said
    storage = f'[storage.fs.web]\nroot = "{debrepo_root}/web"\n'
    config.write_text(f'gitlab.storage = "fs:web"\npool.storage = "fs:web:packages"\n{storage}')
    assert "configuration" not in debrepo("doctor", "-q").stdout


def test_backup_that_was_never_made_and_one_that_is_old_are_warnings(
    debrepo, published, debrepo_root, tmp_path, monkeypatch
):
    now = time.time()
    monkeypatch.setattr("debrepo_backup.records.time.time", lambda: now + 8 * 86400)
    assert f"warning: backup {tmp_path}/backup: is 8 days old" in debrepo("doctor").stdout
    monkeypatch.setenv("DEBREPO_DATABASE_BACKUP_DAYS", "0")
    assert "backup none is needed" in debrepo("doctor").stdout
    monkeypatch.setenv("DEBREPO_DATABASE_BACKUP_DAYS", "7")
    debrepo("--root", tmp_path / "new", "repo", "create", "x")
    assert (
        "backup none: there was never one" in debrepo("--root", tmp_path / "new", "doctor").stdout
    )


def test_settings_that_name_files_which_are_not_there_are_errors(debrepo, published, debrepo_root):
    (debrepo_root / "debrepo.toml").write_text('signing.gpg.passphrase_file = "gone"\n')
    result = debrepo("doctor", "-q", exit_code=6)
    assert "signing.gpg.passphrase_file names gone, which cannot be read" in result.stdout


@pytest.mark.debrepo_plugins(disabled=["notify"])
def test_settings_of_plugins_that_are_disabled_are_warnings(debrepo, published, debrepo_root):
    (debrepo_root / "debrepo.toml").write_text("notify.max_age = 5\n")
    assert "sets notify.max_age, without effect" in debrepo("doctor", "-q").stdout


def test_publication_that_clients_will_soon_refuse_is_a_warning(debrepo, published, monkeypatch):
    debrepo("publish", "update", "stable", "--valid-for", "4d", "--force")
    assert "warning: publication" not in debrepo("doctor").stdout
    later = int(time.time()) + int(3.5 * 86400)
    monkeypatch.setattr("debrepo.clock.now", lambda: later)
    assert "is valid for 0.5 more days only" in debrepo("doctor", exit_code=6).stdout


def test_publication_of_a_storage_that_is_not_configured_any_more(debrepo, published, debrepo_root):
    config = debrepo_root / "debrepo.toml"
    config.write_text(f'[storage.fs.web]\nroot = "{debrepo_root}/web"\n')
    debrepo("publish", "repo", "tools", "fs:web:.", "--distribution", "stable")
    config.write_text("")
    result = debrepo("doctor", "-q", exit_code=6)
    assert "fs:web:./stable: cannot be checked: no storage fs:web is configured" in result.stdout


def test_key_that_is_configured_and_not_there_is_an_error(debrepo, published, monkeypatch):
    monkeypatch.setenv("DEBREPO_SIGNING_GPG_KEYS", "0123456789ABCDEF")
    result = debrepo("doctor", "-q", exit_code=6)
    assert "error: key 0123456789ABCDEF: there is no secret key '0123456789ABCDEF'" in result.stdout


def test_key_that_is_not_there_comes_with_those_that_are(debrepo, published, monkeypatch):
    debrepo("key", "create", "--name", "Archive")
    monkeypatch.setenv("DEBREPO_SIGNING_GPG_KEYS", "0123456789ABCDEF")
    assert '(run "debrepo key list", and name one of' in debrepo("doctor", exit_code=6).stdout
    monkeypatch.setenv("DEBREPO_PUBLISH_SKIP_SIGNING", "0")
    refused = debrepo("publish", "repo", "tools", "x", "--distribution", "d", exit_code=10)
    assert "there is no secret key '0123456789ABCDEF'" in refused.stderr


def test_server_examines_when_it_is_due_and_metrics_tell(published, session, api, caplog):
    look = examining.in_background(session, Idle())
    look()
    with session.db.read() as txn:
        first = txn[EXAMINATIONS][LAST]
    assert all(seen.status == "ok" for seen in first.seen)
    look()
    with session.db.read() as txn:
        assert txn[EXAMINATIONS][LAST] == first  # it is not due again
        first = first._replace(at=first.at - 4000)
    with session.db.write() as txn:
        txn[EXAMINATIONS][LAST] = first
    spoil(published)
    examining.in_background(session, Busy())()
    with session.db.read() as txn:
        assert txn[EXAMINATIONS][LAST] == first  # other work goes first
    with caplog.at_level(logging.WARNING):
        look()
    assert "publication ./stable: error: pool/main/h/hello" in caplog.text
    text = api.get("/api/metrics").text
    assert 'debrepo_doctor_things{area="publication",status="error"} 1' in text
    assert 'debrepo_doctor_concern{area="publication",name="./stable",severity="error"} 1' in text
    assert "debrepo_doctor_age_seconds" in text


def test_server_that_is_not_to_examine_does_not(published, session, monkeypatch):
    monkeypatch.setenv("DEBREPO_DOCTOR_EVERY", "0")
    examining.in_background(session, Idle())()
    with session.db.read() as txn:
        assert LAST not in txn[EXAMINATIONS]


def test_the_url_that_clients_use_is_looked_at_too(debrepo, published, session, monkeypatch):
    from debrepo_publish_fs.storage import FileStorage

    monkeypatch.setattr(FileStorage, "url", lambda self, path="": f"http://127.0.0.1:9/{path}")
    result = debrepo("doctor", "-q", exit_code=6)
    assert "error: publication ./stable: " in result.stdout
    assert "127.0.0.1:9" in result.stdout


def test_configuration_that_is_shown_is_one_that_can_be_pasted(debrepo, published, debrepo_root):
    config = debrepo_root / "debrepo.toml"
    config.write_text('[notify.to.ci]\nurl = "https://ci.example.org/"\nsecret = "abc"\n')
    shown = debrepo("config", "show").stdout
    assert "abc" not in shown
    config.write_text(shown)
    again = debrepo("config", "show").stdout
    assert [line.partition("  # ")[0] for line in again.splitlines()] == [
        line.partition("  # ")[0] for line in shown.splitlines() if "secret" not in line
    ]


@pytest.mark.parametrize("command", ["doctor", "db check", "publish renew"])
def test_what_says_that_all_is_well_needs_a_database(debrepo, tmp_path, command):
    said = debrepo("--root", tmp_path / "mistyped", *command.split(), exit_code=3).stderr
    assert f"there is no database in {tmp_path}/mistyped" in said
    assert not (tmp_path / "mistyped/db").exists()
