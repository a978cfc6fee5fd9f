"""What this plugin brings: the ``template`` storage."""

from __future__ import annotations

from debrepo import Ref, Setting, hookimpl


@hookimpl
def debrepo_storages() -> dict[str, Ref]:
    target = "debrepo_publish_template.storage:TemplateStorage"
    return {"template": Ref(target, "Publish into a database file.")}


@hookimpl
def debrepo_settings() -> list[Setting]:
    return [Setting("storage.template.*.file", "", "File to keep objects in, below the root")]
