"""What is killed: for each operation the root that it finds, and the commands that run into it."""

from __future__ import annotations

import gzip
import shutil
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from plugins.local.uploads import changes

from debrepo.plugins import load_plugins
from debrepo.session import Session
from debrepo.testing.packages import build_deb, build_source
from debrepo_phasing.rollouts import ROLLOUTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from kills.dying import Place

#: Names of a binary package, so that there is something to lose of each.
NAMES = ("hello", "tool", "world")


class Scenario(NamedTuple):
    """Commands, of which one is killed, in a place that is ready for them."""

    prepare: Callable[[Place], object]
    commands: tuple[str, ...]  #: ``{place}`` is the directory that all is in
    codes: tuple[int, ...] = (0,)  #: with which they end
    again: tuple[int, ...] = ()  #: and with which as well where they have ended before
    root: str = "root"  #: what is looked at afterwards
    rest: Callable[[Place], object] | None = None  #: instead of the same commands once more
    check: Callable[[Place], object] | None = None  #: what else holds at any time
    broken: bool = False  #: whether something is wrong before it
    partly: bool = False  #: whether packages may have come or gone one after the other
    waits: bool = False  #: whether it ends though something is still to be done
    served: bool = True  #: whether clients find it in the end


def packages(place: Place, *versions: str, names: tuple[str, ...] = NAMES) -> None:
    """Add sources and binary packages of some versions to the repository ``tools``."""
    debs = place.directory("debs")
    for name in names:
        for version in versions:
            text = f"{name} ({version}) unstable; urgency=low\n".encode()
            paths = {f"usr/share/doc/{name}/changelog.gz": gzip.compress(text, mtime=0)}
            build_deb(debs, name, version, paths=paths)
            build_source(debs, name, version)
    place.run(f"repo add tools {debs}")


def filled(place: Place) -> None:
    place.run("repo create tools --distribution stable --component main")
    packages(place, "1.0-1", "1.2-1", "1.10-1")


def published(place: Place, options: str = "") -> None:
    filled(place)
    place.run(f"publish repo tools {options}")


def pruned_by_policy(place: Place) -> None:
    published(place)
    place.run("repo retention set tools --keep 2")
    build_deb(place.directory("more"), "hello", "3.0-1")
    build_deb(place.directory("more"), "tool", "3.0-1")


def pruned_in_the_end(place: Place) -> None:
    """Add packages, and hold the repository to its policy as a server does."""
    place.run("repo add tools {place}/more")
    place.run("repo prune tools")


def snapshots(place: Place) -> None:
    filled(place)
    for number in range(6):
        place.run(f"snapshot create s{number} from repo tools")
        place.run(f"repo remove tools '{NAMES[number % 3]} (= 1.{(0, 2)[number % 2]}-1)'")
    place.run("publish snapshot s1 --distribution stable")


def two_publications(place: Place) -> None:
    published(place, "--suite oldest --alias oldest --client-files --valid-for 10d")
    place.run("publish repo tools deep --distribution sid --valid-for 10d")


def with_another_key(place: Place) -> None:
    """Have the next key sign from now on."""
    two_publications(place)
    place.configure(f'signing.gpg.keys = ["{place.keys[1]}"]')


def rotation(stage: int) -> Callable[[Place], None]:
    """Return what prepares a rotation that is at a stage."""

    def prepare(place: Place) -> None:
        place.configure(
            "[keyring]", 'name = "example"', 'repo = "keys"', 'maintainer = "A <a@example.org>"'
        )
        two_publications(place)
        place.run("repo create keys")
        place.run("publish repo keys deep --distribution keys --architectures all")
        if stage:
            place.run("key rotate start {old} {new}")
        for _ in range(stage - 1):
            place.run("key rotate next --yes-really")

    return prepare


def complete_rotation(stage: str) -> Callable[[Place], None]:
    """Return what ends the stage of a rotation, wherever it was killed."""

    def complete(place: Place) -> None:
        shown = [one for one in place.call("key.rotate.show") if one.stage == stage]
        if not shown and stage == "announced":
            place.run("key rotate start {old} {new}")
        elif not shown or not shown[0].reached:
            place.run("key rotate next --yes-really")
        assert all(one.reached for one in place.call("key.rotate.show"))

    return complete


INDEXES = (
    "--translations --pdiffs 14 --changelogs https://deb.example.org --snapshots all --client-files"
)


def indexes(place: Place) -> None:
    published(place, f"{INDEXES} --suite oldest --alias oldest")
    packages(place, "2.0-1")
    place.run("publish update stable")
    packages(place, "3.0-1")
    place.run("repo remove tools 'hello (= 1.0-1)'")
    place.run("repo override set tools world Section=net")


def without_indexes(place: Place) -> None:
    published(place, "--suite oldest --alias oldest")
    packages(place, "2.0-1")


def phased(place: Place) -> None:
    """Have an hour pass since the beginning of two phased updates."""
    two_publications(place)
    place.run("publish update stable --phased hello=10+10/1h,tool=0+100/30m")
    with closing(Session(place.path("root"), load_plugins())) as session, session.db.write() as txn:
        for key, row in list(txn[ROLLOUTS].items()):
            txn[ROLLOUTS][key] = row._replace(since=row.since - 3600)


