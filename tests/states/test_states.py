"""All operations in any order, against a model: what is served and stored is what it says.

``DEBREPO_TEST_STATES=3600`` looks for faults at random for so many seconds, where CI goes
through the same examples each time.
"""

from __future__ import annotations

import copy
import os
import time
from collections import Counter
from contextlib import closing, suppress
from itertools import count
from pathlib import Path
from shutil import copytree, ignore_patterns, rmtree
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from plugins.publish.crashing import CrashingSession, Killed
from states.model import Item, Model, Refused

from debrepo import catalog, clock, packageset
from debrepo.errors import DebrepoError, InvalidInput, NotFound
from debrepo.package import PackageKey, digests
from debrepo.plugins import load_plugins
from debrepo.session import Session
from debrepo.testing.packages import build_deb, build_source
from debrepo_admin.checks import problems
from debrepo_admin.trash import TRASH, Trashed
from debrepo_publish.checking.verification import Fault
from debrepo_publish.model.tables import GENERATIONS

ITEMS = [
    Item("hello", "1.0", "amd64"),
    Item("hello", "1.0", "amd64", build=1),
    Item("hello", "1.0~rc1", "amd64"),
    Item("hello", "2.0", "amd64"),
    Item("hello", "2.0", "arm64"),
    Item("hello", "1.0", "source"),
    Item("hello", "2.0", "source"),
    Item("tool", "1.0", "all"),
    Item("tool", "1:0.5", "all"),
    Item("tool", "1.0", "all", build=1),
]

repos = st.sampled_from(["r1", "r2", "r3"])
snapshots = st.sampled_from(["s1", "s2", "s3"])
lists = st.tuples(st.just("repo"), repos) | st.tuples(st.just("snapshot"), snapshots)
origins = lists | st.tuples(st.just("mirror"), st.just("m1"))
names = st.sampled_from(["hello", "tool"])
items = st.sampled_from(ITEMS)
keys = st.sampled_from([(".", "stable"), (".", "testing"), ("deep/er", "stable")])
components = st.sampled_from(["main", "extra"])
sources = st.dictionaries(components, lists.map(":".join), min_size=1)


#: What an archive elsewhere has, one state after the other.
UPSTREAM = [ITEMS[:1] + ITEMS[7:8], ITEMS[2:6], ITEMS[3:5] + ITEMS[6:9]]
#: A publication at this place is signed by a key.
SIGNED = (".", "testing")


@pytest.fixture(scope="module")
def upstream(shelf, tmp_path_factory):
    """Return the trees of an archive, one for each of its states."""
    paths, _ = shelf
    trees = []
    for number, held in enumerate(UPSTREAM):
        root = tmp_path_factory.mktemp("upstream") / "root"
        with closing(Session(root, load_plugins())) as session, pytest.MonkeyPatch.context() as at:
            at.setenv("SOURCE_DATE_EPOCH", str(1_700_000_000 + number))
            session.call("repo.create", name="r")
            list(session.call("repo.add", name="r", paths=[paths[item] for item in held]))
            session.call(
                "publish.create",
                kind="repo",
                names=["r"],
                distribution="up",
                options={"skip_signing": True, "architectures": ("amd64", "arm64", "source")},
            )
        trees.append(root / "public")
    return trees


