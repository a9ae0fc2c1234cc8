"""Reads a provider's book and compares it with ours.

`stage_orders` runs on the provider's own queue, after its orders and polls. Both activities are
idempotent: lines are staged slice by slice together with the position, and a repeated comparison
files the same items."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.lane import ProviderLane
from activities.pulse import pulse
from domain.reconciliation import Line, ReconciliationStart
from providers.outcomes import ProviderError, ProviderMisconfigured
from store.database import Database
from store.reconciliation import runs, staging
from store.reconciliation.bulk import bulk
from store.reconciliation.compare import compare
from store.reconciliation.missing import orders_without_line
from store.reconciliation.staging import line_of

BATCH = 1000
"""Lines that are staged at once; the worker holds no more of a book in memory."""
_SHARE = 4
"""Reading uses a quarter of a provider's rate limit, because orders come first."""
_PAGE = 100
LOOKED_UP = 1000
"""At most this many orders that the list does not show are looked up, with a few requests each. The
others are filed as missing, and looked up when they are repaired."""


class BookActivities:
    """One provider's book. `max_per_second`: its rate limit."""

    def __init__(self, lane: ProviderLane, max_per_second: float) -> None:
        self._lane = lane
        self._pause = (_SHARE - 1) / max_per_second

    @activity.defn
    async def stage_orders(self, reconciliation_id: str) -> int:
        """Stage the provider's orders of the run's period; return how many. Continues after the
        last slice that a killed attempt staged."""
        lane = self._lane
        async with pulse():
            try:
                return await self._stage(reconciliation_id)
            except ProviderMisconfigured as error:
                raise ApplicationError(
                    error.detail, type="Misconfigured", non_retryable=True
                ) from None
            except ProviderError as error:
                raise lane.again(error.detail, error.retry_after) from error

    async def _stage(self, reconciliation_id: str) -> int:
        lane = self._lane
        daily = lane.provider.capabilities.lists_by_date
        reading = await runs.open_reading(lane.database, reconciliation_id, daily=daily)
        staged = await staging.restart_slice(lane.database, reconciliation_id, reading.slice)
        async with bulk(lane.database) as connection:
            for number in range(reading.slice, len(reading.slices)):
                async for lines in self._batches(*reading.slices[number]):
                    async with connection.transaction():
                        await staging.copy(connection, reconciliation_id, number, lines)
                        staged += len(lines)
                        await runs.note_progress(connection, reconciliation_id, lines=staged)
                await runs.note_progress(
                    connection, reconciliation_id, slice=number + 1, slices=len(reading.slices)
                )
        await staging.forget_repeats(lane.database, reconciliation_id)
        if lane.provider.capabilities.lists_rewards:
            staged += await self._look_up(reconciliation_id, len(reading.slices))
        return staged

    async def _look_up(self, reconciliation_id: str, slice_: int) -> int:
        """Stage what the provider says of each order that its list does not show. They form one
        slice after the last, which is read again if the attempt was killed."""
        lane = self._lane
        lacking = await orders_without_line(lane.database, reconciliation_id, most=LOOKED_UP)
        lines: list[Line] = []
        for order in lacking:
            lines += [
                line_of(found)
                for found in await lane.provider.find_order(
                    order.key, order.currency, not_before=order.first_sent_at
                )
            ]
            await asyncio.sleep(self._pause)
        async with bulk(lane.database) as connection:
            await staging.copy(connection, reconciliation_id, slice_, lines)
        return len(lines)

    async def _batches(self, since: datetime, until: datetime) -> AsyncIterator[list[Line]]:
        batch: list[Line] = []
        count = 0
        async for order in self._lane.provider.list_orders(since, until):
            batch.append(line_of(order))
            count += 1
            if count % _PAGE == 0:
                await asyncio.sleep(self._pause)
            if len(batch) == BATCH:
                yield batch
                batch = []
        if batch:
            yield batch


class ComparisonActivities:
    """The parts that need only the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn
    async def compare_books(self, reconciliation_id: str) -> dict[str, int]:
        """File every order of the run; return how many of each kind."""
        async with pulse():
            totals = await runs.result_of(self._database, reconciliation_id)
            if totals is None:
                scope = await runs.scope_of(self._database, reconciliation_id)
                totals = await compare(self._database, scope)
                async with self._database.transaction() as tx:
                    await runs.complete(tx, reconciliation_id, totals)
            # Recorded here too, for an earlier attempt that was killed between the result and this
            # line.
            await staging.drop(self._database, reconciliation_id)
            return totals

    @activity.defn
    async def begin_daily(self, provider: str, run_id: str) -> ReconciliationStart:
        """Create yesterday's run (UTC). Run again it returns the same one."""
        async with self._database.transaction() as tx:
            return await runs.begin_daily(tx, provider, run_id)

    @activity.defn
    async def give_up(self, reconciliation_id: str, detail: str) -> None:
        """Mark the reconciliation as failed."""
        await runs.give_up(self._database, reconciliation_id, detail)
