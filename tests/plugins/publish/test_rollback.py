"""An older generation can be published again."""

import pytest
from plugins.publish.client import Client

from debrepo.errors import NotFound

OLD = {("hello", "1.0", "amd64")}
NEW = {("hello", "2.0", "amd64"), ("extra", "1.0", "amd64")}


@pytest.fixture
def twice(session, add, create, update, public):
    """Publish two generations."""
    add("hello")
    create(origin="First")
    add("hello", "2.0")
    add("extra")
    session.call("repo.remove", name="tools", queries=["hello (= 1.0)"])
    update(origin="Second")
    return Client(public)


def rollback(session, generation=0):
    return session.call("publish.rollback", distribution="stable", generation=generation)


def test_clients_get_what_they_got_before(session, twice):
    assert twice.packages() == NEW
    result = rollback(session)
    assert result.generation == 3
    assert twice.packages() == OLD
    assert b"Origin: First" in twice.inrelease()
    twice.check_names()


def test_generations_are_known_by_number(session, twice):
    rollback(session)
    rollback(session, 2)
    assert twice.packages() == NEW
    rollback(session, 1)
    assert twice.packages() == OLD


def test_update_afterwards_publishes_what_is_there_now(session, twice, update):
    rollback(session)
    assert update().changed
    assert twice.packages() == NEW


def test_retention_and_signing_stay_as_they_are(session, twice, update):
    update(grace=7, valid_for=3600)
    rollback(session, 1)
    publication = session.call("publish.show", distribution="stable").publication
    assert (publication.grace, publication.valid_for, publication.live) == (7, 3600, 4)
    assert b"Valid-Until" in twice.inrelease()


def test_packages_that_were_deleted_from_the_storage_come_back(session, twice, update, clock):
    clock(1_900_000_000)
    update(keep_generations=1, grace=0)
    assert list(twice.public.rglob("hello_1.0*"))
    rollback(session, 1)
    assert twice.packages() == OLD


def test_unknown_generation_is_refused(session, twice):
    with pytest.raises(NotFound, match="no past generation 7"):
        rollback(session, 7)


def test_live_generation_is_no_past_one(session, twice):
    with pytest.raises(NotFound, match="no past generation 2"):
        rollback(session, 2)


def test_first_generation_has_none_before(session, add, create):
    add()
    create()
    with pytest.raises(NotFound, match="no past generation"):
        rollback(session)


def test_list_that_was_dropped_since_is_not_looked_for(session, add, create, update, public):
    add("hello")
    session.call("snapshot.create", name="first", kind="repo", source="tools")
    session.call("publish.create", kind="snapshot", names=["first"], distribution="stable")
    add("extra")
    session.call("snapshot.create", name="second", kind="repo", source="tools")
    session.call("publish.switch", distribution="stable", names=["second"])
    session.call("snapshot.drop", name="first")
    rollback(session)
    assert Client(public).packages() == OLD
    sources = session.call("publish.show", distribution="stable").publication.sources
    assert sources == {"main": "snapshot:second"}


def test_command_takes_place_and_number(debrepo, tmp_path):
    debrepo("repo", "create", "tools")
    debrepo(
        *("publish", "repo", "tools", "deb", "--distribution", "stable"),
        *("--architectures", "amd64", "--skip-signing"),
    )
    debrepo("publish", "update", "stable", "deb", "--origin", "Us")
    result = debrepo("publish", "rollback", "stable", "deb", "1")
    assert result.stdout == ("Published deb/stable: 0 packages, generation 3, unsigned.\n")
    debrepo("publish", "rollback", "stable", "deb", "newest", exit_code=2)
