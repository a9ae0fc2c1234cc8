"""Work that is repeated at an interval: loops in every worker.

A row for each sweep tells when it was last begun, so that one worker at a time runs it. If that
worker dies, another runs the sweep when it is due again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from typing import NamedTuple

import structlog
from temporalio.client import Client

from activities.intake import send_what_waits
from activities.messages.distribute import distribute
from activities.sealing import SealActivities
from activities.upkeep import UpkeepActivities
from store.database import Database
from store.outage import FAILURES
from store.recovery.failing import note_failure, note_success
from store.recovery.sweeps import take_turn
from store.recovery.watch import sweep as watch
from store.temporal.client import AWAY
from store.temporal.failures import is_fault
from worker.settings import WorkerSettings

log = structlog.get_logger(__name__)

_BOOKED_EVERY = timedelta(minutes=5)
"""No one waits for this work: an expired credit cannot be used meanwhile, and a balance includes
what is not added up yet."""
_LONGEST = timedelta(minutes=10)


class Sweep(NamedTuple):
    """Idempotent work, at most once in `every`."""

    name: str
    every: timedelta
    work: Callable[[], Awaitable[object]]


def sweeps(client: Client, database: Database, settings: WorkerSettings) -> list[Sweep]:
    """Every sweep."""
    seals, upkeep = SealActivities(database), UpkeepActivities(database)

    async def redrive() -> None:
        await send_what_waits(database, client, older_than=settings.redrive_every)

    async def watch_progress() -> None:
        await watch(database, client)

    async def keep_up() -> None:
        await upkeep.expire_credits()
        await upkeep.sum_up()

    async def follow_events() -> None:
        await distribute(database, client)

    return [
        Sweep("redrive", settings.redrive_every, redrive),
        Sweep("distribute", settings.distribute_every, follow_events),
        Sweep("watch", settings.watch_every, watch_progress),
        Sweep("seal", _BOOKED_EVERY, seals.seal_ledger),
        Sweep("upkeep", _BOOKED_EVERY, keep_up),
    ]


async def keep_sweeping(database: Database, all: Iterable[Sweep]) -> None:
    """Run the sweeps until cancelled."""
    await asyncio.gather(*(_repeat(database, sweep) for sweep in all))


async def _repeat(database: Database, sweep: Sweep) -> None:
    failures = 0
    while True:
        try:
            if await take_turn(database, sweep.name, sweep.every):
                async with asyncio.timeout(_LONGEST.total_seconds()):
                    await sweep.work()
                if failures:
                    await note_success(database, sweep.name, sweep.name)
                failures = 0
        except Exception as error:
            # Any error: the loop must go on, and the next run may succeed.
            failures += 1
            log.warning("sweep.failed", sweep=sweep.name, error=type(error).__name__)
            await _note(database, sweep, error)
        await asyncio.sleep(sweep.every.total_seconds())


async def _note(database: Database, sweep: Sweep, error: Exception) -> None:
    """List a failure that is no outage with the work that fails, where operators see it."""
    if isinstance(error, AWAY) or not is_fault(error):
        return
    try:
        name = type(error).__name__
        await note_failure(database, sweep.name, sweep.name, name, max(_LONGEST, 2 * sweep.every))
    except FAILURES:
        log.warning("sweep.not_noted", sweep=sweep.name)
