"""Superseded indexes have a grace of their own, and what is remembered does not grow."""

import gzip
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from databases.roots import copy_root
from plugins.publish.client import Broken, Client
from plugins.publish.test_crashes import strays

from debrepo.errors import InvalidInput
from debrepo_publish.engine import eviction, expiring, places, superseded
from debrepo_publish.indexes import cache
from debrepo_publish.model import publications
from debrepo_publish.model.publication import Publication
from debrepo_publish.model.tables import GENERATIONS, RETIRED

NOW = 1_800_000_000
HOUR = 3600
DAY = 24 * HOUR
HELLO = {("hello", "1.0", "amd64")}


@pytest.fixture
def published(add, create, public):
    add("hello")
    create(keep_generations=0)
    return Client(public)


@pytest.fixture
def replace(session, add):
    """Replace the package by another version of it: ``replace("2.0")``."""

    def replaced(version):
        add("hello", version)
        session.call("repo.remove", name="tools", queries=[f"hello, !Version (= {version})"])

    return replaced


def known(session):
    with session.db.read() as txn:
        return {one.number: one for one in publications.generations(txn, ". stable")}


def indexes(public):
    return {path for path in public.rglob("by-hash/*/*") if path.is_file()}


def debs(public):
    return sorted(path.name for path in public.rglob("*.deb"))


def is_read(client, inrelease):
    """Tell whether a client that has begun can go on."""
    try:
        return bool(client.packages(inrelease))
    except (Broken, FileNotFoundError):
        return False


def test_superseded_indexes_stay_for_an_hour(session, published, replace, update, clock):
    before = published.inrelease()
    replace("2.0")
    update()
    clock(NOW + HOUR - 1)
    replace("3.0")
    update()
    assert published.packages(before) == HELLO
    clock(NOW + HOUR)
    update()
    assert not is_read(published, before)
    assert strays(session) == (set(), set())


IDLE = SimpleNamespace(is_idle=lambda: True, has_work=lambda: False)


def test_cleanup_deletes_what_is_over_its_grace(session, published, replace, update, clock, public):
    before = published.inrelease()
    replace("2.0")
    update()
    clock(NOW + HOUR - 1)
    assert session.call("db.cleanup").expired == 0
    assert published.packages(before) == HELLO
    clock(NOW + HOUR)
    assert session.call("db.cleanup").expired > 0
    assert not is_read(published, before)
    assert debs(public) == ["hello_1.0_amd64.deb", "hello_2.0_amd64.deb"]
    clock(NOW + 3 * DAY)
    (shown,) = session.call("db.cleanup", dry_run=True).superseded
    assert shown.expired == 1
    done = session.call("db.cleanup")
    assert (done.expired, done.packages, done.superseded) == (1, 1, ())
    assert debs(public) == ["hello_2.0_amd64.deb"]
    assert strays(session) == (set(), set())


def test_idle_server_deletes_what_is_over_its_grace(session, published, replace, update, clock):
    before = published.inrelease()
    replace("2.0")
    update()
    busy = SimpleNamespace(is_idle=lambda: False, has_work=lambda: True)
    clock(NOW + HOUR)
    expiring.in_background(session, busy)()
    assert published.packages(before) == HELLO
    expiring.in_background(session, IDLE)()
    assert not is_read(published, before)
    assert expiring.due(session) == {}
    assert strays(session) == (set(), set())


def test_look_at_what_is_over_opens_no_storage_and_takes_no_lease(session, published, monkeypatch):
    monkeypatch.setattr(places, "opened", None)
    expiring.in_background(session, IDLE)()
    assert session.call("db.cleanup").expired == 0


def test_place_where_somebody_publishes_is_left_to_that_publish(
    session, published, replace, update, clock
):
    before = published.inrelease()
    replace("2.0")
    update()
    clock(NOW + HOUR)
    with ThreadPoolExecutor(1) as other, places.hold(session, "."):
        assert other.submit(session.call, "db.cleanup").result().expired == 0
    assert published.packages(before) == HELLO


def test_what_another_publisher_has_replaced_is_left_alone_and_named_once(
    session, published, replace, update, clock, public, caplog
):
    before = published.inrelease()
    replace("2.0")
    update()
    clock(NOW + HOUR)
    live = public / "dists/stable/InRelease"
    live.write_bytes(before)
    look = expiring.in_background(session, IDLE)
    look()
    look()
    assert caplog.text.count("superseded files of . are not deleted: ") == 1
    assert published.packages(before) == HELLO
    assert session.call("db.cleanup").expired == 0


def test_dropped_publication_leaves_its_files_for_the_grace_and_no_longer(
    session, published, clock, public
):
    session.call("publish.drop", distribution="stable", skip_cleanup=True)
    clock(NOW + 3 * DAY - 1)
    assert session.call("db.cleanup").expired == 0
    assert debs(public)
    clock(NOW + 3 * DAY)
    assert session.call("db.cleanup").expired > 0
    assert debs(public) == []


