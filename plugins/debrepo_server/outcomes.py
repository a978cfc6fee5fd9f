"""Outcomes: what a task's record and its client say when it has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo.errors import Cancelled, DebrepoError
from debrepo.http import Answer, json_answer, status_of
from debrepo_server.records import FAILED, SUCCEEDED, WAITING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi import Response

    from debrepo_server.records import TaskRecord

#: The status of a task that did not run to its end.
STOPPED = status_of(Cancelled(""))
#: What a task says that was cancelled while it ran, and what before.
CANCELLED = ("the task was cancelled", "changes that it has already made are kept")
NOT_BEGUN = "the task was cancelled before it began"


def ended(
    record: TaskRecord, lines: Sequence[str], outcome: Answer | Exception, *, stopping: bool
) -> TaskRecord:
    """Return a task with its outcome; the next server resumes it where it was stopped for that."""
    if isinstance(outcome, Cancelled) and stopping and _may_go_on(record):
        return record._replace(state=WAITING)
    if isinstance(outcome, Answer):
        good = outcome.status < 400
        said = "Task succeeded" if good else f"Task failed with status {outcome.status}"
        return record._replace(
            state=SUCCEEDED if good else FAILED,
            output="\n".join([*lines, said]),
            status=outcome.status,
            value=outcome.value,
        )
    if isinstance(outcome, DebrepoError):
        return failed(record, str(outcome), status_of(outcome))
    return failed(record, f"internal error: {outcome!r}", 500)


def _may_go_on(record: TaskRecord) -> bool:
    return record.resumable and record.arguments is not None


def failed(record: TaskRecord, said: str, status: int) -> TaskRecord:
    """Return a task that has failed."""
    output = f"{record.output}\nTask failed with error: {said}".lstrip("\n")
    return record._replace(state=FAILED, output=output, status=status, value=None)


def result(answer: Answer) -> Response:
    """Return the response to a client who has waited for the end of a task."""
    return json_answer(answer.value, answer.status)


def accepted(record: TaskRecord) -> Response:
    """Return the response to a client who has not."""
    response = json_answer(record.summary(), 202)
    response.headers["Location"] = f"/api/tasks/{record.id}"
    return response
