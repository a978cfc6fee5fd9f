"""``/api/publish/…/verify``, ``repair`` and ``rollback``: verifying and repairing publications."""

from typing import Annotated, Any, TypedDict

from fastapi import Response
from pydantic import BaseModel, Field

from debrepo.http import Answer, Door, opens
from debrepo.session import Session
from debrepo_aptly.bodies import Body
from debrepo_aptly.publications import PublicationObject, label
from debrepo_aptly.routes import AptlyRoutes
from debrepo_aptly.signing import SigningOptions, signing
from debrepo_aptly.spelling import decode, place, publication_object

routes = AptlyRoutes(tags=["publish"])

_PATH = "/publish/{prefix}/{distribution}"


class Verifying(Body):
    """What to verify."""

    Files: bool = Field(default=False, description="Read every package file too")
    Keyring: str = Field(default="", description="Public keys, armored, instead of our own")


class ProblemObject(BaseModel):
    """A problem with a published tree."""

    Path: str
    Text: str


class VerifiedObject(BaseModel):
    """What was verified, and the problems that were found."""

    Publication: str
    Problems: list[ProblemObject]
    Indexes: int
    Files: int
    Requests: dict[str, int] = Field(description="To the storage's service, by kind, and bytes")


class Signed(Body):
    """A request after which Release is signed again."""

    Signing: SigningOptions | None = Field(default=None, description="What opens the keys")

    def passphrase(self) -> dict[str, str]:
        """Return the passphrase of the signing keys, or the file that holds it."""
        return self.Signing.passphrase() if self.Signing else {}


class Repairing(Signed):
    """How to repair a tree."""

    Files: bool = Field(default=False, description="Read every package file too")
    Reconcile: bool = Field(default=False, description="List the storage, correct the ledger")
    DryRun: bool = Field(default=False, description="Change nothing")
    Force: bool = Field(default=False, description="Take over what somebody else published")


class ReconciledObject(BaseModel):
    """Paths below the prefix, by what was done with them."""

    Adopted: list[str]
    Recounted: list[str]
    Dropped: list[str]
    Deleted: list[str]
    Foreign: list[str]


class RepairedObject(BaseModel):
    """What was repaired, and what cannot be repaired here."""

    Publication: str
    Repaired: list[str]
    Left: list[str]
    Generation: int = Field(description="That was published again; 0: it did not have to be")
    Reconciled: ReconciledObject
    Requests: dict[str, int] = Field(description="To the storage's service, by kind, and bytes")


class RollingBack(Signed):
    """The generation to go back to."""

    Generation: int = Field(default=0, ge=0, description="0: the one before the live one")
    SkipCleanup: bool = False


class Target(TypedDict):
    """A publication, as arguments of operations."""

    distribution: str
    place: str


class Repairs(TypedDict):
    """How to repair, as arguments of the operation."""

    files: bool
    reconcile: bool
    dry_run: bool
    force: bool


@routes.post(_PATH + "/verify", response_model=VerifiedObject)
async def verify(
    prefix: str,
    distribution: str,
    door: Annotated[Door, opens("publish.verify", task=True)],
    body: Verifying | None = None,
) -> Response:
    """Verify a published tree as a client would, and against the database."""
    wanted, target = body or Verifying(), _target(door, prefix, distribution)
    return await door.task(
        f"Verify {label(target['place'], target['distribution'])}",
        _verify,
        resumable=True,
        target=target,
        files=wanted.Files,
        keyring=wanted.Keyring,
    )


def _verify(session: Session, target: Target, files: bool, keyring: str) -> Answer:
    found = session.call("publish.verify", **target, files=files, keyring=keyring.encode())
    problems = [{"Path": problem.path, "Text": problem.text} for problem in found.problems]
    return Answer(200, {**_titled(found._asdict()), "Problems": problems})


@routes.post(_PATH + "/repair", response_model=RepairedObject)
async def repair(
    prefix: str,
    distribution: str,
    door: Annotated[Door, opens("publish.repair", task=True)],
    body: Repairing | None = None,
) -> Response:
    """Repair a published tree from the pool and the database."""
    wanted, target = body or Repairing(), _target(door, prefix, distribution)
    return await door.task(
        f"Repair {label(target['place'], target['distribution'])}",
        _repair,
        resources=[f"publication:{target['place']}"],
        resumable=True,
        secret=bool(wanted.passphrase()),
        target=target,
        how={
            "files": wanted.Files,
            "reconcile": wanted.Reconcile,
            "dry_run": wanted.DryRun,
            "force": wanted.Force,
        },
        passphrase=wanted.passphrase(),
    )


def _repair(session: Session, target: Target, how: Repairs, passphrase: dict[str, str]) -> Answer:
    with signing(session, passphrase) as able:
        done = able.call("publish.repair", **target, **how)
    return Answer(
        200, {**_titled(done._asdict()), "Reconciled": _titled(done.reconciled._asdict())}
    )


@routes.post(_PATH + "/rollback", response_model=PublicationObject)
async def rollback(
    prefix: str,
    distribution: str,
    door: Annotated[Door, opens("publish.rollback", task=True)],
    body: RollingBack | None = None,
) -> Response:
    """Publish an older generation again."""
    wanted, target = body or RollingBack(), _target(door, prefix, distribution)
    return await door.task(
        f"Roll back {label(target['place'], target['distribution'])}",
        _rollback,
        resources=[f"publication:{target['place']}"],
        secret=bool(wanted.passphrase()),
        target=target,
        generation=wanted.Generation,
        skip_cleanup=wanted.SkipCleanup,
        passphrase=wanted.passphrase(),
    )


def _rollback(
    session: Session,
    target: Target,
    generation: int,
    skip_cleanup: bool,
    passphrase: dict[str, str],
) -> Answer:
    with signing(session, passphrase) as able:
        able.call("publish.rollback", **target, generation=generation, skip_cleanup=skip_cleanup)
    return Answer(200, publication_object(session, target["distribution"], target["place"]))


def _target(door: Door, prefix: str, distribution: str) -> Target:
    return {"distribution": decode(distribution), "place": place(door.session, prefix)}


def _titled(fields: dict[str, Any]) -> dict[str, Any]:
    """Return fields with names spelled as in aptly's API."""
    return {name.title(): value for name, value in fields.items()}
