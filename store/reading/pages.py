"""Parts of a list, newest first."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, Select, func
from sqlalchemy.orm import Mapped

from store.database import ReadSession

AnySelect = Select[*tuple[Any, ...]]
"""A SELECT of whatever columns."""


class Window(NamedTuple):
    """`limit` rows: those after the row `after`, else those of `page` (from 1)."""

    limit: int
    after: str | None = None
    page: int = 1


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
    oldest_first: bool = False,
) -> Page:
    """The window's part of `statement`, by descending `id`: ids sort by time of birth."""
    total = await session.scalar(
        statement.with_only_columns(func.count(), maintain_column_froms=True)
    )
    order = id.asc() if oldest_first else id.desc()
    statement = statement.order_by(order).limit(window.limit + 1)
    if window.after:
        statement = statement.where(id > window.after if oldest_first else id < window.after)
    else:
        statement = statement.offset((window.page - 1) * window.limit)
    rows = list(await session.execute(statement))
    return Page(rows[: window.limit], total or 0, len(rows) > window.limit)