def test_package_files_stay_longer_than_indexes(session, published, replace, update, clock, public):
    replace("2.0")
    update()
    clock(NOW + 3 * DAY - 1)
    replace("3.0")
    update()
    assert len(debs(public)) == 3
    assert known(session)[1].bare
    clock(NOW + 3 * DAY)
    update()
    assert debs(public) == ["hello_2.0_amd64.deb", "hello_3.0_amd64.deb"]
    assert 1 not in known(session)


def test_indexes_go_with_the_package_files_at_the_latest(published, replace, update, public):
    before = published.inrelease()
    replace("2.0")
    update(grace=0)
    assert not is_read(published, before)
    assert debs(public) == ["hello_2.0_amd64.deb"]


def test_indexes_of_the_last_generations_stay_however_old(published, replace, update, clock):
    before = published.inrelease()
    replace("2.0")
    update(keep_generations=1)
    clock(NOW + 9 * DAY)
    update()
    assert published.packages(before) == HELLO


def test_grace_of_indexes_is_an_option(published, replace, update, clock):
    before = published.inrelease()
    assert not update(index_grace=DAY).changed  # clients do not see it
    replace("2.0")
    update()
    clock(NOW + DAY - 1)
    update()
    assert published.packages(before) == HELLO
    clock(NOW + DAY)
    update()
    assert not is_read(published, before)


def test_setting_is_the_default_of_new_publications(session, add, create):
    add("hello")
    session.config.override("publish.index_grace", "2h", "a test")
    create()
    assert session.call("publish.show", distribution="stable").publication.index_grace == 2 * HOUR


@pytest.mark.parametrize("wrong", [-1, 10**12])
def test_grace_that_is_none_is_refused(published, update, wrong):
    with pytest.raises(InvalidInput, match="index_grace cannot be"):
        update(index_grace=wrong)


def test_option_is_no_reason_to_publish_again():
    old = Publication("", ".", "stable", {})
    assert old._replace(index_grace=7).fingerprint() == old.fingerprint()
    assert "index_grace" not in old.fingerprinted


def test_busy_publication_keeps_few_indexes(session, published, replace, update, clock, public):
    """200 an hour: a client that began five minutes ago can go on, and the tree stays small."""
    seen = {}
    for number in range(2, 50):
        clock(NOW + 18 * number)
        replace(f"{number}.0")
        update()
        seen[NOW + 18 * number] = published.inrelease()
    now = max(seen)
    assert all(is_read(published, seen[at]) for at in seen if at >= now - superseded.AT_LEAST)
    readable = sum(is_read(published, inrelease) for inrelease in seen.values())
    assert readable == session.config["publish.index_generations"] + 1
    assert strays(session) == (set(), set())
    assert len(debs(public)) == 49


def test_any_number_of_generations_can_keep_indexes(session, published, replace, update, clock):
    session.config.override("publish.index_generations", 0, "a test")
    before = published.inrelease()
    for number in range(2, 30):
        clock(NOW + 60 * number)
        replace(f"{number}.0")
        update()
    assert published.packages(before) == HELLO


def test_generations_that_follow_closely_are_remembered_in_steps(
    session, published, replace, update, clock, public
):
    update(index_grace=0, grace=1000)
    for number in range(2, 42):
        clock(NOW + 2 * number)
        replace(f"{number}.0")
        update()
    past = [one.ended for one in known(session).values() if one.state == "past"]
    assert 5 <= len(past) <= 11
    assert max(past) - min(past) > 60
    assert len(debs(public)) == 41  # all of them wait
    clock(NOW + 1000 + 2 * 20)
    update()
    left = set(debs(public))
    assert {f"hello_{number}.0_amd64.deb" for number in range(21, 42)} <= left
    assert "hello_2.0_amd64.deb" not in left
    clock(NOW + 1000 + 2 * 42)
    update()
    assert debs(public) == ["hello_41.0_amd64.deb"]
    assert strays(session) == (set(), set())
    with session.db.read() as txn:
        assert list(txn[RETIRED]) == []
        assert len(list(txn[GENERATIONS])) == 1


def test_rollback_to_a_generation_without_indexes(session, published, replace, update, clock):
    replace("2.0")
    update()
    clock(NOW + DAY)
    replace("3.0")
    update()
    assert known(session)[1].bare
    session.call("publish.rollback", distribution="stable", generation=1)
    assert published.packages() == HELLO
    published.check_names()


def test_what_is_known_of_a_generation_without_indexes(session, published, replace, update, clock):
    replace("2.0")
    update()
    clock(NOW + DAY)
    replace("3.0")
    update()
    shown = session.call("publish.show", distribution="stable")
    assert [one.number for one in shown.generations] == [3, 2, 1]
    rows = session.call("publish.history", distribution="stable")
    assert [one.row.number for one in rows] == [3, 2, 1]
    assert session.call("publish.repair", distribution="stable", reconcile=True)
    assert strays(session) == (set(), set())


def test_index_that_an_older_generation_has_too_stays(
    session, published, add, create, update, clock
):
    add("other", repo="extra")
    create("tools", "extra", components=("main", "extra"), place="two", keep_generations=0)
    client = Client(published.public / "two")
    both = client.packages()
    add("more", repo="extra")
    update(place="two")
    clock(NOW + DAY)
    add("last", repo="extra")
    update(place="two")
    assert both < client.packages()  # the index of main is as old as the first generation


