"""Doing: write what is planned, run it, and say what was done."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from debrepo.errors import AlreadyExists, DebrepoError, InvalidInput
from debrepo_setup import own_files
from debrepo_setup.planning import PlannedCommand, PlannedDirectory, PlannedFile, PlannedToken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from debrepo_setup.choices import Choices
    from debrepo_setup.planning import Planned

_BOOTED = Path("/run/systemd/system")  # sd_booted(3)
_PRIVATE = 0o600


class SetupStep(NamedTuple):
    """What was done, or would be."""

    action: str  #: ``keep``, ``write``, ``differs``, ``create``, ``run`` or ``skip``
    target: str
    text: str = ""  #: what is written, what differs, or why it is skipped


class Place(NamedTuple):
    """Where and how it is done."""

    choices: Choices
    prefix: Path
    dry: bool
    force: bool

    @property
    def elsewhere(self) -> bool:
        """Whether all is written below a directory, and not on this machine."""
        return self.prefix != Path("/")

    def path(self, path: Path) -> Path:
        """Return where a path really is."""
        return self.prefix / path.relative_to("/")


def changed(place: Place, planned: Sequence[Planned]) -> list[PlannedFile]:
    """Return the files that somebody has changed by hand."""
    files = [one for one in planned if isinstance(one, PlannedFile) and not one.once]
    return [one for one in files if _state(place, one) == "changed"]


def do(
    place: Place, planned: Sequence[Planned], tell: Callable[[str], None]
) -> Iterator[SetupStep]:
    """Do all that is not done yet; nothing, if a file was changed by hand and nothing forces it."""
    by_hand = changed(place, planned)
    if by_hand and not (place.force or place.dry):
        for one in by_hand:
            tell(own_files.difference(place.path(one.path), one.text).rstrip("\n"))
        names = ", ".join(str(one.path) for one in by_hand)
        raise AlreadyExists(
            f"changed by hand: {names}",
            hint='add --force to write it again; what differs is above; "systemctl edit" is for'
            " changes that stay",
        )
    written: set[Path] = set()
    for each in planned:
        step = _done(place, each, written)
        if step is not None:
            yield step


def _done(place: Place, one: Planned, written: set[Path]) -> SetupStep | None:
    if isinstance(one, PlannedCommand):
        return _run(place, one, written)
    if isinstance(one, PlannedToken):
        return _token(place, one.path)
    if isinstance(one, PlannedDirectory):
        return _directory(place, one)
    step = _file(place, one)
    if step.action == "write":
        written.add(one.path)
    return step


def _state(place: Place, file: PlannedFile) -> str:
    found = own_files.state(place.path(file.path), file.text)
    return "older" if found == "changed" and not file.stamped else found


def _file(place: Place, file: PlannedFile) -> SetupStep:
    path = place.path(file.path)
    if file.once and path.exists():
        said = own_files.read(path) or ""
        lacking = [line for line in file.text.splitlines() if line not in said]
        return SetupStep("keep", str(path), f"add to it: {'; '.join(lacking)}" if lacking else "")
    state = _state(place, file)
    if state == "the same":
        return SetupStep("keep", str(path))
    if state == "changed" and place.dry and not place.force:
        return SetupStep("differs", str(path), own_files.difference(path, file.text))
    if not place.dry:
        _replace(place, path, file.text, file.owner)
    return SetupStep("write", str(path), file.text)


def _replace(place: Place, path: Path, text: str, owner: str) -> None:
    """Write a file that is whole or not there, also where its owner could put a link."""
    _make(path.parent)
    new = path.with_name(f".{path.name}.debrepo-new")
    with suppress(FileNotFoundError):
        new.unlink()
    with _failing(path):
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        with open(descriptor, "w") as target:  # noqa: PTH123  # it is open
            os.fchmod(descriptor, 0o644)
            if owner and not place.elsewhere:
                os.fchown(descriptor, *_ids(owner))
            target.write(text)
            target.flush()
            os.fsync(descriptor)
        new.replace(path)


def _directory(place: Place, one: PlannedDirectory) -> SetupStep:
    path = place.path(one.path)
    if path.is_dir():
        return SetupStep("keep", str(path))
    if not place.dry:
        _make(path.parent)
        with _failing(path):
            path.mkdir(mode=0o755)
            if one.owner and not place.elsewhere:
                os.chown(path, *_ids(one.owner), follow_symlinks=False)
    return SetupStep("create", str(path), f"owned by {one.owner}" if one.owner else "")


def _run(place: Place, one: PlannedCommand, written: set[Path]) -> SetupStep | None:
    said = shlex.join(one.words)
    if one.after and written.isdisjoint(one.after):
        return None
    if place.elsewhere:
        return SetupStep("skip", said, "with --prefix, nothing but files is made")
    if one.words[0] == "systemctl" and not _BOOTED.is_dir():
        return SetupStep("skip", said, "systemd does not run here")
    if not place.dry:
        _output(one.words)
    return SetupStep("run", said)


def _token(place: Place, file: Path) -> SetupStep:
    path = place.path(file)
    words = _debrepo(place)
    create = (*words, "token", "create", "admin", "--role", "admin")
    said = f"{shlex.join(create)} >{path}"
    if place.dry:
        return SetupStep(
            "run", said, "unless a token may do everything; only its owner can read it"
        )
    known = json.loads(_output([*words, "token", "list", "--json"]) or "[]")
    if holders := [token["name"] for token in known if "admin" in token["scopes"]]:
        return SetupStep("keep", f"token {holders[0]}")
    _make(path.parent)
    with suppress(FileNotFoundError):
        path.unlink()  # of a token that was revoked
    with _failing(path):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
        with open(descriptor, "w") as target:  # noqa: PTH123  # it is open
            target.write(_output(create))
    return SetupStep("run", said)


def _debrepo(place: Place) -> tuple[str, ...]:
    """Return the words that run debrepo on the new root, as its user."""
    root = ("--root", str(place.path(Path(place.choices.root))))
    if place.elsewhere:
        return (sys.executable, "-m", "debrepo", *root)
    return ("runuser", "-u", place.choices.user, "--", *place.choices.command.split(), *root)


def _output(words: Sequence[str]) -> str:
    """Run a command, and return what it prints."""
    # What this process was told of other roots and servers is not for that one.
    environment = {n: text for n, text in os.environ.items() if not n.startswith("DEBREPO_")}
    run = partial(subprocess.run, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    try:
        done = run(list(words), check=False, env=environment, cwd="/")
    except OSError as error:
        raise InvalidInput(f"cannot run {words[0]}: {error.strerror}") from None
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "it says nothing").splitlines()
        why = next((line for line in said if line.startswith("Error: ")), said[-1])
        raise DebrepoError(
            f"{shlex.join(words)} failed: {why.removeprefix('Error: ')}",
            hint="what was done before stays; run it again",
        )
    return str(done.stdout)


def _make(directory: Path) -> None:
    with _failing(directory):
        directory.mkdir(parents=True, exist_ok=True)


def _ids(user: str) -> tuple[int, int]:
    import pwd

    found = pwd.getpwnam(user)
    return found.pw_uid, found.pw_gid


@contextmanager
def _failing(path: Path) -> Iterator[None]:
    """Translate what keeps a path from being written."""
    try:
        yield
    except OSError as error:
        raise InvalidInput(f"cannot write {path}: {error.strerror}") from error


def program() -> str:
    """Return the command by which this debrepo is run."""
    own = Path(sys.argv[0])
    if own.name == "debrepo" and own.is_file():
        return str(own.absolute())
    found = shutil.which("debrepo")
    same = found is not None and Path(found).parent == Path(sys.executable).parent
    return str(found) if same else f"{sys.executable} -m debrepo"
