"""Notices workflows that are missing, or that run for nothing. `guerdon recover` repairs it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col
from temporalio.client import Client

from store.database import Database, ReadSession, now
from store.recovery.idle import idle_workflows
from store.recovery.open_work import open_referrals
from store.recovery.recover import Work, other_work, referral_work
from store.recovery.start import runs
from store.tables import Intake, ProgressCheck

AT_ONCE = 2_000
"""Referrals per check; the next check continues after them."""
_YOUNG = timedelta(minutes=1)
_TURNS = 16


class Found(NamedTuple):
    """Workflows that should run and do not, and those that run for nothing."""

    missing: int
    idle: int


async def latest(session: ReadSession) -> Found:
    """The result of the last check; empty if there was none."""
    row = await session.get(ProgressCheck, 1)
    return Found(row.missing, row.idle) if row else Found(0, 0)


async def sweep(database: Database, client: Client) -> Found:
    """Check the next open referrals and all other open work, and store the result."""
    async with database.reading() as session:
        before = await session.get(ProgressCheck, 1)
    behind = before.behind if before else ""
    ids = await open_referrals(database)
    left = [id for id in ids if id > behind]
    chunk = left[:AT_ONCE]
    missing = await _missing(database, client, chunk)
    # The results of earlier checks count until the round over all referrals is finished.
    found = missing + (before.so_far if before else 0)
    over = len(left) <= AT_ONCE
    idle = await idle_workflows(database, client, older_than=_YOUNG)
    values = {
        "behind": "" if over else chunk[-1],
        "so_far": 0 if over else found,
        "missing": found if over else max(found, before.missing if before else 0),
        "idle": len(idle),
        "checked_at": now(),
    }
    async with database.transaction() as tx:
        statement = insert(ProgressCheck).values(id=1, **values)
        await tx.session.execute(
            statement.on_conflict_do_update(index_elements=[col(ProgressCheck.id)], set_=values)
        )
    return Found(int(str(values["missing"])), len(idle))


async def _missing(database: Database, client: Client, referral_ids: list[str]) -> int:
    """Checked twice: what has finished or was started meanwhile is not missing."""
    lacking = await _lacking(client, await _work(database, referral_ids))
    if not lacking:
        return 0
    await asyncio.sleep(1)
    names = {work.workflow_id for work in lacking}
    again = [work for work in await _work(database, referral_ids) if work.workflow_id in names]
    return len(await _lacking(client, again))


async def _work(database: Database, referral_ids: list[str]) -> list[Work]:
    """Without what is on its way to Temporal right now."""
    async with database.reading() as session:
        fresh = set(
            await session.scalars(
                select(col(Intake.referral_id)).where(
                    col(Intake.referral_id).in_(referral_ids),
                    (col(Intake.sent_at).is_(None)) | (col(Intake.sent_at) > now() - _YOUNG),
                )
            )
        )
    settled = [id for id in referral_ids if id not in fresh]
    return [*await referral_work(database, settled), *await other_work(database)]


async def _lacking(client: Client, work: list[Work]) -> list[Work]:
    turns = asyncio.Semaphore(_TURNS)

    async def lacks(each: Work) -> bool:
        async with turns:
            return not await runs(client, each.workflow_id)

    answers = await asyncio.gather(*(lacks(each) for each in work))
    return [each for each, lacking in zip(work, answers, strict=True) if lacking]
