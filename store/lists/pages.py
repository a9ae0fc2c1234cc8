"""Pages of a list, newest first.

Ids are found first, by an index, then the rows of these few with their joins: so a page takes the
same time however long the list is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, Select, Subquery, func, literal, select, tuple_, union
from sqlalchemy.orm import Mapped
from sqlalchemy.sql.expression import SQLColumnExpression

from store.database import ReadSession
from store.lists.estimates import estimated_rows

CHUNK = 100
"""Rows per read where all are needed: turning them into objects blocks the event loop."""
EXACT = 10_000
"""Longer lists are not counted: their total is an estimate."""
AnySelect = Select[*tuple[Any, ...]]
"""A SELECT of any columns."""
Key = Mapped[Any] | SQLColumnExpression[Any]
"""A sort key of a list."""


class Window(NamedTuple):
    """`limit` rows: those after the row `after`, else those of `page` (from 1), sorted `by` one of
    the list's keys."""

    limit: int
    after: str | None = None
    page: int = 1
    by: str = "created_at"
    oldest_first: bool = False

    @property
    def offset(self) -> int:
        """The number of rows before it."""
        return 0 if self.after else (self.page - 1) * self.limit


class Between(NamedTuple):
    """Times later than `after` and earlier than `before`. None: no limit on that side."""

    before: datetime | None = None
    after: datetime | None = None

    def holds(self, column: Mapped[Any] | ColumnElement[Any]) -> list[ColumnElement[bool]]:
        """SQL conditions for a column. NULL matches none of them."""
        conditions = []
        if self.before is not None:
            conditions.append(column < self.before)
        if self.after is not None:
            conditions.append(column > self.after)
        return conditions


class Page(NamedTuple):
    """The rows, their total number, and whether more follow. `total` is an estimate unless
    `total_exact`."""

    rows: list[Row[*tuple[Any, ...]]]
    total: int
    has_more: bool
    total_exact: bool = True


async def read_page(
    session: ReadSession,
    statement: AnySelect,
    id: Mapped[str] | ColumnElement[str],
    window: Window,
    *,
    ways: Sequence[AnySelect] | None = None,
    keys: Mapping[str, Key] | None = None,
    row: Mapped[str] | None = None,
    estimate: int | None = None,
) -> Page:
    """Read the window's part of `statement`, by descending `id` by default: ids sort by creation
    time.

    `keys`: other sort keys. `ways`: SELECTs of the table with the id, each filtered so that an
    index finds its rows; the list is their union. Without them `statement` is filtered itself.
    `row`: the primary key, if `id` is only a sort key. `estimate`: of the total, for lists that
    take too long to count."""
    key = (keys or {}).get(window.by)
    columns = [id] if key is None else [key, id]
    found = [
        way.with_only_columns(*columns, *([] if row is None else [row]), maintain_column_froms=True)
        for way in ways or [statement]
    ]
    behind = _behind(columns, _place(id, key, window.after), window)
    if ways is None:
        narrowed = _part(statement.where(*behind), columns, window)
    else:
        ids = _ids([way.where(*behind) for way in found], columns, window)
        # An array instead of a join: with more than eight joins the planner joins the last one
        # last.
        wanted = func.array(select(list(ids.c)[-1]).scalar_subquery())
        narrowed = statement.where((id if row is None else row) == func.any(wanted))
        narrowed = narrowed.order_by(*_directed(columns, window))
    rows = list(await session.execute(narrowed))
    page, has_more = rows[: window.limit], len(rows) > window.limit
    total = await _total(session, found, window, Page(page, 0, has_more), estimate)
    return Page(page, total.rows, has_more, total.exact)


def _ids(ways: list[AnySelect], columns: list[Any], window: Window) -> Subquery:
    """The sort key and id of the window's rows, and of the one after them."""
    if len(ways) == 1:
        return _part(ways[0], columns, window).subquery()
    most = window.offset + window.limit + 1
    firsts = [
        select(way.order_by(*_directed(columns, window)).limit(most).subquery()) for way in ways
    ]
    either = union(*firsts).subquery()
    return _part(select(either), list(either.c)[: len(columns)], window).subquery()


def _part(statement: AnySelect, columns: list[Any], window: Window) -> AnySelect:
    ordered = statement.order_by(*_directed(columns, window))
    return ordered.offset(window.offset).limit(window.limit + 1)


def _directed(columns: Sequence[Any], window: Window) -> list[ColumnElement[Any]]:
    return [one.asc() if window.oldest_first else one.desc() for one in columns]


def _behind(
    columns: Sequence[Any], place: Sequence[ColumnElement[Any]], window: Window
) -> list[ColumnElement[bool]]:
    if not place:
        return []
    here, last = tuple_(*columns), tuple_(*place)
    return [here > last if window.oldest_first else here < last]


def _place(
    id: Mapped[str] | ColumnElement[str], key: Key | None, after: str | None
) -> list[ColumnElement[Any]]:
    """The position of the row `after`, whether or not it is still in the list."""
    if after is None:
        return []
    if key is None:
        return [literal(after)]
    its = select(key).where(id == after).correlate(None).scalar_subquery()
    return [its, literal(after)]


class _Total(NamedTuple):
    rows: int
    exact: bool


async def _total(
    session: ReadSession, ways: list[AnySelect], window: Window, page: Page, estimate: int | None
) -> _Total:
    """The total, consistent with the page: an estimate is at least what the page shows, and on the
    last page it is exact."""
    seen = window.offset + len(page.rows)
    if window.after is None and not page.has_more and (page.rows or not window.offset):
        return _Total(seen, exact=True)
    if estimate is None:
        counted = await session.scalar(select(func.count()).select_from(_first(ways)))
        if (counted or 0) <= EXACT:
            return _Total(counted or 0, exact=True)
        estimate = max(await estimated_rows(session, _any(ways)), EXACT + 1)
    if window.after is None and not page.rows:
        return _Total(min(estimate, window.offset), exact=False)
    return _Total(max(estimate, seen + page.has_more), exact=False)


def _first(ways: list[AnySelect]) -> Subquery:
    """Enough rows to know the exact length, or that it is more than EXACT."""
    firsts = [select(way.limit(EXACT + 1).subquery()) for way in ways]
    return (firsts[0] if len(firsts) == 1 else union(*firsts)).subquery()


def _any(ways: list[AnySelect]) -> AnySelect:
    if len(ways) == 1:
        return ways[0]
    return select(union(*(select(way.subquery()) for way in ways)).subquery())
