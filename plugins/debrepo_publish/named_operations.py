"""The names of the operations that publishing brings."""

from __future__ import annotations

from debrepo import Operation

_OPERATIONS = "debrepo_publish.operations"


def named() -> list[Operation]:
    """Return the operations of publishing."""
    return [
        Operation(
            "publish.create",
            f"{_OPERATIONS}:create",
            "Publish package lists for the first time.",
            "publish:{place}:create",
            "publish repo",
            long=True,
        ),
        Operation(
            "publish.take-over",
            "debrepo_publish.adopting_operations:take_over",
            "Publish package lists over what another tool has published.",
            "publish:{place}:create",
            "publish repo",
            long=True,
        ),
        Operation(
            "publish.diff",
            "debrepo_publish.adopting_operations:diff",
            "Show what clients would notice of the next publish.",
            "read publish:{place}:fetch:{url}",
            "publish diff",
            changes=False,
            long=True,
        ),
        Operation(
            "publish.preview",
            "debrepo_publish.promoting_operations:preview",
            "Show what clients would notice of the next publish, by what the database has.",
            "read",
            "publish diff",
            changes=False,
        ),
        Operation(
            "publish.compare",
            "debrepo_publish.adopting_operations:compare",
            "Show what clients noticed between two generations.",
            "read",
            "publish diff",
            changes=False,
            long=True,
        ),
        Operation(
            "publish.history",
            "debrepo_publish.listing_operations:history",
            "Show who has published what and when.",
            "read",
            "publish history",
            changes=False,
        ),
        Operation(
            "publish.export",
            "debrepo_publish.adopting_operations:export",
            "Write a published distribution to a directory.",
            "admin",
            "export tree",
            changes=False,
            long=True,
            local=True,
        ),
        Operation(
            "publish.update",
            f"{_OPERATIONS}:update",
            "Publish what the package lists hold now.",
            "publish:{place}:update",
            "publish update",
            long=True,
        ),
        Operation(
            "publish.switch",
            f"{_OPERATIONS}:switch",
            "Replace the published snapshots with others.",
            "publish:{place}:switch",
            "publish switch",
            long=True,
        ),
        Operation(
            "publish.drop",
            f"{_OPERATIONS}:drop",
            "Drop a publication.",
            "publish:{place}:drop",
            "publish drop",
            long=True,
        ),
        Operation(
            "publish.rollback",
            f"{_OPERATIONS}:rollback",
            "Publish an older generation again.",
            "publish:{place}:update",
            "publish rollback",
            long=True,
        ),
        Operation(
            "publish.edit",
            "debrepo_publish.promoting_operations:edit",
            "Protect a publication from switches and drops, or not.",
            "publish:{place}:switch",
            "publish edit",
        ),
        Operation(
            "publish.promote",
            "debrepo_publish.promoting_operations:promote",
            "Publish a repository, or what a publication serves, as dated snapshots.",
            "publish:{place}:switch",
            "promote",
            long=True,
        ),
        *_source_operations(),
        *_signing_operations(),
        Operation(
            "publish.verify",
            f"{_OPERATIONS}:verify",
            "Check a published tree as a client would, and against the database.",
            "read publish:{place}:fetch:{url}",
            "publish verify",
            changes=False,
            long=True,
        ),
        Operation(
            "publish.repair",
            f"{_OPERATIONS}:repair",
            "Repair a published tree from the pool and the database.",
            "publish:{place}:update",
            "publish repair",
            long=True,
        ),
        Operation(
            "publish.list",
            "debrepo_publish.listing_operations:list_",
            "List publications.",
            "read",
            "publish list",
            changes=False,
        ),
        Operation(
            "publish.overview",
            "debrepo_publish.overview_operations:overview",
            "Show what clients see of each publication, and which lists have changed since.",
            "read",
            "publish list",
            changes=False,
        ),
        Operation(
            "publish.show",
            "debrepo_publish.listing_operations:show",
            "Show a publication and its generations.",
            "read",
            "publish show",
            changes=False,
        ),
        Operation(
            "publish.sources",
            "debrepo_publish.client_operations:sources",
            "Return the .sources file for clients of a publication.",
            "read",
            "publish sources",
            changes=False,
        ),
    ]


def _signing_operations() -> list[Operation]:
    where = "debrepo_publish.signing_operations"
    return [
        Operation(
            "publish.resign",
            f"{where}:resign",
            "Sign a publication again, with a new date.",
            "publish:{place}:update",
            "publish resign",
            long=True,
        ),
        Operation(
            "publish.resign-all",
            f"{where}:resign_all",
            "Sign all publications again, with a new date.",
            "publish:resign",
            "publish resign",
            long=True,
        ),
        Operation(
            "publish.renew",
            f"{where}:renew",
            "Sign again what clients will refuse soon.",
            "publish:renew",
            "publish renew",
            long=True,
        ),
    ]


def _source_operations() -> list[Operation]:
    changes = {
        "add": "Add components to a publication with its next update.",
        "update": "Change the package lists of components with the next update.",
        "replace": "Replace all components with the next update.",
        "remove": "Remove components with the next update.",
        "drop": "Drop the pending changes of component sources.",
    }
    return [
        *(
            Operation(
                f"publish.source.{verb}",
                f"{_OPERATIONS}:source_{verb}",
                summary,
                "publish:{place}:update",
                f"publish source {verb}",
            )
            for verb, summary in changes.items()
        ),
        Operation(
            "publish.source.list",
            f"{_OPERATIONS}:source_list",
            "List the component sources that the next update publishes.",
            "read",
            "publish source list",
            changes=False,
        ),
    ]
