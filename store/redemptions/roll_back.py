"""Undoes a redemption, once: the use, the discount, and the referral that it converted."""

from __future__ import annotations

from typing import Any, NamedTuple

from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from domain.ids import Prefix, new_id
from domain.money import words
from domain.refusals import CannotCount, InvalidPayload, NotAllowedInState, existing
from domain.reversal import Cause, fits, share
from store.database import Transaction
from store.eligibility import uses
from store.outbox.messages import Outgoing
from store.referrals.purchases import orders_of_row
from store.reversals.request import paid_for, request_reversal
from store.tables import Redemption, Referral, Rollback


class RollbackRequest(BaseModel):
    """`amount`: the refunded part of what was paid, minor units; None: all of it."""

    redemption_id: str
    amount: int | None = None
    reason: str | None = None
    tracking_id: str | None = None
    metadata: dict[str, Any] = {}
    actor: str


class RolledBack(NamedTuple):
    """The rollback, and the messages for the referral's workflow."""

    rollback_id: str
    intake: list[Outgoing]


async def roll_back(tx: Transaction, request: RollbackRequest) -> RolledBack:
    """Undo a redemption. Of several at once one succeeds; the others get `already_rolled_back`.

    Raises NotFound, CannotCount, InvalidPayload for more than the order's amount, and
    NotAllowedInState for a refused redemption."""
    redemption = await _redemption(tx, request)
    paid = paid_at(redemption)
    amount = paid if request.amount is None else min(request.amount, paid)
    rollback = Rollback(
        id=new_id(Prefix.ROLLBACK),
        amount=amount,
        whole=amount >= paid,
        attributes=request.metadata,
        created_at=tx.now,
        **request.model_dump(exclude={"amount", "metadata"}),
    )
    await _insert(tx, rollback)
    intake = await _reverse(tx, redemption, rollback)
    if rollback.whole:
        await uses.give_back(tx, redemption)
    _record(tx, redemption, rollback)
    return RolledBack(rollback.id, intake)


async def _redemption(tx: Transaction, request: RollbackRequest) -> Redemption:
    statement = select(Redemption).where(col(Redemption.id) == request.redemption_id)
    redemption = existing(
        (await tx.session.scalars(statement)).one_or_none(), "redemption", request.redemption_id
    )
    if redemption.failure_code is not None:
        raise NotAllowedInState("A redemption that was refused has nothing to roll back.")
    paid = paid_at(redemption)
    if request.amount is not None and not fits(request.amount, paid):
        unit = (redemption.order or {}).get("currency")
        raise InvalidPayload(
            f"{words(paid, unit)} was paid for the order, after the discount: "
            f"{words(request.amount, unit)} is too much.",
            field="/amount",
        )
    return redemption


def paid_at(redemption: Redemption) -> int:
    """The price after the code's discount, in minor units."""
    return redemption.amount - redemption.discount_amount


async def _insert(tx: Transaction, rollback: Rollback) -> None:
    inserted = await tx.session.execute(
        insert(Rollback)
        .values(**rollback.model_dump())
        .on_conflict_do_nothing(index_elements=["redemption_id"])
        .returning(col(Rollback.id))
    )
    if inserted.scalar() is None:
        raise CannotCount("already_rolled_back", "This redemption was rolled back before.")


async def _reverse(tx: Transaction, redemption: Redemption, rollback: Rollback) -> list[Outgoing]:
    """Reverse the referral that this order converted, by the same share. A discount without a
    conversion leaves its referral as it is."""
    if redemption.referral_id is None:
        return []
    referral = await tx.session.get_one(Referral, redemption.referral_id)
    if not _converted_by(referral, redemption):
        return []
    try:
        accepted = await request_reversal(
            tx,
            referral.id,
            None if rollback.whole else _part_of(referral, redemption, rollback),
            rollback.reason or "The redemption was rolled back.",
            rollback.id,
            order_amount=None if rollback.whole else paid_for(referral) or paid_at(redemption),
            cause=Cause.ROLLBACK,
            actor=rollback.actor,
        )
    except NotAllowedInState:
        # Nothing was granted, or all of it is undone already: only the code's use is left.
        return []
    return accepted.intake


def _part_of(referral: Referral, redemption: Redemption, rollback: Rollback) -> int:
    """The same share of what the conversion says was paid, which may differ from the redemption,
    with taxes or shipping."""
    paid, at_checkout = paid_for(referral), paid_at(redemption)
    if not paid or paid == at_checkout:
        return rollback.amount
    return max(1, share(paid, rollback.amount, at_checkout))


def _converted_by(referral: Referral, redemption: Redemption) -> bool:
    """Converted by the redemption itself, or by an event that named the same order."""
    if (referral.conversion or {}).get("event_id") == redemption.identity:
        return True
    ordered, converted = orders_of_row(redemption), orders_of_row(referral)
    return bool(set(ordered.keys) & set(converted.keys))


def _record(tx: Transaction, redemption: Redemption, rollback: Rollback) -> None:
    tx.record(
        "redemption.rolled_back",
        "Redemption rolled back",
        detail=f"{rollback.amount} of {paid_at(redemption)} (minor units) refunded",
        actor=rollback.actor,
        campaign_id=redemption.campaign_id,
        customer_id=redemption.customer_id,
        referral_id=redemption.referral_id,
        data={"redemption_id": redemption.id, "rollback_id": rollback.id},
    )
