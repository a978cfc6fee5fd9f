"""What a publish writes, signs, keeps and refuses."""

import pytest
from plugins.publish.client import Client

from debrepo.errors import AlreadyExists, Conflict, InUse, InvalidInput, RemoteError, SigningFailed
from debrepo_publish.engine import ledger
from debrepo_publish.model import publications
from debrepo_publish.model.tables import GENERATIONS, PUBLICATIONS

DAY = 86400
NOW = 1_800_000_000
HELLO = {("hello", "1.0", "amd64")}


def tree(public):
    return {str(p.relative_to(public)): p.read_bytes() for p in public.rglob("*") if p.is_file()}


@pytest.fixture
def published(add, create, public):
    add("hello")
    create()
    return Client(public)


def generation(session, number):
    with session.db.read() as txn:
        return publications.generation(txn, ". stable", number)


def test_nothing_changed_is_nothing_done(session, published, update, clock):
    session.fate.live()
    clock(NOW + DAY)
    assert not update().changed
    assert session.fate.seen == []


def test_indexes_that_wait_on_disk_are_published(add, create, update, public, monkeypatch):
    monkeypatch.setattr("debrepo_publish.indexes.assembly.LARGE", 0)
    add("hello")
    create(compressions=("plain", "gz", "xz", "zst", "bz2"))
    client = Client(public)
    assert client.packages() == HELLO
    add("other")
    update()
    assert len(client.packages()) == 2
    client.check_names()


def test_force_publishes_anew(published, update):
    assert update(force=True).generation == 2


def test_option_that_clients_see_makes_a_generation(published, update):
    result = update(label="Ours")
    assert (result.changed, result.files) == (True, 0)
    assert b"Label: Ours" in published.inrelease()


def test_option_that_clients_do_not_see_is_stored_only(session, published, update):
    before = published.inrelease()
    assert not update(keep_generations=9).changed
    assert published.inrelease() == before
    assert session.call("publish.show", distribution="stable").publication.keep_generations == 9


def test_what_is_published_cannot_be_published_a_first_time(published, create):
    with pytest.raises(AlreadyExists, match="is published already"):
        create()


def test_same_input_and_time_give_the_same_bytes(opened, tmp_path, published, public, session):
    again = opened(tmp_path / "again")
    again.call("repo.create", name="tools", distribution="stable")
    list(again.call("repo.add", name="tools", paths=[tmp_path / "incoming"]))
    again.call("publish.create", kind="repo", names=["tools"])
    assert tree(again.root / "public") == tree(public)


def test_signing_failure_leaves_nothing(session, add, public):
    add()
    with (session.root / "debrepo.toml").open("a") as file:
        file.write("signing.paper.broken = true\n")
    session.__dict__.pop("config", None)
    session.__dict__.pop("signer", None)
    with pytest.raises(SigningFailed, match="the paper is wet"):
        session.call("publish.create", kind="repo", names=["tools"])
    assert not list(public.rglob("*.*"))
    with session.db.read() as txn:
        assert not list(ledger.files(txn, "."))
        assert not txn[PUBLICATIONS]
        assert not txn[GENERATIONS]


def test_fault_in_the_middle_leaves_no_unknown_files(session, add, create, public):
    add("hello")
    add("extra")
    session.fate.strike(2, deadly=False)  # after the first package file is there
    with pytest.raises(RemoteError, match="no luck with link"):
        create()
    session.fate.live()
    assert not list(public.rglob("*.deb"))
    create()


def test_release_is_renewed_when_half_of_its_time_is_gone(published, update, clock):
    update(valid_for=10 * DAY)
    clock(NOW + 4 * DAY)
    assert not update().changed
    clock(NOW + 6 * DAY)
    assert update().changed
    assert b"Valid-Until: Sun, 31 Jan 2027" in published.inrelease()


def test_architectures_come_with_packages_and_stay(session, published, add, update):
    add("extra", architecture="arm64")
    update()
    assert b"Architectures: all amd64 arm64\n" in published.inrelease()
    session.call("repo.remove", name="tools", queries=["extra"])
    update()
    assert b"Architectures: all amd64 arm64\n" in published.inrelease()
    assert published.packages() == HELLO
    update(architectures=("amd64",))
    assert b"binary-arm64" not in published.inrelease()


