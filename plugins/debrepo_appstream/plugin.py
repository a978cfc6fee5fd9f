"""What the AppStream plugin brings: the kind of index ``appstream``, and its option."""

from __future__ import annotations

from debrepo import PublicationOption, Ref, hookimpl


@hookimpl
def debrepo_index_kinds() -> dict[str, Ref]:
    return {
        "appstream": Ref(
            "debrepo_appstream.index:AppStreamIndex", "Components and icons, for software centres."
        )
    }


@hookimpl
def debrepo_publication_options() -> list[PublicationOption]:
    help_ = "Publish AppStream metadata of the software in packages (DEP-11)"
    return [PublicationOption("appstream", False, help_)]
