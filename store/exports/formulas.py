"""The guard of domain.outgoing_csv, for files that PostgreSQL writes itself."""

from __future__ import annotations

from typing import Any

from sqlalchemy import String, and_, case, func, literal, not_
from sqlmodel import AutoString

from domain.outgoing_csv import BLANKS, NUMBER, STARTS
from store.exports.objects import Column


def guard(column: Column) -> Any:
    """The column; a text that a spreadsheet could take for a formula has an apostrophe in front.
    The first test is cheap, and fails for almost every cell."""
    if not isinstance(column.type, (String, AutoString)):
        return column
    suspect = func.left(func.ltrim(column, BLANKS), 1).in_(list(STARTS))
    return case(
        (and_(suspect, not_(column.regexp_match(NUMBER))), literal("'") + column), else_=column
    )
