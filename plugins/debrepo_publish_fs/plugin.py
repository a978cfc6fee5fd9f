"""The plugin: the ``fs`` storage, a directory for a web server to serve."""

from __future__ import annotations

from debrepo import Ref, Setting, hookimpl


@hookimpl
def debrepo_storages() -> dict[str, Ref]:
    return {"fs": Ref("debrepo_publish_fs.storage:FileStorage", "Publish to a directory.")}


@hookimpl
def debrepo_settings() -> list[Setting]:
    return [
        Setting("storage.fs.*.root", "", "Directory to publish to, relative to debrepo's root"),
        Setting("storage.fs.*.public_url", "", "URL at which clients find this directory"),
        Setting(
            "storage.fs.*.link",
            "hardlink",
            "How package files get there: hardlink, symlink, copy or reflink",
        ),
        Setting(
            "storage.fs.*.mode",
            "0644",
            "Octal mode of published files, whatever the umask; who may read may enter directories",
        ),
    ]
