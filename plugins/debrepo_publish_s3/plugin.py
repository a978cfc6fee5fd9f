"""The plugin: the ``s3`` storage, a bucket at Amazon or elsewhere."""

from __future__ import annotations

from debrepo import Ref, Setting, hookimpl


@hookimpl
def debrepo_storages() -> dict[str, Ref]:
    return {"s3": Ref("debrepo_publish_s3.storage:S3Storage", "Publish to an S3 bucket.")}


_SECRETS = ("secret_access_key", "session_token")


@hookimpl
def debrepo_settings() -> list[Setting]:
    return [
        Setting(f"storage.s3.*.{name}", default, text, secret=name in _SECRETS)
        for name, default, text in (
            ("bucket", "", "Bucket to publish to; it has to exist"),
            ("prefix", "", "What all keys in the bucket start with, before the publish prefix"),
            ("region", "", "Region; empty: as the AWS tools are configured"),
            ("endpoint", "", "URL of a service other than Amazon's: https://s3.example.org"),
            ("profile", "", "Profile of the AWS configuration to take credentials from"),
            ("access_key_id", "", "Access key; empty: environment, AWS files, role of the machine"),
            ("secret_access_key", "", "Secret of that key"),
            ("session_token", "", "Token of temporary credentials"),
            ("role_arn", "", "Role to assume with those credentials"),
            ("addressing", "", "path or virtual; empty: path at an endpoint, virtual at Amazon"),
            ("acl", "", "Canned ACL such as public-read; empty or none: the bucket's policy"),
            ("storage_class", "", "Storage class such as STANDARD_IA; empty: the bucket's"),
            ("encryption", "", "Server-side encryption: AES256 (SSE-S3) or aws:kms (SSE-KMS)"),
            ("kms_key_id", "", "Key for aws:kms; empty: the account's"),
            ("checksum", "", "sha256, md5, crc32 or none; empty: sha256, md5 at an endpoint"),
            ("conditional_writes", "auto", "auto, yes, unquoted (older radosgw) or no (locks)"),
            ("multi_delete", True, "Whether the service deletes many objects in one request"),
            (
                "plus_workaround",
                False,
                "Store names with a plus also with a blank instead",
            ),
            ("public_url", "", "URL where clients find the prefix in the bucket, for messages"),
            ("connections", 16, "Maximum number of parallel requests; fewer if the service asks"),
            (
                "part_size",
                16 << 20,
                "Size of a part in bytes; for files of more than four parts",
            ),
            ("attempts", 6, "Number of times that a failing request is tried"),
            ("timeout", 60, "Seconds to wait for the service"),
            ("ca_file", "", "File of certificates to trust; empty: those of the system"),
            ("debug", False, "Whether to write a line about every request to standard error"),
        )
    ]
