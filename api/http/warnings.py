"""Warnings about members of a body without effect: unknown ones, and values that are read as not
given."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Any, get_args

from fastapi.responses import Response
from pydantic import AliasChoices, BaseModel, BeforeValidator
from pydantic.fields import FieldInfo

from domain.customers import LENIENT

MOST = 100
"""The most warnings in one answer. A list of 100,000 rows could cause as many."""


class Warning(BaseModel):
    """Something that was not refused, and has no effect."""

    pointer: str
    """The member, as a JSON Pointer into the request's body."""
    message: str


def first_warnings(given: Any, expected: Any) -> list[Warning]:
    """Warnings about members of a body that are ignored; at most `MOST`. `expected`: the type that
    the body is read as."""
    return list(islice(warnings_of(given, expected), MOST))


def warnings_of(given: Any, expected: Any, pointer: str = "") -> Iterator[Warning]:
    """Every such warning. `pointer`: the place of `given` in the body."""
    model = model_of(expected)
    if model is None or _has_its_own_shape(model):
        return
    if isinstance(given, list):
        for index, member in enumerate(given):
            yield from warnings_of(member, model, f"{pointer}/{index}")
    elif isinstance(given, dict):
        known = _by_name(model)
        for name, value in given.items():
            yield from _of_member(model, known.get(name), value, f"{pointer}/{name}")


def model_of(expected: Any) -> type[BaseModel] | None:
    """The model in a type such as `list[Model] | None`."""
    if isinstance(expected, type) and issubclass(expected, BaseModel):
        return expected
    found = (model_of(part) for part in get_args(expected))
    return next((model for model in found if model is not None), None)


def add_warnings(answer: Response, warnings: list[Warning]) -> Response:
    """The same answer with these warnings."""
    is_json = answer.headers.get("content-type", "").startswith("application/json")
    if not warnings or answer.status_code >= 300 or not is_json or not hasattr(answer, "body"):
        return answer
    body = json.loads(bytes(answer.body))
    if not isinstance(body, dict):
        return answer
    body["warnings"] = [warning.model_dump() for warning in warnings]
    kept = {k: v for k, v in answer.headers.items() if k not in ("content-length", "content-type")}
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(text, answer.status_code, kept, "application/json")


@cache
def _has_its_own_shape(model: type[BaseModel]) -> bool:
    """Whether it has another form on the wire, as rules and filters have: it reads its members
    itself."""
    return bool(model.__pydantic_decorators__.model_serializers)


@cache
def _by_name(model: type[BaseModel]) -> dict[str, FieldInfo]:
    known = dict(model.model_fields)
    for field in model.model_fields.values():
        choices = field.validation_alias
        names = choices.choices if isinstance(choices, AliasChoices) else [choices, field.alias]
        known |= {name: field for name in names if isinstance(name, str)}
    return known


def _of_member(
    model: type[BaseModel], field: FieldInfo | None, value: Any, pointer: str
) -> Iterator[Warning]:
    if field is None:
        if model.model_config.get("extra", "ignore") == "ignore":
            yield Warning(pointer=pointer, message="No member of this body: it was ignored.")
    elif _is_dropped(field, value):
        what = "A number" if isinstance(value, int | float) else "An empty value"
        yield Warning(pointer=pointer, message=f"{what} is read as not given here.")
    else:
        yield from warnings_of(value, field.annotation, pointer)


def _is_dropped(field: FieldInfo, value: Any) -> bool:
    if value is None:
        return False
    lenient = (one.func for one in field.metadata if isinstance(one, BeforeValidator))
    return any(func in LENIENT and func(value) != value for func in lenient)
