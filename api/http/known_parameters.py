"""Query parameters: what a route does not know is refused, for whoever asks for a part of a list
and is answered all of it goes on with the wrong rows."""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError

_MOST = "limit"
"""Asked of what is always answered whole, such as a timeline, it has nothing to narrow."""


def names_of(dependant: Dependant) -> frozenset[str]:
    """The query parameters that a route takes, its dependencies' included."""
    own = frozenset(field.alias for field in dependant.query_params)
    return own.union(*map(names_of, dependant.dependencies))


def must_be_known(request: Request, names: frozenset[str]) -> None:
    """Raises RequestValidationError, which names the parameters and those there are."""
    if not request.url.query:
        return
    unknown = dict.fromkeys(
        name for name in request.query_params if name not in names and name != _MOST
    )
    if unknown:
        accepted = f"Accepted: {', '.join(sorted(names))}." if names else "There are none."
        raise wrong_parameter(f"Not a parameter here. {accepted}", unknown)


def wrong_parameter(reason: str, names: Iterable[str]) -> RequestValidationError:
    """The refusal of these parameters."""
    return RequestValidationError(
        [
            {"type": "parameter", "loc": ("query", name), "msg": reason, "input": name}
            for name in names
        ]
    )
