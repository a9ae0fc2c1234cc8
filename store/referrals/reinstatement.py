"""Brings back a referral that was reversed or rejected: requested here, applied by its workflow.

The request only locks the referral's row. It is applied as the first step of `carry_out`, under the
referrer's progress, so that it and a reversal of the same referral take turns. Qualification
decides what the referral then earns."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select, update
from sqlmodel import col

from domain.ids import Prefix, digest, new_id
from domain.referrals import ReferralStatus, held_by
from domain.refusals import NotAllowedInState
from domain.reversal import MENDED_BY_A_PURCHASE
from store.database import Transaction
from store.grants.state import lock_referral
from store.outbox.enqueue import enqueue_look
from store.outbox.messages import Outgoing
from store.referrals.conversion import (
    ConversionRequest,
    columns_of,
    must_be_bought,
)
from store.referrals.pauses import pause_now, record_held
from store.referrals.purchases import orders_of_row
from store.tables import Customer, Grant, Intake, Referral, Reversal
from store.terms import terms_of

_NEVER_CONVERTED = (
    "Nothing was bought yet, so there is nothing to judge anew. Send the purchase's event."
)
_SAME_AS_BEFORE = ("status", "converted_at")
"""A reinstated referral keeps its conversion time: its window was met then."""


async def request_reinstatement(
    tx: Transaction, referral_id: str, reason: str, *, actor: str
) -> list[Outgoing]:
    """A person brings a referral back. A repeat changes nothing. Takes the referral's lock, and no
    other. Raises NotFound, or NotAllowedInState in words."""
    referral = await lock_referral(tx, referral_id)
    if referral.reinstating is not None:
        return []
    if not await _is_undone(tx, referral) and referral.status != ReferralStatus.REJECTED:
        raise NotAllowedInState(_why_not(referral))
    if referral.conversion is None:
        raise NotAllowedInState(_NEVER_CONVERTED)
    await _must_have_its_people(tx, referral)
    return [await _ask(tx, referral, {}, reason, actor)]


async def buy_again(
    tx: Transaction, referral: Referral, request: ConversionRequest
) -> Outgoing | None:
    """An event with a new identity names the refunded or rolled back order: it was bought after
    all.

    None if that order, or the cause of the reversal, is another one, and for a late repeat of an
    earlier event."""
    if not _names_its_order(referral, request) or await _was_heard(tx, referral, request):
        return None
    locked = await lock_referral(tx, referral.id)
    if locked.reinstating is not None:
        return None
    if not await _is_undone(tx, locked) or not await _was_only_refunded(tx, locked):
        return None
    terms = await terms_of(tx, locked.campaign_id, locked.campaign_version)
    must_be_bought(terms, request)
    columns = columns_of(request, request.seen or {})
    conversion = {
        name: value
        for name, value in columns.items()
        if name not in _SAME_AS_BEFORE and value is not None
    }
    if request.order_amount not in (None, locked.order_amount):
        conversion.setdefault("paid_amount", request.order_amount)
    # The rules were met at the first purchase.
    if rules := (locked.conversion or {}).get("rules"):
        conversion["conversion"].setdefault("rules", rules)
    return await _ask(tx, locked, conversion, "The order was bought after all.", None)


async def apply(tx: Transaction, referral: Referral) -> None:
    """Set the referral to "converted, not judged yet", so that it is judged anew.

    If nothing had been undone yet the first decision stays. The caller holds the referrer's
    progress row. Locks the referral's grants, then its row."""
    pause = await pause_now(tx, referral)
    await tx.session.execute(
        select(col(Grant.id))
        .where(col(Grant.referral_id) == referral.id)
        .order_by(col(Grant.id))
        .with_for_update()
    )
    locked = await lock_referral(tx, referral.id)
    if locked.reinstating is None:
        return
    conversion, locked.reinstating, locked.updated_at = locked.reinstating, None, tx.now
    await _void(tx, locked)
    undone = locked.reversed_at is not None or locked.status == ReferralStatus.REJECTED
    if undone:
        locked.earlier_ordinal = locked.ordinal or locked.earlier_ordinal
        locked.ordinal, locked.reversed_at, locked.reason = None, None, None
        locked.status = ReferralStatus.CONVERTED
        for column, value in conversion.items():
            setattr(locked, column, value)
        if pause is not None:
            locked.reason = pause
            record_held(tx, locked, pause)
    detail = None if undone else "Nothing had been undone yet."
    tx.record("referral.reinstated", "Reinstated", detail=detail, **locked.event_ids)
    await tx.session.flush()


