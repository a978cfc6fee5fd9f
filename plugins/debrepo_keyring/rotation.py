"""Rotations: a key takes the place of another, in stages that clients have time to notice."""

from __future__ import annotations

from typing import NamedTuple

STAGES = ("announced", "co-signing", "primary", "retired")

#: What has to be true of clients before a stage can end.
NEEDS = {
    "announced": "clients have to have read that there is a new key",
    "co-signing": "every client has to have the new key, from its keyring or its .sources file",
    "primary": "no client may hold a Release file that the old key alone has signed",
}


class Rotation(NamedTuple):
    """A key that takes the place of another."""

    old: str
    new: str
    stage: str
    begun: dict[str, int]  #: when each stage began, in seconds since the epoch
    reached: int = 0  #: when everything was signed as the stage says; 0: not yet
    signed_by: bool = False  #: whether Release files get a field Signed-By meanwhile

    @property
    def started(self) -> int:
        """When its first stage began."""
        return min(self.begun.values())

    @property
    def following(self) -> str:
        """The stage after this one, if there is one."""
        return "" if self.stage == STAGES[-1] else STAGES[STAGES.index(self.stage) + 1]

    def at(self, stage: str, now: int) -> Rotation:
        """Return it as another stage begins."""
        return self._replace(stage=stage, begun={**self.begun, stage: now}, reached=0)


def signed_by(rotation: Rotation, value: str) -> str:
    """Return what the field Signed-By of a Release file is to be, which names keys with commas."""
    names = [name.strip() for name in value.split(",") if name.strip()]
    plain = [name.rstrip("!").upper() for name in names]
    if rotation.old not in plain and rotation.new not in plain:
        return value
    if rotation.stage == "retired":
        kept = [name for name, key in zip(names, plain, strict=True) if key != rotation.old]
        return ", ".join(dict.fromkeys([*kept, rotation.new]))
    both = [rotation.old, rotation.new]
    return ", ".join([*names, *(key for key in both if key not in plain)])