def incoming(place: Place) -> None:
    """Lay two uploads and one for a repository that is not there into a directory."""
    filled(place)
    directory = place.directory("incoming")
    for name, distribution in (("alpha", "tools"), ("beta", "tools"), ("gamma", "none")):
        source = build_source(directory, name)
        parts = [p for p in directory.glob(f"{name}_*") if p != source]
        deb = build_deb(directory, name, "1.0-1")
        fields = {"Source": name, "Binary": name, "Distribution": distribution}
        file = f"{name}_1.0-1_amd64.changes"
        changes(directory, deb, source, *parts, name=file, **fields)


def no_upload_is_lost(place: Place) -> None:
    """Fail unless each upload is where it was, or where it belongs."""
    there = {path.name for path in place.path("incoming").rglob("*") if path.is_file()}
    stored = " ".join(place.facts()["repo tools"])
    for name in ("alpha", "beta", "gamma"):
        if name == "gamma" or f"amd64 {name} " not in stored:
            lacking = {f"{name}_1.0-1_amd64.changes", f"{name}_1.0-1_amd64.deb"} - there
            assert not lacking, lacking


def lost_files(place: Place) -> None:
    """Publish into a directory elsewhere, and lose half of the pool."""
    published(place)
    shutil.copytree(place.path("root/public"), place.path("copy"))
    found = sorted(path for path in place.path("root/pool").rglob("*") if path.is_file())
    for path in found[::2]:
        path.unlink()


def garbage(place: Place) -> None:
    published(place, "--keep-generations 0 --grace 0")
    place.run("repo remove tools hello 'tool (= 1.0-1)'")
    place.run("publish update stable")


def trash(place: Place) -> None:
    garbage(place)
    place.run("db cleanup")
    place.run("repo create rescued")


def exported(place: Place) -> None:
    two_publications(place)
    place.run("db export --with-secrets {place}/all.jsonl")
    shutil.copytree(place.path("root/pool"), place.path("new/pool"))
    shutil.copytree(place.path("root/public"), place.path("new/public"))
    shutil.copytree(place.path("root/gnupg"), place.path("new/gnupg"))


def whole_export(place: Place) -> None:
    """Fail if there is half a file."""
    path = place.path("out/all.jsonl")
    if path.exists():
        assert '"sha256"' in path.read_text().splitlines()[-1]


def without_database(place: Place) -> None:
    published(place)
    shutil.rmtree(place.path("root/db"))


def script(place: Place) -> None:
    two_publications(place)
    build_deb(place.directory("more"), "later", "1.0")
    lines = [
        f"repo add tools {place.path('more')}",
        "repo override set tools later Section=net",
        "repo create other",
        "repo copy tools other later",
        "snapshot create late from repo tools",
        "publish update stable",
        "publish update sid deep",
    ]
    place.path("lines").write_text("\n".join(lines) + "\n")


def backed_up(place: Place) -> None:
    two_publications(place)
    place.run("backup {place}/to")


def more_to_back_up(place: Place) -> None:
    backed_up(place)
    packages(place, "4.0-1")


def backups_are_whole(place: Place) -> None:
    if place.path("to").exists():
        place.run("backup check {place}/to --files", codes=(0, 3))


SCENARIOS = {
    "repo prune": Scenario(published, ("repo prune tools --keep 1",)),
    "repo prune, after an add": Scenario(
        pruned_by_policy, ("repo add tools {place}/more",), rest=pruned_in_the_end, partly=True
    ),
    "snapshot prune": Scenario(snapshots, ("snapshot prune --keep 1",)),
    "publish resign": Scenario(two_publications, ("publish resign --all",)),
    "publish renew": Scenario(with_another_key, ("publish renew",)),
    **{
        f"key rotate, {stage}": Scenario(
            rotation(number),
            (("key rotate next --yes-really" if number else "key rotate start {old} {new}"),),
            rest=complete_rotation(stage),
        )
        for number, stage in enumerate(("announced", "co-signing", "primary", "retired"))
    },
    "publish update": Scenario(indexes, ("publish update stable",)),
    "publish update, more indexes": Scenario(
        without_indexes, (f"publish update stable {INDEXES}",)
    ),
    "publish update, no alias": Scenario(indexes, ("publish update stable --alias ''",)),
    "publish raise": Scenario(phased, ("publish raise",)),
    "override set": Scenario(published, ("repo override set tools hello Section=net",)),
    "repo watch": Scenario(
        incoming,
        ("repo watch {place}/incoming --once --settle 0 --accept-unsigned",),
        codes=(1,),
        again=(0,),
        check=no_upload_is_lost,
        partly=True,
        waits=True,
    ),
    "db repair": Scenario(lost_files, ("db repair --from {place}/copy",), broken=True),
    "db cleanup": Scenario(garbage, ("db cleanup",)),
    "db cleanup, no trash": Scenario(trash, ("db cleanup --no-trash",)),
    "db restore": Scenario(trash, ("db restore --all --repo rescued",), again=(3,)),
    "db export": Scenario(
        two_publications,
        ("db export --with-secrets {place}/all.jsonl",),
        again=(4,),
        check=whole_export,
    ),
    "db import": Scenario(
        exported, ("--root {place}/new db import {place}/all.jsonl",), again=(4,), root="new"
    ),
    "db rebuild": Scenario(
        without_database, ("db rebuild --from-pool --from-published",), partly=True
    ),
    "task run": Scenario(
        script, ("task run --keep-going --filename {place}/lines",), again=(1,), partly=True
    ),
    "backup": Scenario(more_to_back_up, ("backup {place}/to",), check=backups_are_whole),
    "restore": Scenario(
        backed_up,
        ("--root {place}/new restore {place}/to",),
        again=(2, 4),
        root="new",
        served=False,
    ),
}
