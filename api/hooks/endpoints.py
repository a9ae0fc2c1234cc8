"""Inbound webhooks of gift-card providers. They are hints: whoever knows the address may say
"look again", and nothing else."""

from __future__ import annotations

from datetime import timedelta

import structlog
from fastapi import APIRouter, Request
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.responses import Response
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode

from api.problems import responses
from api.resources import Held
from domain.ids import aftercare_workflow_id
from domain.messages import (
    AFTERCARE_WORKFLOW,
    DELIVERY_HINT,
    WORKFLOW_QUEUE,
    AftercareStart,
    GrantTask,
    Next,
)
from domain.orders import DeliveryState, OrderState
from store.reading.orders import Hooked, find_by_hook
from store.tables import Order

log = structlog.get_logger(__name__)

router = APIRouter(prefix="/hooks", tags=["Hooks"])

BODY_LIMIT = 65_536
_RPC = timedelta(seconds=10)
_ARRIVED = frozenset({DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.NOT_APPLICABLE})


@router.post(
    "/{provider}/{token}",
    status_code=202,
    response_class=Response,
    responses=responses("resource_not_found", "payload_too_large", authenticated=False),
)
async def receive_hook(provider: str, token: str, held: Held, request: Request) -> Response:
    """A provider says that an order has news. The body is not read: the order is."""
    size = await _measure(request)
    hooked = None
    if "\x00" not in provider + token:
        async with held.database.reading() as session:
            hooked = await find_by_hook(session, provider, token)
    if hooked is None:
        raise HTTPException(404)
    log.info("hook.received", provider=provider, order_id=hooked.order.id, bytes=size)
    return Response(status_code=202, background=BackgroundTask(_pass_on, held.temporal, hooked))


async def _measure(request: Request) -> int:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > BODY_LIMIT:
            raise HTTPException(413)
    return size


async def _pass_on(client: Client, hooked: Hooked) -> None:
    """Tell the workflow. If that fails, its poll finds the news a little later."""
    order = hooked.order
    try:
        try:
            handle = client.get_workflow_handle(hooked.workflow_id)
            await handle.signal(DELIVERY_HINT, order.grant_id, rpc_timeout=_RPC)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            if not _is_settled(order):
                await _start_aftercare(client, hooked)
    except (RPCError, RuntimeError) as error:
        # RuntimeError is how a lazy client says that it cannot connect.
        log.warning("hook.not_passed_on", order_id=order.id, error=type(error).__name__)


def _is_settled(order: Order) -> bool:
    return order.state == OrderState.ISSUED and order.delivery_state in _ARRIVED


async def _start_aftercare(client: Client, hooked: Hooked) -> None:
    """The referral's workflow has ended: a small one looks at this order again. A webhook that
    comes while it runs is a hint to it."""
    order = hooked.order
    task = GrantTask(grant_id=order.grant_id, provider=order.provider)
    await client.start_workflow(
        AFTERCARE_WORKFLOW,
        AftercareStart(referral_id=hooked.referral_id, task=task, next=Next.FOLLOW),
        id=aftercare_workflow_id(hooked.referral_id, f"hook-{order.id}"),
        task_queue=WORKFLOW_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        start_signal=DELIVERY_HINT,
        start_signal_args=[order.grant_id],
        static_summary=f"Webhook for order {order.id}",
        rpc_timeout=_RPC,
    )
