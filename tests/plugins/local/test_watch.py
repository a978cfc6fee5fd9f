"""``debrepo repo watch``: uploads are taken as they arrive, and those refused set aside."""

import json
import os
import signal
import subprocess
import sys
import textwrap

import pytest
from plugins.local import uploads

from debrepo import archive
from debrepo.errors import DatabaseFull
from debrepo.testing.packages import build_deb, build_source
from debrepo_local import including, watching
from debrepo_local.incoming import IncomingQueue, claimed

ONCE = ("--once", "--settle", "0", "--accept-unsigned")


def changes(directory, *files, name="hello_1.0-1_amd64.changes", **fields):
    """Write a .changes that says who has made it."""
    people = {
        "Maintainer": "A Team <team@example.org>",
        "Changed-By": "Alice <alice@example.org>",
    }
    return uploads.changes(directory, *files, name=name, **people, **fields)


@pytest.fixture
def unstable(debrepo):
    debrepo("repo", "create", "unstable")


def upload(incoming, version="1.0-1", **fields):
    """Put an upload with a binary package into the directory."""
    deb = build_deb(incoming, version=version)
    name = f"hello_{version}_amd64.changes"
    return changes(incoming, deb, name=name, Version=version, **fields)


def held(debrepo, repo="unstable"):
    return (
        debrepo("repo", "show", repo, "--with-packages").output.split("Packages: ")[1].split()[1:]
    )


def left(directory):
    return sorted(str(p.relative_to(directory)) for p in directory.rglob("*") if p.is_file())


def queue_of(directory, settle=0.0, patience=0.0):
    return IncomingQueue(directory, archive.LIMITS, settle=settle, patience=patience)


def test_upload_that_is_complete_is_included_and_gone(debrepo, incoming, unstable):
    source = build_source(incoming)
    parts = [path for path in incoming.iterdir() if path != source]
    changes(incoming, build_deb(incoming, version="1.0-1"), source, *parts)
    result = debrepo("repo", "watch", incoming, *ONCE)
    said = "included hello_1.0-1_amd64.changes in unstable: hello_1.0-1_source, hello_1.0-1_amd64\n"
    assert result.stdout == said
    assert held(debrepo) == ["hello_1.0-1_amd64", "hello_1.0-1_source"]
    assert left(incoming) == []


def test_refused_upload_is_set_aside_with_the_reason(debrepo, incoming, unstable):
    path = upload(incoming)
    result = debrepo("repo", "watch", incoming, "--once", "--settle", "0", exit_code=1)
    aside = incoming / "rejected/hello_1.0-1_amd64"
    assert f"refused  {path.name}: it is not signed; see {aside}\n" in result.stderr
    assert "Error: 1 of 1 upload refused\n" in result.stderr
    assert left(incoming) == [
        "rejected/hello_1.0-1_amd64/hello_1.0-1_amd64.changes",
        "rejected/hello_1.0-1_amd64/hello_1.0-1_amd64.deb",
        "rejected/hello_1.0-1_amd64/reason",
    ]
    assert (aside / "reason").read_text() == (
        "hello_1.0-1_amd64.changes was refused: it is not signed\n"
        "sign it with debsign, or accept it with --accept-unsigned\n"
    )
    upload(incoming)
    debrepo("repo", "watch", incoming, "--once", "--settle", "0", exit_code=1)
    assert (incoming / "rejected/hello_1.0-1_amd64.2/reason").exists()


def test_upload_for_a_repository_that_is_not_there_is_refused(debrepo, incoming, unstable):
    upload(incoming, Distribution="none")
    result = debrepo("repo", "watch", incoming, *ONCE, "--json", exit_code=1)
    done = json.loads(result.stdout)
    assert (done["repo"], done["reason"]) == ("none", "no repository called none")


def test_package_that_is_there_with_other_bytes_is_refused_as_a_whole(debrepo, incoming, unstable):
    upload(incoming)
    debrepo("repo", "watch", incoming, *ONCE)
    deb = build_deb(incoming, version="1.0-1", fields={"Section": "other"})
    changes(incoming, deb)
    result = debrepo("repo", "watch", incoming, *ONCE, exit_code=1)
    assert "is in unstable already, with other bytes" in result.stderr


def test_upload_waits_for_its_files_and_is_refused_in_the_end(debrepo, incoming, unstable):
    upload(incoming)
    deb = incoming / "hello_1.0-1_amd64.deb"
    data = deb.read_bytes()
    deb.write_bytes(data[:100])
    assert debrepo("repo", "watch", incoming, *ONCE).output == ""
    deb.unlink()
    assert debrepo("repo", "watch", incoming, *ONCE).output == ""
    result = debrepo("repo", "watch", incoming, *ONCE, "--patience", "0d", exit_code=1)
    assert "hello_1.0-1_amd64.deb, which it lists, is not there" in result.stderr


