"""Redemptions: a friend uses a code at checkout."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request

from api.access import READERS, Calling, allow
from api.idempotency import HEADER
from api.lists import Windowed
from api.problems import post_responses, responses
from api.redemptions.schemas import (
    RedeemedAnswer,
    RedemptionAnswer,
    RedemptionIn,
    RedemptionList,
)
from api.resources import Held
from api.route import GuardedRoute
from domain.roles import Role
from store import customers
from store.reading import redemptions as reading
from store.redemptions import RedemptionRequest, redeem

router = APIRouter(prefix="/v1/redemptions", tags=["Redemptions"], route_class=GuardedRoute)

_Text = Annotated[str | None, Query(max_length=255)]


@router.post(
    "",
    dependencies=[allow(Role.SERVICE)],
    responses=post_responses(
        "missing_customer",
        "referrer_not_permitted_to_redeem",
        "quantity_exceeded",
        "voucher_disabled",
        "voucher_not_active",
        "redemption_rules_violated",
        "already_referred",
        "campaign_not_live",
        "budget_exhausted",
        "resource_not_found",
    ),
)
async def redeem_code(
    body: RedemptionIn, caller: Calling, held: Held, request: Request
) -> RedeemedAnswer:
    """Redeem a code and get its discount. In a `redemption` campaign this converts the referral;
    in a `custom_event` campaign the referral goes on waiting for its event."""
    async with held.database.transaction() as tx:
        customer = await customers.upsert(tx, body.customer)
        redeemed = await redeem(tx, _request(body, customer.id, request, tx.now))
    held.dispatcher.wake(redeemed.intake)
    async with held.database.reading() as session:
        answer = RedemptionAnswer.of(await reading.find(session, redeemed.redemption_id), caller)
    return RedeemedAnswer(redemptions=[answer], order=answer.order)


@router.get("", dependencies=[allow(*READERS)], responses=responses("invalid_payload"))
async def list_redemptions(
    caller: Calling,
    held: Held,
    window: Windowed,
    campaign: _Text = None,
    customer: _Text = None,
    voucher: _Text = None,
    order_source_id: _Text = None,
) -> RedemptionList:
    """Redemptions, newest first. `campaign` by name or id, `customer` by id or source_id."""
    async with held.database.reading() as session:
        found, page = await reading.page(
            session,
            window,
            campaign=campaign,
            customer=customer,
            voucher=voucher,
            order_source_id=order_source_id,
        )
    return RedemptionList(
        data=[RedemptionAnswer.of(read, caller) for read in found],
        total=page.total,
        has_more=page.has_more,
    )


@router.get(
    "/{redemption_id}", dependencies=[allow(*READERS)], responses=responses("resource_not_found")
)
async def get_redemption(redemption_id: str, caller: Calling, held: Held) -> RedemptionAnswer:
    """One redemption."""
    async with held.database.reading() as session:
        return RedemptionAnswer.of(await reading.find(session, redemption_id), caller)


def _request(
    body: RedemptionIn, customer_id: str, request: Request, received_at: datetime
) -> RedemptionRequest:
    order = body.order
    identity = None
    if order and (order.source_id or order.id):
        identity = f"order:{order.source_id or order.id}"
    elif body.tracking_id:
        identity = f"tracking:{body.tracking_id}"
    elif HEADER in request.headers:
        identity = f"key:{request.headers[HEADER]}"
    return RedemptionRequest(
        code=body.redeemables[0].id,
        customer_id=customer_id,
        identity=identity,
        amount=order.total() if order else 0,
        order=order.model_dump(mode="json", exclude_none=True) if order else None,
        order_source_id=order.source_id or order.id if order else None,
        tracking_id=body.tracking_id,
        metadata=body.metadata,
        received_at=received_at,
    )
