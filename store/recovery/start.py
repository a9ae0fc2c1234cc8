"""Starting a workflow that has to run and does not: idempotent, beside live traffic."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from domain.ids import webhook_workflow_id
from domain.messages import (
    ACTION_WORKFLOW,
    AFTERCARE_WORKFLOW,
    REFERRAL_WORKFLOW,
    WEBHOOK_WORKFLOW,
    ReferralStart,
)
from domain.reconciliation import (
    RECONCILIATION_WORKFLOW,
    ReconciliationStart,
    reconciliation_workflow_id,
)
from store.outbox.messages import attributes_of, window
from store.recovery.open_work import Carrier
from store.temporal.start import start as start_workflow

_RPC = timedelta(seconds=10)


async def start_carrier(client: Client, carrier: Carrier) -> bool:
    """Start the carrier of a referral's open work; False where it runs. One that has closed, while
    the facts are open, gets a successor under its id."""
    start = carrier.start
    if not isinstance(start, ReferralStart):
        summary = f"Recovered: {start.referral_id}"
        return await _start(client, AFTERCARE_WORKFLOW, start, carrier.workflow_id, summary)
    return await _start(
        client,
        REFERRAL_WORKFLOW,
        start,
        carrier.workflow_id,
        f"Referral {start.referral_id}",
        start_delay=window(start) if carrier.waits else None,
        search_attributes=attributes_of(start),
    )


async def start_webhook(client: Client, webhook_id: str) -> bool:
    """The workflow that tells this webhook of events."""
    id = webhook_workflow_id(webhook_id)
    return await _start(client, WEBHOOK_WORKFLOW, webhook_id, id, f"Webhook {webhook_id}")


async def start_action(client: Client, action_id: str) -> bool:
    """The workflow that works an import or a bulk update off."""
    return await _start(
        client, ACTION_WORKFLOW, action_id, f"action:{action_id}", f"Action {action_id}"
    )


async def start_reconciliation(client: Client, start: ReconciliationStart) -> bool:
    """The workflow of a reconciliation that has no result yet."""
    id = reconciliation_workflow_id(start.reconciliation_id)
    summary = f"Reconciliation with {start.provider}"
    return await _start(client, RECONCILIATION_WORKFLOW, start, id, summary)


async def runs(client: Client, workflow_id: str) -> bool:
    """Does Temporal run a workflow of that id?"""
    try:
        found = await client.get_workflow_handle(workflow_id).describe(rpc_timeout=_RPC)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False
    return found.status is WorkflowExecutionStatus.RUNNING


async def _start(
    client: Client, workflow: str, argument: Any, id: str, summary: str, **options: Any
) -> bool:
    try:
        await start_workflow(
            client, workflow, argument, id=id, only_if_closed=True, summary=summary, **options
        )
    except WorkflowAlreadyStartedError:
        return False
    return True
