"""Refuses unknown query parameters: a caller who asks for a part of a list and gets all of it would
continue with the wrong rows."""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError

_MOST = "limit"
"""`limit` is ignored where the answer is always complete, such as a timeline."""


def names_of(dependant: Dependant) -> frozenset[str]:
    """The query parameters of a route, including its dependencies'."""
    own = frozenset(field.alias for field in dependant.query_params)
    return own.union(*map(names_of, dependant.dependencies))


def must_be_known(request: Request, names: frozenset[str]) -> None:
    """Raises RequestValidationError, which names the unknown parameters and the known ones."""
    if not request.url.query:
        return
    unknown = dict.fromkeys(
        name for name in request.query_params if name not in names and name != _MOST
    )
    if unknown:
        accepted = f"Accepted: {', '.join(sorted(names))}." if names else "There are none."
        raise wrong_parameter(f"Not a parameter here. {accepted}", unknown)


def wrong_parameter(reason: str, names: Iterable[str]) -> RequestValidationError:
    """The error for these parameters."""
    return RequestValidationError(
        [
            {"type": "parameter", "loc": ("query", name), "msg": reason, "input": name}
            for name in names
        ]
    )
