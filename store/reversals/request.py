"""Accepts a reversal: one refund, or one finding, against one referral, once.

What can be refused is refused here, in the caller's transaction. What is accepted leaves a row and
a message; the referral's workflow, or an aftercare workflow, carries it out
(`store.reversals.carry_out`)."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import case, func, select
from sqlmodel import col

from domain.ids import Prefix, digest, new_id
from domain.money import words
from domain.referrals import ReferralStatus
from domain.refusals import InvalidPayload, NotAllowedInState
from domain.repeats import Content, Kind, trimmed
from domain.reversal import Cause, fits
from store.access.identities import given, keep, must_match, recall
from store.database import Transaction
from store.grants.state import lock_referral
from store.outbox.enqueue import enqueue_look
from store.outbox.messages import Outgoing
from store.referrals.pauses import is_unclear, let_go
from store.tables import Referral, Reversal

_NAMELESS_PART = (
    "A part of an order needs a name of its own, so that a repeat is not a second refund. Send "
    "metadata.refund_id or an Idempotency-Key."
)
NEVER_COUNTED = frozenset({ReferralStatus.EXPIRED, ReferralStatus.REJECTED})
"""Statuses without grants, so nothing can be undone."""


class Accepted(NamedTuple):
    """The referral, and the message for its workflow; none for a repeat."""

    referral_id: str
    intake: list[Outgoing]


class Refunded(NamedTuple):
    """The sum of a referral's reversals. `amount`: minor units of what was paid, never more than
    that; `whole`: all of it. `paid`: None if the order's amount is unknown."""

    amount: int
    whole: bool
    paid: int | None


async def request_reversal(
    tx: Transaction,
    referral_id: str,
    refunded: int | None,
    reason: str,
    identity: str | None,
    *,
    order_amount: int | None = None,
    currency: str | None = None,
    cause: Cause = Cause.REFUND,
    actor: str | None = None,
) -> Accepted:
    """Accept a reversal of `refunded` minor units of what was paid for the order behind a referral;
    None: of all that is left.

    `identity` is the caller's own id for it, such as a refund's: a repeat changes nothing, and is
    refused with another amount. Only a whole reversal needs none, because it cannot happen twice.
    `order_amount` is needed for a share of an order whose amount is unknown here; `currency` must
    be the order's if that is known. `actor`: a credential's id, if a person asked.

    The caller commits, then wakes the dispatcher with the result. Takes the referral's lock, and no
    other. Raises NotFound, InvalidPayload, IdentityReused or NotAllowedInState."""
    must_be_named(identity, refunded)
    referral = await lock_referral(tx, referral_id)
    named = given(Kind.REFUND, identity, referral.id) if identity else None
    content = Content(amount=refunded, currency=currency or referral.order_currency)
    if named and (known := await recall(tx, named)):
        must_match(named, known, content)
        return Accepted(referral.id, [])
    before = await refunded_of(tx, referral)
    # A refund from before contents were stored replays in its old form.
    old = identity and await _known(tx, referral.id, {identity, trimmed(identity)})
    if old or (before.whole and refunded is None):
        return Accepted(referral.id, [])
    if referral.status in NEVER_COUNTED and referral.reinstating is None:
        raise NotAllowedInState(f"The referral is {referral.status}: nothing was granted for it.")
    if before.whole:
        raise NotAllowedInState("All of the order behind this referral is reversed already.")
    if refunded is not None:
        paid = _must_fit(referral, before, refunded, order_amount, currency)
        referral.order_amount = referral.order_amount or paid
        referral.paid_amount = paid
        referral.order_currency = referral.order_currency or currency
    reversal = Reversal(
        id=new_id(Prefix.REVERSAL),
        referral_id=referral.id,
        identity=digest(referral.id, trimmed(identity or new_id(Prefix.REVERSAL))),
        refunded=refunded,
        cause=cause,
        round=referral.round,
        actor=actor,
        created_at=tx.now,
    )
    tx.session.add(reversal)
    after = refunded_in_all(before.amount + (refunded or 0), refunded is None, paid_for(referral))
    referral.reversal_id, referral.undone = reversal.id, after.whole
    if named:
        await keep(tx, named, content, [reversal.id])
    _record(tx, referral, reversal, reason)
    return Accepted(referral.id, await enqueue_look(tx, {reversal.id: referral}))