@pytest.fixture(scope="module")
def secret_keys(tmp_path_factory):
    """Return the home of two secret keys, and their fingerprints."""
    with TemporaryDirectory() as directory:
        root = Path(directory) / "root"
        with closing(Session(root, load_plugins())) as session:
            for name in ("first", "second"):
                session.call("key.create", name=name)
            found = [one.fingerprint for one in session.call("key.list")]
        yield root / "gnupg", found


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """Return the files of the packages, and the packages by the keys that debrepo gives them."""
    directory = tmp_path_factory.mktemp("packages")
    paths = {}
    for number, item in enumerate(ITEMS):
        own = directory / str(number)
        own.mkdir()
        name, version, architecture, build = item
        if architecture == "source":
            paths[item] = build_source(own, name, version)
        else:
            extra = {"Depends": "tool"} if name == "hello" else {}
            said = {**extra, "Homepage": f"https://example.org/{build}"}
            paths[item] = build_deb(own, name, version, architecture, fields=said)
    by_key = {}
    session = Session(tmp_path_factory.mktemp("scratch") / "root", load_plugins())
    for item, path in paths.items():
        session.call("repo.create", name="r")
        (outcome,) = session.call("repo.add", name="r", paths=[path])
        assert outcome.status == "added", outcome
        (key,) = session.call("repo.show", name="r", with_packages=True).packages
        by_key[key] = item
        session.call("repo.drop", name="r")
    session.close()
    return paths, by_key


