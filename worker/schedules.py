"""Temporal Schedules."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError, RPCStatusCode

from domain.messages import WORKFLOW_QUEUE


async def repeat(
    client: Client,
    schedule_id: str,
    workflow: str,
    *args: Any,
    id: str,
    every: timedelta,
    catchup: timedelta | None = None,
) -> None:
    """Start the workflow at an interval; its runs never overlap. `catchup`: how late a missed start
    is still made, by default twice `every`."""
    schedule = Schedule(
        action=ScheduleActionStartWorkflow(workflow, args=args, id=id, task_queue=WORKFLOW_QUEUE),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)]),
        policy=SchedulePolicy(
            overlap=ScheduleOverlapPolicy.SKIP, catchup_window=catchup or every * 2
        ),
    )
    await put_schedule(client, schedule_id, schedule)


async def put_schedule(client: Client, id: str, schedule: Schedule) -> None:
    """Create or replace the schedule. Safe to repeat."""

    async def replace(_: ScheduleUpdateInput) -> ScheduleUpdate:
        return ScheduleUpdate(schedule)

    try:
        await client.create_schedule(id, schedule)
    except ScheduleAlreadyRunningError:
        await client.get_schedule_handle(id).update(replace)


async def remove_schedule(client: Client, id: str) -> None:
    """Remove a schedule of a former version, whose work the workers now do themselves. Safe to
    repeat."""
    try:
        await client.get_schedule_handle(id).delete()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
