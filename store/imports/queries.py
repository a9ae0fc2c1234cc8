"""Asynchronous actions, as their callers see them."""

from __future__ import annotations

from sqlalchemy import select
from sqlmodel import col

from domain.refusals import existing
from store.database import ReadSession
from store.lists.pages import Between, Page, Window, read_page
from store.tables import AsyncAction


async def find(session: ReadSession, action_id: str) -> AsyncAction:
    """Raises NotFound."""
    return existing(await session.get(AsyncAction, action_id), "async action", action_id)


async def page(session: ReadSession, window: Window, created: Between) -> Page:
    """Newest first; rows are (AsyncAction,)."""
    statement = select(AsyncAction).where(*created.holds(col(AsyncAction.created_at)))
    return await read_page(session, statement, col(AsyncAction.id), window)
