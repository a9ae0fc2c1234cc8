"""Reads JSON text into values that PostgreSQL can store and JSON can repeat.

Python's parser accepts more than either: NUL characters, lone surrogates, NaN, numbers that become
infinite, endless nesting. All incoming JSON passes here: bodies and providers' webhooks."""

from __future__ import annotations

import json
import math
import re
from typing import Any

MAX_DEPTH = 32
_LARGEST = 10**300
"""Largest integer: within the range of a float, because amounts are compared with both."""
_LONG = 1_000_000
_SUSPECT = re.compile(
    r"\\u(?:0000|[dD][89a-fA-F])"  # NUL and surrogates
    # Numbers that may be too large: 200 digits and e99 still are not.
    r"|NaN|Infinity|[eE]\+?\d{3}|\d{200}"
)


class WrongJson(ValueError):
    """A value that cannot be stored. `pointer`: its place (RFC 6901)."""

    def __init__(self, pointer: str, reason: str) -> None:
        super().__init__(reason)
        self.pointer = pointer


def value_of(body: bytes) -> Any:
    """The value of a JSON text. Raises ValueError: WrongJson if a value is at fault."""
    text = text_of(body)
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    inspect(text, value)
    return value


def text_of(body: bytes) -> str:
    """UTF-8, or UTF-16 and UTF-32, which some clients send. Raises UnicodeDecodeError, a
    ValueError."""
    return body.decode(json.detect_encoding(body))


def inspect(text: str, value: Any) -> None:
    """Raises WrongJson. Only walks through texts that contain something suspicious."""
    # Counting comes first because it is quick. On ten megabytes the search would block all threads.
    many = len(text) > _LONG or text.count("[") + text.count("{") > MAX_DEPTH
    if many or _SUSPECT.search(text):
        _inspect(value, "", 0)


def storable(text: str) -> str:
    """The text without characters that PostgreSQL cannot store: for a provider's answer that must
    stay readable."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def _inspect(value: Any, pointer: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise WrongJson(pointer, f"Nested more than {MAX_DEPTH} levels deep.")
    match value:
        case str():
            _inspect_text(value, pointer)
        case float() if not math.isfinite(value):
            raise WrongJson(pointer, "Not a finite number.")
        case int() if abs(value) > _LARGEST:
            raise WrongJson(pointer, "Too large a number.")
        case dict():
            for name, member in value.items():
                _inspect_text(name, pointer)
                _inspect(member, f"{pointer}/{_step(name)}", depth + 1)
        case list():
            for index, member in enumerate(value):
                _inspect(member, f"{pointer}/{index}", depth + 1)


def _step(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _inspect_text(text: str, pointer: str) -> None:
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise WrongJson(pointer, "Contains a character that is not text.")
