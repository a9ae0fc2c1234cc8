"""Starts a workflow for everything that is open and has none.

Safe to repeat, beside live traffic: running workflows are left alone, and a workflow only does what
the facts ask for. So a second one for finished work ends at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from functools import partial
from typing import NamedTuple

import structlog
from sqlalchemy import select
from sqlmodel import col
from temporalio.client import Client

from domain.ids import webhook_workflow_id
from domain.reconciliation import (
    RepairStart,
    reconciliation_workflow_id,
    repair_workflow_id,
)
from store.database import Database
from store.reconciliation.runs import start_of as reconciliation_start
from store.reconciliation.start import start_repair
from store.recovery.open_work import carriers_of, open_referrals
from store.recovery.start import (
    runs,
    start_action,
    start_carrier,
    start_reconciliation,
    start_webhook,
)
from store.tables import AsyncAction, Reconciliation, ReconciliationItem, Webhook

log = structlog.get_logger(__name__)

_CHUNK, _AT_ONCE = 200, 16


class Work(NamedTuple):
    """Something open, and how to start its workflow; the start returns False if one is running."""

    kind: str
    workflow_id: str
    start: Callable[[Client], Awaitable[bool]]


class Tally(NamedTuple):
    """The result of one kind: how many were open, already running, started (or would be),
    failed."""

    open: int = 0
    running: int = 0
    started: int = 0
    failed: int = 0


async def recover(
    database: Database,
    client: Client,
    *,
    dry_run: bool = False,
    tell: Callable[[int, int], object] = lambda done, total: None,
) -> dict[str, Tally]:
    """Start what must run and does not; with `dry_run` only count it. `tell` is called with the
    progress. Returns the result of each kind."""
    ids, others = await open_referrals(database), await other_work(database)
    total, done = len(ids) + len(others), 0
    counts: Counter[tuple[str, str]] = Counter()
    async for size, work in _chunks(database, ids, others):
        counts.update(await _deal_with(client, work, dry_run=dry_run))
        done += size
        tell(done, total)
    kinds = sorted({kind for kind, _ in counts})
    return {
        kind: Tally(
            sum(count for (of, _), count in counts.items() if of == kind),
            *(counts[kind, word] for word in Tally._fields[1:]),
        )
        for kind in kinds
    }


async def recover_referrals(
    database: Database, client: Client, referral_ids: Iterable[str]
) -> set[str]:
    """The same for these referrals only, as far as something is open. Returns those with a workflow
    now; raises Temporal's first error."""
    ids = await open_referrals(database, referral_ids)
    carriers = await carriers_of(database, ids)
    await asyncio.gather(*(start_carrier(client, carrier) for carrier in carriers))
    return set(ids)


async def other_work(database: Database) -> list[Work]:
    """What is open besides referrals: webhooks, imports, reconciliations and their repairs."""
    async with database.reading() as session:
        webhooks = await session.scalars(select(col(Webhook.id)))
        actions = await session.scalars(
            select(col(AsyncAction.id)).where(
                col(AsyncAction.finished_at).is_(None),
                col(AsyncAction.digest).is_(None),  # the command line processes its own file
            )
        )
        reconciliations = await session.scalars(
            select(Reconciliation).where(col(Reconciliation.status) == "running")
        )
        repairs = await session.execute(
            select(col(ReconciliationItem.id), col(Reconciliation.provider))
            .join(
                Reconciliation,
                col(Reconciliation.id) == col(ReconciliationItem.reconciliation_id),
            )
            .where(col(ReconciliationItem.status) == "repairing")
        )
        return [
            *(_webhook(id) for id in webhooks),
            *(_action(id) for id in actions),
            *(_reconciliation(run) for run in reconciliations),
            *(_repair(item_id, provider) for item_id, provider in repairs),
        ]


async def referral_work(database: Database, referral_ids: list[str]) -> list[Work]:
    """The workflows for these referrals' open work."""
    return [
        Work(
            carrier.workflow_id.partition(":")[0],
            carrier.workflow_id,
            partial(start_carrier, carrier=carrier),
        )
        for carrier in await carriers_of(database, referral_ids)
    ]


async def _chunks(
    database: Database, ids: list[str], others: list[Work]
) -> AsyncIterator[tuple[int, list[Work]]]:
    """Referrals are read a few at a time, just before they are processed."""
    yield len(others), others
    for start in range(0, len(ids), _CHUNK):
        chunk = ids[start : start + _CHUNK]
        yield len(chunk), await referral_work(database, chunk)


async def _deal_with(
    client: Client, work: list[Work], *, dry_run: bool
) -> Counter[tuple[str, str]]:
    turns, counts = asyncio.Semaphore(_AT_ONCE), Counter[tuple[str, str]]()

    async def one(each: Work) -> None:
        async with turns:
            counts[each.kind, await _outcome(client, each, dry_run=dry_run)] += 1

    await asyncio.gather(*(one(each) for each in work))
    return counts


async def _outcome(client: Client, work: Work, *, dry_run: bool) -> str:
    try:
        if dry_run:
            return "running" if await runs(client, work.workflow_id) else "started"
        return "started" if await work.start(client) else "running"
    except Exception as error:
        # One failed start does not stop the others; the result counts it.
        log.warning("recover.failed", workflow_id=work.workflow_id, error=type(error).__name__)
        return "failed"


def _webhook(id: str) -> Work:
    return Work("webhook", webhook_workflow_id(id), partial(start_webhook, webhook_id=id))


def _action(id: str) -> Work:
    return Work("action", f"action:{id}", partial(start_action, action_id=id))


def _reconciliation(run: Reconciliation) -> Work:
    id = reconciliation_workflow_id(run.id)
    start = partial(start_reconciliation, start=reconciliation_start(run))
    return Work("reconciliation", id, start)


def _repair(item_id: str, provider: str) -> Work:
    id = repair_workflow_id(item_id)

    async def start(client: Client) -> bool:
        if await runs(client, id):
            return False
        await start_repair(client, RepairStart(item_id=item_id, provider=provider))
        return True

    return Work("repair", id, start)
