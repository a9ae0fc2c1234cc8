"""Protects outgoing CSV files from texts that a spreadsheet would run as formulas."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

BLANKS = "".join(
    [
        *map(chr, range(1, 33)),
        "\x7f\u00a0\u1680\u180e\u202f\u205f\u3000\ufeff",
        *map(chr, range(0x2000, 0x2010)),
    ]
)
"""Characters that spreadsheets drop or hide before a cell's content."""
STARTS = "=+-@\uff1d\uff0b\uff0d\uff20\u2212"
"""A cell that begins with one of these is read as a formula."""
NUMBER = r"^[+-]?[0-9]+([.,][0-9]+)?$"
"""A plain number may begin with a sign, as a phone number does."""
_NUMBER = re.compile(NUMBER)
_NOT_SHOWN = BLANKS + "\x00"
_STARTS = tuple(STARTS)


def guarded(value: Any) -> Any:
    """The value; a text that could be a formula gets an apostrophe in front, which spreadsheets
    read as "this is text"."""
    if not isinstance(value, str) or value[:1].isalnum():
        return value
    shown = value.lstrip(_NOT_SHOWN)
    if shown.startswith(_STARTS) and not _NUMBER.match(value):
        return f"'{value}"
    return value


def csv_text(
    columns: Sequence[str], rows: Iterable[Mapping[str, Any]], *, header: bool = False
) -> str:
    """RFC 4180 lines of these columns, every cell guarded."""
    text = io.StringIO()
    writer = csv.writer(text)
    if header:
        writer.writerow(map(guarded, columns))
    writer.writerows([guarded(row[name]) for name in columns] for row in rows)
    return text.getvalue()
