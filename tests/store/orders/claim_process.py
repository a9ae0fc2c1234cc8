"""Claims from operating-system processes of their own: no shared loop, pool or lock."""

from __future__ import annotations

import asyncio
import multiprocessing
from multiprocessing.synchronize import Barrier

from domain.messages import Step
from store.database import Database
from store.orders.attempts import Attempt, Busy
from store.outage import is_outage
from tests.ordering import claim


async def claim_patiently(database: Database, grant_id: str) -> Attempt | Busy | Step:
    """Claim as the activity does: a lock that could not be had in time is tried again."""
    while True:
        try:
            return await claim(database, grant_id)
        except Exception as error:
            if not is_outage(error):
                raise
            await asyncio.sleep(0.05)


def run_together(database_url: str, groups: list[list[str]]) -> None:
    """One process for each group of grants; all begin in the same moment."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(len(groups))
    processes = [
        context.Process(target=_work, args=(database_url, grants, barrier)) for grants in groups
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * len(groups)


def _work(database_url: str, grants: list[str], barrier: Barrier) -> None:
    asyncio.run(_all(database_url, grants, barrier))


async def _all(database_url: str, grants: list[str], barrier: Barrier) -> None:
    database = Database(database_url, pool=4)
    async with database.reading() as session:
        await session.connection()
    barrier.wait()
    await asyncio.gather(*(claim_patiently(database, grant_id) for grant_id in grants))
    await database.dispose()
