"""A key takes the place of another in stages, and clients have one that they trust at each."""

import pytest
from databases.roots import copy_root
from fastapi.testclient import TestClient
from plugins.publish.client import Client
from plugins.publish.crashing import Killed
from plugins.publish.signers import FINGERPRINT, PaperSigner

from debrepo.errors import InUse, InvalidInput, NotFound, SigningFailed
from debrepo.signing import made_signatures
from debrepo_server.access import Access
from debrepo_server.app import build

DAY = 86400
NOW = 1_800_000_000
OLD, NEW, OTHER = FINGERPRINT, "BEEF" * 10, "CAFE" * 10
STAGES = ("announced", "co-signing", "primary", "retired")
SIGNERS = ([OLD], [OLD, NEW], [NEW], [NEW])
KEYRINGS = ([OLD, NEW], [OLD, NEW], [NEW, OLD], [NEW])
pytestmark = pytest.mark.usefixtures("public_keys")


@pytest.fixture
def live(add, create):
    add()
    create(valid_for=10 * DAY, client_files=True)


def start(session, **how):
    return session.call("key.rotate.start", old=OLD, new=NEW, **how)


def next_(session, **how):
    return session.call("key.rotate.next", **how)


def signers(public, distribution="stable"):
    signed = (public / "dists" / distribution / "InRelease").read_bytes()
    return [one.fingerprint for one in made_signatures(signed)]


def trusted(public):
    data = (public / "dists/stable/archive-keyring.gpg").read_bytes()[1:].decode()
    return [data[at : at + 40] for at in range(0, len(data), 40)]


def test_each_stage_signs_and_hands_out_what_its_clients_need(live, session, public, clock):
    status = start(session)
    for number, stage in enumerate(STAGES):
        assert (status.stage, status.signed) == (stage, ["publication:./stable"])
        assert signers(public) == SIGNERS[number]
        assert trusted(public) == KEYRINGS[number]
        assert not session.call("publish.update", distribution="stable").changed
        assert session.call("publish.renew").due == {}
        if status.following:
            clock(NOW + (number + 1) * 10 * DAY)
            status = next_(session)
    with pytest.raises(NotFound, match="no key is being rotated"):
        next_(session)


def test_stage_lasts_as_long_as_clients_accept_what_they_have(live, session, clock, public):
    assert start(session).possible == NOW + 10 * DAY
    clock(NOW + 10 * DAY - 1)
    with pytest.raises(InUse, match=r"cannot be co-signing before 2027-01-25 08:00 UTC"):
        next_(session)
    assert signers(public) == [OLD]
    assert next_(session, yes_really=True).stage == "co-signing"
    clock(NOW + 20 * DAY)
    assert next_(session).stage == "primary"


def test_stage_lasts_a_week_where_clients_accept_it_for_ever(add, create, session):
    add()
    create()
    assert start(session).possible == NOW + 7 * DAY


def test_what_is_published_meanwhile_is_signed_as_the_stage_says(live, create, session, public):
    start(session)
    next_(session, yes_really=True)
    create(distribution="testing")
    assert signers(public, "testing") == [OLD, NEW]
    next_(session, yes_really=True)
    assert signers(public, "testing") == [NEW]


def test_publications_that_other_keys_sign_stay_as_they_are(live, create, session, public):
    create(distribution="testing", keys=(OTHER,))
    before = (public / "dists/testing/InRelease").read_bytes()
    start(session)
    next_(session, yes_really=True)
    assert (public / "dists/testing/InRelease").read_bytes() == before


def test_publication_that_names_the_old_key_names_the_new_one_in_the_end(live, create, session):
    create(distribution="testing", keys=(OLD,))
    start(session)
    for _ in STAGES[1:]:
        next_(session, yes_really=True)
    shown = session.call("publish.show", distribution="testing").publication
    assert shown.keys == (NEW,)
    assert not session.call("publish.update", distribution="testing").changed


def test_rotation_that_is_cancelled_leaves_the_old_key(live, session, public):
    start(session)
    next_(session, yes_really=True)
    next_(session, yes_really=True)
    assert session.call("key.rotate.cancel").stage == "cancelled"
    assert (signers(public), trusted(public)) == ([OLD], [OLD])
    assert session.call("key.rotate.show") == []
    assert not session.call("publish.update", distribution="stable").changed


def test_start_again_goes_on_and_another_key_is_refused(live, session):
    first = start(session)
    again = start(session)
    assert (again.stage, again.begun) == (first.stage, first.begun)
    with pytest.raises(InvalidInput, match=r"being replaced by BEEF.* already: it is announced"):
        session.call("key.rotate.start", old=OLD, new=OTHER)
    with pytest.raises(InvalidInput, match="already"):
        session.call("key.rotate.start", old=NEW, new=OTHER)
    with pytest.raises(InvalidInput, match="its own place"):
        session.call("key.rotate.start", old=OTHER, new=OTHER)


def test_the_next_key_can_be_replaced_once_the_first_is_retired(live, session, public):
    start(session)
    for _ in STAGES[1:]:
        next_(session, yes_really=True)
    session.call("key.rotate.start", old=NEW, new=OTHER)
    assert (signers(public), trusted(public)) == ([NEW], [NEW, OTHER])
    next_(session, yes_really=True)
    assert signers(public) == [NEW, OTHER]


@pytest.mark.parametrize("call", ["next", "cancel"])
def test_without_a_rotation_there_is_nothing_to_do(live, session, call):
    with pytest.raises(NotFound, match="no key is being rotated"):
        session.call(f"key.rotate.{call}")
    with pytest.raises(NotFound, match="no key 1234 is being rotated"):
        session.call(f"key.rotate.{call}", old="1234")


