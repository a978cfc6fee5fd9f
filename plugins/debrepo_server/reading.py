"""Reading in idle time: the process that reads what no publish has asked for yet."""

from __future__ import annotations

import logging
import os
import sys
import threading
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from debrepo import catalog, remote_files, verdicts
from debrepo.errors import Cancelled, DebrepoError
from debrepo.ingest import deep
from debrepo.plugins import load_plugins
from debrepo.session import Session
from debrepo.stopping import Watch, watching
from debrepo_server.logs import configure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from debrepo.package import Entry

# Not more: the process holds the write lock of the database now and again, and others wait for it.
_NICENESS = 10
_BATCH = 64  # packages at a time

_log = logging.getLogger("debrepo.idle")


def main(words: Sequence[str]) -> int:
    """Read all that is not read in the root that is named, until standard input ends."""
    os.nice(_NICENESS)
    root, *config = map(Path, words)
    plugins = load_plugins(os.environ.get("DEBREPO_DISABLE", "").split(","))
    session = Session(root, plugins, config_path=config[0] if config else None)
    configure(session.config["server.log_level"], session.config["server.log_format"])
    session.config.override("ingest.workers", 1, "idle time")
    watch = Watch()
    threading.Thread(target=_listen, args=(watch,), daemon=True).start()
    with closing(session):
        try:
            with watching(watch):
                read_all(session)
        except Cancelled:
            return 0
        except DebrepoError as error:
            _log.warning("cannot read packages while idle: %s", error)
            return 1
    return 0


def _listen(watch: Watch) -> None:
    """Stop the work when the server says so, or is gone."""
    with suppress(OSError):
        while os.read(0, 1):  # without a lock, with which Python could not end
            pass
    watch.stop("the server has other work")


def read_all(session: Session) -> None:
    """Read every package that is not read; what cannot be read keeps no other back.

    The log has one line about all that cannot be read: after a loss of files they may be many.
    """
    with session.db.read() as txn:
        unread = verdicts.unread(session.config, txn, catalog.find(txn))
        remote = remote_files.elsewhere(session, txn, unread)
    entries = [entry for entry in unread if entry not in remote]
    left, failures = iter(entries), list[DebrepoError]()
    while batch := list(islice(left, _BATCH)):
        try:
            _read(session, batch)
        except Cancelled:
            raise
        except DebrepoError:  # of one of them
            for entry in batch:
                try:
                    _read(session, [entry])
                except Cancelled:
                    raise
                except DebrepoError as error:
                    failures.append(error)
    if failures:
        _log.warning("cannot read %d packages while idle, as %s", len(failures), failures[0])
    _log.info("read %d packages while idle", len(entries) - len(failures))


def _read(session: Session, entries: list[Entry]) -> None:
    for package in deep.read(session, entries):
        _log.warning("%s", package)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
