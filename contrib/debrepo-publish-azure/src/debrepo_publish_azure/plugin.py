"""What this plugin brings: the ``azure`` storage, a container of blobs."""

from __future__ import annotations

from debrepo import Ref, Setting, hookimpl


@hookimpl
def debrepo_storages() -> dict[str, Ref]:
    return {
        "azure": Ref("debrepo_publish_azure.storage:AzureStorage", "Publish to Azure Blob Storage.")
    }


@hookimpl
def debrepo_settings() -> list[Setting]:
    return [
        Setting("storage.azure.*.container", "", "Container to publish to; it has to exist"),
        Setting("storage.azure.*.prefix", "", "What all names start with, before the prefix"),
        Setting("storage.azure.*.account_name", "", "Storage account"),
        Setting("storage.azure.*.account_key", "", "Key of that account", secret=True),
        Setting("storage.azure.*.sas_token", "", "Shared access signature, instead of a key", True),
        Setting("storage.azure.*.endpoint", "", "URL of the account; empty: Azure's own"),
        Setting("storage.azure.*.public_url", "", "Where clients find it, to tell users"),
        Setting("storage.azure.*.connections", 16, "Maximum number of parallel requests"),
        Setting("storage.azure.*.attempts", 6, "How often a request is tried"),
        Setting("storage.azure.*.timeout", 60, "Seconds to wait for the service"),
        Setting("storage.azure.*.ca_file", "", "File of certificates to trust"),
        Setting("storage.azure.*.debug", False, "Whether to write a line about every request"),
    ]
