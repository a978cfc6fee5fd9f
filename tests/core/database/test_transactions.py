import os
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from debrepo.errors import AlreadyExists, DatabaseError


def read_all(db, table):
    with db.read() as txn:
        return dict(txn[table])


def test_write_commits_on_leaving_the_block(db, words):
    with db.write() as txn:
        txn[words]["a"] = "ant"
    assert read_all(db, words) == {"a": "ant"}


def test_exception_rolls_everything_back(db, words):
    with pytest.raises(ZeroDivisionError), db.write() as txn:
        txn[words]["a"] = "ant"
        1 / 0  # noqa: B018
    assert read_all(db, words) == {}


def test_reader_does_not_see_a_later_write(db, words):
    with db.read() as before:
        with db.write() as txn:
            txn[words]["a"] = "ant"
        assert "a" not in before[words]
    assert read_all(db, words) == {"a": "ant"}


def test_serial_counts_committed_changes(db, words):
    with db.write() as txn:
        txn[words]["a"] = "ant"
        serial = txn.serial
    with db.read() as txn:
        assert txn.serial == serial


def test_update_returns_what_the_function_returns(db, words):
    assert db.update(lambda txn: txn[words].setdefault("a", "ant")) == "ant"
    assert read_all(db, words) == {"a": "ant"}


def test_after_commit_runs_once_the_work_is_readable(db, words):
    seen = []
    with db.write() as txn:
        txn[words]["a"] = "ant"
        txn.after_commit(lambda: seen.append(read_all(db, words)))
        assert seen == []
    assert seen == [{"a": "ant"}]


def test_after_commit_does_not_run_after_a_rollback(db):
    seen = []
    with pytest.raises(ZeroDivisionError), db.write() as txn:
        txn.after_commit(lambda: seen.append("ran"))
        1 / 0  # noqa: B018
    assert seen == []


def test_failing_action_undoes_nothing_and_stops_no_other(db, words):
    seen = []

    def change(txn):
        txn[words]["a"] = "ant"
        txn.after_commit(lambda: 1 / 0)
        txn.after_commit(lambda: seen.append("ran"))

    with pytest.raises(ZeroDivisionError):
        db.update(change)
    assert (seen, read_all(db, words)) == (["ran"], {"a": "ant"})


def test_action_may_write_in_a_transaction_of_its_own(db, words):
    with db.write() as txn:
        txn.after_commit(lambda: db.update(lambda later: later[words].update(b="bee")))
    assert read_all(db, words) == {"b": "bee"}


def test_what_waits_for_the_end_runs_whether_the_work_is_committed_or_not(db, words):
    seen = []

    def change(txn):
        txn.when_over(lambda: seen.append(read_all(db, words)))
        txn.after_commit(lambda: seen.append("committed"))
        txn[words]["a"] = "ant"

    def fail(txn):
        change(txn)
        txn[words]["b"] = "bee"
        1 / 0  # noqa: B018

    db.update(change)
    assert seen == ["committed", {"a": "ant"}]
    seen.clear()
    with pytest.raises(ZeroDivisionError):
        db.update(fail)
    with pytest.raises(ZeroDivisionError), db.write() as txn:
        fail(txn)
    assert seen == [{"a": "ant"}, {"a": "ant"}]
    seen.clear()
    with db.write() as txn:
        change(txn)
    assert seen == ["committed", {"a": "ant"}]


def test_reader_has_nothing_to_do_after_a_commit(db):
    with pytest.raises(RuntimeError, match="never commits"), db.read() as txn:
        txn.after_commit(print)


def test_second_write_in_one_thread_is_an_error_not_a_deadlock(db):
    with db.write(), pytest.raises(RuntimeError, match="open already"), db.write():
        pass


def test_writing_in_a_reader_is_an_error(db, words):
    with pytest.raises(RuntimeError, match="only reads"), db.read() as txn:
        txn[words]["a"] = "ant"


def test_writers_in_other_threads_wait_their_turn(db, words):
    start = Barrier(4)

    def add(word):
        start.wait()
        for number in range(20):
            with db.write() as txn:
                txn[words][f"{word}{number}"] = word

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, "abcd"))
    assert len(read_all(db, words)) == 80


def test_transaction_may_end_in_another_thread(db):
    block = db.read()
    block.__enter__()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(block.__exit__, None, None, None).result()
    assert db.update(lambda txn: "let in") == "let in"


@pytest.mark.lmdb
def test_second_opening_in_one_process_is_an_error(db, open_db):
    with pytest.raises(RuntimeError, match="open in this process; share that"):
        open_db()


def test_closed_database_says_so(db):
    db.close()
    db.close()
    with pytest.raises(RuntimeError, match="is closed"), db.read():
        pass


def test_database_is_not_carried_across_a_fork(db):
    child = os.fork()
    if child == 0:
        try:
            with db.read():
                os._exit(1)
        except RuntimeError as error:
            db.close()
            os._exit(42 if "before a fork" in str(error) else 2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 42
    db.update(lambda txn: None)


@pytest.mark.parametrize("compact", [True, False])
def test_backup_is_a_database_of_that_moment(db, open_db, words, tmp_path, compact):
    db.update(lambda txn: txn[words].update(a="ant"))
    db.backup(tmp_path / "copies" / "monday", compact=compact)
    db.update(lambda txn: txn[words].update(b="bee"))
    copy = open_db(tmp_path / "copies" / "monday", store=None)
    assert read_all(copy, words) == {"a": "ant"}
    assert os.listdir(tmp_path / "copies") == ["monday"]


def test_backup_while_others_write_is_one_state(db, open_db, words, blobs, tmp_path):
    def write(number):
        db.update(
            lambda txn: (
                txn[words].update(n=str(number)),
                txn[blobs].update({b"n": b"%d" % number}),
            )
        )

    with ThreadPoolExecutor(1) as pool:
        writing = pool.map(write, range(50))
        for number in range(10):
            db.backup(tmp_path / str(number))
        list(writing)
    for number in range(10):
        with open_db(tmp_path / str(number)).read() as txn:
            assert txn[words].get("n", "").encode() == txn[blobs].get(b"n", b"")


def test_backup_replaces_nothing(db, tmp_path):
    with pytest.raises(AlreadyExists, match="exists already"):
        db.backup(tmp_path)


def test_backup_to_an_impossible_place_leaves_nothing(db, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DatabaseError, match=r"cannot write .*: Not a directory"):
        db.backup(tmp_path / "file" / "backup")


def test_stats_count_the_entries_of_each_table(db, words):
    db.update(lambda txn: txn[words].update(a="ant", b="bee"))
    stats = db.stats()
    assert stats["tables"] == {"debrepo.schema": 4, "test.blobs": 0, "test.words": 2}


@pytest.mark.lmdb
def test_stats_say_how_much_of_the_map_is_used(db):
    stats = db.stats()
    assert 0 < stats["bytes"] < stats["map_size"]
