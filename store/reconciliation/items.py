"""The items that a run has filed, page by page or in one stream."""

from __future__ import annotations

from sqlalchemy import select, tuple_
from sqlmodel import col

from domain.refusals import NotFound
from store.database import ReadSession
from store.lists.pages import CHUNK, AnySelect, Page, Window, read_page
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


async def chunk(
    session: ReadSession,
    after: ReconciliationItem | None,
    reconciliation_id: str,
    filed: str | None = None,
) -> list[ReconciliationItem]:
    """Some of them, those behind `after`. Empty at the end."""
    place = tuple_(col(ReconciliationItem.filed), col(ReconciliationItem.id))
    statement = _items(reconciliation_id, filed).order_by(*place).limit(CHUNK)
    if after is not None:
        statement = statement.where(place > tuple_(after.filed, after.id))
    return list(await session.scalars(statement))


def _items(reconciliation_id: str, filed: str | None) -> AnySelect:
    statement = select(ReconciliationItem).where(
        col(ReconciliationItem.reconciliation_id) == reconciliation_id
    )
    return statement if filed is None else statement.where(col(ReconciliationItem.filed) == filed)
