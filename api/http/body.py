"""Reading a JSON body that PostgreSQL can store and JSON can answer.

Python's parser admits more than either: NUL characters, lone surrogates, NaN, endless nesting.
"""

from __future__ import annotations

import math
import re
from typing import Any

from fastapi import Request

from domain.refusals import InvalidPayload, UnsupportedMediaType

MAX_DEPTH = 32

_SUSPECT = re.compile(
    rb"\\u(?:0000|[dD][89a-fA-F])"  # NUL and surrogates
    rb"|NaN|Infinity|[eE]\+?\d{3}|\d{300}"  # floats that are not finite
)


async def read_json(request: Request) -> Any:
    """Parse the body, which the request keeps. Raises InvalidPayload or UnsupportedMediaType."""
    body = await request.body()
    if not body:
        return None
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise UnsupportedMediaType("Send application/json.")
    try:
        payload = await request.json()
    except (ValueError, RecursionError):
        raise InvalidPayload("The body is not valid JSON.", field="") from None
    # The walk is only for bodies that show a reason for it.
    if _SUSPECT.search(body) or body.count(b"[") + body.count(b"{") > MAX_DEPTH:
        _inspect(payload, "", 0)
    return payload


def _inspect(value: Any, pointer: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise InvalidPayload(f"Nested more than {MAX_DEPTH} levels deep.", field=pointer)
    match value:
        case str():
            _inspect_text(value, pointer)
        case float() if not math.isfinite(value):
            raise InvalidPayload("Not a finite number.", field=pointer)
        case dict():
            for name, member in value.items():
                _inspect_text(name, pointer)
                _inspect(member, f"{pointer}/{name}", depth + 1)
        case list():
            for index, member in enumerate(value):
                _inspect(member, f"{pointer}/{index}", depth + 1)


def _inspect_text(text: str, pointer: str) -> None:
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidPayload("Contains a character that is not text.", field=pointer)
