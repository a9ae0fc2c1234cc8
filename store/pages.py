"""Parts of a list, newest first."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, Select, func, literal, select, tuple_
from sqlalchemy.orm import Mapped
from sqlalchemy.sql.expression import SQLColumnExpression

from store.database import ReadSession

CHUNK = 100
"""Rows that are read at once where all are wanted: the loop makes objects of them in one step."""
AnySelect = Select[*tuple[Any, ...]]
"""A SELECT of whatever columns."""
Key = Mapped[Any] | SQLColumnExpression[Any]
"""What rows can be sorted by."""


class Window(NamedTuple):
    """`limit` rows: those after the row `after`, else those of `page` (from 1), sorted `by` one of
    the list's keys."""

    limit: int
    after: str | None = None
    page: int = 1
    by: str = "created_at"
    oldest_first: bool = False


class Between(NamedTuple):
    """Moments later than `after` and earlier than `before`; None: open."""

    before: datetime | None = None
    after: datetime | None = None

    def holds(self, column: Mapped[Any] | ColumnElement[Any]) -> list[ColumnElement[bool]]:
        """The conditions on a column; one that is NULL is at no moment."""
        conditions = []
        if self.before is not None:
            conditions.append(column < self.before)
        if self.after is not None:
            conditions.append(column > self.after)
        return conditions


class Page(NamedTuple):
    """The rows, how many there are in all, and whether more follow."""

    rows: list[Row[*tuple[Any, ...]]]
    total: int
    has_more: bool


async def read_page(
    session: ReadSession,
    statement: AnySelect,
    id: Mapped[str] | ColumnElement[str],
    window: Window,
    *,
    keys: Mapping[str, Key] | None = None,
) -> Page:
    """The window's part of `statement`, by descending `id` unless asked otherwise: ids sort by
    time of birth. `keys`: what else it can be sorted by."""
    total = await session.scalar(
        statement.with_only_columns(func.count(), maintain_column_froms=True)
    )
    key = (keys or {}).get(window.by)
    columns = [id] if key is None else [key, id]
    order = [one.asc() if window.oldest_first else one.desc() for one in columns]
    statement = statement.order_by(*order).limit(window.limit + 1)
    if window.after:
        place = tuple_(*columns)
        last = tuple_(*_place(id, key, window.after))
        statement = statement.where(place > last if window.oldest_first else place < last)
    else:
        statement = statement.offset((window.page - 1) * window.limit)
    rows = list(await session.execute(statement))
    return Page(rows[: window.limit], total or 0, len(rows) > window.limit)


def _place(
    id: Mapped[str] | ColumnElement[str], key: Key | None, after: str
) -> list[ColumnElement[Any]]:
    """Where the row `after` stands, whether or not it is in the list by now."""
    if key is None:
        return [literal(after)]
    its = select(key).where(id == after).correlate(None).scalar_subquery()
    return [its, literal(after)]
