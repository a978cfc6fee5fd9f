"""Ordinary stanzas are told at a glance, from the first one on where many follow."""

from itertools import count

import pytest

from debrepo.archive import sound

STANZA = b"Package: hello\nVersion: 1\nArchitecture: all\nMaintainer: A <a@b>\nDescription: x"


def test_a_glance_is_not_worth_it_for_a_few_stanzas(monkeypatch):
    monkeypatch.setattr(sound, "_asked", count())
    assert not sound.is_sound(STANZA)
    sound.expect_many()
    assert sound.is_sound(STANZA)
    assert not sound.is_sound(STANZA + b"\nMulti-Arch: same")


@pytest.mark.parametrize("field", ["Depends", "Breaks", "Provides", "Description"])
@pytest.mark.parametrize(
    ("value", "sound_there"),
    [(" a", True), (" a,\n b", True), (" a,\n \n b", False), (" a\n \t", False), (" a\n ", False)],
)
def test_no_line_of_a_sound_stanza_is_blank(field, value, sound_there):
    sound.expect_many()
    fields = f"Package: hello\n{field}:{value}"
    assert sound.is_sound(f"{fields}\nVersion: 1".encode()) is sound_there
    assert sound.is_sound(fields.encode()) is sound_there
