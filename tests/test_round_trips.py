"""How often operations ask a database that is far away: as often for many packages as for few."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
import zstandard

from debrepo import catalog, packageset
from debrepo.catalog import CHUNKS
from debrepo.ingest import Rejected, ingest
from debrepo.leases import FileLeases
from debrepo.package import Package, PackageKey, decode, encode
from debrepo.testing.packages import build_deb
from debrepo.testing.round_trips import CountedEnvironment

pytestmark = pytest.mark.lmdb  # one kind of database is tried beside the other

#: Operations, and the round trips that they may take, those for leases included.
LIMITS = {
    "repo create": 3,
    "repo list": 2,
    "repo show": 2,
    "repo search": 4,
    "repo add": 8,
    "repo copy": 8,
    "repo remove": 8,
    "package show": 5,
    "snapshot create": 3,
    "snapshot diff": 10,
    "snapshot merge": 6,
    "snapshot pull": 9,
    "snapshot drop": 5,
    "publish create": 24,
    "publish update": 12,
    "publish switch": 16,
    "publish list": 4,
    "publish drop": 72,
    "audit list": 2,
}


@pytest.fixture(params=["lmdb", "postgresql"])
def trips(request, monkeypatch):
    """Return a list that grows with each round trip, on either kind of database."""
    counted = []
    if request.param == "lmdb":
        monkeypatch.delenv("DEBREPO_DATABASE_URL", raising=False)
        monkeypatch.setattr("debrepo.database.database.Environment", CountedEnvironment)
        monkeypatch.setattr(CountedEnvironment, "counted", counted)
        hold = FileLeases.hold

        @contextmanager
        def holding(self, *words, **how):
            counted.append("take")
            with hold(self, *words, **how) as lease:
                yield lease
            counted.append("give back")

        monkeypatch.setattr(FileLeases, "hold", holding)
        return counted
    server = request.getfixturevalue("postgresql")
    pytest.importorskip("psycopg")
    from debrepo_postgresql.connection import Connection

    monkeypatch.setenv("DEBREPO_DATABASE_URL", server.url())
    monkeypatch.setenv("DEBREPO_DATABASE_SCHEMA", "debrepo_{root}")
    ask = Connection.ask

    def counting(self, commands):
        counted.append("ask")
        return ask(self, commands)

    monkeypatch.setattr(Connection, "ask", counting)
    return counted


@pytest.fixture
def count(trips, debrepo):
    """Return a function that runs a command, and holds it to its limit."""

    def run(*words):
        trips.clear()
        debrepo(*words)
        limit = LIMITS[" ".join(words[:2])] if words[1] != "repo" else LIMITS["publish create"]
        assert len(trips) <= limit, f"{len(trips)}: {' '.join(map(str, words[:4]))}"

    return run


def _fill(session, directory, name, number):
    """Add many packages to a repository, whose files are all the same one in the pool."""
    (made,) = ingest(session.pool, [build_deb(directory, "first")])
    assert not isinstance(made, Rejected)
    first = decode(PackageKey.from_entry(made.entry), made.record)
    known = []
    for count in range(number):
        key = first.key._replace(name=f"p{count:06}")
        stanza = first.stanza.replace(b"Package: first", f"Package: {key.name}".encode())
        (file,) = first.files
        files = (file._replace(name=f"{key.name}_1.0_amd64.deb"),)
        record = encode(Package(key, "deb", stanza, files))
        paths = zstandard.compress(f"usr/share/doc/{key.name}/copyright".encode())
        known.append(catalog.Known(key.entry, record, paths))

    def change(txn):
        from debrepo_local.repos import REPOS

        catalog.add(txn, known)
        added = packageset.build(txn[CHUNKS], [one.entry for one in known])
        txn[REPOS][name] = txn[REPOS][name]._replace(set_id=added)

    session.db.update(change)
    session.close()


def test_commands_take_few_round_trips(count, debrepo, tmp_path):
    debrepo("repo", "create", "web")  # and with it the tables
    debrepo("repo", "add", "web", *(build_deb(tmp_path, f"p{n}") for n in range(30)))
    count("publish", "repo", "web", "--distribution", "stable", "--skip-signing")
    count("repo", "add", "web", build_deb(tmp_path, "more"))
    count("publish", "update", "stable")
    count("repo", "list")
    count("repo", "show", "web")
    count("repo", "search", "web", "Description (~ test)")
    count("package", "show", "more")
    count("snapshot", "create", "one", "from", "repo", "web")
    count("repo", "remove", "web", "p3")
    count("snapshot", "create", "two", "from", "repo", "web")
    count("snapshot", "diff", "one", "two")
    count("snapshot", "merge", "both", "one", "two")
    count("snapshot", "pull", "two", "one", "pulled", "p3")
    count("snapshot", "drop", "pulled")
    debrepo("publish", "snapshot", "one", "--distribution", "frozen", "--skip-signing")
    count("publish", "switch", "frozen", "two")
    count("publish", "list")
    count("publish", "drop", "frozen")
    count("repo", "create", "other")
    count("repo", "copy", "web", "other", "p4")
    count("audit", "list")


@pytest.mark.parametrize("number", [1_000, 10_000])
def test_what_is_added_and_published_costs_the_same_among_many(
    count, debrepo, session, tmp_path, number
):
    debrepo("repo", "create", "web")
    _fill(session, tmp_path, "web", number)
    debrepo("publish", "repo", "web", "--distribution", "stable", "--skip-signing")
    for one in range(2 + 4_000 // number):
        count("repo", "add", "web", build_deb(tmp_path, f"new{one}"))
        count("publish", "update", "stable")


def test_comparing_large_sets_costs_what_differs(count, debrepo, session, tmp_path):
    debrepo("repo", "create", "web")
    entries = [b"p%06d\0amd64\x001.0\0abcd" % number for number in range(60_000)]
    changed = [b"p%06d\0amd64\x001.1\0abcd" % number for number in range(0, 60_000, 6_000)]

    def change(txn):
        from debrepo_snapshot.snapshots import SNAPSHOTS, Snapshot

        old = packageset.build(txn[CHUNKS], entries)
        new = packageset.update(txn[CHUNKS], old, add=changed)
        for name, set_id in (("old", old), ("new", new)):
            txn[SNAPSHOTS][name] = Snapshot(name, set_id, "2024-01-01T00:00:00+00:00", "")

    session.db.update(change)
    session.close()
    count("snapshot", "diff", "old", "new")
