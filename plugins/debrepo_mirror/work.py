"""What one update of one mirror works with."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from debrepo.pool import Pool
    from debrepo.session import Session
    from debrepo.transport import Transport
    from debrepo_mirror.cache import IndexCache
    from debrepo_mirror.mirror import Mirror
    from debrepo_mirror.spool import Spool
    from debrepo_mirror.survey import SurveyRules
    from debrepo_mirror.sync import UpdateTerms
    from debrepo_mirror.tables import IndexState


class UpdateWork(NamedTuple):
    """What one update of one mirror works with."""

    session: Session
    pool: Pool
    transport: Transport
    before: Mirror  #: as it is stored
    mirror: Mirror  #: as it is to be for this update
    terms: UpdateTerms
    cache: IndexCache
    spool: Spool
    rules: SurveyRules
    states: Mapping[str, IndexState]  #: what is known since the last update
    thorough: bool  #: nothing that is known is counted on

    @property
    def tries(self) -> int:
        """How often a file is asked for that may come another time."""
        return self.mirror.max_tries or int(self.session.config["mirror.max_tries"])
