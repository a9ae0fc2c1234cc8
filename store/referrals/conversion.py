"""A conversion as a caller sent it, what is stored of it, and its message to the workflow."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel

from domain.campaigns import CampaignTerms, ConversionKind, FreeOrders
from domain.ids import digest
from domain.messages import Conversion
from domain.purchases import NO_ORDER, OrderIds
from domain.referrals import ReferralStatus
from domain.rules.evaluation import Basket, Seen
from domain.verdict import refused
from store.database import Transaction
from store.eligibility.counting import Subject
from store.eligibility.rules import RuleContext, SeenByRule, judge_use
from store.outbox.enqueue import enqueue, start_of
from store.outbox.messages import Outgoing
from store.tables import Referral


class ConversionRequest(BaseModel):
    """A conversion event as a caller sent it.

    `event` names a custom event; a code redemption has `kind` REDEMPTION and needs none. `event_id`
    is the caller's own identity for it."""

    kind: ConversionKind = ConversionKind.CUSTOM_EVENT
    event: str | None = None
    event_id: str | None = None
    scope: tuple[str, ...] = ()
    """The scope in which `event_id` is unique: for an Idempotency-Key its credential."""
    customer_id: str
    code: str | None = None
    referrer_id: str | None = None
    orders: OrderIds = NO_ORDER
    """Every id of the order behind it."""
    order_amount: int | None = None
    """The order's amount before the code's discount, in minor units; None if not given."""
    paid_amount: int | None = None
    """What was paid: refunds are shares of this. None: `order_amount`."""
    order_currency: str | None = None
    order_status: str | None = None
    order: Basket | None = None
    metadata: dict[str, Any] = {}
    api_key: str | None = None
    """The credential that sent it."""
    received_at: datetime
    occurred_at: datetime | None = None
    """The time of purchase, if given: decides the window and the campaign's end, nothing else."""
    seen: dict[str, dict[str, Seen]] | None = None
    """The results of the rules' conditions, if they were judged already."""

    @property
    def bought_at(self) -> datetime:
        """The time that is compared with the window and the campaign's end."""
        return self.occurred_at or self.received_at

    def identity(self) -> str:
        """The event's identity: the caller's, else a hash of event, customer, code and the order's
        ids."""
        if self.event_id is not None:
            return self.event_id
        who = (self.event or self.kind, self.customer_id, self.code or "")
        return digest(*who, *self.orders.keys)


def must_be_bought(terms: CampaignTerms, request: ConversionRequest) -> None:
    """A cancelled order converts nothing, nor does one of 0 unless the terms count it. Raises
    CannotCount."""
    if request.order_status == "CANCELED":
        detail = "The order is CANCELED: it does not convert."
        raise refused("order_rules_violated", "order", detail, status=request.order_status)
    if request.order_amount == 0 and terms.free_orders is FreeOrders.REFUSE:
        detail = "The order comes to 0, which does not count in this campaign."
        raise refused("order_rules_violated", "order", detail, amount=0)


async def seen_for(
    tx: Transaction, terms: CampaignTerms, request: ConversionRequest, subject: Subject
) -> SeenByRule:
    """The results of the terms' rules. Raises CannotCount if one is not met."""
    must_be_bought(terms, request)
    if request.seen is not None:
        return request.seen
    asked = RuleContext(
        subject,
        request.received_at,
        order=request.order,
        metadata=request.metadata,
        event=request.metadata,
        api_key=request.api_key,
    )
    return await judge_use(tx, terms, asked, binding=False)


def columns_of(
    request: ConversionRequest, seen: SeenByRule, orders: OrderIds | None = None
) -> dict[str, Any]:
    """The columns that make a referral converted. `orders`: if the request names none."""
    orders = orders or request.orders
    rules = {
        rule_id: {key: one.model_dump(exclude_none=True) for key, one in conditions.items()}
        for rule_id, conditions in seen.items()
    }
    return {
        "status": ReferralStatus.CONVERTED,
        "converted_at": request.received_at,
        "conversion": {
            "event": request.event or request.kind,
            "event_id": request.identity(),
            "received_at": request.received_at.isoformat(),
            **({"occurred_at": request.occurred_at.isoformat()} if request.occurred_at else {}),
            **({"rules": rules} if rules else {}),
        },
        "order_source_id": orders.main,
        "order_ids": orders.keys,
        "order_amount": request.order_amount,
        "paid_amount": request.paid_amount,
        "order_currency": request.order_currency,
    }


async def enqueue_conversion(
    tx: Transaction, referral: Referral, request: ConversionRequest | None
) -> Outgoing:
    """Write down the message to the workflow, in the transaction that makes it true."""
    conversion, identity = None, digest(referral.id)
    if request is not None:
        # Hashed: an event id is the caller's own text, and a history must not name anybody.
        event_id = digest(request.identity())
        conversion = Conversion(event_id=event_id, received_at=request.received_at)
        identity = digest(referral.id, conversion.event_id)
        tx.record(
            "referral.converted",
            "Conversion event accepted",
            detail=f"{request.event or 'code redemption'} received",
            data={"event_id": event_id},
            **referral.event_ids,
        )
    message = Outgoing(identity, referral.workflow_id, start_of(referral), conversion)
    return (await enqueue(tx, [message]))[0]
