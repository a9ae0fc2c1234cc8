"""Reverses what a refunded order, or a finding, has led to."""

from __future__ import annotations

from fastapi import Request
from starlette.responses import Response

from api.http.access import Caller, Calling
from api.http.fields import identity_of
from api.http.idempotency import HEADER
from api.http.parameters import ReferralPath
from api.http.resources import Held, Resources
from api.http.route import GuardedRouter
from api.referrals.schemas import ReferralAnswer
from api.reversals.schemas import OrderAwaited, OrderReversalAnswer, OrderReversalIn, ReversalIn
from domain.purchases import Sort
from domain.refusals import InvalidPayload
from domain.reversal import Cause
from domain.roles import Role
from store.database import Transaction
from store.referrals import queries as reading
from store.reversals import by_order
from store.reversals.order_refund import OrderRefund
from store.reversals.request import Accepted, request_reversal

router = GuardedRouter("/v1", "Reversals")


@router.post(
    "/referrals/{referral_id}/reverse",
    "resource_not_found",
    "identity_reused",
    "not_allowed_in_state",
    roles=[Role.SUPPORT],
)
async def reverse_referral(
    referral_id: ReferralPath, body: ReversalIn, caller: Calling, held: Held, request: Request
) -> ReferralAnswer:
    """Undo a referral, whole or by a share. Accepted at once, and never lost; its workflow carries
    it out: cancels what is not ordered, asks providers for their cards, debits wallets, and books
    what the person then owes."""
    async with held.database.transaction() as tx:
        accepted = await _accept(tx, referral_id, body, caller, request, _cause(body))
    held.dispatcher.wake(accepted.intake)
    return await _answer(held, referral_id)


@router.post(
    "/reversals",
    "resource_not_found",
    "identity_reused",
    "ambiguous_order",
    "not_allowed_in_state",
    roles=[Role.SERVICE, Role.SUPPORT],
    responses={202: {"model": OrderAwaited, "description": "Kept: it waits for its purchase."}},
)
async def reverse_order(
    body: OrderReversalIn, caller: Calling, held: Held, request: Request, response: Response
) -> OrderReversalAnswer:
    """Undo, by a refunded order, every referral that it had converted: all of them or none. Any
    id that the order came with finds it. Where several campaigns know such an order, for shops
    number alike, `campaign_id` names one, and `all_campaigns` says that it is the same order. Of an
    order that is not known yet, the refund is kept: 202 with `waiting_for_order`. It is judged when
    the purchase comes; one whose purchase does not come within 90 days is in the report
    `unmatched-refunds`."""
    async with held.database.transaction() as tx:
        accepted = await by_order.reverse_order(tx, _refund(body, caller, request))
    held.dispatcher.wake([message for one in accepted for message in one.intake])
    referrals = [await _answer(held, one.referral_id) for one in accepted]
    if not accepted:
        response.status_code = 202
    return OrderReversalAnswer(
        order_source_id=body.order_source_id,
        order_id=body.order_id,
        waiting_for_order=not accepted,
        referrals=referrals,
    )


def _refund(body: OrderReversalIn, caller: Caller, request: Request) -> OrderRefund:
    own = body.order_source_id
    return OrderRefund(
        order_id=own or body.order_id or "",
        sort=Sort.SOURCE_ID if own else Sort.ID,
        campaign_id=body.campaign_id,
        all_campaigns=body.all_campaigns,
        refunded=body.amount,
        reason=body.reason,
        identity=_identity(body, request),
        order_amount=body.order_amount,
        currency=body.currency,
        cause=Cause(body.cause or "refund"),
        actor=_actor(caller),
    )


async def _accept(
    tx: Transaction,
    referral_id: str,
    body: ReversalIn,
    caller: Caller,
    request: Request,
    cause: Cause,
) -> Accepted:
    return await request_reversal(
        tx,
        referral_id,
        body.amount,
        body.reason,
        _identity(body, request),
        order_amount=body.order_amount,
        currency=body.currency,
        cause=cause,
        actor=_actor(caller),
    )


def _actor(caller: Caller) -> str | None:
    """None for a service, because its refund is no person's decision."""
    return caller.actor if caller.role is not Role.SERVICE else None


def _cause(body: ReversalIn) -> Cause:
    """The cause of a reversal that names a referral. Without any sign of a refund it is a finding,
    which only a person can bring back."""
    refund = body.amount is not None or identity_of(body.metadata, "refund_id") is not None
    return Cause(body.cause or ("refund" if refund else "finding"))


def _identity(body: ReversalIn, request: Request) -> str | None:
    """The refund's own id, if the caller gave one."""
    given = identity_of(body.metadata, "refund_id") or request.headers.get(HEADER)
    if given and len(given) > 255:
        raise InvalidPayload("At most 255 characters.", field="/metadata/refund_id")
    return given


async def _answer(held: Resources, referral_id: str) -> ReferralAnswer:
    return ReferralAnswer.of(await held.database.read(reading.find, referral_id))
