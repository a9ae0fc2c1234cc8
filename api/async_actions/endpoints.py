"""Asynchronous actions: the progress of accepted work."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query

from api.async_actions.schemas import AsyncActionAnswer, AsyncActionList, AsyncActionSummary
from api.http.access import READERS
from api.http.lists import Ordered
from api.http.resources import Held
from api.http.route import GuardedRouter
from domain.dates import Instant
from store.imports import queries as actions
from store.lists.pages import Between

router = GuardedRouter("/v1/async-actions", "Asynchronous actions")


@router.get("", roles=READERS)
async def list_async_actions(
    held: Held,
    window: Ordered,
    end_date: Annotated[Instant | None, Query(description="Accepted before then.")] = None,
) -> AsyncActionList:
    """Accepted work, newest first."""
    page = await held.database.read(actions.page, window, Between(before=end_date))
    return AsyncActionList(
        async_actions=[AsyncActionSummary.of(row[0]) for row in page.rows],
        total=page.total,
        has_more=page.has_more,
    )


@router.get("/{action_id}", "resource_not_found", roles=READERS)
async def get_async_action(
    action_id: Annotated[
        str, Path(description="The `async_action_id` of the answer that began it.")
    ],
    held: Held,
) -> AsyncActionAnswer:
    """One piece of accepted work, with its wrong rows."""
    return AsyncActionAnswer.of(await held.database.read(actions.find, action_id))