def test_last_package_can_be_taken_down(session, published, update):
    session.call("repo.remove", name="tools", queries=["Name"])
    update()
    assert b"Architectures: all amd64\n" in published.inrelease()
    assert published.packages() == set()


def test_with_the_first_source_package_every_component_gets_an_index_of_them(
    add, create, update, public
):
    add("hello")
    add("other", repo="others")
    create("tools", "others", components=("main", "contrib"))
    assert list(public.rglob("Sources*")) == []
    add("hello", "1.0-1", "source")
    update()
    for component in ("main", "contrib"):
        assert (public / f"dists/stable/{component}/source/Sources.gz").exists()


def test_architectures_that_were_chosen_stay(published, add, update):
    update(architectures=("i386", "amd64"))
    add("extra", architecture="arm64")
    update()
    assert b"Architectures: all amd64 i386\n" in published.inrelease()


def test_empty_publication_needs_architectures(session, create):
    session.call("repo.create", name="tools", distribution="stable")
    with pytest.raises(InvalidInput, match="cannot tell the architectures"):
        create()
    create(architectures=("amd64",))


def test_release_of_somebody_else_is_a_conflict(published, add, update):
    (published.dists / "InRelease").write_bytes(b"somebody else's")
    add("extra")
    with pytest.raises(Conflict, match="not what this debrepo left there"):
        update()
    assert published.inrelease() == b"somebody else's"
    update(force=True)
    assert len(published.packages()) == 2


def test_archive_of_somebody_else_is_left_alone(add, create, public):
    add()
    theirs = public / "pool/main/h/hello/hello_1.0_amd64.deb"
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(b"theirs")
    before = tree(public)
    with pytest.raises(Conflict, match="another publisher has published in"):
        create()
    assert tree(public) == before


def test_file_of_somebody_else_can_be_overwritten(session, published, add, update, public):
    add("extra")
    theirs = public / "pool/main/e/extra/extra_1.0_amd64.deb"
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(b"theirs")
    with pytest.raises(Conflict, match="other content"):
        update()
    assert theirs.read_bytes() == b"theirs"
    session.call("publish.update", distribution="stable", force_overwrite=True)
    assert len(published.packages()) == 2


def test_superseded_files_stay_for_their_grace(session, published, add, update, clock):
    before = published.inrelease()
    session.call("repo.remove", name="tools", queries=["hello"])
    add("other")
    update(keep_generations=0, index_grace=3 * DAY)
    clock(NOW + 3 * DAY - 1)
    add("third")
    update()
    assert published.packages(before) == HELLO
    clock(NOW + 7 * DAY)
    update()
    assert not list(published.public.rglob("hello_*"))


def test_generation_that_nothing_left_with_is_settled_all_the_same(session, published, add, update):
    add("extra")
    update()
    assert generation(session, 1).settled


def test_some_generations_stay_however_old(session, published, add, update, clock):
    before = published.inrelease()
    session.call("repo.remove", name="tools", queries=["hello"])
    add("other")
    update(keep_generations=1)
    clock(NOW + 100 * DAY)
    update()
    assert published.packages(before) == HELLO
    add("third")
    update()
    clock(NOW + 200 * DAY)
    update()
    assert not list(published.public.rglob("hello_*"))


def test_file_that_is_needed_again_stays(session, published, add, update, clock):
    add("other")
    update(keep_generations=0)
    session.call("repo.remove", name="tools", queries=["hello"])
    update()
    clock(NOW + 1 * DAY)
    add("hello")
    update()
    clock(NOW + 30 * DAY)
    add("third")
    update()
    clock(NOW + 60 * DAY)
    update()
    assert len(published.packages()) == 3


def test_cleanup_can_wait(session, published, add, update):
    session.call("repo.remove", name="tools", queries=["hello"])
    add("other")
    at_once = {"keep_generations": 0, "grace": 0}
    session.call("publish.update", distribution="stable", options=at_once, skip_cleanup=True)
    assert list(published.public.rglob("hello_*"))
    update()
    assert not list(published.public.rglob("hello_*"))


