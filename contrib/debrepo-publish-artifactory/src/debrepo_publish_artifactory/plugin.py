"""What this plugin brings: the ``artifactory`` storage, a repository of JFrog's."""

from __future__ import annotations

from debrepo import Ref, Setting, hookimpl


@hookimpl
def debrepo_storages() -> dict[str, Ref]:
    target = "debrepo_publish_artifactory.storage:ArtifactoryStorage"
    return {"artifactory": Ref(target, "Publish to JFrog Artifactory.")}


@hookimpl
def debrepo_settings() -> list[Setting]:
    return [
        Setting("storage.artifactory.*.url", "", "URL of the server: https://example.jfrog.io"),
        Setting("storage.artifactory.*.repository", "", "Local repository of the type Generic"),
        Setting("storage.artifactory.*.prefix", "", "What all paths start with"),
        Setting("storage.artifactory.*.token", "", "Access token", secret=True),
        Setting("storage.artifactory.*.user", "", "User, instead of a token"),
        Setting("storage.artifactory.*.password", "", "Password of that user", secret=True),
        Setting("storage.artifactory.*.public_url", "", "Where clients find it, to tell users"),
        Setting("storage.artifactory.*.connections", 8, "Maximum number of parallel requests"),
        Setting("storage.artifactory.*.attempts", 6, "How often a request is tried"),
        Setting("storage.artifactory.*.timeout", 60, "Seconds to wait for the server"),
        Setting("storage.artifactory.*.ca_file", "", "File of certificates to trust"),
        Setting("storage.artifactory.*.debug", False, "Whether to write a line for each request"),
    ]
