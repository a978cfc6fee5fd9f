"""What this plugin brings: the kind of index ``commands``, its option and its setting."""

from debrepo import PublicationOption, Ref, Setting, hookimpl


@hookimpl
def debrepo_index_kinds() -> dict[str, Ref]:
    return {
        "commands": Ref(
            "debrepo_index_commands.index:CommandsIndex", "Commands, for command-not-found."
        )
    }


@hookimpl
def debrepo_publication_options() -> list[PublicationOption]:
    return [PublicationOption("commands", False, "Publish Commands, for command-not-found")]


@hookimpl
def debrepo_settings() -> list[Setting]:
    directories = ("bin", "sbin", "usr/bin", "usr/sbin", "usr/games")
    return [Setting("commands.directories", directories, "Directories whose files are commands")]