def is_unjudged(referral: Referral) -> bool:
    """Whether there is a conversion that nothing holds, and that was not judged."""
    held = held_by(referral.status, referral.reason)
    return referral.status == ReferralStatus.CONVERTED and referral.ordinal is None and not held


async def _ask(
    tx: Transaction,
    referral: Referral,
    conversion: dict[str, Any],
    reason: str,
    actor: str | None,
) -> Outgoing:
    referral.reinstating, referral.round = conversion, referral.round + 1
    referral.reversal_id, referral.undone = None, False
    cause = new_id(Prefix.REINSTATEMENT)
    tx.record(
        "referral.reinstatement_asked",
        "Reinstatement asked for",
        detail=reason,
        source="staff" if actor else "engine",
        actor=actor,
        data={"reinstatement_id": cause},
        **referral.event_ids,
    )
    await tx.session.flush()
    return (await enqueue_look(tx, {cause: referral}))[0]


async def _void(tx: Transaction, referral: Referral) -> None:
    """Cancel the reversals that were still to come."""
    await tx.session.execute(
        update(Reversal)
        .where(
            col(Reversal.referral_id) == referral.id,
            col(Reversal.round) < referral.round,
            col(Reversal.carried_out_at).is_(None),
        )
        .values(carried_out_at=tx.now)
    )


async def _is_undone(tx: Transaction, referral: Referral) -> bool:
    """Wholly undone, or about to be."""
    if referral.reversed_at is not None:
        return True
    total, all_left = (
        await tx.session.execute(
            select(
                func.coalesce(func.sum(Reversal.refunded), 0),
                func.count().filter(col(Reversal.refunded).is_(None)),
            ).where(col(Reversal.referral_id) == referral.id, col(Reversal.round) == referral.round)
        )
    ).one()
    paid = referral.order_amount if referral.paid_amount is None else referral.paid_amount
    return bool(all_left) or (paid is not None and 0 < paid <= int(total or 0))


async def _was_only_refunded(tx: Transaction, referral: Referral) -> bool:
    """Only refunded by the shop; neither denied nor found to be wrong."""
    causes = await tx.session.scalars(
        select(col(Reversal.cause))
        .where(col(Reversal.referral_id) == referral.id, col(Reversal.round) == referral.round)
        .distinct()
    )
    return set(causes) <= MENDED_BY_A_PURCHASE


def _names_its_order(referral: Referral, request: ConversionRequest) -> bool:
    return bool(set(request.orders.keys) & set(orders_of_row(referral).keys))


async def _was_heard(tx: Transaction, referral: Referral, request: ConversionRequest) -> bool:
    """Whether the event is known: every event that converted or reinstated the referral has a
    message."""
    identity = request.identity()
    if (referral.conversion or {}).get("event_id") == identity:
        return True
    message = digest(referral.id, digest(identity))
    return await tx.session.get(Intake, message) is not None


async def _must_have_its_people(tx: Transaction, referral: Referral) -> None:
    erased = await tx.session.scalar(
        select(col(Customer.erased_at)).where(col(Customer.id) == referral.referee_id)
    )
    if erased is not None:
        raise NotAllowedInState("The friend was erased: nobody is left to be rewarded.")


def _why_not(referral: Referral) -> str:
    if referral.status == ReferralStatus.EXPIRED:
        return f"The referral expired. {_NEVER_CONVERTED}"
    words = referral.status.replace("_", " ")
    return f"The referral is {words}: only one that was reversed or rejected is reinstated."
