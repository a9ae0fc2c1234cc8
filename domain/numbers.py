"""Reads numbers in files, in a declared format.

Anything else is refused: a comma read as the wrong mark turns 15.00 into 1500.00."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache

_GROUPING = "\u0020\u00a0\u2009\u202f'\u2019"
"""Thousands separators besides the other mark: spaces and apostrophes, as in French and Swiss
files."""
_SHORTENED = re.compile(r"[+-]?[0-9]([.,][0-9]+)?E\+[0-9]{1,3}", re.IGNORECASE)


def decimal_of(text: str, point: str) -> Decimal:
    """A number whose decimal mark is `point` ("." or ","). Thousands may be grouped. Raises
    ValueError."""
    if not (found := _form(point).fullmatch(text)):
        raise ValueError(f"{text!r} is no number with the decimal mark {point!r}")
    sign, whole, fraction = found.group("sign", "whole", "fraction")
    digits = re.sub(r"[^0-9]", "", whole)
    return Decimal(f"{sign}{digits}.{fraction or 0}")


def whole_number(text: str) -> int:
    """Digits with an optional minus. Raises ValueError."""
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise ValueError("is no whole number")
    return int(text)


def is_shortened(text: str) -> bool:
    """Whether a spreadsheet turned a long number into one like 4.71E+15: digits are lost, and two
    ids may have become one."""
    return bool(_SHORTENED.fullmatch(text.strip()))


@cache
def _form(point: str) -> re.Pattern[str]:
    other = "," if point == "." else "."
    group = rf"[0-9]{{1,3}}(?P<group>[{re.escape(other + _GROUPING)}])(?:[0-9]{{2,3}}(?P=group))*"
    return re.compile(
        rf"(?P<sign>[+-]?)(?P<whole>(?:{group}[0-9]{{3}})|[0-9]+)"
        rf"(?:{re.escape(point)}(?P<fraction>[0-9]+))?"
    )
