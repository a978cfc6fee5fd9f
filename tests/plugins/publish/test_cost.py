"""What a publish costs: as much as has changed, however much there is."""

import re
import shutil
import subprocess
import sys
from collections import Counter
from contextlib import closing

import pytest
import zstandard
from databases.roots import copy_root

from debrepo import catalog, packageset
from debrepo.catalog import Known
from debrepo.ingest import ingest
from debrepo.package import Package, PackageKey, decode, encode, files_hash
from debrepo.plugins import load_plugins
from debrepo.session import Session
from debrepo.testing.packages import build_deb
from debrepo_local import repos
from debrepo_publish.model import publications, tables
from debrepo_publish_fs.storage import FileStorage

SIZES = (1_000, 10_000)


class Calls(Counter):
    """Counts the calls of a storage's methods, and what they are given."""

    def watch(self, monkeypatch):
        for name in ("put", "get", "link_all", "delete", "stat", "list", "commit"):
            monkeypatch.setattr(FileStorage, name, self._counting(name, getattr(FileStorage, name)))

    def _counting(self, name, method):
        def counted(storage, *args, **kwargs):
            if name in ("link_all", "delete"):
                args = (list(args[0]),)
                self[{"link_all": "linked", "delete": "deleted"}[name]] += len(args[0])
            self[name] += 1
            return method(storage, *args, **kwargs)

        return counted


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    """Published repositories that differ in nothing but their size."""
    deb = build_deb(tmp_path_factory.mktemp("debs"))
    roots = {}
    for size in SIZES:
        root = tmp_path_factory.mktemp(f"root{size}")
        run(root, "repo", "create", "r", "--distribution", "stable")
        fill(root, deb, size)
        run(root, "publish", "repo", "r", "--skip-signing")
        roots[size] = root
    return roots


def fill(root, deb, count):
    """Put so many packages into the repository; to build as many would take most of the time.

    They share their one file in the pool, but not where that is published.
    """
    with closing(Session(root, load_plugins())) as session:
        (found,) = ingest(session.pool, [deb])
        session.pool.sync()
        pattern = decode(PackageKey.from_entry(found.entry), found.record)
        known = [_numbered(pattern, f"package{number}") for number in range(count)]
        with session.db.write() as txn:
            catalog.add(txn, known)
            set_id = packageset.build(txn[catalog.CHUNKS], sorted(one.entry for one in known))
            repos.put(txn, repos.get(txn, "r")._replace(set_id=set_id))


def _numbered(pattern, name):
    file = pattern.files[0]._replace(name=f"{name}_1.0_amd64.deb")
    key = PackageKey(name, "amd64", "1.0", files_hash((file,)))
    stanza = pattern.stanza.replace(b"Package: hello", f"Package: {name}".encode())
    paths = zstandard.compress(f"usr/bin/{name}".encode())
    return Known(key.entry, encode(Package(key, "deb", stanza, (file,))), paths)


def run(root, *words, before=()):
    command = [*before, sys.executable, "-m", "debrepo", "--quiet", "--root", root, *words]
    done = subprocess.run(list(map(str, command)), check=True, capture_output=True)
    return done.stderr.decode()


@pytest.fixture
def with_one_more(roots, tmp_path, request):
    """The repositories, each with one more package that is not published yet."""
    deb = build_deb(tmp_path, request.node.name.replace("_", "-"), paths={"usr/bin/zz": b""})
    for root in roots.values():
        run(root, "repo", "add", "r", deb)
    return roots


def update(debrepo_of, root):
    debrepo_of(root)("publish", "update", "stable")


@pytest.fixture
def debrepo_of():
    from click.testing import CliRunner

    from debrepo.cli import build_cli
    from debrepo.plugins import load_plugins

    cli = build_cli(load_plugins())

    def of(root):
        def call(*words):
            result = CliRunner().invoke(cli, ["--root", str(root), *words])
            assert result.exit_code == 0, result.output

        return call

    return of


def test_an_update_makes_as_many_storage_calls_at_any_size(with_one_more, debrepo_of, monkeypatch):
    calls = {}
    for size, root in with_one_more.items():
        calls[size] = Calls()
        with monkeypatch.context() as patch:
            calls[size].watch(patch)
            update(debrepo_of, root)
    small, large = (calls[size] for size in SIZES)
    assert small == large
    assert small["linked"] == 1
    assert small["list"] == 0


def test_nothing_changed_means_one_look_at_the_storage(roots, debrepo_of, monkeypatch):
    calls = Calls()
    calls.watch(monkeypatch)
    update(debrepo_of, roots[max(SIZES)])
    assert calls == {"get": 1}


def test_a_drop_makes_as_many_storage_calls_as_it_alone_holds_files(roots, debrepo_of, monkeypatch):
    calls = {}
    for size, root in roots.items():
        debrepo = debrepo_of(root)
        debrepo("publish", "repo", "r", "--distribution", "other", "--skip-signing")
        calls[size] = Calls()
        with monkeypatch.context() as patch:
            calls[size].watch(patch)
            debrepo("publish", "drop", "other")
    small, large = (calls[size] for size in SIZES)
    assert small == large
    assert small["list"] == small["linked"] == 0


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_an_update_makes_as_many_file_system_calls_at_any_size(with_one_more):
    counts = {
        size: _system_calls(run(root, "publish", "update", "stable", before=_STRACE))
        for size, root in with_one_more.items()
    }
    small, large = (sum(counts[size].values()) for size in SIZES)
    # A name that was replaced within the same second is copied with a later date, not linked.
    assert large - small < 100, counts[SIZES[1]] - counts[SIZES[0]]


_STRACE = ("strace", "-f", "-c", "-U", "calls,name", "-e", "trace=%file,getdents64,linkat")


def _system_calls(report):
    return Counter({name: int(n) for n, name in re.findall(r"^\s*(\d+) (\w+)$", report, re.M)})


def test_an_update_does_not_look_at_every_generation_there_ever_was(
    roots, debrepo_of, tmp_path, monkeypatch
):
    root = tmp_path / "root"
    copy_root(roots[min(SIZES)], root)
    debrepo = debrepo_of(root)
    looked_at = []
    load = tables.GENERATIONS.load

    def counting(data):
        looked_at[-1] += 1
        return load(data)

    monkeypatch.setattr(publications, "GENERATIONS", tables.GENERATIONS._replace(load=counting))
    for number in range(12):
        debrepo("repo", "add", "r", str(build_deb(tmp_path, f"more{number}")))
        looked_at.append(0)
        debrepo("publish", "update", "stable")
    assert looked_at[-1] == looked_at[2]


def test_showing_what_is_live_reads_one_generation_of_many(session, add, create, update):
    add()
    create()
    for number in range(2, 5):
        add(version=f"{number}.0")
        update()
    loads = []
    load = tables._load_generation.__code__
    sys.setprofile(
        lambda frame, event, _: event == "call" and frame.f_code is load and loads.append(1)
    )
    try:
        shown = session.call("publish.show", distribution="stable", past=False)
    finally:
        sys.setprofile(None)
    assert ([one.number for one in shown.generations], len(loads)) == ([4], 1)
