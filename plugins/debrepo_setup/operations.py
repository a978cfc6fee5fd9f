"""Operations: set up a server of this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from debrepo.errors import InvalidInput

if TYPE_CHECKING:
    from debrepo.session import Session
    from debrepo_setup.doing import SetupStep


def setup(
    session: Session,
    *,
    user: str | None = None,
    root: str | None = None,
    listen: str | None = None,
    public_url: str | None = None,
    proxy: str | None = None,
    tls_certificate: str | None = None,
    tls_key: str | None = None,
    command: str | None = None,
    prefix: Path | None = None,
    token: bool = True,
    force: bool = False,
    dry_run: bool = False,
) -> list[SetupStep]:
    """Make the user, the root, the units, a token and a proxy's configuration of a server.

    What is not given is as it was the last time. What is there already stays, and files that
    were changed by hand are replaced only by ``force``. With ``prefix``, files are written below
    that directory, and nothing else is done; with ``dry_run``, nothing is.
    """
    from debrepo.session import Session as Opened
    from debrepo_setup import doing, planning, units
    from debrepo_setup.choices import REMEMBERED, chosen

    top = prefix.absolute() if prefix else Path("/")
    if top == Path("/") and not dry_run and os.geteuid() != 0:
        raise InvalidInput(
            "setting up a server needs root",
            hint="see what it does with --dry-run, or write the files below a --prefix",
        )
    given = {
        "user": user,
        "root": root,
        "listen": listen,
        "public_url": public_url,
        "proxy": proxy,
        "tls_certificate": tls_certificate,
        "tls_key": tls_key,
        "command": command,
    }
    choices = chosen(top / REMEMBERED.relative_to("/"), given, doing.program())
    place = doing.Place(choices, top, dry_run, force)
    if not (place.elsewhere or dry_run):
        planning.check_proxy(choices)
    server = Opened(place.path(Path(choices.root)), session.plugins)
    found = sorted({path for _, path in units.storages(server)})
    inside = [path for path in found if not (place.elsewhere and path.is_relative_to(top))]
    planned = planning.plan(choices, inside, top, token=token)
    return list(doing.do(place, planned, session.progress.note))
