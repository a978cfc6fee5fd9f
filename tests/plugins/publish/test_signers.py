"""Who signs is part of what is published: other keys, or renewed ones, sign again."""

import pytest
from plugins.publish.conftest import NOW
from plugins.publish.signers import FINGERPRINT, PaperSigner

from debrepo.errors import AmbiguousKey, SigningFailed
from debrepo.signing import made_signatures

OTHER = "BEEF" * 10


@pytest.fixture
def configure(session, opened):
    """Open the root with these settings of the signer: ``configure(keys=[OTHER])``."""

    def settings(**values):
        lines = [f"signing.paper.{name} = {value!r}\n" for name, value in values.items()]
        text = 'signing.signer = "paper"\npublish.compressions = ["gz"]\n' + "".join(lines)
        (session.root / "debrepo.toml").write_text(text.replace("True", "true"))
        session.close()
        return opened(session.root)

    return settings


@pytest.fixture
def signers(public):
    """Return whose signatures clients see."""

    def look():
        inline, detached = (
            [one.fingerprint for one in made_signatures((public / path).read_bytes())]
            for path in ("dists/stable/InRelease", "dists/stable/Release.gpg")
        )
        assert inline == detached
        return inline

    return look


def update(session, **options):
    return session.call("publish.update", distribution="stable", place="", options=options)


def problems(session):
    return [str(found) for found in session.call("publish.verify", distribution="stable").problems]


def test_other_key_in_the_configuration_signs_again(add, create, configure, signers):
    add()
    create()
    assert signers() == [FINGERPRINT]
    done = update(configure(keys=[OTHER]))
    assert done.changed
    assert done.fingerprints == (OTHER,)
    assert signers() == [OTHER]


def test_other_key_by_option_signs_again(add, create, session, signers):
    add()
    create()
    assert update(session, keys=(OTHER,)).changed
    assert signers() == [OTHER]
    assert not update(session).changed  # it stays so


def test_other_key_by_default_signs_again(add, create, session, signers, monkeypatch):
    """Without a choice, the only key signs: here it has become another one."""
    add()
    create()
    monkeypatch.setattr("plugins.publish.signers.FINGERPRINT", OTHER)
    assert update(session).changed
    assert signers() == [OTHER]


@pytest.fixture
def no_choice(monkeypatch):
    """Let there be several keys, none of which is chosen: ``no_choice(FINGERPRINT, OTHER)``."""
    resolve = PaperSigner.resolve

    def several(*there):
        def choose(self, keys):
            if not keys:
                raise AmbiguousKey(f"no key was named, and there are {there}", hint="choose")
            if not set(keys) <= set(there):
                raise SigningFailed("there is no secret key")
            return resolve(self, keys)

        monkeypatch.setattr(PaperSigner, "resolve", choose)

    return several


def test_key_that_signed_goes_on_where_another_has_come_and_none_is_chosen(
    add, create, session, signers, no_choice
):
    add()
    create()
    no_choice(FINGERPRINT, OTHER)
    assert not update(session).changed
    assert not any("sign it" in text or "signs it" in text for text in problems(session))
    add("more")
    assert update(session).fingerprints == (FINGERPRINT,)
    assert signers() == [FINGERPRINT]


def test_several_keys_without_a_choice_sign_nothing_new(add, create, no_choice):
    add()
    no_choice(FINGERPRINT, OTHER)
    with pytest.raises(AmbiguousKey, match=OTHER):
        create()


def test_key_that_signed_and_is_gone_leaves_a_choice_to_be_made(add, create, session, no_choice):
    add()
    create()
    no_choice(OTHER, "CAFE" * 10)
    with pytest.raises(AmbiguousKey, match=OTHER):
        update(session)


def test_second_key_signs_beside_the_first(add, create, configure, signers):
    add()
    create()
    session = configure(keys=[FINGERPRINT, OTHER])
    assert update(session).changed
    assert sorted(signers()) == sorted([FINGERPRINT, OTHER])
    assert not update(session).changed


def test_withdrawn_key_signs_no_more(add, create, configure, signers):
    add()
    create(keys=(FINGERPRINT, OTHER))
    session = configure()
    assert update(session, keys=(OTHER,)).changed
    assert signers() == [OTHER]


def test_same_keys_change_nothing(add, create, configure):
    add()
    create()
    assert not update(configure(keys=[FINGERPRINT])).changed


def test_signing_again_touches_no_package_and_no_index(add, create, configure):
    add()
    create()
    done = update(configure(keys=[OTHER]))
    assert (done.files, done.indexes) == (0, 0)


