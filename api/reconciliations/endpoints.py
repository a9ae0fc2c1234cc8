"""Reconciliations, for finance: started, watched, read, and repaired."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from typing import Annotated

from fastapi import Query
from starlette.responses import Response
from temporalio.client import WorkflowFailureError

from api.http.access import Calling
from api.http.downloads import Accept, also_csv, csv_file
from api.http.lists import Windowed
from api.http.parameters import ItemPath, ReconciliationPath
from api.http.resources import Held, Resources
from api.http.route import GuardedRouter
from api.reconciliations.schemas import (
    ItemAnswer,
    ItemList,
    ReconciliationAnswer,
    ReconciliationBody,
    ReconciliationList,
    RepairBody,
    csv_lines,
)
from domain.reconciliation import Filed, ReconciliationStart, RepairStart
from domain.refusals import Unavailable
from domain.roles import Role
from store.reconciliation import items, repairs, runs
from store.reconciliation.start import start_repair, start_run
from store.temporal.client import AWAY

router = GuardedRouter("/v1/reconciliations", "Reconciliations", roles=[Role.FINANCE])
_PATIENCE = timedelta(seconds=20)
"""How long a repair is waited for; it continues by itself after that."""


@router.post("", status_code=202)
async def start_reconciliation(
    body: ReconciliationBody, caller: Calling, held: Held
) -> ReconciliationAnswer:
    """Compare a provider's book with ours. The answer comes at once; look again for the result."""
    new = runs.NewRun(body.provider, body.since, body.until, actor=caller.actor)
    async with held.database.transaction() as tx:
        run = runs.create(tx, new)
    await begin(held, runs.start_of(run))
    return ReconciliationAnswer.of(await held.database.read(runs.find, run.id))


@router.get("")
async def list_reconciliations(
    held: Held,
    window: Windowed,
    provider: Annotated[
        str | None,
        Query(max_length=100, description="A provider's name, such as `giftcard-partners`."),
    ] = None,
    status: Annotated[
        str | None,
        Query(pattern="^(running|completed|failed)$", description="Only those in this state."),
    ] = None,
) -> ReconciliationList:
    """Reconciliations, newest first."""
    found, page = await held.database.read(runs.page, window, provider=provider, status=status)
    return ReconciliationList.of([ReconciliationAnswer.of(run) for run in found], page)


@router.get("/{reconciliation_id}", "resource_not_found")
async def get_reconciliation(
    reconciliation_id: ReconciliationPath, held: Held
) -> ReconciliationAnswer:
    """One reconciliation, with its progress while it runs."""
    return ReconciliationAnswer.of(await held.database.read(runs.find, reconciliation_id))


@router.get(
    "/{reconciliation_id}/items",
    "resource_not_found",
    "invalid_payload",
    response_model=ItemList,
    responses=also_csv("item", csv_lines),
)
async def list_items(
    reconciliation_id: ReconciliationPath,
    held: Held,
    window: Windowed,
    accept: Accept = "",
    filed: Annotated[
        Filed | None, Query(description="Only what was filed under this word.")
    ] = None,
) -> Response | ItemList:
    """What is not matched: each with its likely cause and the action that repairs it."""
    async with held.database.reading() as session:
        await runs.find(session, reconciliation_id)
        if "text/csv" in accept:
            rows = partial(items.chunk, reconciliation_id=reconciliation_id, filed=filed)
            return csv_file(held.streams, rows, csv_lines)
        found, page = await items.page(session, reconciliation_id, window, filed=filed)
    return ItemList.of([ItemAnswer.of(item) for item in found], page)


@router.get("/{reconciliation_id}/items/{item_id}", "resource_not_found")
async def get_item(
    reconciliation_id: ReconciliationPath, item_id: ItemPath, held: Held
) -> ItemAnswer:
    """One item."""
    return ItemAnswer.of(await held.database.read(items.find, reconciliation_id, item_id))


@router.post(
    "/{reconciliation_id}/items/{item_id}/repair", "resource_not_found", "not_allowed_in_state"
)
async def repair_item(
    reconciliation_id: ReconciliationPath,
    item_id: ItemPath,
    body: RepairBody,
    caller: Calling,
    held: Held,
) -> ItemAnswer:
    """Do what `repair` names: the order is read again, a correction is booked, or an incident is
    opened. A provider that does not answer leaves the item open, with the reason in `outcome`."""
    async with held.database.transaction() as tx:
        asked = await repairs.ask(
            tx, reconciliation_id, item_id, actor=caller.actor, reason=body.reason
        )
    if asked.item.status == "repairing":
        await _carry_out(held, RepairStart(item_id=item_id, provider=asked.provider))
    return ItemAnswer.of(await held.database.read(items.find, reconciliation_id, item_id))


async def begin(held: Resources, start: ReconciliationStart) -> None:
    """Start the run's workflow.

    While Temporal is down nothing is started, and the answer says so: the run is marked as failed,
    and a statement's lines are removed."""
    try:
        await start_run(held.temporal, start)
    except AWAY:
        detail = "Temporal did not answer; start it again."
        await runs.give_up(held.database, start.reconciliation_id, detail)
        raise Unavailable("Temporal does not answer. Try again.") from None


async def _carry_out(held: Resources, start: RepairStart) -> None:
    try:
        handle = await start_repair(held.temporal, start)
        await asyncio.wait_for(handle.result(), _PATIENCE.total_seconds())
    except (TimeoutError, WorkflowFailureError):
        return
    except AWAY:
        raise Unavailable("Temporal does not answer. Try again.") from None
