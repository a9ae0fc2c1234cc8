"""What a run has filed, page by page or in one stream."""

from __future__ import annotations

from collections.abc import AsyncIterator

from sqlalchemy import select
from sqlmodel import col

from domain.refusals import NotFound
from store.database import ReadSession
from store.pages import AnySelect, Page, Window, read_page
from store.tables import ReconciliationItem


async def find(session: ReadSession, reconciliation_id: str, item_id: str) -> ReconciliationItem:
    """Raises NotFound."""
    item = await session.get(ReconciliationItem, item_id)
    if item is None or item.reconciliation_id != reconciliation_id:
        raise NotFound("reconciliation item", item_id)
    return item


async def page(
    session: ReadSession, reconciliation_id: str, window: Window, *, filed: str | None
) -> tuple[list[ReconciliationItem], Page]:
    """Items of a run, in the order of their ids."""
    statement = _items(reconciliation_id, filed)
    found = await read_page(session, statement, col(ReconciliationItem.id), window)
    return [row[0] for row in found.rows], found


async def stream(
    session: ReadSession, reconciliation_id: str, *, filed: str | None = None
) -> AsyncIterator[ReconciliationItem]:
    """All of them, a few at a time."""
    statement = _items(reconciliation_id, filed).order_by(
        col(ReconciliationItem.filed), col(ReconciliationItem.id)
    )
    async for item in await session.stream_scalars(statement.execution_options(yield_per=500)):
        yield item


def _items(reconciliation_id: str, filed: str | None) -> AnySelect:
    statement = select(ReconciliationItem).where(
        col(ReconciliationItem.reconciliation_id) == reconciliation_id
    )
    return statement if filed is None else statement.where(col(ReconciliationItem.filed) == filed)
