"""From when on keys and signatures are refused: what the table of the guide says, and sqv does."""

import re
import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from debrepo.signing import MadeSignature, SigningKey
from debrepo_gpg import cutoffs, policy
from debrepo_gpg.keys import Key, KeyPart

GUIDE = Path(__file__).parents[3] / "docs/guide/signing.md"
MADE = datetime(2020, 1, 1, tzinfo=UTC)
KEY = "ABCD" * 10


def entry():
    part = KeyPart(KEY, "ed25519", MADE, None, "", MADE)
    return Key(SigningKey(KEY, ("Paper",), "ed25519", MADE, None), (part,), "")


@pytest.mark.parametrize(
    ("algorithm", "name"),
    [
        ("rsa1024", "rsa below 2048"),
        ("rsa2047", "rsa below 2048"),
        ("rsa2048", "rsa below 3072"),
        ("rsa3072", ""),
        ("rsa4096", ""),
        ("dsa1024", "dsa1024"),
        ("dsa2048", "dsa"),
        ("ed25519", ""),
        ("ed448", ""),
        ("nistp384", ""),
        ("brainpoolp256r1", "brainpool"),
        ("secp256k1", "other key"),
    ],
)
def test_algorithm_has_the_cutoffs_of_its_kind(algorithm, name):
    assert cutoffs.of_algorithm(algorithm) == name


def test_refusal_begins_on_the_day_and_names_who_refuses():
    name = "SHA-1 in a self-signature"
    assert cutoffs.refusals(name, date(2023, 1, 31)) == ""
    assert cutoffs.refusals(name, date(2026, 1, 31)) == ", which Sequoia refuses since 2023-02-01"
    assert cutoffs.refusals(name, date(2026, 2, 1)).endswith(" and apt 3 refuses since 2026-02-01")


@pytest.mark.parametrize(
    ("digest", "version", "day", "text"),
    [
        (2, 4, (2026, 1, 1), "uses SHA-1, which Sequoia refuses since 2013-02-01 and apt refuses"),
        (11, 4, (2026, 2, 1), "uses SHA-224, which apt 3 refuses since 2026-02-01"),
        (11, 4, (2026, 1, 1), ""),
        (10, 3, (2026, 2, 1), "has the format of version 3, which Sequoia refuses since 2007"),
        (10, 4, (2040, 1, 1), ""),
        (0, 0, (2040, 1, 1), ""),  # not known
    ],
)
def test_what_a_key_has_signed_is_judged_by_the_day(digest, version, day, text):
    made = MadeSignature(KEY, int(MADE.timestamp()), digest, version)
    now = datetime(*day, tzinfo=UTC)
    found = policy.of_signatures(entry(), {"publication:./stable": [made]}, now)
    assert len(found) == bool(text)
    if text:
        assert found[0].startswith(f"signed publication ./stable with a signature that {text}")
        assert 'run "debrepo publish resign --all"' in found[0]


def test_signatures_of_other_keys_are_not_judged():
    made = MadeSignature("CAFE" * 10, int(MADE.timestamp()), 2, 3)
    assert policy.of_signatures(entry(), {"publication:./stable": [made]}, datetime.now(UTC)) == []


def test_table_of_the_guide_has_every_cutoff():
    text = GUIDE.read_text().partition("### From when on something is refused")[2]
    rows = [line for line in text.splitlines() if line.startswith("| ")][1:]
    days = sorted(day for row in rows for day in re.findall(r"\d{4}-\d\d-\d\d", row))
    assert days == sorted(str(one.since) for many in cutoffs.CUTOFFS.values() for one in many)


@pytest.mark.skipif(not shutil.which("sqv"), reason="needs sqv")
@pytest.mark.skipif(not shutil.which("gpg"), reason="needs gpg")
def test_sequoia_refuses_a_key_with_sha1_in_its_self_signature(tmp_path, monkeypatch):
    """sqv 1.1.0 and later: gpgv accepts such a key to this day."""
    from debrepo_gpg.signer import GpgSigner

    signer = GpgSigner(tmp_path / "home")
    monkeypatch.setattr("debrepo_gpg.signer._OPTIONS", ("--cert-digest-algo", "SHA1"))
    lines = ["Key-Type: EDDSA", "Key-Curve: ed25519", "Key-Usage: sign", "Name-Real: Past"]
    signer.create([*lines, "%no-protection", "%commit"])
    monkeypatch.undo()
    problems = signer.problems(signer.resolve([])[0])
    assert any(text.startswith("sqv refuses its signatures") for text in problems)
    assert not any(text.startswith("gpgv refuses") for text in problems)