def test_retired_key_does_not_come_back(live, session):
    start(session)
    for _ in STAGES[1:]:
        next_(session, yes_really=True)
    with pytest.raises(InvalidInput, match="is retired: clients may not have it any more"):
        session.call("key.rotate.cancel", old=OLD)


def release(public):
    return (public / "dists/stable/Release").read_text()


def test_signed_by_names_both_keys_from_the_beginning_and_the_new_one_in_the_end(
    live, session, public
):
    session.call("publish.resign", distribution="stable", options={"signed_by": f"{OLD}, {OTHER}"})
    start(session)
    assert f"\nSigned-By: {OLD}, {OTHER}, {NEW}\n" in release(public)
    for _ in STAGES[1:]:
        next_(session, yes_really=True)
    assert f"\nSigned-By: {OTHER}, {NEW}\n" in release(public)


def test_signed_by_is_added_on_request_only_and_goes_in_the_end(live, session, public):
    start(session)
    assert "Signed-By" not in release(public)
    session.call("key.rotate.cancel")
    start(session, signed_by=True)
    assert f"\nSigned-By: {OLD}, {NEW}\n" in release(public)
    session.call("publish.update", distribution="stable", force=True)
    assert f"\nSigned-By: {OLD}, {NEW}\n" in release(public)
    for _ in STAGES[1:]:
        next_(session, yes_really=True)
    assert "Signed-By" not in release(public)


def test_what_cannot_be_signed_is_named_and_signed_with_the_next_attempt(
    live, create, session, public
):
    create(distribution="testing")
    path = public / "dists/testing/InRelease"
    theirs, ours = b"Theirs", path.read_bytes()
    path.write_bytes(theirs)
    status = start(session)
    assert (status.reached, status.signed) == (0, ["publication:./stable"])
    assert "not what this debrepo left there" in status.failed["publication:./testing"]
    said = [one for batch in session.hook.debrepo_health(session=session, thorough=False)
            for one in batch if one.area == "rotation"]  # fmt: skip
    assert "not everything is signed so yet" in said[0].concerns[0].text
    path.write_bytes(ours)
    status = next_(session)
    assert (status.stage, status.failed) == ("announced", {})
    assert status.reached


def test_new_key_that_cannot_sign_is_not_announced(live, session, monkeypatch):
    resolve = PaperSigner.resolve

    def refuse(self, keys):
        if NEW in keys:
            raise SigningFailed(f"no key can sign: key {NEW} has expired")
        return resolve(self, keys)

    monkeypatch.setattr(PaperSigner, "resolve", refuse)
    with pytest.raises(SigningFailed, match="has expired"):
        start(session)
    assert session.call("key.rotate.show") == []


@pytest.mark.parametrize("reached", range(3))
def test_stage_dies_anywhere_and_the_next_attempt_completes_it(
    live, session, opened, tmp_path, reached
):
    """At every moment, a client that trusts the keyring of the moment accepts what it gets."""
    start(session)
    for _ in range(reached):
        next_(session, yes_really=True)
    session.close()
    for step in range(20):
        root = tmp_path / f"crashed-{step}"
        copy_root(session.root, root)
        copy = opened(root)
        public = root / "public"
        copy.fate.strike(step)
        died = False
        try:
            next_(copy, yes_really=True)
        except Killed:
            died = True
        copy.fate.live()
        assert Client(public).packages() == {("hello", "1.0", "amd64")}
        assert set(signers(public)) & set(trusted(public))
        status = next_(copy, yes_really=True) if died else None
        if status and status.stage != STAGES[reached + 1]:
            raise AssertionError(f"{status.stage} after {copy.fate.seen[-1]}")
        assert signers(public) == SIGNERS[reached + 1]
        assert trusted(public) == KEYRINGS[reached + 1]
        copy.close()
        if not died:
            assert step > 5
            return
    raise AssertionError("it has more steps than there are attempts")


@pytest.fixture
def asked(session):
    """Call an operation through the server with a token of these scopes; return the answer."""
    with TestClient(build(session, Access(session, trusting=False))) as client:

        def run(operation, *scopes, **arguments):
            name = f"t{len(session.call('token.list'))}"
            secret = session.call("token.create", name=name, scopes=scopes)
            return client.post(
                f"/api/operations/{operation}",
                json={"arguments": arguments},
                headers={"Authorization": f"Bearer {secret}"},
            )

        yield run


def test_key_is_rotated_through_the_server_by_who_may(live, asked, public):
    said = asked("key.rotate.start", "key:rotate", old=OLD, new=NEW)
    assert said.status_code == 200, said.text
    assert "announced" in said.text
    assert asked("key.rotate.next", "read").status_code == 403
    early = asked("key.rotate.next", "key:rotate")
    assert (early.status_code, "cannot be co-signing before" in early.text) == (409, True)
    assert asked("key.rotate.next", "key:rotate", yes_really=True).status_code == 200
    assert signers(public) == [OLD, NEW]
    assert "co-signing" in asked("key.rotate.show", "read").text
    assert asked("key.rotate.cancel", "key:rotate").status_code == 200
    assert signers(public) == [OLD]
    assert asked("key.rotate.cancel", "key:rotate").status_code == 404


def test_package_with_the_keyring_is_built_through_the_server(live, asked, session):
    sent = {"repo": "tools", "name": "example"}
    assert asked("key.package", "key:package", **sent).status_code == 403
    said = asked("key.package", "key:package", "repo:tools:add", **sent)
    assert said.status_code == 200, said.text
    shown = session.call("repo.show", name="tools", with_packages=True)
    assert any(key.name == "example-archive-keyring" for key in shown.packages)
    sent["repo"] = "none"
    assert asked("key.package", "key:package", "repo:*:add", **sent).status_code == 404
