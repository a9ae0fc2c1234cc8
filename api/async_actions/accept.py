"""Accepts work that continues after the answer."""

from __future__ import annotations

from typing import Any

from fastapi import Request

from api.async_actions.schemas import Accepted
from api.http.resources import Resources
from store.imports import jobs
from store.webhooks.start import try_to_start


async def accept(
    held: Resources, request: Request, type: str, rows: list[Any], **parameters: Any
) -> Accepted:
    """Store the rows and start a workflow for them; if that fails, the redrive starts it."""
    async with held.database.transaction() as tx:
        action = await jobs.enqueue(
            tx, type, rows, request_id=request.state.request_id, **parameters
        )
    await try_to_start(held.temporal, action.id)
    return Accepted(async_action_id=action.id)
