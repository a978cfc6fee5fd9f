"""What this plugin brings: the ``gcs`` storage, a bucket of Google Cloud Storage."""

from __future__ import annotations

from debrepo import Ref, Setting, hookimpl


@hookimpl
def debrepo_storages() -> dict[str, Ref]:
    return {
        "gcs": Ref("debrepo_publish_gcs.storage:GcsStorage", "Publish to Google Cloud Storage.")
    }


@hookimpl
def debrepo_settings() -> list[Setting]:
    return [
        Setting("storage.gcs.*.bucket", "", "Bucket to publish to; it has to exist"),
        Setting("storage.gcs.*.prefix", "", "What all names start with, before the prefix"),
        Setting(
            "storage.gcs.*.credentials",
            "",
            "File of a service account; empty: the application default credentials",
        ),
        Setting("storage.gcs.*.acl", "", "Predefined ACL such as public-read; empty: the bucket's"),
        Setting("storage.gcs.*.storage_class", "", "Storage class such as NEARLINE"),
        Setting("storage.gcs.*.kms_key", "", "Resource name of the Cloud KMS key to encrypt with"),
        Setting("storage.gcs.*.endpoint", "", "URL of another service; empty: Google's"),
        Setting("storage.gcs.*.public_url", "", "Where clients find it, to tell users"),
        Setting("storage.gcs.*.connections", 16, "Maximum number of parallel requests"),
        Setting("storage.gcs.*.attempts", 6, "How often a request is tried"),
        Setting("storage.gcs.*.timeout", 60, "Seconds to wait for the service"),
        Setting("storage.gcs.*.ca_file", "", "File of certificates to trust"),
        Setting("storage.gcs.*.debug", False, "Whether to write a line about every request"),
    ]
