import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from debrepo.database import Database, Table, bytes_table
from debrepo.errors import InvalidInput
from debrepo.refs import TableRef

BLOBS = bytes_table("test.blobs")
BEFORE, AFTER = bytes_table("test.blob"), bytes_table("test.blobs2")
KEYS = st.binary(max_size=3) | st.sampled_from([b"\xff", b"\xff\xff", b"\0", b"a", b"ab"])


def test_values_come_back_as_they_were_put(db, words):
    with db.write() as txn:
        txn[words]["größe"] = "naïve \udcff \U0001f4e6"
    with db.read() as txn:
        assert txn[words]["größe"] == "naïve \udcff \U0001f4e6"


def test_json_is_compact_and_keeps_the_order_of_fields(words):
    assert words.dump("bee") == json.dumps({"word": "bee"}, separators=(",", ":")).encode()


def test_missing_key_raises_key_error(db, words):
    with db.write() as txn:
        with pytest.raises(KeyError, match="nothing"):
            txn[words]["nothing"]
        with pytest.raises(KeyError, match="nothing"):
            del txn[words]["nothing"]


def test_get_returns_the_default_without_an_exception(db, words):
    with db.read() as txn:
        assert txn[words].get("nothing") is None
        assert txn[words].get("nothing", "else") == "else"


def test_in_does_not_decode_the_value(open_db):
    broken = Table(
        "test.broken", load=lambda data: 1 / 0, dump=bytes, load_key=bytes, dump_key=bytes
    )
    with open_db(tables=[TableRef("test.broken", 1, "")]).write() as txn:
        txn[broken][b"key"] = b"value"
        assert b"key" in txn[broken]
        assert list(txn[broken]) == [b"key"]


def test_discard_says_whether_there_was_anything(db, words):
    with db.write() as txn:
        txn[words]["a"] = "ant"
        assert txn[words].discard("a")
        assert not txn[words].discard("a")


def test_tables_are_mappings(db, words):
    with db.write() as txn:
        table = txn[words]
        table.update({"b": "bee", "a": "ant"})
        assert table.setdefault("a", "?") == "ant"
        assert table.pop("b") == "bee"
        assert (dict(table), list(table.values()), bool(table)) == ({"a": "ant"}, ["ant"], True)
        assert ("a", "ant") in table.items()


def test_first_and_last_of_an_empty_table_are_nothing(db, words):
    with db.read() as txn:
        assert (txn[words].first(), txn[words].last(), bool(txn[words])) == (None, None, False)


def test_too_long_a_key_is_refused_and_found_nowhere(db, words):
    with db.read() as txn:
        assert "x" * 2000 not in txn[words]
    with pytest.raises(InvalidInput, match="too long"), db.write() as txn:
        txn[words]["x" * 2000] = "long"


def test_large_values_are_kept(db, blobs):
    with db.write() as txn:
        txn[blobs][b"large"] = b"x" * 5_000_000
    with db.read() as txn:
        assert txn[blobs][b"large"] == b"x" * 5_000_000


def test_undeclared_table_is_a_mistake(db):
    with pytest.raises(RuntimeError, match=r"test\.other is not declared by any"), db.read() as txn:
        txn[bytes_table("test.other")]


def test_put_many_takes_more_than_a_batch_in_any_order(db, blobs):
    keys = [b"%05d" % (number * 7919 % 10_000) for number in range(10_000)]
    with db.write() as txn:
        txn[blobs].put_many((key, key) for key in keys)
        assert list(txn[blobs]) == sorted(keys)


def test_get_many_gives_what_getting_each_gives(db, blobs):
    with db.write() as txn:
        txn[blobs].put_many((b"%d" % n, b"value %d" % n) for n in range(0, 3000, 3))
    keys = [b"%d" % n for n in (*range(2000), 6, 6, 5)]
    with db.read() as txn:
        assert list(txn[blobs].get_many(keys)) == [txn[blobs].get(key) for key in keys]
        assert list(txn[blobs].get_many([])) == []


@pytest.mark.lmdb  # from far away, they are asked for in batches
def test_get_many_asks_for_few_keys_before_it_yields(db, blobs):
    with db.write() as txn:
        txn[blobs].put_many((b"%d" % n, b"") for n in range(100))
    keys = iter([b"%d" % n for n in range(100)])
    with db.read() as txn:
        assert next(txn[blobs].get_many(keys)) == b""
    assert next(keys) == b"1"


def test_put_many_keeps_the_last_value_of_a_key(db, blobs):
    with db.write() as txn:
        txn[blobs].put_many([(b"a", b"1"), (b"b", b"2"), (b"a", b"3")])
        assert dict(txn[blobs]) == {b"a": b"3", b"b": b"2"}


@pytest.fixture(scope="module")
def crowded(tmp_path_factory):
    """A database in which the keys next to those of ``test.blobs`` are taken."""
    tables = [TableRef(table.name, 1, "") for table in (BEFORE, BLOBS, AFTER)]
    database = Database(tmp_path_factory.mktemp("tables") / "db", tables)
    with database.write() as txn:
        for key in (b"", b"\0", b"a", b"s", b"\xff"):
            txn[BEFORE][key] = txn[AFTER][key] = b"neighbour"
    yield database
    database.close()


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(KEYS, st.binary(max_size=5)), KEYS | st.none(), KEYS | st.none(), KEYS)
def test_ranges_and_prefixes_are_those_of_a_sorted_dictionary(crowded, model, start, stop, prefix):
    ordered = sorted(model.items())
    wanted = [(k, v) for k, v in ordered if (start or b"") <= k and (stop is None or k < stop)]
    with crowded.write() as txn:
        table = txn[BLOBS]
        table.clear()
        table.put_many(model.items())
        assert (list(table.items()), len(table), bool(table)) == (ordered, len(model), bool(model))
        assert list(table.range(start, stop)) == wanted
        assert list(table.range(start, stop, reverse=True)) == wanted[::-1]
        assert list(table.range_keys(start, stop)) == [key for key, _ in wanted]
        assert list(table.prefix(prefix)) == [i for i in ordered if i[0].startswith(prefix)]
        assert list(table.prefix_keys(prefix)) == [k for k in sorted(model) if k.startswith(prefix)]
        assert list(reversed(table)) == sorted(model, reverse=True)
        assert [table.first(), table.last()] == ([ordered[0], ordered[-1]] if model else [None] * 2)
        assert len(txn[BEFORE]) == len(txn[AFTER]) == 5


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(KEYS, st.binary(max_size=5) | st.none())))
def test_a_table_does_what_a_dictionary_does(crowded, changes):
    model = {}
    with crowded.write() as txn:
        table = txn[BLOBS]
        table.clear()
        for key, value in changes:
            assert table.get(key) == model.get(key)
            assert (key in table) == (key in model)
            if value is None:
                assert table.discard(key) == (model.pop(key, None) is not None)
            else:
                table[key] = model[key] = value
        assert dict(table) == model
