"""Turns exceptions into problems."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.http.problems import FieldError, problem, refused
from domain.refusals import Refusal

MISSING_CUSTOMER = "missing_customer"
"""The type of the validation error for a customer without `id` and `source_id`."""

MOST = 100
"""The most errors in one answer: a megabyte of rows can have 20,000."""

_HTTP = {404: "resource_not_found", 405: "method_not_allowed", 413: "payload_too_large"}


def add_error_handlers(app: FastAPI) -> None:
    """Answer every expected exception with a problem."""
    for kind in (Refusal, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, _handle)


async def _handle(request: Request, error: Exception) -> Response:
    answer = answer_to(request, error)
    if answer is None:
        raise error
    return answer


def answer_to(request: Request, error: Exception) -> Response | None:
    """The problem for an expected exception; None for any other."""
    request_id: str = request.state.request_id
    match error:
        case Refusal():
            return refused(request_id, error)
        case RequestValidationError():
            return _invalid(request_id, error)
        case HTTPException():
            return _plain(request, request_id, error)
        case _:
            return None


def _invalid(request_id: str, error: RequestValidationError) -> Response:
    errors = [_field_error(one, error.body) for one in error.errors()[:MOST]]
    key = "invalid_payload"
    if any(_is_missing_customer(one) for one in error.errors()):
        key = MISSING_CUSTOMER
    where = errors[0].pointer or errors[0].parameter or errors[0].header or "body"
    return problem(request_id, key, f"{where}: {errors[0].detail}", errors=errors)


def _is_missing_customer(error: dict[str, Any]) -> bool:
    absent = error["type"] == "missing" or error["input"] is None
    at_customer = tuple(error["loc"]) == ("body", "customer")
    return error["type"] == MISSING_CUSTOMER or (at_customer and absent)


def _plain(request: Request, request_id: str, error: HTTPException) -> Response:
    headers = dict(error.headers) if error.headers else None
    key = _HTTP.get(error.status_code, "invalid_payload")
    details = {
        "resource_not_found": "There is nothing at this path.",
        "method_not_allowed": f"{request.method} is not allowed at this path.",
        "invalid_payload": "The request cannot be read.",
        "payload_too_large": error.detail,
    }
    return problem(request_id, key, details.get(key), headers=headers)


def _field_error(error: dict[str, Any], body: Any) -> FieldError:
    source, *path = error["loc"]
    detail = _words(error)
    match source:
        case "body":
            return FieldError(detail=detail, pointer=_pointer(path, body, error["type"]))
        case "header":
            return FieldError(detail=detail, header=str(path[0]))
        case _:
            return FieldError(detail=detail, parameter=str(path[0]) if path else None)


def _words(error: dict[str, Any]) -> str:
    if error["type"] == "extra_forbidden":
        return "Unknown, or not supported yet."
    return str(error["msg"]).removeprefix("Value error, ")


def _pointer(path: Sequence[Any], body: Any, kind: str) -> str:
    """The JSON Pointer of a pydantic location. Union tags and validators' names are left out,
    because they are no members of the body; the name of a missing member stays."""
    steps, here = [], body
    for index, part in enumerate(path):
        last = index == len(path) - 1
        if (isinstance(here, dict) and part in here) or (
            isinstance(here, list) and isinstance(part, int) and part < len(here)
        ):
            here = here[part]
        elif not (last and kind == "missing"):
            continue
        steps.append(str(part).replace("~", "~0").replace("/", "~1"))
    return "".join(f"/{step}" for step in steps)
