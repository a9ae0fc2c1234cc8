"""The finance part of a worker: its workflows, activities and schedules."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleCalendarSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
)

from activities.lane import ProviderLane
from activities.reconciliation import BookActivities, ComparisonActivities
from activities.repairs import RepairActivities
from activities.sealing import SealActivities
from activities.upkeep import UpkeepActivities
from domain.messages import (
    WORKFLOW_QUEUE,
)
from domain.reconciliation import DAILY_WORKFLOW, DailyStart, daily_schedule
from store.database import Database
from worker.schedules import put_schedule
from workflows.daily import DailyReconciliationWorkflow
from workflows.reconciliation import ReconciliationWorkflow
from workflows.repair import RepairWorkflow
from workflows.sealing import SealWorkflow
from workflows.upkeep import UpkeepWorkflow

WORKFLOWS = [
    ReconciliationWorkflow,
    RepairWorkflow,
    DailyReconciliationWorkflow,
    SealWorkflow,
    UpkeepWorkflow,
]
_HOUR = 2
"""UTC. By then yesterday's orders are answered, and the day of providers in the Pacific is nearly
over. An order that is still open is recorded as in flight, and checked again the next day."""

Activities = list[Callable[..., Any]]


def activities(database: Database) -> Activities:
    """Activities that need only the database."""
    comparison = ComparisonActivities(database)
    seals, upkeep = SealActivities(database), UpkeepActivities(database)
    return [
        comparison.compare_books,
        comparison.begin_daily,
        comparison.give_up,
        seals.seal_ledger,
        upkeep.expire_credits,
        upkeep.sum_up,
    ]


def activities_of(lane: ProviderLane, max_per_second: float) -> Activities:
    """Activities that call a provider, on its own queue."""
    books, repairs = BookActivities(lane, max_per_second), RepairActivities(lane)
    return [books.stage_orders, repairs.repair, repairs.reopen]


async def schedule_reconciliations(client: Client, providers: Iterable[str]) -> None:
    """Every night, for each provider."""
    for provider in providers:
        schedule = Schedule(
            action=ScheduleActionStartWorkflow(
                DAILY_WORKFLOW,
                DailyStart(provider=provider),
                id=f"reconcile-daily-{provider}",
                task_queue=WORKFLOW_QUEUE,
            ),
            spec=ScheduleSpec(calendars=[ScheduleCalendarSpec(hour=[ScheduleRange(_HOUR)])]),
            policy=SchedulePolicy(
                overlap=ScheduleOverlapPolicy.BUFFER_ONE, catchup_window=timedelta(days=2)
            ),
        )
        await put_schedule(client, daily_schedule(provider), schedule)
