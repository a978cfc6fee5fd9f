"""What this plugin brings: the ``sftp`` storage."""

from __future__ import annotations

from debrepo import Ref, Setting, hookimpl


@hookimpl
def debrepo_storages() -> dict[str, Ref]:
    return {"sftp": Ref("debrepo_publish_sftp.storage:SftpStorage", "Publish over SFTP.")}


@hookimpl
def debrepo_settings() -> list[Setting]:
    return [
        Setting("storage.sftp.*.url", "", "Where to publish: sftp://user@host/directory"),
        Setting("storage.sftp.*.key_file", "", "Private key; empty: the agent, and usual files"),
        Setting("storage.sftp.*.known_hosts", "", "File with host keys; empty: that of the user"),
        Setting("storage.sftp.*.timeout", 60, "Seconds to wait for the server"),
    ]
