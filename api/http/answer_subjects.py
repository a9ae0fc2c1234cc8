"""Finds the people named in a request and its answer, so that the stored answer can be found when
they are erased."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from fastapi import Request

from store.access.idempotency import Named

_OURS = re.compile(r"[a-z]{1,5}_[0-9a-z]{26}")
"""Our ids of people, and of what is erased with them; recognised anywhere in an answer or a
path."""
_PERSONS = frozenset({"customer", "referrer", "referee", "recipient"})
"""Members of a body that are a person."""
_PERSON_IDS = frozenset({"customer_id", "referrer_id", "referee_id", "member_id", "tracking_id"})
"""Members of a body, and parameters of a path, that name a person."""
_OF_PEOPLE = "/v1/customers"
"""Below these paths the body itself is a person, or a list of them."""


async def named_in(request: Request, answer: bytes) -> Named:
    """The people. A source_id counts if it is a person's, not an order's."""
    body = await _json(request)
    people = list(_people(body))
    if request.url.path.startswith(_OF_PEOPLE):
        people += body if isinstance(body, list) else [body]
    names = {name for person in people for name in _names(person)}
    names |= {str(request.path_params[name]) for name in _PERSON_IDS & request.path_params.keys()}
    told = answer.decode(errors="replace") + request.url.path
    return Named(frozenset(_OURS.findall(told)), frozenset(names))


async def _json(request: Request) -> Any:
    if "application/json" not in request.headers.get("content-type", ""):
        return None
    try:
        return json.loads(await request.body())
    except ValueError:
        return None


def _people(value: Any) -> Iterator[Any]:
    """Every member of a body that is a person, or a person's id."""
    if isinstance(value, list):
        for each in value:
            yield from _people(each)
    elif isinstance(value, dict):
        for name, member in value.items():
            if name in _PERSONS:
                yield member
            elif name in _PERSON_IDS and isinstance(member, str):
                yield {"id": member}
            yield from _people(member)


def _names(person: Any) -> set[str]:
    if isinstance(person, str):
        return {person}
    if not isinstance(person, dict):
        return set()
    given = (person.get("source_id"), person.get("id"), person.get("tracking_id"))
    return {one for one in given if isinstance(one, str)}
