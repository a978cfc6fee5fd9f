import pytest
from databases.roots import store_of

from debrepo.database import Database, bytes_table, json_table
from debrepo.refs import TableRef

WORDS = json_table(
    "test.words", load=lambda fields: fields["word"], dump=lambda word: {"word": word}
)
BLOBS = bytes_table("test.blobs")


def refs(*tables):
    return [TableRef(table.name, table.version, "") for table in tables]


@pytest.fixture
def words():
    return WORDS


@pytest.fixture
def blobs():
    return BLOBS


@pytest.fixture
def tables():
    return refs(WORDS, BLOBS)


@pytest.fixture
def open_db(tmp_path, tables):
    """Open the database below a temporary root, with any options; closed after the test."""
    opened = []

    def open_(path=tmp_path / "db", tables=tables, **options):
        read_only = options.get("read_only", False)
        options.setdefault("store", store_of(path, read_only=read_only))  # None is LMDB
        opened.append(Database(path, tables, **options))
        return opened[-1]

    yield open_
    for database in opened:
        database.close()


@pytest.fixture
def db(open_db):
    return open_db()
