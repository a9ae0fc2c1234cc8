"""Finds workflows that run for finished facts, or for facts that the database does not know: the
database was restored from a backup, and Temporal was not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import select, tuple_
from sqlmodel import col
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain.messages import AFTERCARE_WORKFLOW, REFERRAL_WORKFLOW
from store.database import Database, now
from store.recovery.open_work import open_referrals
from store.recovery.start import runs
from store.tables import Referral, StaffAction

_CHUNK = 500
_WHY = "guerdon recover: the database knows nothing that is open for this workflow"


class Idle(NamedTuple):
    """A workflow without anything to do. `known`: the database knows its referral."""

    workflow_id: str
    known: bool


async def idle_workflows(
    database: Database, client: Client, *, older_than: timedelta, most: int = 20_000
) -> list[Idle]:
    """Of the newest running referral workflows, those without anything open. Excludes workflows
    that are about to end."""
    found: list[Idle] = []
    async for ids in _running(client, older_than, most):
        found += await _nothing_open(database, ids)
    if not found:
        return []
    await asyncio.sleep(1)  # workflows of what has just finished close in this time
    still = [each for each in found if await runs(client, each.workflow_id)]
    again = {each.workflow_id for each in await _nothing_open(database, [e[0] for e in still])}
    return [each for each in still if each.workflow_id in again]


async def stop(client: Client, idle: list[Idle]) -> int:
    """Terminate them; return how many. Nothing is lost: no fact depends on them."""
    stopped = 0
    for each in idle:
        try:
            await client.get_workflow_handle(each.workflow_id).terminate(reason=_WHY)
            stopped += 1
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
    return stopped


async def _running(client: Client, older_than: timedelta, most: int) -> AsyncIterator[list[str]]:
    before = (now() - older_than).isoformat()
    query = (
        f"ExecutionStatus = 'Running' AND StartTime < '{before}' AND "
        f"WorkflowType IN ('{REFERRAL_WORKFLOW}', '{AFTERCARE_WORKFLOW}')"
    )
    ids: list[str] = []
    async for execution in client.list_workflows(query, limit=most):
        ids.append(execution.id)
        if len(ids) == _CHUNK:
            yield ids
            ids = []
    if ids:
        yield ids


async def _nothing_open(database: Database, workflow_ids: list[str]) -> list[Idle]:
    referral_of = await _referrals(database, workflow_ids)
    known = [id for id in referral_of.values() if id is not None]
    busy = set(await open_referrals(database, known)) | await _asked_by_staff(database, known)
    return [
        Idle(workflow_id, referral_id is not None)
        for workflow_id, referral_id in referral_of.items()
        # An aftercare may look at an order again though all is finished.
        if referral_id is None or (referral_id not in busy and workflow_id.startswith("referral:"))
    ]


async def _referrals(database: Database, workflow_ids: list[str]) -> dict[str, str | None]:
    """By workflow: its referral's id, or None if the database does not know it."""
    parts = {id: id.split(":") for id in workflow_ids}
    own = {id: (part[1], part[2]) for id, part in parts.items() if part[0] == "referral"}
    after = {id: part[1] for id, part in parts.items() if part[0] == "aftercare"}
    parties = (col(Referral.campaign_id), col(Referral.referee_id))
    async with database.reading() as session:
        rows = await session.execute(
            select(*parties, col(Referral.id)).where(tuple_(*parties).in_(own.values()))
        )
        by_parties = {(campaign, referee): id for campaign, referee, id in rows}
        there = set(
            await session.scalars(
                select(col(Referral.id)).where(col(Referral.id).in_(after.values()))
            )
        )
    found: dict[str, str | None] = {id: by_parties.get(pair) for id, pair in own.items()}
    return found | {id: referral if referral in there else None for id, referral in after.items()}


async def _asked_by_staff(database: Database, referral_ids: list[str]) -> set[str]:
    """Referrals with a staff request that is not carried out yet."""
    async with database.reading() as session:
        return set(
            await session.scalars(
                select(col(StaffAction.referral_id)).where(
                    col(StaffAction.referral_id).in_(referral_ids),
                    col(StaffAction.done_at).is_(None),
                )
            )
        )
