"""Conversions from an operating-system process of their own: no shared loop, pool or lock."""

from __future__ import annotations

import asyncio
import multiprocessing
from multiprocessing.synchronize import Barrier

from domain.messages import Decision
from store.database import Database
from store.outage import is_outage
from store.qualification.qualify import qualify
from store.tables import Referral
from tests.builders import convert, start_of


async def judge(database: Database, referral: Referral) -> Decision:
    """Qualify as the workflow does: a lock that could not be had in time is tried again."""
    while True:
        try:
            return await qualify(database, start_of(referral))
        except Exception as error:
            if not is_outage(error):
                raise
            await asyncio.sleep(0.05)


async def convert_and_judge(database: Database, code: str, friend: str) -> Decision:
    """Accept the friend's event, then judge it."""
    converted = await convert(database, code, friend)
    return await judge(database, converted.referrals[0])


def run_together(database_url: str, code: str, groups: list[list[str]]) -> None:
    """One process for each group of friends; all begin in the same moment."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(len(groups))
    processes = [
        context.Process(target=_work, args=(database_url, code, friends, barrier))
        for friends in groups
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * len(groups)


def _work(database_url: str, code: str, friends: list[str], barrier: Barrier) -> None:
    asyncio.run(_all(database_url, code, friends, barrier))


async def _all(database_url: str, code: str, friends: list[str], barrier: Barrier) -> None:
    database = Database(database_url, pool=8)
    async with database.reading() as session:
        await session.connection()
    barrier.wait()
    await asyncio.gather(*(convert_and_judge(database, code, friend) for friend in friends))
    await database.dispose()
