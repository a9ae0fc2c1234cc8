"""Passes a provider's hint to the workflow that handles the grant."""

from __future__ import annotations

from datetime import timedelta

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain.grants import AT_REST
from domain.ids import aftercare_workflow_id
from domain.messages import (
    AFTERCARE_WORKFLOW,
    DELIVERY_HINT,
    AftercareStart,
    GrantTask,
    Next,
)
from store.database import Database, now
from store.orders import hints_line
from store.orders.queries import Hooked
from store.temporal.start import start

_RPC = timedelta(seconds=10)
_FRESH = timedelta(minutes=1)
"""A finished order that was read within this time is not read again because of a hint: the hint is
usually about what was just read."""


async def pass_on(
    client: Client, database: Database, hooked: Hooked, *, adverse: bool = False
) -> None:
    """Have the order read at the provider: by the activity that still follows it, by the workflow
    that handles its grant, or, where that workflow has ended, by a small workflow of its own.
    `adverse`: the hint speaks against the card, so that the order is read however recently it was
    read last. Raises RPCError, or RuntimeError while Temporal is away."""
    if hooked.grant_status in AT_REST:
        if adverse or now() - (hooked.order.updated_at or hooked.order.created_at) > _FRESH:
            await _start_aftercare(client, hooked)
        return
    if hooked.followed:
        await hints_line.tell(database, hooked.order.id)
        return
    try:
        handle = client.get_workflow_handle(hooked.workflow_id)
        await handle.signal(DELIVERY_HINT, hooked.order.grant_id, rpc_timeout=_RPC)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        await _start_aftercare(client, hooked)


async def _start_aftercare(client: Client, hooked: Hooked) -> None:
    """A webhook that arrives while it runs is a hint to it."""
    order = hooked.order
    task = GrantTask(grant_id=order.grant_id, provider=order.provider)
    await start(
        client,
        AFTERCARE_WORKFLOW,
        AftercareStart(referral_id=hooked.referral_id, task=task, next=Next.FOLLOW),
        id=aftercare_workflow_id(hooked.referral_id, f"hook-{order.id}"),
        start_signal=DELIVERY_HINT,
        start_signal_args=[order.grant_id],
        summary=f"Webhook for order {order.id}",
    )