class Installation(RuleBasedStateMachine):
    """A root, and the model of it."""

    paths: dict
    by_key: dict
    upstream: list
    secret_keys: tuple
    new_root: object
    steps: Counter

    def __init__(self):
        super().__init__()
        self.root = self.new_root()
        self.root.mkdir()
        home, self.keys = self.secret_keys
        copytree(home, self.root / "gnupg", ignore=ignore_patterns("S.*"))
        (self.root / "debrepo.toml").write_text(f'signing.gpg.keys = ["{self.keys[0]}"]\n')
        self.model = Model()
        self.stage = 0  # of the archive elsewhere
        self.doom = None  # at which step of the next operation the process dies
        self.go_on()
        self.carry()

    def go_on(self):
        """Open a session, as the next process does."""
        self.session = CrashingSession(self.root, load_plugins())

    def carry(self):
        """Have the archive elsewhere be in its state."""
        away = self.root / "upstream"
        rmtree(away, ignore_errors=True)
        copytree(self.upstream[self.stage], away, copy_function=os.link)

    def teardown(self):
        self.session.close()
        rmtree(self.root)

    def both(self, operation, change, **arguments):
        """Call an operation, and do the same to the model: both do it, or refuse it alike."""
        self.steps[operation] += 1
        draft = copy.deepcopy(self.model)
        refused = None
        try:
            change(draft)
        except Refused as error:
            refused = error.kind
        if self.doom is not None and operation != "db.restore":  # which is several changes
            self.die_in(operation, arguments)
            return self.once_more(operation, change, arguments)
        result, error = self.tried(operation, arguments)
        failed = "failed" if getattr(result, "status", "") == "failed" else None
        kind = type(error).__name__ if error else failed
        assert kind == refused, f"{operation} {arguments}: {error!r}, and not {refused}"
        if refused is None:
            self.model = draft
        else:
            self.steps["refused"] += 1
        return result

    def tried(self, operation, arguments):
        """Return what an operation returns, and its error."""
        try:
            return self.done(operation, arguments), None
        except DebrepoError as error:
            return None, error

    def done(self, operation, arguments):
        """Do an operation to its end."""
        result = self.session.call(operation, **arguments)
        (done,) = result if operation == "repo.add" else (result,)
        return done

    def die_in(self, operation, arguments):
        """Do an operation in a process that dies in the midst of it, unless it ends before."""
        self.session.fate.strike(self.doom)
        self.doom = None
        try:
            with suppress(DebrepoError):
                self.done(operation, arguments)
        except Killed:
            self.steps["killed"] += 1
        self.session.close()
        self.go_on()

    def once_more(self, operation, change, arguments):
        """Do what may have been done already: either is what the model says, or was done whole."""
        result, error = self.tried(operation, arguments)
        failed = "failed" if getattr(result, "status", "") == "failed" else None
        kind = type(error).__name__ if error else failed
        starts = [self.model, copy.deepcopy(self.model)]
        try:
            change(starts[1])
        except Refused:
            del starts[1]
        possible = []
        for start in starts:
            draft = copy.deepcopy(start)
            try:
                change(draft)
            except Refused as refused:
                possible.append((refused.kind, start))
            else:
                possible.append((None, draft))
        if operation == "publish.rollback" and len(starts) > 1:
            # Done whole, it may have cleaned up what it brought back: one generation is kept.
            possible.append(("NotFound", starts[1]))
        fitting = [draft for refused, draft in possible if refused == kind and self.fits(draft)]
        assert fitting, f"{operation} {arguments}, once more: {error!r}, and not {possible}"
        self.model = fitting[0]
        return result

    def fits(self, model):
        """Return whether the lists are what a model says."""
        for kind in ("repo", "snapshot", "mirror"):
            shown = {getattr(one, kind).name for one in self.session.call(f"{kind}.list")}
            if shown != set(model.known(kind)):
                return False
            for name, content in model.known(kind).items():
                found = self.session.call(f"{kind}.show", name=name, with_packages=True)
                if {self.by_key[key] for key in found.packages} != (content or set()):
                    return False
        return self.served() == self.expected(model)

    @rule()
    def die_before_the_next_change(self):
        self.doom = 0

    @rule(step=st.integers(1, 3))
    def die_after_a_few_changes(self, step):
        self.doom = step

    @rule(step=st.integers(4, 30))
    def die_after_some_changes(self, step):
        self.doom = step

    # Mirrors.

    @rule()
    def create_mirror(self):
        self.both(
            "mirror.create",
            lambda m: m.create_mirror("m1"),
            name="m1",
            url=f"file://{self.root}/upstream/",
            distribution="up",
            options={"ignore_signatures": True, "sources": True},
        )

    @rule()
    def update_mirror(self):
        held = UPSTREAM[self.stage]
        self.both("mirror.update", lambda m: m.update_mirror("m1", held), name="m1")

    @rule()
    def change_upstream(self):
        self.stage = min(self.stage + 1, len(UPSTREAM) - 1)
        self.carry()

    # Keys.

    @rule(key=keys)
    def sign_again(self, key):
        if key in self.model.published:
            place, distribution = key
            self.both("publish.resign", lambda m: None, distribution=distribution, place=place)

    @rule(verb=st.sampled_from(["start", "next", "cancel"]))
    def rotate(self, verb):
        self.steps[f"key.rotate.{verb}"] += 1
        given = {
            "start": {"old": self.keys[0], "new": self.keys[1]},
            "next": {"yes_really": True},
            "cancel": {},
        }[verb]
        with suppress(InvalidInput, NotFound):
            done = self.session.call(f"key.rotate.{verb}", **given)
            assert not any(done.failed.values()), done

    @initialize(first=st.lists(items, min_size=1, max_size=4), more=st.lists(items, max_size=4))
    def begin(self, first, more):
        for name, content in (("r1", first), ("r2", more)):
            self.create_repo(name)
            for item in content:
                self.add(name, item, replace=False)
        self.create_snapshot("s1", ("repo", "r1"))
        self.publish((".", "stable"), {"main": "repo:r1"}, few=True)
        self.publish(("deep/er", "stable"), {"main": "snapshot:s1"}, few=False)

    # Repositories.

    @rule(name=repos)
    def create_repo(self, name):
        self.both("repo.create", lambda m: m.create_repo(name), name=name)

    @rule(name=repos, origin=origins)
    def create_repo_from(self, name, origin):
        kind, source = origin
        self.both(
            "repo.create",
            lambda m: m.create_repo(name, *origin),
            name=name,
            kind=kind,
            source=source,
        )

    @rule(name=repos, item=items, replace=st.booleans())
    def add(self, name, item, replace):
        given = {"name": name, "paths": [self.paths[item]], "force_replace": replace}
        self.both("repo.add", lambda m: m.add(name, item, replace=replace), **given)

    @rule(origin=origins, repo=repos, name=names, move=st.booleans())
    def transfer(self, origin, repo, name, move):
        self.both(
            f"repo.{'move' if move else 'copy'}",
            lambda m: m.copy(*origin, repo, name, move=move),
            source=":".join(origin),
            target=repo,
            queries=[name],
        )

    @rule(name=repos, package=names)
    def remove(self, name, package):
        self.both("repo.remove", lambda m: m.remove(name, package), name=name, queries=[package])

    @rule(one=lists, other=lists)
    def rename(self, one, other):
        kind, old = one
        new = other[1].replace("rs"[kind == "repo"], "rs"[kind == "snapshot"])
        self.both(f"{kind}.rename", lambda m: m.rename(kind, old, new), name=old, new_name=new)

    @rule(one=origins, force=st.booleans())
    def drop(self, one, force):
        kind, name = one
        self.both(f"{kind}.drop", lambda m: m.drop(kind, name, force=force), name=name, force=force)

    # Snapshots.

    @rule(name=snapshots, origin=origins)
    def create_snapshot(self, name, origin):
        kind, source = origin
        self.both(
            "snapshot.create",
            lambda m: m.create_snapshot(name, *origin),
            name=name,
            kind=kind,
            source=source,
        )

    @rule(
        name=snapshots,
        merged=st.lists(snapshots, min_size=1, max_size=3),
        policy=st.sampled_from(["rightmost", "latest", "all"]),
    )
    def merge(self, name, merged, policy):
        self.both(
            "snapshot.merge",
            lambda m: m.merge(name, merged, policy),
            name=name,
            sources=merged,
            policy=policy,
        )

    @rule(base=snapshots, source=snapshots, name=snapshots, package=names, remove=st.booleans())
    def pull(self, base, source, name, package, remove):
        self.both(
            "snapshot.pull",
            lambda m: m.pull(base, source, name, package, remove=remove),
            base=base,
            source=source,
            name=name,
            queries=[package],
            dependencies=None,
            architectures=["amd64"],
            remove=remove,
        )

    # Publications.

    @rule(key=keys, lists=sources, few=st.booleans())
    def publish(self, key, lists, few):
        kinds = {source.partition(":")[0] for source in lists.values()}
        if len(kinds) > 1:  # the command takes lists of one kind
            return
        self.both(
            "publish.create",
            lambda m: m.publish(key, lists),
            kind=kinds.pop(),
            names=[source.partition(":")[2] for source in lists.values()],
            place=key[0],
            distribution=key[1],
            components=list(lists),
            options={
                "skip_signing": key != SIGNED,
                "compressions": ("gz",),
                "architectures": ("amd64", "arm64", "source"),
                **({"keep_generations": 1, "grace": 0} if few else {}),
            },
        )
        self.remember(key)

    @rule(key=keys, force=st.booleans())
    def update(self, key, force):
        place, distribution = key
        self.both(
            "publish.update",
            lambda m: m.update(key),
            distribution=distribution,
            place=place,
            force=force,
        )
        self.remember(key)

    @rule(key=keys, component=components, origin=lists)
    def switch(self, key, component, origin):
        place, distribution = key
        self.both(
            "publish.switch",
            lambda m: m.switch(key, component, ":".join(origin)),
            distribution=distribution,
            place=place,
            kind=origin[0],
            names=[origin[1]],
            components=[component],
        )
        self.remember(key)

    @rule(key=keys, component=components, origin=lists | st.none())
    def revise(self, key, component, origin):
        place, distribution = key
        there = self.model.published.get(key)
        known = there and (there.sources if there.pending is None else there.pending)
        verb = "remove" if origin is None else "update" if component in (known or ()) else "add"
        named = {} if origin is None else {"names": [":".join(origin)]}
        self.both(
            f"publish.source.{verb}",
            lambda m: m.revise(key, component, origin and ":".join(origin), new=verb == "add"),
            distribution=distribution,
            place=place,
            components=[component],
            **named,
        )

    @rule(key=keys, back=st.integers(0, 3))
    def roll_back(self, key, back):
        place, distribution = key
        past = self.past(key)
        if not past:
            return
        number = past[back % len(past)]
        self.both(
            "publish.rollback",
            lambda m: m.roll_back(key, number),
            distribution=distribution,
            place=place,
            generation=number,
        )
        self.remember(key)

    @rule(key=keys)
    def unpublish(self, key):
        place, distribution = key
        self.both(
            "publish.drop", lambda m: m.unpublish(key), distribution=distribution, place=place
        )

    @rule(key=keys, files=st.booleans())
    @precondition(lambda self: self.model.published)
    def damage_and_repair_a_tree(self, key, files):
        if key not in self.model.published:
            return
        place, distribution = key
        tree = self.root / "public" / ("" if place == "." else place) / "dists" / distribution
        found = sorted(path for path in tree.rglob("*") if path.is_file())
        found[len(found) // 2].unlink()
        self.steps["publish.repair"] += 1
        where = {"distribution": distribution, "place": place}
        self.session.call("publish.repair", **where, files=files)
        left = self.session.call("publish.verify", **where).problems
        assert not any(one.kind is Fault.SUPERSEDED for one in left)
        self.remember(key)

    def past(self, key):
        if key not in self.model.published:
            return []
        shown = self.session.call("publish.show", distribution=key[1], place=key[0])
        return [one.number for one in shown.generations if one.state == "past"]

    def remember(self, key):
        """Note under which number the live generation can be had again.

        One that a process had died at was completed by the next, and is a past one now.
        """
        if key not in self.model.published:
            return
        one = self.model.published[key]
        shown = self.session.call("publish.show", distribution=key[1], place=key[0])
        with self.session.db.read() as txn:
            for past in shown.generations:
                if past.state != "void" and past.number not in one.history:
                    held = {c: self.entries(txn, part.set_id) for c, part in past.parts.items()}
                    one.history[past.number] = (dict(past.publication.sources), held)
        one.history[shown.publication.live] = (dict(one.sources), one.live)

    # The database.

    def remembered(self):
        found = {}
        with self.session.db.read() as txn:
            for name, generation in txn[GENERATIONS].items():
                place, _, distribution = name.partition("\0")[0].rpartition(" ")
                if generation.state != "void":
                    found.setdefault((place, distribution), []).append(generation.number)
        return found

    @rule(trash=st.booleans())
    def clean(self, trash):
        self.steps["db.cleanup"] += 1
        planned = self.session.call("db.cleanup", dry_run=True, trash=trash)
        gone = self.model.clean(self.remembered(), trash=trash)
        done = self.session.call("db.cleanup", trash=trash)
        assert {self.by_key[PackageKey.parse(key)] for key in planned.keys} == gone
        assert done.packages == len(gone)
        assert planned._replace(keys=()) == done
        with self.session.db.read() as txn:
            records = [txn[catalog.PACKAGES][entry] for entry in catalog.find(txn)]
            records += [row.record for row in txn[TRASH].values()]
        assert set(self.session.pool) == {one for record in records for one in digests(record)}

    @rule(package=names, repo=repos | st.none())
    def throw_away_and_restore(self, package, repo):
        for name in list(self.model.repos):
            self.remove(name, package)
        self.clean(trash=True)
        self.restore(package, repo)

    @rule(package=names, repo=repos | st.none())
    def restore(self, package, repo):
        back = copy.deepcopy(self.model)
        with suppress(Refused):
            back.restore(package, None)
        if not self.both(
            "db.restore", lambda m: m.restore(package, repo), queries=[package], repo=repo
        ) and (repo is None or repo in self.model.repos):
            self.model = back  # they may be in the database again, and not fit into the repository

    @rule(number=st.integers(0, 20))
    @precondition(lambda self: self.model.published)
    def lose_and_repair(self, number):
        served = set().union(*self.served().values())
        with self.session.db.read() as txn:
            known = [
                digest
                for entry in catalog.find(txn)
                if self.by_key[PackageKey.from_entry(entry)] in served
                for digest in digests(txn[catalog.PACKAGES][entry])
            ]
        if known:
            self.session.pool.delete(known[number % len(known)])
            self.steps["db.repair"] += 1
            done = self.session.call("db.repair")
            assert [bool(one.found) for one in done.files] == [True], done

    @rule()
    @precondition(lambda self: self.model.trash)
    def let_time_pass(self):
        def change(txn):
            for entry, row in list(txn[TRASH].items()):
                txn[TRASH][entry] = Trashed(clock.now() - 8 * 86400, row.record)

        self.session.db.update(change)
        self.model.aged = set(self.model.trash)

    @rule()
    def export_and_import(self):
        self.steps["db.export"] += 1
        first = self.root / "export"
        first.unlink(missing_ok=True)
        self.session.call("db.export", target=first, secrets=True)
        copy = self.new_root()
        with closing(Session(copy, load_plugins())) as other:
            other.call("db.import", source=first)
            other.call("db.export", target=copy / "export", secrets=True)
        assert (copy / "export").read_bytes() == first.read_bytes()
        rmtree(copy)

    @rule()
    def open_again(self):
        self.session.close()
        self.go_on()

    # What holds after every step.

    @invariant()
    def lists_hold_what_the_model_says(self):
        for kind in ("repo", "snapshot", "mirror"):
            known = self.model.known(kind)
            shown = self.session.call(f"{kind}.list")
            assert {getattr(one, kind).name for one in shown} == set(known)
            for name, content in known.items():
                found = self.session.call(f"{kind}.show", name=name, with_packages=True)
                assert {self.by_key[key] for key in found.packages} == (content or set()), name

    @invariant()
    def clients_are_served_what_the_model_says(self):
        assert self.served() == self.expected(self.model)

    @staticmethod
    def expected(model):
        return {
            (f"{place}/{distribution}", component): content
            for (place, distribution), one in model.published.items()
            for component, content in one.live.items()
        }

    def served(self):
        with self.session.db.read() as txn:
            return {
                (one.name, one.component): self.entries(txn, one.set_id)
                for batch in self.session.hook.debrepo_served_lists(txn=txn)
                for one in batch
            }

    def entries(self, txn, set_id):
        found = packageset.entries(txn[catalog.CHUNKS], set_id)
        return {self.by_key[PackageKey.from_entry(entry)] for entry in found}

    @invariant()
    def published_trees_are_whole(self):
        for place, distribution in self.model.published:
            found = self.session.call("publish.verify", distribution=distribution, place=place)
            assert found.problems == []

    @invariant()
    def database_is_in_order_and_holds_what_the_model_says(self):
        assert list(problems(self.session, files=True)) == []
        with self.session.db.read() as txn:
            known = {self.by_key[PackageKey.from_entry(entry)] for entry in catalog.find(txn)}
        assert known == self.model.catalog
        listed = {self.by_key[one.key] for one in self.session.call("db.trash")}
        assert listed == self.model.trash


def explore(machine, *, examples, seed=None):
    """Run examples of the machine, the same ones each time unless there is a seed.

    What is found at random is not made smaller, which would take an hour.
    """
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,
            derandomize=seed is None,
            database=None,
            suppress_health_check=list(HealthCheck),
            print_blob=False,
            report_multiple_bugs=False,
            phases=[Phase.generate] if seed else [Phase.generate, Phase.shrink],
        ),
    )


def test_any_order_of_operations_leaves_what_the_model_says(shelf, upstream, secret_keys, tmp_path):
    paths, by_key = shelf
    numbers = count()
    machine = type(
        "Installation",
        (Installation,),
        {
            "paths": paths,
            "by_key": by_key,
            "upstream": upstream,
            "secret_keys": secret_keys,
            "steps": Counter(),
            "new_root": lambda self: tmp_path / str(next(numbers)),
        },
    )
    seconds = float(os.environ.get("DEBREPO_TEST_STATES", "0"))
    if not seconds:
        explore(machine, examples=6)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        explore(machine, examples=20, seed=time.time_ns())
        print(sum(machine.steps.values()), dict(machine.steps), flush=True)  # noqa: T201
