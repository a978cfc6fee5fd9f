"""``debrepo db export`` and ``import``: everything in the database, as lines of JSON and back."""

import json
import shutil
import subprocess
import sys
import tracemalloc
from contextlib import closing
from hashlib import blake2b
from io import BytesIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from debrepo.catalog import CHUNKS, CONTENTS, PACKAGES
from debrepo.catalog import TABLES as CORE_TABLES
from debrepo.database import bytes_table
from debrepo.errors import DebrepoError
from debrepo.package import PackageKey
from debrepo.plugins import load_plugins
from debrepo.session import Session
from debrepo.testing.crashes import crashes
from debrepo.testing.packages import build_deb, build_source
from debrepo_care import exporting, lines


@pytest.fixture
def filled(debrepo, debrepo_root, tmp_path):
    debrepo("repo", "create", "r", "--distribution", "stable", "--comment", "für uns")
    debrepo("repo", "add", "r", build_deb(tmp_path), build_source(tmp_path))
    debrepo("snapshot", "create", "s", "from", "repo", "r")
    debrepo("publish", "repo", "r", "--skip-signing")
    debrepo("repo", "add", "r", build_deb(tmp_path, "other"))
    debrepo("repo", "remove", "r", "other")
    debrepo("db", "cleanup")
    debrepo("token", "create", "ci", "--scope", "read")
    return debrepo_root


def exported(root, *, secrets=True):
    parts = []
    with closing(Session(root, load_plugins())) as session:
        exporting.export(session, parts.append, secrets=secrets)
    return b"".join(parts)


def imported(root, data):
    with closing(Session(root, load_plugins())) as session:
        return exporting.import_(session, BytesIO(data), "file")


def test_export_says_what_it_is_and_ends_with_a_checksum(debrepo, filled, tmp_path):
    debrepo("db", "export", tmp_path / "all.jsonl")
    assert (tmp_path / "all.jsonl").stat().st_mode & 0o777 == 0o600
    head, *records, end = map(json.loads, (tmp_path / "all.jsonl").read_text().splitlines())
    assert head["format"] == "debrepo export"
    assert head["version"] == 1
    assert head["tables"]["local.repos"] == 1
    assert end["records"] == len(records)
    by_table = {}
    for record in records:
        by_table.setdefault(record["table"], []).append(record)
    (repo,) = by_table["local.repos"]
    assert (repo["key"], repo["value"]["comment"]) == ("r", "für uns")
    package = next(p for p in by_table["core.packages"] if "amd64" in p["key"])
    assert package["key"].startswith("Pamd64 hello 1.0 ")
    assert package["value"]["stanza"].startswith("Package: hello\n")
    assert package["value"]["files"][0]["name"] == "hello_1.0_amd64.deb"
    chunk = next(c for c in by_table["core.chunks"] if "packages" in c["value"])
    assert package["key"] in chunk["value"]["packages"]


def test_hashes_of_tokens_are_left_out_unless_asked_for(debrepo, filled, tmp_path):
    said = debrepo("db", "export", tmp_path / "without").output
    assert "Left out server.digests, server.tokens, which have secrets" in said
    debrepo("db", "export", tmp_path / "with", "--with-secrets")
    assert '"server.tokens","key"' not in (tmp_path / "without").read_text()
    assert '"server.tokens","key"' in (tmp_path / "with").read_text()


def test_imported_root_serves_and_stores_what_the_old_one_did(debrepo, filled, tmp_path):
    debrepo("db", "export", tmp_path / "all", "--with-secrets")
    new = tmp_path / "new"
    said = debrepo("--root", new, "db", "import", tmp_path / "all").output
    assert said.startswith("Imported ")
    shutil.copytree(filled / "pool", new / "pool")
    for words in (
        ("repo", "list"),
        ("snapshot", "show", "s", "--with-packages"),
        ("publish", "show", "stable"),
        ("token", "list"),
        ("db", "trash"),
    ):
        assert debrepo("--root", new, *words).output == debrepo(*words).output
    debrepo("--root", new, "db", "check")
    debrepo("--root", new, "publish", "update", "stable", "--force")
    debrepo("--root", new, "publish", "verify", "stable")


