"""Ordinary stanzas are told at a glance, from the first one on where many follow."""

from itertools import count

from debrepo.archive import sound

STANZA = b"Package: hello\nVersion: 1\nArchitecture: all\nMaintainer: A <a@b>\nDescription: x"


def test_a_glance_is_not_worth_it_for_a_few_stanzas(monkeypatch):
    monkeypatch.setattr(sound, "_asked", count())
    assert not sound.is_sound(STANZA)
    sound.expect_many()
    assert sound.is_sound(STANZA)
    assert not sound.is_sound(STANZA + b"\nMulti-Arch: same")