def test_late_files_complete_an_upload(debrepo, incoming, unstable):
    upload(incoming)
    deb = incoming / "hello_1.0-1_amd64.deb"
    data = deb.read_bytes()
    deb.unlink()
    debrepo("repo", "watch", incoming, *ONCE)
    deb.write_bytes(data)
    debrepo("repo", "watch", incoming, *ONCE)
    assert held(debrepo) == ["hello_1.0-1_amd64"]


def test_file_that_is_open_for_writing_is_not_taken(debrepo, incoming, unstable):
    upload(incoming)
    with (incoming / "hello_1.0-1_amd64.deb").open("ab"):
        assert debrepo("repo", "watch", incoming, *ONCE).output == ""
    debrepo("repo", "watch", incoming, *ONCE)
    assert held(debrepo) == ["hello_1.0-1_amd64"]


def test_files_have_to_be_unchanged_for_a_while(incoming):
    path = upload(incoming)
    queue = queue_of(incoming, settle=3600)
    assert list(queue.ready()) == []
    state, since = queue._seen[path.name]
    queue._seen[path.name] = state, since - 3600  # it has been so for an hour
    assert [one.changes for one in queue.ready()] == [path]
    path.write_text(path.read_text() + "X-Comment: changed\n")
    assert list(queue.ready()) == []