def test_export_goes_to_standard_output_and_import_reads_standard_input(filled, tmp_path):
    command = [sys.executable, "-m", "debrepo", "--root"]
    out = subprocess.run([*command, filled, "db", "export", "-"], capture_output=True, check=True)
    assert b"Exported" in out.stderr
    new = tmp_path / "new"
    subprocess.run([*command, new, "db", "import", "-"], input=out.stdout, check=True)
    assert exported(new, secrets=False) == out.stdout


def test_export_of_an_import_is_the_same_byte_for_byte(filled, tmp_path):
    data = exported(filled)
    imported(tmp_path / "new", data)
    assert exported(tmp_path / "new") == data


TABLES = [ref.name for batch in load_plugins().hook.debrepo_tables() for ref in batch]
TABLES += [ref.name for ref in CORE_TABLES]
TEXT = st.text(max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
VALUES = (
    st.binary(max_size=60)
    | st.dictionaries(TEXT, JSON, max_size=4).map(
        lambda found: json.dumps(found, separators=(",", ":")).encode()
    )
    | st.dictionaries(TEXT, JSON, max_size=2).map(lambda found: json.dumps(found).encode())
    | st.just(b'{"base64":"AAAA"}')
    | st.just(b'{"a":1e5,"a":2}')
    | st.just(b"L" + b"hello\0amd64\0001.0\x000000000000000000")
    | st.just(b"deb\nx\x001\0\0\0ab\0\n\nPackage: x\n")
    | st.just(b"deb\nx\x0001\0\0\0ab\0\n\nPackage: x\n")
)
KEYS = (
    st.binary(min_size=1, max_size=40)
    | st.text(min_size=1, max_size=12).map(str.encode)
    | st.just(PackageKey("hello", "amd64", "1.0", "0" * 16).entry)
)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from([*TABLES, "gone.table"]), KEYS, VALUES)
def test_any_record_comes_back_byte_for_byte(table, key, value):
    if table == CHUNKS.name:
        key = blake2b(value, digest_size=16).digest()
    line = lines.dumped(table, key, value)
    assert "\n" not in line
    assert lines.loaded(json.loads(line)) == (table, key, value)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.dictionaries(st.binary(min_size=1, max_size=50), st.binary(max_size=80), max_size=30),
    st.lists(TEXT.filter(str.isprintable), max_size=8, unique=True),
)
def test_any_database_comes_back_byte_for_byte(tmp_path_factory, contents, names):
    old, new = (tmp_path_factory.mktemp("roots") / name for name in ("old", "new"))
    with closing(Session(old, load_plugins())) as session:

        def fill(txn):
            txn[CONTENTS].put_many(contents.items())
            for name in names:
                fields = {"name": name, "set_id": "00", "comment": name[::-1]}
                table = txn[bytes_table("local.repos")]
                table[b"r" + name.encode()] = json.dumps(fields, separators=(",", ":")).encode()

        session.db.update(fill)
    data = exported(old)
    imported(new, data)
    assert exported(new) == data


def spoilt(data, change):
    found = data.splitlines(keepends=True)
    return b"".join(change(found))


