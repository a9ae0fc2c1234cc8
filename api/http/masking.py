"""Masks personal data for roles that may not see it.

In one place: a field with personal data has one of these types, and is masked when the answer is
written. Everything is masked unless the request's role sees persons."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from datetime import date
from typing import Annotated, Any

from fastapi import Request
from fastapi.dependencies.models import Dependant
from pydantic import PlainSerializer

from domain.customers import Address
from domain.ids import Prefix
from domain.refusals import Forbidden

_SHOWN: ContextVar[bool] = ContextVar("persons_are_shown", default=False)
_OURS = re.compile(rf"^{Prefix.CUSTOMER}_[0-9a-z]{{26}}$")

PERSONAL: dict[str, Any] = {"x-personal": "always"}
"""Marks a query parameter that filters by something masked (`json_schema_extra`)."""
PERSONAL_UNLESS_OURS: dict[str, Any] = {"x-personal": "unless it is our own id"}
"""Marks one that takes our id of a person, or the caller's."""


def show_persons(shown: bool) -> None:
    """For the rest of this request."""
    _SHOWN.set(shown)


def persons_are_shown() -> bool:
    """Whether the caller of this request may see personal data."""
    return _SHOWN.get()


def _masked(mask: Callable[[Any], Any], of: Any) -> PlainSerializer:
    return PlainSerializer(
        lambda value: value if _SHOWN.get() or value is None else mask(value), return_type=of
    )


def _nothing(_: object) -> None:
    return None


def _initial(name: str) -> str:
    return f"{name[0]}…" if name else name


def _first_letter_and_domain(email: str) -> str:
    return f"{email[0]}…@{email.rpartition('@')[2]}" if email else email


def _without_own_ids(data: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {**member, "source_id": None}
        if isinstance(member, dict) and "source_id" in member
        else member
        for name, member in data.items()
    }


Name = Annotated[str | None, _masked(_initial, str | None)]
"""Masked to its initial."""
Email = Annotated[str | None, _masked(_first_letter_and_domain, str | None)]
"""Masked to its first letter and its domain."""
OwnId = Annotated[str | None, _masked(_nothing, str | None)]
"""The caller's own id of a person, or of something of theirs."""
Words = Annotated[str | None, _masked(_nothing, str | None)]
"""A text about a person, or a person's own text."""
Channel = Annotated[str, _masked(lambda _: "masked", str)]
"""The caller's own word for how a person was reached."""
Birthday = Annotated[date | None, _masked(_nothing, date | None)]
PostalAddress = Annotated[Address | None, _masked(_nothing, Address | None)]
About = Annotated[dict[str, Any], _masked(lambda _: {}, dict[str, Any])]
"""Metadata, which may contain anything."""
Filtered = Annotated[dict[str, Any] | None, _masked(_nothing, dict[str, Any] | None)]
"""Filters that may contain personal data."""
EventData = Annotated[dict[str, Any], _masked(_without_own_ids, dict[str, Any])]
"""The data of an event: whom it concerns is told by our ids alone."""
Items = Annotated[list[dict[str, Any]] | None, _masked(_nothing, list[dict[str, Any]] | None)]
"""What a person bought."""


def personal_filters(dependant: Dependant) -> dict[str, dict[str, Any]]:
    """The query parameters of a route that filter by something masked, with their marks."""
    marked = {
        field.alias: extra
        for field in dependant.query_params
        if isinstance(extra := field.field_info.json_schema_extra, dict) and "x-personal" in extra
    }
    for each in dependant.dependencies:
        marked |= personal_filters(each)
    return marked


def must_not_filter(request: Request, role: str, filters: dict[str, dict[str, Any]]) -> None:
    """Raises Forbidden if a role that sees masked persons filters by personal data: the result
    would reveal it."""
    used = sorted(name for name in _used(request, filters))
    if used:
        raise Forbidden(
            f"The role {role} may not filter by {', '.join(used)}: persons are masked for it. Use "
            "our own ids."
        )


def _used(request: Request, filters: dict[str, dict[str, Any]]) -> Iterable[str]:
    for name, value in request.query_params.multi_items():
        marked = filters.get(name)
        if marked and not _is_ours(marked, value):
            yield name


def _is_ours(marked: dict[str, Any], value: str) -> bool:
    return marked == PERSONAL_UNLESS_OURS and _OURS.match(value) is not None
