"""``/api/gpg``: the keys that uploads may be signed with."""

from pathlib import PurePosixPath
from typing import Annotated

from fastapi import Query, Response
from pydantic import BaseModel

from debrepo.errors import DebrepoError, InvalidInput
from debrepo.http import Door, Refusal, json_answer, known_as, opens
from debrepo_aptly.bodies import Body, Text
from debrepo_aptly.routes import AptlyRoutes

KEYRING = "trustedkeys.gpg"  #: the keyring where the client names none

routes = AptlyRoutes(tags=["gpg"])


class NewKey(Body):
    """Keys to trust: armored, or on a key server."""

    Keyring: str = KEYRING
    GpgKeyArmor: str = ""
    Keyserver: str = ""
    GpgKeyID: str = ""


class OldKey(Body):
    """A key to stop trusting."""

    Keyring: str = KEYRING
    GpgKeyID: Text


class KeyObject(BaseModel):
    """A trusted key."""

    KeyID: str
    Fingerprint: str
    Validity: str
    UserIDs: list[str]
    CreatedAt: str


class KeysObject(BaseModel):
    """The trusted keys; null if there are none."""

    Keys: list[KeyObject] | None


@routes.post("/gpg/key", response_model=str)
def trust(body: NewKey, door: Annotated[Door, opens("key.trust", "key.fetch")]) -> Response:
    """Trust public keys."""
    keyring = _name(body.Keyring)
    if not body.GpgKeyArmor and not (body.Keyserver and body.GpgKeyID):
        raise InvalidInput("no key given", hint="send GpgKeyArmor, or Keyserver and GpgKeyID")
    with known_as(400, DebrepoError):
        if body.GpgKeyArmor:
            data = body.GpgKeyArmor.encode()
            found = door.session.call("key.trust", data=data, keyring=keyring)
        else:
            keys = body.GpgKeyID.split()
            found = door.session.call(
                "key.fetch", keys=keys, server=body.Keyserver, keyring=keyring
            )
    return json_answer("".join(f"key {fingerprint} is trusted\n" for fingerprint in found))


@routes.get("/gpg/keys", response_model=KeysObject)
def list_(
    door: Annotated[Door, opens("key.trusted")],
    keyring: Annotated[str, Query(description="A file in the GnuPG home")] = KEYRING,
) -> Response:
    """List the trusted keys."""
    found = door.session.call("key.trusted", keyring=_name(keyring))
    keys = [
        {
            "KeyID": key.fingerprint[-16:],
            "Fingerprint": key.fingerprint,
            "Validity": key.validity,
            "UserIDs": list(key.user_ids),
            "CreatedAt": str(int(key.created.timestamp())),
        }
        for key in found
    ]
    return json_answer({"Keys": keys or None})


@routes.delete("/gpg/key", response_model=str)
def distrust(body: OldKey, door: Annotated[Door, opens("key.distrust")]) -> Response:
    """Stop trusting a public key."""
    keyring = _name(body.Keyring)
    with known_as(400, DebrepoError):
        door.session.call("key.distrust", keys=body.GpgKeyID.split(), keyring=keyring)
    return json_answer(f"key {body.GpgKeyID} is not trusted any more\n")


def _name(keyring: str) -> str:
    """Return the name of a keyring; raise `Refusal` for a path."""
    if "/" in keyring.lstrip("/"):
        raise Refusal(f"no keyring {PurePosixPath(keyring)}", hint="give the name of a file alone")
    return keyring.lstrip("/") or KEYRING
