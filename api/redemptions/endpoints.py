"""Redemptions: a friend uses a code at checkout; and rollbacks."""

from __future__ import annotations

from typing import Annotated

from fastapi import Body, Depends, Query, Request

from api.http.access import READERS, Calling
from api.http.lists import Created, Ordered
from api.http.parameters import CampaignQuery, CustomerQuery, OrderSourceIdQuery, RedemptionPath
from api.http.resources import Held
from api.http.route import GuardedRouter
from api.redemptions.rollbacks import RollbackAnswer, RollbackIn, RollbacksAnswer
from api.redemptions.schemas import (
    RedeemedAnswer,
    RedemptionAnswer,
    RedemptionIn,
    RedemptionList,
    Result,
    expected_of,
)
from api.redemptions.use import use_code
from domain.ids import Prefix
from domain.roles import Role
from store.redemptions import queries as reading
from store.redemptions.roll_back import RollbackRequest, roll_back

router = GuardedRouter("/v1/redemptions", "Redemptions")

REFUSALS = (
    "missing_customer",
    "already_rolled_back",
    "resource_not_found",
    "referrer_not_permitted_to_redeem",
    "already_referred",
    "quantity_exceeded",
    "voucher_disabled",
    "voucher_expired",
    "voucher_not_active",
    "redemption_rules_violated",
    "campaign_not_live",
    "voucher_not_active_now",
    "customer_rules_violated",
    "order_rules_violated",
    "order_already_used",
    "budget_exhausted",
)
"""Why a code cannot be used. Of several reasons the first in this order is reported."""


@router.post("", *REFUSALS, "identity_reused", roles=[Role.SERVICE])
async def redeem_code(body: RedemptionIn, held: Held, request: Request) -> RedeemedAnswer:
    """Redeem a code and get its discount. In a `redemption` campaign this converts the referral;
    in a `custom_event` campaign the referral goes on waiting for its event. A refusal consumes
    nothing, and is listed as a redemption with `result: FAILURE`, by the id `resource_id`. The
    same order again answers the first use, and with another amount is refused; once the first is
    rolled back, `already_rolled_back`."""
    read = await use_code(body, held, request)
    answer, expected = RedemptionAnswer.of(read), expected_of(read)._asdict()
    return RedeemedAnswer(redemptions=[answer], order=answer.order, **expected)


@router.get("", roles=READERS)
async def list_redemptions(
    held: Held,
    window: Ordered,
    created: Created,
    campaign: CampaignQuery = None,
    customer: CustomerQuery = None,
    voucher: Annotated[
        str | None, Query(max_length=255, description="The code itself, or its id.")
    ] = None,
    order_source_id: OrderSourceIdQuery = None,
    result: Annotated[
        Result | None, Query(description="Only those that went well, or were refused.")
    ] = None,
) -> RedemptionList:
    """Redemptions, refused ones among them, newest first. `campaign` by name or id, `customer` by
    id or source_id."""
    filters = reading.Filters(campaign, customer, voucher, order_source_id, result, created)
    found, page = await held.database.read(reading.page, window, filters)
    return RedemptionList.of([RedemptionAnswer.of(read) for read in found], page)


@router.get("/{redemption_id}", "resource_not_found", roles=READERS)
async def get_redemption(
    redemption_id: RedemptionPath, held: Held
) -> RedemptionAnswer | RollbackAnswer:
    """One redemption, or what undid one."""
    async with held.database.reading() as session:
        if redemption_id.startswith(f"{Prefix.ROLLBACK}_"):
            return RollbackAnswer.of(await reading.find_rollback(session, redemption_id))
        return RedemptionAnswer.of(await reading.find(session, redemption_id))


async def _asked(
    redemption_id: RedemptionPath,
    caller: Calling,
    body: Annotated[RollbackIn | None, Body()] = None,
    reason: Annotated[
        str | None, Query(max_length=1000, description="Why, for the record.")
    ] = None,
    tracking_id: Annotated[
        str | None, Query(max_length=255, description="The caller's own name for it.")
    ] = None,
) -> RollbackRequest:
    given = body or RollbackIn()
    return RollbackRequest(
        redemption_id=redemption_id,
        amount=given.amount,
        reason=given.reason or reason,
        tracking_id=given.tracking_id or tracking_id,
        metadata=given.metadata,
        actor=caller.actor,
    )


_Rollback = Annotated[RollbackRequest, Depends(_asked)]
_MAY_ROLL_BACK = (Role.SERVICE, Role.SUPPORT)
_ROLLBACK_REFUSALS = ("resource_not_found", "already_rolled_back", "not_allowed_in_state")


@router.post("/{redemption_id}/rollback", *_ROLLBACK_REFUSALS, roles=_MAY_ROLL_BACK)
async def roll_back_redemption(asked: _Rollback, held: Held) -> RollbackAnswer:
    """Undo a redemption, once: after a refund of the whole order, or of the part `amount`. The
    whole gives the use back to the code. The referral that this order converted is reversed, by
    the same share."""
    return await _roll_back(asked, held)


@router.post("/{redemption_id}/rollbacks", *_ROLLBACK_REFUSALS, roles=_MAY_ROLL_BACK)
async def roll_back_redemptions(asked: _Rollback, held: Held) -> RollbacksAnswer:
    """The same, in the shape of Voucherify's stackable answer."""
    rollback = await _roll_back(asked, held)
    return RollbacksAnswer(rollbacks=[rollback], order=rollback.order)


async def _roll_back(asked: RollbackRequest, held: Held) -> RollbackAnswer:
    async with held.database.transaction() as tx:
        undone = await roll_back(tx, asked)
    held.dispatcher.wake(undone.intake)
    return RollbackAnswer.of(await held.database.read(reading.find, asked.redemption_id))