def test_links_directories_and_hidden_files_are_left_alone(debrepo, incoming, unstable, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    path = upload(other)
    (incoming / "a.changes").symlink_to(path)
    (incoming / "b.changes").mkdir()
    os.close(os.open(os.fsencode(incoming) + b"/odd\xff.changes", os.O_CREAT))
    (incoming / "tricks\x1b[2J.changes").touch()
    path.rename(incoming / ".hidden.changes")
    assert debrepo("repo", "watch", incoming, *ONCE).output == ""
    (incoming / ".hidden.changes").rename(incoming / "c.changes")
    (incoming / "hello_1.0-1_amd64.deb").symlink_to(other / "hello_1.0-1_amd64.deb")
    assert debrepo("repo", "watch", incoming, *ONCE).output == ""  # a link is no file of it


@pytest.mark.parametrize("text", ["", "not a list\n", "Format: 1.8\nFiles:\n x y z\n", "\0\1\2"])
def test_what_is_no_changes_file_is_set_aside(debrepo, incoming, unstable, text):
    (incoming / "bad.changes").write_text(text)
    result = debrepo("repo", "watch", incoming, *ONCE, exit_code=1)
    assert "refused  bad.changes: " in result.stderr
    assert (incoming / "rejected/bad/bad.changes").read_text() == text


def test_names_that_lead_elsewhere_are_refused(debrepo, incoming, unstable, tmp_path):
    secret = tmp_path / "secret.deb"
    secret.write_bytes(b"x")
    path = upload(incoming)
    path.write_text(path.read_text().replace("hello_1.0-1_amd64.deb", "../secret.deb"))
    debrepo("repo", "watch", incoming, *ONCE, exit_code=1)
    assert secret.exists()


def test_files_that_another_upload_lists_stay_for_it(debrepo, incoming, unstable):
    orig = incoming / "hello_1.0.orig.tar.xz"
    source = build_source(incoming)
    parts = [path for path in incoming.iterdir() if path != source]
    changes(incoming, source, *parts, name="a.changes")
    changes(incoming, build_deb(incoming, version="1.0-1"), source, *parts, name="b.changes")
    result = debrepo("repo", "watch", incoming, *ONCE)
    assert result.stdout.count("included") == 2
    assert not orig.exists()


def test_failure_that_is_not_the_uploads_leaves_it_where_it_is(session, incoming, monkeypatch):
    session.call("repo.create", name="unstable")
    path = upload(incoming)
    real, calls = including._add, []

    def full(*args):
        calls.append(args)
        if len(calls) == 1:
            raise DatabaseFull("no space left")
        return real(*args)

    monkeypatch.setattr(including, "_add", full)
    monkeypatch.setattr(watching, "_POSTPONED", 0.0)
    terms = including.Terms(accept_unsigned=True)
    pace = watching.WatchPace(settle=0, once=True)
    with pytest.raises(DatabaseFull, match="no space left"):  # cron is to hear of it
        list(watching.watch(session, incoming, terms, pace))
    assert path.exists()
    (done,) = watching.watch(session, incoming, terms, pace)
    assert done.packages == ("hello_1.0-1_amd64",)


def test_two_watchers_do_not_take_one_upload(session, incoming):
    path = upload(incoming)
    with claimed(path) as mine:
        assert mine
        with claimed(path) as second:
            assert not second
        queue = queue_of(incoming)
        (waiting,) = queue.ready()
        assert watching._take(session, queue, waiting, including.Terms()) is None
    with claimed(path) as mine:
        path.rename(incoming / "elsewhere")
    with claimed(path) as mine:
        assert not mine


def die_at(step, kind, root, incoming):
    """Watch once, in a process that is killed at a step of what it does in the directory."""
    script = textwrap.dedent(
        f"""
        import os, sys
        from pathlib import Path
        from debrepo.cli import main
        left = [{step}]
        def dying(real):
            def run(*args, **more):
                if "incoming" in str(args[0]):
                    left[0] -= 1
                    if left[0] < 0:
                        os.kill(os.getpid(), 9)
                return real(*args, **more)
            return run
        for name in ("rename", "unlink", "mkdir", "write_text", "rmdir"):
            setattr(Path, name, dying(getattr(Path, name)))
        sys.argv = ["debrepo", *sys.argv[1:]]
        main()
        """
    )
    words = ["--root", str(root), "repo", "watch", str(incoming), "--once", "--settle", "0"]
    words += ["--accept-unsigned"] if kind == "included" else []
    return subprocess.run([sys.executable, "-c", script, *words], capture_output=True, check=False)


@pytest.mark.parametrize("kind", ["included", "refused"])
def test_watcher_that_is_killed_at_any_step_is_resumed(
    debrepo, debrepo_root, incoming, unstable, kind
):
    """Nothing is lost, and nothing stays behind: an upload is in, or aside as a whole."""
    for step in range(20):
        version = f"1.{step}-1"
        upload(incoming, version)
        done = die_at(step, kind, debrepo_root, incoming)
        if done.returncode >= 0:
            break
        assert done.returncode == -signal.SIGKILL
        before = left(incoming)
        again = die_at(10**6, kind, debrepo_root, incoming)
        assert again.returncode in (0, 1), again.stderr
        if kind == "included":
            assert left(incoming) == [], before
            assert f"hello_{version}_amd64" in held(debrepo)
        else:
            aside = f"rejected/hello_{version}_amd64"
            files = [f"hello_{version}_amd64.changes", f"hello_{version}_amd64.deb", "reason"]
            assert [f for f in left(incoming) if version in f] == [f"{aside}/{f}" for f in files]
    assert step > 3


def test_watch_goes_on_and_takes_what_arrives(debrepo, debrepo_root, incoming, unstable):
    command = [sys.executable, "-m", "debrepo", "--root", str(debrepo_root), "repo", "watch"]
    terms = ["--accept-unsigned", "--interval", "0.05", "--settle", "0"]
    with subprocess.Popen(
        [*command, str(incoming), *terms], stdout=subprocess.PIPE, text=True
    ) as watcher:
        try:
            for version in ("1.0-1", "2.0-1"):
                path = upload(incoming.parent, version)
                deb = path.with_name(f"hello_{version}_amd64.deb")
                deb.rename(incoming / deb.name)
                path.rename(incoming / path.name)
                line = watcher.stdout.readline()
                assert line == f"included {path.name} in unstable: hello_{version}_amd64\n"
        finally:
            watcher.send_signal(signal.SIGTERM)
    assert left(incoming) == []


def test_other_systems_are_told_of_uploads(debrepo, debrepo_root, incoming):
    debrepo_root.mkdir()
    text = '[notify.to.mail]\ncommand = ["true"]\nevents = ["upload.*"]\n'
    (debrepo_root / "debrepo.toml").write_text(text)
    debrepo("repo", "create", "unstable")
    upload(incoming)
    debrepo("repo", "watch", incoming, "--once", "--settle", "0", exit_code=1)
    upload(incoming)
    debrepo("repo", "include", "--accept-unsigned", incoming / "hello_1.0-1_amd64.changes")
    found = json.loads(debrepo("notify", "list", "--json").stdout)
    assert [one["event"] for one in found] == ["upload.refused", "upload.included"]
    data = found[1]["body"]["data"]
    assert data["name"] == "hello_1.0-1_amd64.changes"
    assert data["repo"] == data["distribution"] == "unstable"
    assert data["changed_by"] == "Alice <alice@example.org>"
    assert data["packages"] == ["hello_1.0-1_amd64"]
    assert found[0]["body"]["data"]["reason"] == "it is not signed"


@pytest.mark.parametrize(
    ("words", "said", "exit_code"),
    [
        (("none",), "is no directory", 2),
        (("--repo", "none"), "no repository called none", 3),
        (("--repo", "{{.Distribution"), "Error: ", 2),
        (("--interval", "0"), "an interval is more than 0 seconds", 2),
        (("--interval", "nan"), "an interval is more than 0 seconds", 2),
        (("--interval", "1e300"), "give 86400 seconds at most", 2),
        (("--settle", "-1"), "files settle in 0 or more", 2),
        (("--patience", "long"), "'long' is no span of time", 2),
        (("--uploaders-file", "none.json"), "cannot read none.json", 2),
    ],
)
def test_bad_input_is_refused_at_once(debrepo, incoming, unstable, words, said, exit_code):
    place = [] if words == ("none",) else [incoming]
    result = debrepo("repo", "watch", *place, *words, "--once", exit_code=exit_code)
    assert said in result.output


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_directory_that_cannot_be_written_to_is_refused(debrepo, incoming, unstable):
    incoming.chmod(0o555)
    result = debrepo("repo", "watch", incoming, "--once", exit_code=2)
    assert "cannot be moved" in result.output
    incoming.chmod(0o755)