def test_key_that_was_renewed_signs_again(add, create, configure, clock):
    add()
    create()
    session = configure(renewed=NOW + 5)
    clock(NOW + 5)
    assert update(session).changed
    assert not update(session).changed


def test_key_that_was_renewed_in_the_second_of_the_signature_does_not(add, create, configure):
    add()
    create()
    assert not update(configure(renewed=NOW)).changed


def test_key_that_was_renewed_in_the_future_does_not_sign_again_and_again(
    add, create, configure, clock
):
    """The clock that renewed it was wrong: no signature of today helps, and verify says so."""
    add()
    create()
    session = configure(renewed=NOW + 5)
    assert not update(session).changed
    assert any("self-signature" in text for text in problems(session))


def test_rollback_is_signed_by_who_signs_now(add, create, update, configure, signers):
    add()
    create()
    add("more")
    update()
    configure(keys=[OTHER]).call("publish.rollback", distribution="stable")
    assert signers() == [OTHER]


def test_nobody_signs_what_is_not_to_be_signed(add, create, configure):
    add()
    create(skip_signing=True)
    assert not update(configure(keys=[OTHER], broken=True)).changed


def test_key_by_option_signs_what_was_not_signed(add, create, session, signers):
    add()
    create(skip_signing=True)
    assert update(session, keys=(OTHER,)).fingerprints == (OTHER,)
    assert signers() == [OTHER]


def test_key_by_option_does_not_sign_where_signing_is_refused_with_it(add, create, public):
    add()
    assert not create(skip_signing=True, keys=(OTHER,)).fingerprints
    assert not (public / "dists/stable/InRelease").exists()


def test_verify_names_the_keys_that_differ(add, create, configure):
    add()
    create()
    found = problems(configure(keys=[OTHER]))
    path = "dists/stable/InRelease"
    assert f"{path}: is signed by {FINGERPRINT}, which does not sign it any more" in found
    assert f"{path}: is not signed by {OTHER}, which signs it from now on" in found


def test_verify_names_the_key_that_was_renewed(add, create, configure):
    add()
    create()
    (found,) = [text for text in problems(configure(renewed=NOW + 5)) if "self-signature" in text]
    assert FINGERPRINT in found
    assert "Sequoia (apt 3, sqv) refuses it" in found


def test_repair_signs_again(add, create, configure, signers):
    add()
    create()
    session = configure(keys=[OTHER])
    assert session.call("publish.repair", distribution="stable").generation
    assert signers() == [OTHER]


@pytest.fixture
def no_key(monkeypatch):
    def resolve(self, keys):
        raise SigningFailed("there is no secret key", hint="make one")

    return lambda: monkeypatch.setattr(PaperSigner, "resolve", resolve)


def test_verify_names_what_it_finds_although_no_key_is_there(add, create, session, public, no_key):
    add()
    create()
    next(public.glob("pool/**/*.deb")).unlink()
    no_key()
    signature, package = problems(session)
    assert signature.endswith("nor signed again: there is no secret key")
    assert ".deb" in package


def test_key_that_is_gone_fails_the_update_although_no_package_has_changed(
    add, create, session, no_key
):
    add()
    create()
    no_key()
    with pytest.raises(SigningFailed, match="there is no secret key"):
        update(session)


def test_what_is_live_is_signed_again_with_the_packages_it_has(
    add, create, configure, signers, public
):
    add()
    create()
    add("more")  # for the next update, and no sooner
    session = configure(keys=[OTHER])
    done = session.hook.debrepo_sign_again(
        session=session, names=frozenset({"publication:./stable", "publication:./other"})
    )
    assert done == [{"publication:./stable": ""}]
    assert signers() == [OTHER]
    assert not list(public.glob("pool/**/more*"))
    assert update(session).changed


def test_what_cannot_be_signed_again_says_why(add, create, configure):
    add()
    create()
    session = configure(keys=[OTHER], broken=True)
    done = session.hook.debrepo_sign_again(
        session=session, names=frozenset({"publication:./stable"})
    )
    assert done == [{"publication:./stable": "the paper is wet"}]


def test_signatures_that_clients_see_are_listed(add, create, session):
    add()
    create()
    create(distribution="open", skip_signing=True)
    with session.db.read() as txn:
        (found,) = session.hook.debrepo_signatures(txn=txn)
    (made,) = found.pop("publication:./stable")
    assert (made.fingerprint, made.created) == (FINGERPRINT, NOW)
    assert not found