def must_be_named(identity: str | None, refunded: int | None) -> None:
    """Raises InvalidPayload for a partial refund without an identity, which could not be told from
    its repeat."""
    if identity is None and refunded is not None:
        raise InvalidPayload(_NAMELESS_PART, field="/metadata/refund_id")


async def refunded_of(tx: Transaction, referral: Referral) -> Refunded:
    """The sum of a referral's reversals so far."""
    total, whole = (
        await tx.session.execute(
            select(
                func.coalesce(func.sum(Reversal.refunded), 0),
                func.coalesce(func.sum(case((col(Reversal.refunded).is_(None), 1), else_=0)), 0),
            ).where(col(Reversal.referral_id) == referral.id, col(Reversal.round) == referral.round)
        )
    ).one()
    return refunded_in_all(int(total), bool(whole), paid_for(referral))


def refunded_in_all(total: int, whole: bool, paid: int | None) -> Refunded:
    """The effect when refunds add up to `total`. Rounding may have taken it past what was paid."""
    if paid is None:
        return Refunded(total, whole, None)
    return Refunded(min(total, paid), whole or 0 < paid <= total, paid)


def paid_for(referral: Referral) -> int | None:
    """What was paid for the order, in minor units. Referrals from before prices were distinguished
    have only one amount."""
    return referral.order_amount if referral.paid_amount is None else referral.paid_amount


def _must_fit(
    referral: Referral,
    before: Refunded,
    refunded: int,
    order_amount: int | None,
    currency: str | None,
) -> int:
    """What was paid for the order, in minor units. Raises InvalidPayload for a refund that cannot
    be a share of it."""
    unit = referral.order_currency or currency
    if currency not in (None, unit):
        raise InvalidPayload(f"The order was paid in {unit}.", field="/currency")
    if before.paid is not None and order_amount not in (None, before.paid):
        raise InvalidPayload(
            f"{words(before.paid, unit)} was paid for the order. Refunds are shares of that: what "
            "it came to before a discount does not count.",
            field="/order_amount",
        )
    paid = order_amount if before.paid is None else before.paid
    if paid is None:
        raise InvalidPayload(
            "What the order came to is not known here. Send order_amount as well, or leave amount "
            "out to reverse all of it.",
            field="/order_amount",
        )
    if not fits(before.amount + refunded, paid):
        raise InvalidPayload(
            f"{words(paid, unit)} was paid for the order, and {words(before.amount, unit)} of it "
            f"is refunded already: {words(refunded, unit)} is too much. Give what was paid back, "
            "after any discount, or leave amount out to reverse all that is left.",
            field="/amount",
            order_amount=paid,
            refunded=before.amount,
        )
    return paid


async def _known(tx: Transaction, referral_id: str, spellings: set[str]) -> bool:
    names = [digest(referral_id, spelling) for spelling in spellings]
    statement = select(col(Reversal.id)).where(col(Reversal.identity).in_(names)).limit(1)
    return await tx.session.scalar(statement) is not None


def _record(tx: Transaction, referral: Referral, reversal: Reversal, reason: str) -> None:
    tx.record(
        "referral.reversal_asked",
        "Reversal asked for",
        detail=reason,
        source="staff" if reversal.actor else "engine",
        actor=reversal.actor,
        data={"reversal_id": reversal.id, "refunded": reversal.refunded},
        **referral.event_ids,
    )


async def clear_up(
    tx: Transaction, referral_id: str, stands: bool, actor: str, reason: str | None
) -> list[Outgoing] | None:
    """`stands`: the purchase is valid and judged now; else all of it is undone.

    None if the referral does not wait for that. The caller commits, then wakes the dispatcher.
    Locks the switches, then the referral. Raises NotAllowedInState if somebody was faster."""
    referral = await tx.session.get(Referral, referral_id)
    if referral is None or not is_unclear(referral):
        return None
    if stands:
        return await let_go(tx, referral, actor, reason)
    accepted = await request_reversal(
        tx, referral_id, None, reason or "Denied by staff.", None, cause=Cause.DENIAL, actor=actor
    )
    return accepted.intake