BAD = {
    "empty": lambda rows: [],
    "no JSON": lambda rows: [b"\xff\n", *rows[1:]],
    "deep": lambda rows: [b"[" * 100_000 + b"\n", *rows[1:]],
    "a list": lambda rows: [b"[]\n", *rows[1:]],
    "another file": lambda rows: [b'{"Package":"x"}\n', *rows[1:]],
    "newer": lambda rows: [rows[0].replace(b'"version":1', b'"version":2', 1), *rows[1:]],
    "unknown table": lambda rows: [
        rows[0].replace(b'"tables":{', b'"tables":{"x.y":1,'),
        *rows[1:],
    ],
    "newer table": lambda rows: [
        rows[0].replace(b'"local.repos":1', b'"local.repos":9'),
        *rows[1:],
    ],
    "no tables": lambda rows: [b'{"format":"debrepo export","version":1}\n', *rows[1:]],
    "cut": lambda rows: rows[:-1],
    "cut in a line": lambda rows: [*rows[:-1], rows[-1][:-5]],
    "a line less": lambda rows: [*rows[:3], *rows[4:]],
    "a line twice": lambda rows: [*rows[:3], rows[2], *rows[3:]],
    "more behind": lambda rows: [*rows, rows[1]],
    "a changed stanza": lambda rows: [row.replace(b"It does nothing", b"It is") for row in rows],
    "a changed chunk": lambda rows: [
        row.replace(b'"packages":["P', b'"packages":["Px') for row in rows
    ],
    "no record": lambda rows: [rows[0], b'{"a":1}\n', *rows[1:]],
    "bad base64": lambda rows: [
        rows[0],
        b'{"table":"core.contents","key":"a","value":{"base64":"?"}}\n',
        *rows[1:],
    ],
    "bad record": lambda rows: [
        rows[0],
        b'{"table":"local.repos","key":"a","value":{"name":5}}\n',
        *rows[1:],
    ],
    "a number": lambda rows: [rows[0], b'{"table":"local.repos","key":1,"value":2}\n', *rows[1:]],
    "of no table": lambda rows: [rows[0], b'{"table":"x","key":"a","value":{}}\n', *rows[1:]],
}


@pytest.mark.parametrize("kind", BAD)
def test_file_that_is_no_whole_export_is_refused_by_line_and_leaves_nothing(
    debrepo, filled, tmp_path, kind
):
    bad = tmp_path / "bad"
    bad.write_bytes(spoilt(exported(filled), BAD[kind]))
    new = tmp_path / "new"
    said = debrepo("--root", new, "db", "import", bad, exit_code=2).output
    assert said.startswith(f"Error: {bad}, line ")
    assert len(said.splitlines()) <= 2
    assert not (new / "db").exists()
    assert [path.name for path in new.glob(".db*")] == []


def test_import_replaces_no_database_and_export_no_file(debrepo, filled, tmp_path):
    debrepo("db", "export", tmp_path / "all")
    assert "exists already" in debrepo("db", "export", tmp_path / "all", exit_code=4).output
    said = debrepo("db", "import", tmp_path / "all", exit_code=4).output
    assert "there is a database in " in said
    debrepo("--root", tmp_path / "new", "db", "import", tmp_path / "none", exit_code=2)
    debrepo("db", "export", tmp_path / "none" / "file", exit_code=8)


def test_import_that_is_killed_anywhere_leaves_no_database_or_all_of_it(filled, tmp_path):
    data = exported(filled)
    new = tmp_path / "new"
    for _ in crashes(lambda: imported(new, data), points=10):
        if not (new / "db").exists():
            imported(new, data)
        assert exported(new) == data
        shutil.rmtree(new)


def test_many_packages_are_exported_and_imported_in_little_memory(session, tmp_path):
    record = b"deb\nx_1_amd64.deb\x001\0\0\0" + b"a" * 64 + b"\0\n\nPackage: x\n" + b" text\n" * 100
    keys = [PackageKey(f"p{n:05}", "amd64", "1.0", "0" * 16).entry for n in range(20_000)]
    session.db.update(lambda txn: txn[PACKAGES].put_many((key, record) for key in keys))
    session.close()
    target = tmp_path / "all"

    def peak(action):
        tracemalloc.start()
        try:
            action()
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    def write():
        with closing(Session(session.root, load_plugins())) as one:
            exporting.to_file(one, target, secrets=False)

    def read():
        with closing(Session(tmp_path / "new", load_plugins())) as one:
            assert exporting.from_file(one, target).records >= 20_000

    assert peak(write) < 12 << 20
    assert target.stat().st_size > 15 << 20
    assert peak(read) < 24 << 20


def test_damaged_record_is_exported_as_it_is_and_not_imported(debrepo, filled, tmp_path):
    with closing(Session(filled, load_plugins())) as session:
        session.db.update(lambda txn: txn[bytes_table("local.repos")].put_many([(b"x", b"{")]))
    data = exported(filled)
    assert b'"local.repos","key":"x","value":{"base64":"ew=="}' in data
    with pytest.raises(DebrepoError, match=r"local\.repos does not hold such a record"):
        imported(tmp_path / "new", data)
