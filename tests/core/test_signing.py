"""What signatures say of themselves, read from bytes that anybody may have made."""

import base64

import pytest

from debrepo.signing import MadeSignature, made_signatures

FINGERPRINT = bytes.fromhex("ABCD" * 10)
DATE = (1_800_000_000).to_bytes(4)


def armored(*packets, headers=b""):
    body = base64.encodebytes(b"".join(packets))
    return b"-----BEGIN PGP SIGNATURE-----\n%s\n%s=AAAA\n-----END PGP SIGNATURE-----\n" % (
        headers,
        body,
    )


def version_4(hashed, unhashed=b""):
    parts = (len(hashed).to_bytes(2), hashed, len(unhashed).to_bytes(2), unhashed)
    return b"\x04\x01\x16\x0a" + b"".join(parts) + b"\0\0rest"


def packet(body):
    return bytes([0xC2, len(body)]) + body


CREATED = b"\x05\x02" + DATE
ISSUER = b"\x16\x21\x04" + FINGERPRINT
KEY_ID = b"\x09\x10" + FINGERPRINT[-8:]


def test_signature_names_its_maker_and_its_date():
    made = made_signatures(armored(packet(version_4(ISSUER + CREATED))))
    assert made == [MadeSignature("ABCD" * 10, 1_800_000_000, 10, 4)]


def test_signature_that_has_a_key_id_only_names_that():
    made = made_signatures(armored(packet(version_4(CREATED, KEY_ID))))
    assert made == [MadeSignature("ABCD" * 4, 1_800_000_000, 10, 4)]


def test_each_of_several_signatures_is_read():
    assert len(made_signatures(armored(*[packet(version_4(CREATED + ISSUER))] * 3))) == 3


def test_signature_of_the_old_version_is_read():
    body = b"\x03\x05\x00" + DATE + FINGERPRINT[-8:] + b"\x01\x0a\0\0rest"
    (made,) = made_signatures(armored(packet(body)))
    assert made == MadeSignature("ABCD" * 4, 1_800_000_000, 10, 3)


def test_signature_of_the_new_version_is_read():
    hashed = CREATED + b"\x22\x21\x06" + FINGERPRINT[:16] * 2
    body = b"\x06\x01\x1b\x0a" + len(hashed).to_bytes(4) + hashed + bytes(4) + b"\0\0rest"
    (made,) = made_signatures(armored(packet(body)))
    assert made.fingerprint == "ABCD" * 16


def test_packets_in_the_old_format_are_read():
    body = version_4(CREATED + ISSUER)
    assert len(made_signatures(armored(b"\x89" + len(body).to_bytes(2) + body))) == 1


def test_long_packets_are_read():
    for size in (300, 9000):
        notation = b"\xff" + (size + 1).to_bytes(4) + b"\x14" + bytes(size)
        body = version_4(CREATED + ISSUER + notation)
        short = (((len(body) - 192) >> 8) + 192, (len(body) - 192) & 0xFF)
        length = bytes(short) if len(body) < 8384 else b"\xff" + len(body).to_bytes(4)
        (made,) = made_signatures(armored(b"\xc2" + length + body))
        assert made.created == 1_800_000_000


def test_headers_of_the_armor_are_no_part_of_it():
    text = armored(packet(version_4(CREATED + ISSUER)), headers=b"Version: 1\nComment: x\n")
    assert len(made_signatures(text)) == 1
    assert len(made_signatures(text.replace(b"\n", b"\r\n"))) == 1


@pytest.mark.parametrize("cut", range(1, 60, 3))
def test_what_is_damaged_names_nobody_wrongly(cut):
    whole = packet(version_4(CREATED + ISSUER))
    for made in made_signatures(armored(whole[:cut])):
        assert made.fingerprint in ("", "ABCD" * 10) or ("ABCD" * 10).startswith(made.fingerprint)
    assert made_signatures(b"-----BEGIN PGP SIGNATURE-----\n\n!!\n") == []
    assert made_signatures(b"") == []
