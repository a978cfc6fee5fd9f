"""What this plugin brings: the ``webdav`` storage."""

from __future__ import annotations

from debrepo import Ref, Setting, hookimpl


@hookimpl
def debrepo_storages() -> dict[str, Ref]:
    return {
        "webdav": Ref("debrepo_publish_webdav.storage:WebDavStorage", "Publish to a WebDAV server.")
    }


@hookimpl
def debrepo_settings() -> list[Setting]:
    return [
        Setting("storage.webdav.*.url", "", "Where to publish: https://host/directory/"),
        Setting("storage.webdav.*.user", "", "User to log in as; empty: nobody"),
        Setting("storage.webdav.*.password_file", "", "File with the password of that user"),
        Setting("storage.webdav.*.connections", 4, "Connections that package files travel over"),
        Setting("storage.webdav.*.timeout", 60, "Seconds to wait for the server"),
    ]
