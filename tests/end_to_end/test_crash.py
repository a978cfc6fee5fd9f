"""Many at once, and kill -9: clients never notice, and nothing is lost."""

import os
import random
import signal
import time

import pytest
from end_to_end.clients import Apt

from debrepo.testing.packages import build_deb


def packages(directory, prefix, count):
    directory.mkdir()
    return [
        build_deb(directory, f"{prefix}{number}", compression="gzip") for number in range(count)
    ]


def names(archive):
    shown = archive.json("repo", "show", "tools", "--with-packages")
    return {key.split()[1] for key in shown.get("packages", ())}


def finish(*processes):
    for process in processes:
        output, errors = process.communicate()
        assert process.returncode == 0, output + errors


def test_two_that_add_at_once_lose_nothing(archive, tmp_path):
    archive("repo", "create", "tools")
    first, second = packages(tmp_path / "a", "a", 30), packages(tmp_path / "b", "b", 30)
    finish(*(archive.start("repo", "add", "tools", *debs) for debs in (first, second)))
    assert names(archive) == {f"{prefix}{number}" for prefix in "ab" for number in range(30)}


def test_two_that_publish_at_once_leave_one_whole_archive(published, apt, tmp_path):
    for turn, deb in enumerate(packages(tmp_path / "new", "new", 3)):
        published("repo", "add", "tools", deb)
        finish(*(published.start("publish", "update", "stable") for _ in range(2)))
        apt.update()
        assert apt.candidate(f"new{turn}") == "1.0"


def test_adding_and_publishing_at_once_serves_all_in_the_end(published, apt, tmp_path):
    for deb in packages(tmp_path / "new", "new", 3):
        finish(
            published.start("repo", "add", "tools", deb),
            published.start("publish", "update", "stable"),
        )
    published("publish", "update", "stable")
    apt.update()
    assert [apt.candidate(f"new{number}") for number in range(3)] == ["1.0"] * 3


@pytest.mark.parametrize("seed", range(4))
def test_publish_killed_at_any_point_is_finished_by_the_next(published, apt, tmp_path, seed):
    chance = random.Random(seed)
    seconds = duration(published)
    for turn, deb in enumerate(packages(tmp_path / "new", "new", 4)):
        published("repo", "add", "tools", deb)
        process = published.start("publish", "update", "stable")
        time.sleep(chance.uniform(0.1, 1.1) * seconds)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        apt.update()
        apt("apt-get", "download", "hello", "greeter")
        published("publish", "update", "stable")
        apt.update()
        assert apt.candidate(f"new{turn}") == "1.0"
    published("db", "check")


def duration(archive):
    """Return how long a publish takes here, to have it killed in the middle and not after."""
    start = time.monotonic()
    archive("publish", "update", "stable", "--force")
    return time.monotonic() - start


@pytest.mark.parametrize("seed", range(2))
def test_add_killed_at_any_point_leaves_a_repository_that_takes_the_rest(archive, tmp_path, seed):
    archive("repo", "create", "tools")
    chance = random.Random(seed)
    debs = packages(tmp_path / "new", "new", 20)
    for _ in range(3):
        process = archive.start("repo", "add", "tools", *debs)
        time.sleep(chance.uniform(0.1, 0.8))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        assert names(archive) <= {f"new{number}" for number in range(20)}
    archive("repo", "add", "tools", *debs)
    assert len(names(archive)) == 20
    archive("db", "check")


def test_client_in_a_loop_never_fails_while_others_publish(published, tmp_path, web):
    apt = Apt(tmp_path / "client", published.source(web.url))
    for deb in packages(tmp_path / "new", "new", 5):
        published("repo", "add", "tools", deb)
        process = published.start("publish", "update", "stable")
        while process.poll() is None:
            apt.update()
        finish(process)
    apt.update()
    assert apt.candidate("new4") == "1.0"
