"""Answers: results and errors as JSON, with the HTTP status of each kind of error."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from fastapi import Response
from pydantic import BaseModel, ConfigDict

from debrepo import errors

#: The HTTP status of each kind of error; other kinds have that of their parent class.
STATUS: dict[type[errors.DebrepoError], int] = {
    errors.DebrepoError: 400,
    errors.InvalidInput: 400,
    errors.NotFound: 404,
    errors.AlreadyExists: 409,
    errors.InUse: 409,
    errors.VerificationFailed: 422,
    errors.RemoteError: 502,
    errors.DatabaseError: 503,
    errors.DatabaseFull: 507,
    errors.PluginError: 500,
    errors.SigningFailed: 422,
    errors.Conflict: 409,
    errors.NotAllowed: 403,
    errors.NotAuthenticated: 401,
    errors.Cancelled: 503,
}


class ErrorAnswer(BaseModel):
    """Why a request failed, and what to do about it."""

    model_config = ConfigDict(extra="allow")

    error: str
    hint: str = ""
    kind: str = ""


class Answer(NamedTuple):
    """The result of a task: HTTP status and JSON value."""

    status: int
    value: object


class Refusal(errors.DebrepoError):
    """An error with a status that clients of an API expect."""

    def __init__(
        self, message: str, *, hint: str = "", status: int = 400, kind: str = "InvalidInput"
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.kind = kind  #: the class of error that it is everywhere else


@contextmanager
def known_as(status: int, *kinds: type[errors.DebrepoError]) -> Iterator[None]:
    """Answer errors of these kinds with ``status`` instead of their usual one."""
    try:
        yield
    except kinds as error:
        kind = type(error).__name__
        raise Refusal(str(error), hint=error.hint, status=status, kind=kind) from error


class JSON(Response):
    """A JSON document; times become ISO 8601, tuples lists."""

    media_type = "application/json; charset=utf-8"

    def render(self, content: Any) -> bytes:
        return json.dumps(
            content, ensure_ascii=False, separators=(",", ":"), default=_plain
        ).encode("utf-8", "replace")


def json_answer(value: object, status: int = 200) -> Response:
    """Return ``value`` as a JSON response; with 204 there is nothing to return."""
    return Response(status_code=204) if status == 204 else JSON(value, status)


def status_of(error: errors.DebrepoError) -> int:
    """Return the HTTP status of an error."""
    if isinstance(error, Refusal):
        return error.status
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def failure(error: errors.DebrepoError) -> Response:
    """Return the response for an error."""
    body = {"error": str(error)} | ({"hint": error.hint} if error.hint else {})
    # Our client derives the exit code from it, and knows the kinds of core only.
    known = (kind for kind in type(error).__mro__ if kind.__module__ == errors.__name__)
    body["kind"] = error.kind if isinstance(error, Refusal) else next(known).__name__
    response = json_answer(body, status_of(error))
    if isinstance(
        error, errors.NotAuthenticated
    ):  # apt and browsers send credentials only if asked
        response.headers["WWW-Authenticate"] = 'Basic realm="debrepo", charset="UTF-8"'
    return response


def _plain(value: Any) -> object:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
