"""What one referral costs in Temporal: events, bytes, and Cloud actions."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from bench.speed.engine import Engine

# Temporal's published billing (reference/temporal.md §3): a start with its signal is one action;
# so is each further signal, each activity, each timer, and the markers of one workflow task.
_ACTIONS = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED: 1,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED: 1,
    EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED: 1,
    EventType.EVENT_TYPE_TIMER_STARTED: 1,
    EventType.EVENT_TYPE_MARKER_RECORDED: 1,
    EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES: 1,
}


class Cost(NamedTuple):
    """The cost of one double-sided referral with two gift cards."""

    events: int
    bytes: int
    actions: int


async def of_one_referral(client: Client, engine: Engine) -> Cost:
    """Convert one friend on the quiet stack and read the history."""
    campaign_id, code = await engine.code()
    converted = await engine.convert(code)
    await engine.finished(campaign_id, 1)
    referral = await engine.http.get(f"/v1/referrals/{converted['referral']['id']}")
    await asyncio.sleep(0.5)
    handle = client.get_workflow_handle(referral.json()["workflow_id"])
    events = (await handle.fetch_history()).events
    actions = sum(_ACTIONS.get(event.event_type, 0) for event in events)
    # The first signal came with the start, and is not billed separately.
    return Cost(len(events), sum(event.ByteSize() for event in events), actions - 1)
