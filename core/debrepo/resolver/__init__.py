"""Dependencies: what else packages need, found over several lists at once.

A `Universe` holds the lists that may be looked into. `resolve` says what packages need
beyond what is there already, and which package pulls in each of them; `verify`
says what a list lacks. The rules are those of dpkg: see `debrepo.resolver.rules` and
`debrepo.resolver.conflicts`.

Nothing here depends on the order in which things are given or stored: the same packages
and options give the same answer, always.
"""

from debrepo.resolver.closure import Brought, Resolution, resolve, verify
from debrepo.resolver.conflicts import Clash
from debrepo.resolver.rules import Following, Lack
from debrepo.resolver.universe import Universe

__all__ = ["Brought", "Clash", "Following", "Lack", "Resolution", "Universe", "resolve", "verify"]
