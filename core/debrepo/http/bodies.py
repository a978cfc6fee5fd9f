"""Bodies: JSON objects as aptly's clients send them, in whatever case and form."""

import asyncio
import json
from typing import Annotated, Any

from fastapi import Request
from pydantic import BaseModel, BeforeValidator, StringConstraints, model_validator

from debrepo.errors import InvalidInput

_PATIENCE = 60.0  # seconds that a body may take; package files have routes of their own
_FORMS = ("", "application/x-www-form-urlencoded", "multipart/form-data")

#: A string that has to be there, and not empty.
Text = Annotated[str, StringConstraints(min_length=1)]

#: A query parameter that is on when it says so: ``force=1``.
Flag = Annotated[
    bool, BeforeValidator(lambda value: value is True or str(value).lower() in {"1", "true", "yes"})
]


class Body(BaseModel):
    """A request's body.

    Field names are matched whatever their case, unknown ones are ignored, and ``null`` is
    the same as nothing. Flat bodies may come as a form, or in the query.
    """

    @model_validator(mode="before")
    @classmethod
    def _known_names(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        names = {(field.alias or name).lower(): name for name, field in cls.model_fields.items()}
        aliases = {name: cls.model_fields[name].alias or name for name in names.values()}
        known: dict[str, Any] = {}
        for key, value in data.items():
            name = names.get(str(key).lower())
            if name is not None and value is not None:
                known[aliases[name]] = value
        return known


async def as_json(request: Request, *, required: bool) -> Request:
    """Return a request whose form, or query where there is no body, has become JSON."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _FORMS and kind != "application/json" and not kind.endswith("+json"):
        raise InvalidInput(
            f"cannot read a body of the type {kind[:80]}", hint="send application/json"
        )
    try:
        async with asyncio.timeout(_PATIENCE):
            body = await request.body()
    except TimeoutError:
        raise InvalidInput(f"the body did not come within {_PATIENCE:.0f} seconds") from None
    if kind not in _FORMS:
        if body or required:
            _check_text(body)
            return request
        return _with_body(request, b"{}")
    fields: dict[str, Any] = dict(request.query_params)
    if kind:
        async with request.form(max_files=0) as form:
            fields |= {key: value for key, value in form.items() if isinstance(value, str)}
    return _with_body(request, json.dumps(fields).encode())


def _check_text(body: bytes) -> None:
    """Refuse half of a surrogate pair, because no text with one can be written anywhere."""
    if b"\\u" not in body:
        return
    try:
        json.dumps(json.loads(body), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise InvalidInput("the body holds half of a surrogate pair") from None
    except (ValueError, RecursionError):
        return  # FastAPI says what is wrong


def _with_body(request: Request, body: bytes) -> Request:
    headers = [(k, v) for k, v in request.scope["headers"] if k != b"content-type"]
    headers.append((b"content-type", b"application/json"))

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request({**request.scope, "headers": headers}, receive)
