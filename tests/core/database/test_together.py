"""What threads change at the same time is committed at once, and each of them by itself."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from debrepo.errors import Cancelled, NotFound
from debrepo.stopping import Watch, checkpoint, watching


@pytest.fixture
def threads():
    with ThreadPoolExecutor(10) as executor:
        yield executor


def queued(db, number):
    """Return when so many changes wait for the one that is being committed."""
    pause = threading.Event()
    while len(db._together._waiting) < number:
        pause.wait(0.005)


def put(words, word):
    return lambda txn: txn[words].__setitem__(word, word) or word


def held_up(db, threads, first, changes):
    """Let ``changes`` come while ``first`` waits for a writer, and return all their futures."""
    with db.write():
        futures = [threads.submit(db.update, first)]
        pause = threading.Event()
        while not db._together._turn.locked() or db._together._waiting:
            pause.wait(0.005)
        futures += [threads.submit(db.update, change) for change in changes]
        queued(db, len(changes))
    return futures


def test_changes_that_wait_are_committed_at_once(db, words, threads):
    before = db.serial()
    futures = held_up(db, threads, put(words, "first"), [put(words, str(n)) for n in range(8)])
    assert [future.result(20) for future in futures] == ["first", *map(str, range(8))]
    assert db.serial() - before <= 3  # the writer that held them up, the first one, the others
    with db.read() as txn:
        assert len(txn[words]) == 9


def test_change_that_fails_fails_alone_and_leaves_nothing(db, words, threads):
    def fail(txn):
        txn[words]["half"] = "half"
        raise NotFound("no such thing")

    changes = [put(words, "a"), fail, put(words, "b")]
    first, a, failed, b = held_up(db, threads, put(words, "first"), changes)
    assert [one.result(20) for one in (first, a, b)] == ["first", "a", "b"]
    with pytest.raises(NotFound, match="no such thing"):
        failed.result(20)
    with db.read() as txn:
        assert set(txn[words]) == {"a", "b", "first"}


def test_each_change_has_its_own_account_and_actions(db, words, threads):
    accounts, told = [], []

    def change(name):
        def work(txn):
            txn[words][name] = name
            txn.note(name, "", "new")
            txn.after_commit(lambda: told.append(name))

        return work

    watched = db.watched(lambda txn: accounts.append([change.what for change in txn.changes]))
    with db.write():
        futures = [threads.submit(watched.update, change("x"))]
        futures += [threads.submit(watched.update, change(name)) for name in "abc"]
        queued(db, 3)
    for future in futures:
        future.result(20)
    assert sorted(accounts) == [["a"], ["b"], ["c"], ["x"]]
    assert sorted(told) == ["a", "b", "c", "x"]


def test_changes_that_outgrow_the_map_together_get_through(open_db, blobs, threads):
    db = open_db(map_size=1 << 20)

    def large(name):
        return lambda txn: txn[blobs].__setitem__(name, name * 100_000)

    names = [str(n).encode() * 3 for n in range(8)]
    for future in held_up(db, threads, large(b"first"), [large(name) for name in names]):
        future.result(20)
    with db.read() as txn:
        assert len(txn[blobs]) == 9


def test_change_whose_work_is_to_end_ends_alone(db, words, threads):
    watch = Watch()

    def put_if_it_may(txn):
        checkpoint()
        txn[words]["stopped"] = "stopped"

    def stopped():
        with watching(watch):
            db.update(put_if_it_may)

    with db.write():
        first = threads.submit(db.update, put(words, "first"))
        others = [threads.submit(stopped), threads.submit(db.update, put(words, "other"))]
        queued(db, 2)
        watch.stop("enough")
    assert [first.result(20), others[1].result(20)] == ["first", "other"]
    with pytest.raises(Cancelled, match="enough"):
        others[0].result(20)
    with db.read() as txn:
        assert set(txn[words]) == {"first", "other"}


def test_update_inside_a_write_transaction_is_refused(db, words):
    with db.write(), pytest.raises(RuntimeError, match="open already"):
        db.update(put(words, "a"))


def test_thread_that_reads_meanwhile_commits_by_itself(db, words):
    with db.read():
        assert db.update(put(words, "a")) == "a"
