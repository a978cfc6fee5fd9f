"""What the keyring plugin keeps in the database."""

from __future__ import annotations

from debrepo.database import json_table
from debrepo_keyring.rotation import Rotation

#: The fingerprint of the key that goes to its `Rotation`.
ROTATIONS = json_table(
    "keyring.rotations",
    load=lambda fields: Rotation(**fields),
    dump=Rotation._asdict,
    record=Rotation,
)
