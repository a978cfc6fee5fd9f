"""Directories in which something is made: they go in the end, whoever is killed."""

import os
import signal

import pytest

from debrepo.durable import scratch


def test_scratch_directory_is_gone_in_the_end(tmp_path):
    with scratch(tmp_path, "work-") as path:
        (path / "deep").mkdir()
        (path / "deep/file").touch()
        assert path.parent == tmp_path
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ZeroDivisionError), scratch(tmp_path, "work-") as path:
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_has_left_goes_with_the_next_and_nothing_else_does(tmp_path):
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            with scratch(tmp_path, "work-") as path:
                (path / "file").touch()
                os.write(writer, b".")
                signal.pause()
        finally:
            os._exit(1)
    try:
        assert os.read(reader, 1) == b"."
        (left,) = tmp_path.iterdir()
        with scratch(tmp_path, "work-"):
            assert left.exists()  # its process is alive
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(reader)
        os.close(writer)
    others = {"work-", "work-12345678x", "work-abc", "other-12345678"}
    for name in others:
        (tmp_path / name).mkdir()
    (tmp_path / "work-87654321").touch()  # no directory
    with scratch(tmp_path, "work-") as path:
        assert not left.exists()
        assert path.exists()
    assert {path.name for path in tmp_path.iterdir()} == others | {"work-87654321"}


def test_name_may_be_as_long_as_one_can_be(tmp_path):
    with scratch(tmp_path, "é" * 127) as path:
        assert path.is_dir()
