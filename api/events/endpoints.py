"""Custom events of customers. The busiest path of the API."""

from __future__ import annotations

from datetime import datetime, timedelta

from fastapi import Request
from starlette.responses import Response

from api.customers.schemas import SimpleCustomer
from api.events.schemas import EventAnswer, EventIn
from api.http.access import Caller, Calling
from api.http.fields import identity_of
from api.http.idempotency import HEADER
from api.http.resources import Held
from api.http.route import GuardedRouter
from api.http.warnings import Warning
from api.redemptions.orders import OrderIn
from api.referrals.schemas import ReferralRef
from domain.refusals import InvalidPayload
from domain.roles import Role
from domain.rules.evaluation import Basket
from store import metadata_schemas
from store.codes.typed import as_stored
from store.customers.upsert import upsert
from store.redemptions.refused import RefusableRequest, noting_refusal
from store.referrals.conversion import ConversionRequest
from store.reversals.early import book_purchase

router = GuardedRouter("/v1/events", "Events")


@router.post(
    "",
    "missing_customer",
    "referrer_not_permitted_to_redeem",
    "voucher_disabled",
    "voucher_expired",
    "voucher_not_active",
    "voucher_not_active_now",
    "customer_rules_violated",
    "order_rules_violated",
    "redemption_rules_violated",
    "already_referred",
    "order_already_used",
    "campaign_not_live",
    "budget_exhausted",
    "resource_not_found",
    "identity_reused",
    roles=[Role.SERVICE],
    response_model=EventAnswer,
)
async def track_event(body: EventIn, caller: Calling, held: Held, request: Request) -> Response:
    """Take an event. With a code it attributes the friend and converts the referral; without
    one, every open referral of the customer that waits for this event converts. A repeat under
    the same `metadata.event_id` answers like the first, and is refused where it says something
    else. The answer waits for the commit, not for what follows from it. `warnings` says why an
    event converts nothing, and which members were ignored."""
    (event_id, scope), order = _event_id(body, request, caller), body.order
    typed = body.referral.code if body.referral else None
    code = await as_stored(held.database, typed) if typed else None
    asked = RefusableRequest("conversion.refused", body.customer, code)
    async with noting_refusal(held.database, asked) as tx:
        await metadata_schemas.check(tx, f"event:{body.event}", body.metadata)
        customer = await upsert(tx, body.customer)
        converted = await book_purchase(
            tx,
            ConversionRequest(
                event=body.event,
                event_id=event_id,
                scope=scope,
                customer_id=customer.id,
                code=code,
                referrer_id=body.referral.referrer_id if body.referral else None,
                orders=(order or OrderIn()).ids(body.metadata),
                order_amount=order.total() if order and order.is_priced else None,
                paid_amount=order.total_amount if order else None,
                order_currency=order.currency if order else None,
                order_status=order.status if order else None,
                order=order and _basket(order),
                metadata=body.metadata,
                api_key=caller.app_id,
                received_at=tx.now,
                occurred_at=_occurred_at(body, tx.now),
            ),
        )
    if converted.unmatched:
        request.state.warnings.append(Warning(pointer="/event", message=converted.unmatched))
    held.dispatcher.wake(converted.intake)
    referrals = [
        ReferralRef.of(referral, event_id=converted.event_id) for referral in converted.referrals
    ]
    rewarded = any(referral.rewarded for referral in referrals)
    answer = EventAnswer(
        type=body.event,
        customer=SimpleCustomer.model_validate(customer),
        referral=referrals[0] if referrals else None,
        referrals=referrals,
        rewarded=rewarded,
        why_not=None if rewarded else _why_not(referrals),
        metadata=body.metadata,
    )
    # Already valid: FastAPI would validate and serialise it again.
    return Response(answer.model_dump_json(), media_type="application/json")


_LATEST = timedelta(days=7)
_CLOCKS_DIFFER = timedelta(seconds=5)


def _occurred_at(body: EventIn, now: datetime) -> datetime | None:
    given = body.occurred_at
    if given is None:
        return None
    if given > now + _CLOCKS_DIFFER:
        raise InvalidPayload("This lies ahead. Send the time of the purchase.", field=_WHEN)
    if given < now - _LATEST:
        raise InvalidPayload("At most 7 days back.", field=_WHEN)
    return min(given, now)


_WHEN = "/occurred_at"


def _why_not(referrals: list[ReferralRef]) -> str:
    if not referrals:
        return "No referral of this customer is concerned."
    return " ".join(referral.why_not or "" for referral in referrals)


def _basket(order: OrderIn) -> Basket:
    items = [item.model_dump(mode="json", exclude_none=True) for item in order.items or []]
    total = order.total()
    paid = total if order.total_amount is None else order.total_amount
    return Basket(amount=total, total_amount=paid, items=items, metadata=order.metadata)


def _event_id(
    body: EventIn, request: Request, caller: Caller
) -> tuple[str | None, tuple[str, ...]]:
    """The event's identity, if the caller gave one, and its scope."""
    given = identity_of(body.metadata, "event_id")
    if given is None:
        return request.headers.get(HEADER), (caller.app_id,)
    if len(given) > 255:
        raise InvalidPayload("At most 255 characters.", field="/metadata/event_id")
    return given.strip(), ()
