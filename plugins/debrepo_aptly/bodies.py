"""Bodies: JSON objects with names in any case, or as a form."""

import json
from typing import Annotated, Any

from fastapi import Request
from pydantic import BaseModel, BeforeValidator, StringConstraints, model_validator

from debrepo.http.bodies import content_type, received, with_json

_FORMS = ("", "application/x-www-form-urlencoded", "multipart/form-data")

#: A required string that is not empty.
Text = Annotated[str, StringConstraints(min_length=1)]

#: A query parameter that 1, true or yes turns on: ``force=1``.
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


async def as_json(request: Request) -> Request:
    """Return a request whose form, or query where there is no body, has become JSON."""
    kind = content_type(request)
    if kind not in _FORMS:
        return request
    await received(request)
    fields: dict[str, Any] = dict(request.query_params)
    if kind:
        async with request.form(max_files=0) as form:
            fields |= {key: value for key, value in form.items() if isinstance(value, str)}
    return with_json(request, json.dumps(fields).encode())
