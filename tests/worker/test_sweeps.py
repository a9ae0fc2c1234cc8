"""Sweeps are loops of the workers: one worker at a time, and none of them is a workflow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import pytest
from temporalio.client import Client
from temporalio.service import RPCError

from domain.messages import REDRIVE_SCHEDULE, REDRIVE_WORKFLOW
from store.database import Database
from store.recovery.failing import failing
from store.recovery.sweeps import take_turn
from store.tables import Intake
from tests.builders import alter, in_past, one
from tests.worker.test_register import accepted, eventually
from worker.register import prepare
from worker.schedules import repeat
from worker.settings import WorkerSettings
from worker.sweeps import Sweep, keep_sweeping, sweeps

SOON, LATER = timedelta(milliseconds=50), timedelta(hours=1)


@asynccontextmanager
async def sweeping(database: Database, *all: Sweep) -> AsyncIterator[None]:
    task = asyncio.create_task(keep_sweeping(database, all))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_of_many_workers_one_takes_the_turn(database: Database) -> None:
    turns = await asyncio.gather(*(take_turn(database, "redrive", LATER) for _ in range(10)))
    assert sum(turns) == 1
    assert await take_turn(database, "watch", LATER)


async def test_a_turn_comes_again_when_it_is_due(database: Database) -> None:
    assert await take_turn(database, "redrive", SOON)
    await eventually(lambda: take_turn(database, "redrive", SOON), 10)


async def test_a_sweep_that_fails_is_shown_until_it_succeeds(database: Database) -> None:
    mended = asyncio.Event()

    async def work() -> None:
        if not mended.is_set():
            raise ValueError("a fault")

    async def shown() -> list[str]:
        async with database.reading() as session:
            return [row.error for row in await failing(session)]

    async def clean() -> bool:
        return not await shown()

    async with sweeping(database, Sweep("seal", SOON, work)):
        await eventually(shown, 10)
        assert await shown() == ["ValueError"]
        mended.set()
        await eventually(clean, 10)


async def test_hands_over_what_temporal_was_not_told_without_a_workflow_of_its_own(
    bare: Client, database: Database
) -> None:
    await prepare()
    message = await accepted(database)
    intake = await one(database, Intake, id=message.id)
    await alter(database, intake, received_at=in_past(minutes=1))

    async def sent() -> bool:
        return (await one(database, Intake, id=message.id)).sent_at is not None

    async with sweeping(database, *sweeps(bare, database, WorkerSettings())):
        await eventually(sent)
    assert await bare.get_workflow_handle(message.workflow_id).describe()
    of_sweeps = f"WorkflowType = '{REDRIVE_WORKFLOW}'"
    assert [each async for each in bare.list_workflows(of_sweeps)] == []


async def test_the_schedules_of_a_former_version_are_removed(bare: Client) -> None:
    await repeat(bare, REDRIVE_SCHEDULE, REDRIVE_WORKFLOW, id="redrive", every=LATER)
    await prepare()
    await prepare()
    with pytest.raises(RPCError, match="not found"):
        await bare.get_schedule_handle(REDRIVE_SCHEDULE).describe()
