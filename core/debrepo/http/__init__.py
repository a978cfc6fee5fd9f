"""The basis of HTTP routes in plugins: doors, bodies, answers and tasks.

Importing this imports FastAPI, so only a plugin's ``api.py`` does, when a server loads it::

    routes = Routes(prefix="/api", tags=["repos"])

    @routes.delete("/repos/{name}")
    async def drop(name: str, door: Annotated[Door, opens("repo.drop", task=True)]) -> Response:
        return await door.task(f"Delete repo {name}", _drop, resources=[f"repo:{name}"], name=name)

    def _drop(session: Session, name: str) -> Answer:
        session.call("repo.drop", name=name)
        return Answer(200, {})

A route names the operations that it calls. The caller needs the scopes of these operations,
filled in with the arguments of the call.
"""

from debrepo.errors import Cancelled
from debrepo.http.answers import (
    STATUS,
    Answer,
    ErrorAnswer,
    Refusal,
    failure,
    json_answer,
    known_as,
    status_of,
)
from debrepo.http.body_cache import BodyCache
from debrepo.http.doors import Door, Opening, Server, opens
from debrepo.http.jobs import TASK_STATES, Job, ShownTask, TaskObject, Tasks
from debrepo.http.routes import Route, Routes, opening_of, segments
from debrepo.http.task_doors import TaskOpening, opens_task, task_number
from debrepo.permissions import Caller, check_scope
from debrepo.uploads import upload_path

__all__ = [
    "STATUS",
    "TASK_STATES",
    "Answer",
    "BodyCache",
    "Caller",
    "Cancelled",
    "Door",
    "ErrorAnswer",
    "Job",
    "Opening",
    "Refusal",
    "Route",
    "Routes",
    "Server",
    "ShownTask",
    "TaskObject",
    "TaskOpening",
    "Tasks",
    "check_scope",
    "failure",
    "json_answer",
    "known_as",
    "opening_of",
    "opens",
    "opens_task",
    "segments",
    "status_of",
    "task_number",
    "upload_path",
]