def test_update_that_deletes_indexes_dies_anywhere(
    session, published, replace, update, clock, opened, tmp_path
):
    import shutil

    from plugins.publish.crashing import Killed

    for number in range(2, 5):
        replace(f"{number}.0")
        update()
    clock(NOW + DAY)
    replace("5.0")
    template = session.root
    session.close()

    def publish(session):
        return session.call("publish.update", distribution="stable")

    step = 0
    while True:
        root = tmp_path / f"crashed-{step}"
        copy_root(template, root, symlinks=True)
        copy = opened(root)
        copy.fate.strike(step)
        try:
            publish(copy)
        except Killed:
            pass
        else:
            break
        what = copy.fate.seen[step]
        copy.fate.live()
        publish(copy)
        client = Client(root / "public")
        assert client.packages() == {("hello", "5.0", "amd64")}, what
        clock(NOW + 9 * DAY)
        publish(copy)
        assert strays(copy) == (set(), set()), what
        assert debs(root / "public") == ["hello_5.0_amd64.deb"], what
        clock(NOW + DAY)
        copy.close()
        shutil.rmtree(root)
        step += 1
    assert step >= 20


def test_cleanup_says_what_the_grace_holds(session, published, replace, update, clock):
    replace("2.0")
    update()
    (held,) = session.call("db.cleanup").superseded
    assert held.publication == "./stable"
    assert (held.generations, held.packages) == (1, 1)
    assert held.indexes > 0
    assert held.index_bytes > 0
    assert held.package_bytes > 500
    clock(NOW + DAY)
    update()
    (held,) = session.call("db.cleanup", dry_run=True).superseded
    assert (held.generations, held.indexes, held.packages) == (1, 0, 1)
    clock(NOW + 4 * DAY)
    update()
    assert session.call("db.cleanup").superseded == ()


def test_cleanup_prints_what_the_grace_holds(debrepo, tmp_path):
    from debrepo.testing.packages import build_deb

    debrepo("repo", "create", "tools")
    debrepo("repo", "add", "tools", build_deb(tmp_path))
    debrepo("publish", "repo", "tools", "--distribution", "stable", "--skip-signing")
    debrepo("repo", "remove", "tools", "hello")
    debrepo("repo", "add", "tools", build_deb(tmp_path, "other"))
    debrepo("publish", "update", "stable", "--index-grace", "2h")
    said = debrepo("db", "cleanup").output
    assert "./stable keeps 1 generation for clients: " in said
    assert "1 package file (" in said


def filled(session):
    with cache.opened(session.root) as found:
        return found.size()


def test_cache_is_as_large_as_what_is_live(session, published, replace, update, monkeypatch):
    monkeypatch.setattr(cache, "SPARE", 2000)
    sizes = []
    for number in range(2, 30):
        replace(f"{number}.0")
        update()
        sizes.append(filled(session))
    assert max(sizes) < 4 * sizes[0]


def test_cache_of_what_was_dropped_goes_in_the_end(session, add, create, monkeypatch):
    monkeypatch.setattr(cache, "_MANY", 5)
    sizes = []
    for number in range(30):
        repo = f"r{number}"
        add(f"p{number}", repo=repo)
        create(repo)
        sizes.append(filled(session))
        session.call("publish.drop", distribution="stable")
    assert max(sizes) < 12 * sizes[0]


def test_nothing_is_evicted_while_a_publish_renders(session, published, monkeypatch):
    session.config.override("publish.cache_size", 1, "a test")
    with cache.opened(session.root):
        assert not eviction.evict(session)
    assert eviction.evict(session)


def test_what_a_query_chose_is_not_evicted(session, add, create, update, monkeypatch):
    add("hello")
    add("other")
    create(only="Name (= hello)")
    session.config.override("publish.cache_size", 1, "a test")
    assert eviction.evict(session)
    with cache.opened(session.root) as found, found.db.read() as txn:
        assert any(len(text) < 100 for text in txn[cache.TEXTS].values())


def test_patches_go_with_the_indexes(session, add, create, update, clock, public):
    for number in range(40):
        add(f"p{number}")
    create(pdiffs=30, keep_generations=0)
    for number in range(2, 6):
        clock(NOW + number)
        add("hello", f"{number}.0")
        update()
    clock(NOW + DAY)
    add("hello", "9.0")
    update()
    found = [path for path in public.rglob("Packages.diff/T-*") if path.is_file()]
    names = {path.name for path in found}
    listed = {
        line.split()[2]
        for line in (public / "dists/stable/main/binary-amd64/Packages.diff/Index")
        .read_text()
        .splitlines()
        if line.endswith(".gz")
    }
    live_and_one_before = 2 * len(listed)
    assert listed <= names
    assert len(names) <= live_and_one_before
    assert all(gzip.decompress(path.read_bytes()) for path in found)
    assert strays(session) == (set(), set())