def test_file_that_debrepo_did_not_write_is_never_touched(session, published, public):
    for path in ("pool/main/h/hello/README", "dists/stable/main/notes", "index.html"):
        (public / path).write_bytes(b"mine")
    session.call("publish.drop", distribution="stable")
    assert set(tree(public)) == {
        "pool/main/h/hello/README",
        "dists/stable/main/notes",
        "index.html",
    }


def test_two_publications_share_a_pool_and_outlive_one_another(session, published, create, public):
    create(distribution="testing")
    session.call("publish.drop", distribution="stable")
    assert Client(public, "testing").packages() == HELLO
    session.call("publish.drop", distribution="testing")
    assert tree(public) == {}


def test_same_distribution_in_two_prefixes_shares_nothing(session, published, create, public):
    create(place="second")
    session.call("publish.drop", distribution="stable")
    assert Client(public / "second").packages() == HELLO


def test_what_somebody_else_published_is_not_dropped(session, published, public):
    (public / "dists/stable/InRelease").write_bytes(b"somebody else's")
    theirs = tree(public)
    with pytest.raises(Conflict, match="not what this debrepo left there") as caught:
        session.call("publish.drop", distribution="stable")
    assert "--force-drop" in caught.value.hint
    assert tree(public) == theirs
    session.call("publish.drop", distribution="stable", force=True)
    assert tree(public) == theirs
    assert session.call("publish.list") == []


def test_what_is_due_is_not_deleted_where_somebody_else_has_published(
    session, published, add, update, public, clock
):
    add("other")
    update(keep_generations=0)
    theirs = (public / "dists/stable/InRelease").read_bytes()
    (public / "dists/stable/InRelease").write_bytes(b"somebody else's")
    clock(NOW + 4 * DAY)
    with pytest.raises(Conflict, match="not what this debrepo left there"):
        update()
    before = tree(public).keys()
    (public / "dists/stable/InRelease").write_bytes(theirs)
    update()
    assert tree(public).keys() < before


def test_drop_goes_on_without_a_storage_if_forced(session, published, public):
    session.fate.strike(0, deadly=False)
    session.call("publish.drop", distribution="stable", force=True)
    session.fate.live()
    assert session.call("publish.list") == []
    with session.db.read() as txn:
        assert not list(ledger.files(txn, "."))
        assert not txn[GENERATIONS]


def test_what_is_published_cannot_be_dropped(session, published):
    with pytest.raises(InUse, match="is used by publication"):
        session.call("repo.drop", name="tools")


def test_renamed_repository_is_published_on(session, published, update, add):
    session.call("repo.rename", name="tools", new_name="renamed")
    assert not update().changed
    add("extra", repo="renamed")
    assert update().changed


def test_repository_renamed_during_its_first_publish_is_published_on(session, add, create, update):
    add()
    session.fate.strike(6)
    with pytest.raises(BaseException, match=r"put|link|write|commit"):
        create()
    session.fate.live()
    session.call("repo.rename", name="tools", new_name="renamed")
    with session.db.read() as txn:
        sources = [found.publication.sources for found in txn[GENERATIONS].values()]
    assert sources == [{"main": "repo:renamed"}]
    create("renamed")
    assert not update().changed


def test_unsigned_publication_has_no_signatures_left(published, update):
    update(skip_signing=True)
    assert published.inrelease() is None
    assert not (published.dists / "Release.gpg").exists()
    update(skip_signing=False)
    assert published.packages() == HELLO


def test_gone_architecture_and_component_take_their_indexes_along(
    session, published, add, update, clock
):
    add("extra", repo="more")
    session.call(
        "publish.source.add", distribution="stable", names=["more"], components=["contrib"]
    )
    update(keep_generations=0, grace=0)
    session.call("publish.source.remove", distribution="stable", components=["contrib"])
    clock(NOW + DAY)
    update()
    clock(NOW + 2 * DAY)
    update()
    assert not (published.dists / "contrib").exists()
    assert not list(published.public.rglob("extra_*"))
    assert published.packages() == HELLO
