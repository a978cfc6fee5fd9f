"""Files for clients: a .sources file and keyrings beside the Release file, on request."""

import pytest
from plugins.publish.crashing import Killed
from plugins.publish.signers import FINGERPRINT

from debrepo.errors import Conflict

OTHER = "BEEF" * 10
URL = "https://deb.example.org"
BINARY, ARMORED, SOURCES = NAMES = "archive-keyring.gpg", "archive-keyring.asc", "archive.sources"
pytestmark = pytest.mark.usefixtures("public_keys")


@pytest.fixture
def session(session, opened):
    """A root whose storage knows its URL."""
    session.close()
    (session.root / "debrepo.toml").write_text(
        'signing.signer = "paper"\npublish.compressions = ["gz"]\n'
        f'storage.fs.default.public_url = "{URL}/"\n'
    )
    return opened(session.root)


def there(public, distribution="stable"):
    found = {name: public / "dists" / distribution / name for name in NAMES}
    return {name: path.read_text("latin-1") for name, path in found.items() if path.exists()}


def problems(session):
    found = session.call("publish.verify", distribution="stable").problems
    return [str(one) for one in found if one.text != "there is no good signature"]


def test_nothing_is_written_for_clients_unless_it_is_asked_for(add, create, public):
    add()
    create()
    assert there(public) == {}


def test_sources_file_names_the_url_and_has_the_key(add, create, public, session):
    add()
    create(client_files=True)
    found = there(public)
    assert found[BINARY] == "\x99" + FINGERPRINT
    assert found[SOURCES] == (
        f"Types: deb\nURIs: {URL}\nSuites: stable\nComponents: main\nSigned-By:\n"
        + "".join(f" {line or '.'}\n" for line in found[ARMORED].splitlines())
    )
    assert session.call("publish.sources", distribution="stable") == found[SOURCES]
    assert problems(session) == []


def test_prefix_is_part_of_the_url(add, create, public):
    add()
    create(place="team/a", client_files=True)
    assert f"URIs: {URL}/team/a\n" in there(public / "team/a")[SOURCES]


def test_another_key_is_in_the_keyring_before_it_signs(add, create, public, session, monkeypatch):
    add()
    create(client_files=True)
    seen = []
    sign = session.storage("").__class__.commit

    def commit(storage, path, data, *, expected):
        seen.append(there(public)[BINARY])
        return sign(storage, path, data, expected=expected)

    monkeypatch.setattr(session.storage("").__class__, "commit", commit)
    session.call("publish.resign", distribution="stable", options={"keys": (OTHER,)})
    session.call("publish.update", distribution="stable", options={"keys": (FINGERPRINT, OTHER)})
    assert seen == ["\x99" + OTHER, "\x99" + FINGERPRINT + OTHER]
    assert problems(session) == []


def test_files_that_have_not_changed_are_not_written_again(add, create, update, public):
    add()
    create(client_files=True)
    before = {name: (public / "dists/stable" / name).stat().st_ino for name in NAMES}
    add("more")
    assert update().changed
    assert {name: (public / "dists/stable" / name).stat().st_ino for name in NAMES} == before


def test_they_go_with_the_option_and_with_the_publication(add, create, update, public, session):
    add()
    create(client_files=True)
    assert update(client_files=False).changed
    assert there(public) == {}
    assert not update().changed
    update(client_files=True)
    assert len(there(public)) == 3
    session.call("publish.drop", distribution="stable")
    assert not (public / "dists").exists()


def test_setting_is_the_default_of_all_that_say_nothing(add, create, public, session, opened):
    add()
    session.close()
    with (session.root / "debrepo.toml").open("a") as file:
        file.write("publish.client_files = true\n")
    again = opened(session.root)
    create_with = {"kind": "repo", "names": ["tools"]}
    again.call("publish.create", **create_with, distribution="stable")
    again.call(
        "publish.create", **create_with, distribution="bare", options={"client_files": False}
    )
    assert len(there(public)) == 3
    assert there(public, "bare") == {}


def test_without_a_url_there_are_keyrings_only_and_a_warning(add, create, public, session, opened):
    add()
    session.close()
    (session.root / "debrepo.toml").write_text('signing.signer = "paper"\n')
    again = opened(session.root)
    said = []
    again.progress.note = said.append
    again.call(
        "publish.create", kind="repo", names=["tools"], options={"client_files": True},
        distribution="stable",
    )  # fmt: skip
    assert sorted(there(public)) == [ARMORED, BINARY]
    assert "its URL is not known" in said[0]


def test_what_is_not_signed_says_so(add, create, public):
    add()
    create(client_files=True, skip_signing=True)
    assert list(there(public)) == [SOURCES]
    assert there(public)[SOURCES].endswith("Trusted: yes\n")


def test_file_that_debrepo_did_not_write_is_left_alone(add, create, update, public):
    add()
    create()
    path = public / "dists/stable" / SOURCES
    path.write_text("Theirs")
    with pytest.raises(Conflict, match=r"archive\.sources was not written by debrepo"):
        update(client_files=True)
    assert path.read_text() == "Theirs"
    path.unlink()
    update(client_files=True)
    assert len(there(public)) == 3


def test_damage_is_found_and_repaired(add, create, public, session):
    add()
    create(client_files=True)
    (public / "dists/stable" / BINARY).write_text("Theirs")
    (public / "dists/stable" / SOURCES).unlink()
    text = "is not what debrepo wrote for clients"
    wrong = [f"dists/stable/{name}: {text}" for name in (BINARY, SOURCES)]
    assert problems(session) == wrong
    session.call("publish.repair", distribution="stable", reconcile=True)
    assert problems(session) == []
    found = session.call("publish.repair", distribution="stable", reconcile=True)
    assert found.reconciled.foreign == []


@pytest.mark.parametrize("step", range(8))
def test_writing_them_dies_anywhere_and_the_next_publish_completes_them(
    add, create, update, public, session, step
):
    add()
    create()
    session.fate.strike(step)
    try:
        session.call("publish.resign", distribution="stable")
        update(client_files=True)
    except Killed:
        pass
    session.fate.live()
    update(client_files=True)
    session.call("publish.resign", distribution="stable")
    assert len(there(public)) == 3
    assert problems(session) == []
