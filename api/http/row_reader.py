"""Parses a JSON text of many rows piece by piece. One call of Python's parser would block every
other thread, and the event loop, until its end."""

from __future__ import annotations

import json
import re
from typing import Any

from domain.refusals import InvalidPayload

MAX_ROWS = 100_000
"""Rows of a list or a file: Voucherify's own limit."""
MAX_MEMBERS = 1_000
"""Members of an object around a list."""
ROW_LIMIT = 262_144
"""Characters of one row."""

_DECODER = json.JSONDecoder()
_BLANKS = re.compile(r"[ \t\r\n]*")


class RowReader:
    """Reads a list of rows, or an object with one. All methods raise ValueError for invalid JSON,
    and InvalidPayload for too much of it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._begins = 0
        self._window = text[: 2 * ROW_LIMIT]

    def whole(self) -> Any:
        """The parsed value."""
        value, at = self._value(self._skip(0))
        if at != len(self._text):
            raise ValueError("more than one value")
        return value

    def _value(self, at: int) -> tuple[Any, int]:
        """The value at `at`, and the position after it."""
        match self._text[at : at + 1]:
            case "[":
                return self._list(at)
            case "{":
                return self._object(at)
            case _:
                return self._row(at)

    def _list(self, at: int) -> tuple[list[Any], int]:
        rows: list[Any] = []
        at = self._skip(at + 1)
        more = not self._text.startswith("]", at)
        while more:
            if len(rows) == MAX_ROWS:
                raise InvalidPayload(f"More than {MAX_ROWS} rows: send them in parts.", field="")
            row, at = self._row(at)
            rows.append(row)
            more = self._text.startswith(",", at)
            at = self._skip(at + 1) if more else at
        return rows, self._past("]", at)

    def _object(self, at: int) -> tuple[dict[str, Any], int]:
        members: dict[str, Any] = {}
        at = self._skip(at + 1)
        more = not self._text.startswith("}", at)
        while more:
            if len(members) == MAX_MEMBERS:
                raise InvalidPayload(f"The body has more than {MAX_MEMBERS} members.", field="")
            name, at = self._row(at)
            if not isinstance(name, str):
                raise ValueError("no name")
            at = self._past(":", at)
            is_list = self._text.startswith("[", at)
            members[name], at = self._list(at) if is_list else self._row(at)
            more = self._text.startswith(",", at)
            at = self._skip(at + 1) if more else at
        return members, self._past("}", at)

    def _row(self, at: int) -> tuple[Any, int]:
        if at - self._begins > ROW_LIMIT:
            self._begins, self._window = at, self._text[at : at + 2 * ROW_LIMIT]
        ends = self._begins + len(self._window)
        is_last = ends == len(self._text)
        try:
            row, read = _DECODER.raw_decode(self._window, at - self._begins)
        except ValueError:
            if is_last:
                raise
            raise _too_long() from None
        read += self._begins
        if read - at > ROW_LIMIT or (read == ends and not is_last):
            raise _too_long()
        return row, self._skip(read)

    def _past(self, sign: str, at: int) -> int:
        if not self._text.startswith(sign, at):
            raise ValueError(f"no {sign}")
        return self._skip(at + 1)

    def _skip(self, at: int) -> int:
        blanks = _BLANKS.match(self._text, at)
        return blanks.end() if blanks else at


def _too_long() -> InvalidPayload:
    return InvalidPayload(
        f"A row is not valid JSON, or has more than {ROW_LIMIT} characters.", field=""
    )
