"""Erases a person. Sums, ids and what happened stay; who it was does not.

Refused while a card may still be on its way to the person."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import and_, or_, select, text
from sqlmodel import col

from domain.grants import AT_REST, GrantStatus
from domain.ids import digest
from domain.money import Money
from domain.referrals import Pause, ReferralStatus, held_by
from domain.refusals import NotAllowedInState, existing
from store.customers.queries import named
from store.customers.traces import remove_traces
from store.database import Transaction
from store.grants import attention
from store.grants.state import refresh_referral
from store.ledger import budgets
from store.marks.changes import KEPT_FOR, forget
from store.outbox.enqueue import enqueue_look
from store.outbox.messages import Outgoing
from store.staff.cancel import cancel_grant
from store.tables import Customer, Grant, Referral


class Erased(NamedTuple):
    """The erased customer, and how much was erased."""

    customer_id: str
    orders: int
    segments: int
    intake: list[Outgoing]
    """Messages for the workflows of what was cancelled: they end."""


async def erase(tx: Transaction, ref: str, marks_kept: timedelta = KEPT_FOR) -> Erased:
    """Cancel what is open for this customer (an id or source_id), and clear every place with
    personal data.

    `marks_kept`: how long the person is recognised, by keyed hashes. Raises NotFound, and
    NotAllowedInState while an order is open. The caller commits, then wakes the dispatcher with the
    returned messages."""
    customer = await _locked(tx, ref)
    # First, because marks are locked before grants.
    await forget(tx, customer, marks_kept)
    referrals = await _referrals(tx, customer.id)
    waiting = await _waiting_grants(tx, customer.id)
    if any(each.status == ReferralStatus.CONVERTED and not _held(each) for each in referrals):
        raise NotAllowedInState("A conversion is being judged right now. Try again in a moment.")
    for grant in waiting:
        if grant.status in _UNDER_WAY or await attention.may_exist(tx, grant.id):
            raise NotAllowedInState(
                f"Grant {grant.id} is {grant.status.replace('_', ' ')}, and a card may be on its "
                "way. Wait until it is delivered, or resolve it; then erase.",
                resource_id=grant.id,
            )
    held = {each.id for each in referrals if _held(each)}
    freed = [back for grant in waiting if (back := _cancel(tx, grant))]
    ended = held | {each.id for each in referrals if each.status == ReferralStatus.WAITING}
    for referral in referrals:
        if referral.id in ended:
            _end_waiting(tx, referral, customer)
    await tx.session.flush()
    for referral in referrals:
        if referral.status not in _WITHOUT_GRANTS and referral.id not in held:
            await refresh_referral(tx, referral)
    cancelled = {grant.referral_id for grant in waiting} | ended
    intake = await enqueue_look(
        tx,
        {digest("erased", customer.id, one.id): one for one in referrals if one.id in cancelled},
    )
    orders, segments = await remove_traces(tx, customer)
    erased = Erased(customer.id, orders, segments, intake)
    tx.record("customer.deleted", "Customer erased", customer_id=customer.id)
    await tx.write_facts()
    for campaign_id, face in sorted(freed, key=lambda pair: (pair[0], pair[1].currency)):
        await budgets.release(tx, campaign_id, face)
    return erased


_WITHOUT_GRANTS = frozenset(
    {ReferralStatus.WAITING, ReferralStatus.REJECTED, ReferralStatus.EXPIRED}
)
_UNDER_WAY = frozenset({GrantStatus.ORDERING, GrantStatus.ORDERED})


async def _locked(tx: Transaction, ref: str) -> Customer:
    return existing(await tx.session.scalar(named(ref).with_for_update()), "customer", ref)


async def _referrals(tx: Transaction, customer_id: str) -> list[Referral]:
    """All referrals in which the person takes part or is rewarded, locked in one order."""
    rewarded = select(col(Grant.referral_id)).where(col(Grant.recipient_id) == customer_id)
    statement = select(Referral).where(
        or_(
            col(Referral.referee_id) == customer_id,
            col(Referral.referrer_id) == customer_id,
            col(Referral.id).in_(rewarded),
        ),
        or_(
            col(Referral.status).in_(_OPEN),
            col(Referral.reason).in_(Pause),
            col(Referral.id).in_(rewarded.where(col(Grant.status).not_in(AT_REST))),
        ),
    )
    return list(await tx.session.scalars(statement.order_by(col(Referral.id)).with_for_update()))


_OPEN = (ReferralStatus.WAITING, ReferralStatus.CONVERTED)


async def _waiting_grants(tx: Transaction, customer_id: str) -> list[Grant]:
    statement = select(Grant).where(
        and_(col(Grant.recipient_id) == customer_id, col(Grant.status).not_in(AT_REST))
    )
    return list(await tx.session.scalars(statement.order_by(col(Grant.id)).with_for_update()))


def _cancel(tx: Transaction, grant: Grant) -> tuple[str, Money] | None:
    face = cancel_grant(tx, grant)
    tx.record("grant.cancelled", "Cancelled: the customer was erased", **grant.event_ids)
    return (grant.campaign_id, face) if face else None


def _held(referral: Referral) -> bool:
    return held_by(referral.status, referral.reason) is not None


def _end_waiting(tx: Transaction, referral: Referral, erased: Customer) -> None:
    """An erased referee's referral ends. An erased referrer's continues for the friend, who was
    promised a reward too."""
    if referral.referee_id == erased.id:
        referral.status, referral.updated_at = ReferralStatus.REJECTED, tx.now
        referral.reason = "The friend was erased before a conversion came."
        type, title = "referral.rejected", "Referral ended: the friend was erased"
    else:
        type = "referral.referrer_erased"
        title = "The referrer was erased: the friend's reward stands, the referrer's is dropped"
    tx.record(
        type,
        title,
        **referral.event_ids,
    )


async def purge_answers(tx: Transaction, days: int = 30) -> None:
    """Delete stored answers that nobody will request again: they contain personal data."""
    await tx.session.execute(
        text("DELETE FROM idempotent_answers WHERE started_at < now() - make_interval(days => :d)"),
        {"d": days},
    )
