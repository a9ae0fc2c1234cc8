"""Conversions that are held while their campaign or code is disabled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, select
from sqlmodel import col

from domain.ids import digest
from domain.messages import ReferralStart
from domain.referrals import SWITCHES, Pause, ReferralStatus, held_by, pause_of
from domain.refusals import NotAllowedInState
from store.database import Transaction
from store.grants.state import lock_referral
from store.outbox.enqueue import enqueue_look
from store.outbox.messages import Outgoing
from store.tables import Campaign, Referral, Voucher

_SWITCHES = (
    select(col(Campaign.active), col(Voucher.active))
    .join(Voucher, col(Voucher.campaign_id) == Campaign.id)
    .where(col(Voucher.id) == bindparam("voucher"))
    # Enabling either waits until this conversion is committed.
    .with_for_update(read=True)
)
_HELD = (
    select(Referral, col(Campaign.active), col(Voucher.active))
    .join(Campaign, col(Campaign.id) == Referral.campaign_id)
    .join(Voucher, col(Voucher.id) == Referral.voucher_id)
    .where(
        col(Referral.status).in_((ReferralStatus.CONVERTED, ReferralStatus.NEEDS_ATTENTION)),
        col(Referral.reason).in_(SWITCHES),
        col(Referral.ordinal).is_(None),
    )
    .order_by(col(Referral.id))
    .with_for_update(of=Referral)
    .execution_options(populate_existing=True)
)


_RESUMED = "Held conversion goes on"


async def pause_now(tx: Transaction, referral: Referral) -> Pause | None:
    """What stops the referral's conversion now. Locks both switches, so that one that is enabled at
    the same moment comes either before this, or after the caller's commit."""
    row = await tx.session.execute(_SWITCHES, {"voucher": referral.voucher_id})
    campaign_active, code_active = row.one()
    return pause_of(campaign_active=campaign_active, code_active=code_active)


def record_held(tx: Transaction, referral: Referral, pause: Pause) -> None:
    """Add to the timeline that the conversion will be judged later."""
    tx.record(
        "referral.held",
        "Conversion held",
        detail=f"Not judged while {pause.words}.",
        data={"reason": pause},
        **referral.event_ids,
    )


def hold(tx: Transaction, referral: Referral, pause: Pause, why: str) -> None:
    """Hold a conversion that is not judged yet, so that a person decides."""
    _set(tx, referral, ReferralStatus.NEEDS_ATTENTION, pause)
    _tell_attention(tx, referral, why, data={"reason": pause})


async def let_go(
    tx: Transaction, referral: Referral, actor: str, reason: str | None
) -> list[Outgoing]:
    """Release a conversion that was held for an unclear refund, and have it judged.

    It stays held while its campaign or code is disabled. Locks campaign and code, then the
    referral. Raises NotAllowedInState if somebody else has decided."""
    pause = await pause_now(tx, referral)
    await tx.session.refresh(referral, with_for_update=True)
    if not is_unclear(referral):
        raise NotAllowedInState("This was decided already.")
    _set(tx, referral, ReferralStatus.CONVERTED, pause)
    tx.record("referral.resumed", _RESUMED, **_by(actor, reason), **referral.event_ids)
    if pause is not None:
        record_held(tx, referral, pause)
    return await look_again(tx, [referral])


def is_unclear(referral: Referral) -> bool:
    """Whether it waits until a person has looked at an earlier refund."""
    return held_by(referral.status, referral.reason) is Pause.REFUND_UNCLEAR


async def resume(
    tx: Transaction, campaign_id: str, voucher_id: str | None = None
) -> list[Outgoing]:
    """Judge the held conversions of a campaign, or of one code, unless something else holds them.
    The caller has locked the campaign and enabled it, or the code."""
    goes_on = []
    for referral, pause in await _held(tx, campaign_id, voucher_id):
        if pause is not None:
            referral.reason = pause
            continue
        _set(tx, referral, ReferralStatus.CONVERTED, None)
        tx.record("referral.resumed", _RESUMED, **referral.event_ids)
        goes_on.append(referral)
    return await look_again(tx, goes_on)


async def reject(
    tx: Transaction, campaign_id: str, voucher_id: str | None, reason: str, actor: str
) -> list[Outgoing]:
    """Reject what is held, without judging it. The caller has locked the campaign."""
    held = [referral for referral, _ in await _held(tx, campaign_id, voucher_id)]
    for referral in held:
        _set(tx, referral, ReferralStatus.REJECTED, reason)
        said = _by(actor, reason)
        tx.record("referral.rejected", "Held conversion rejected", **said, **referral.event_ids)
    return await look_again(tx, held)


async def attend(tx: Transaction, start: ReferralStart) -> None:
    """A conversion has been held for long: a person should decide. Idempotent by its status."""
    referral = await lock_referral(tx, start.referral_id)
    pause = held_by(referral.status, referral.reason)
    if pause is None or referral.status == ReferralStatus.NEEDS_ATTENTION:
        return
    _set(tx, referral, ReferralStatus.NEEDS_ATTENTION, referral.reason)
    _tell_attention(tx, referral, f"Its conversion has been held for 30 days: {pause.words}.")


async def look_again(tx: Transaction, referrals: Sequence[Referral]) -> list[Outgoing]:
    """Signal their workflows to look at the facts."""
    await tx.session.flush()
    moment = tx.now.isoformat()
    return await enqueue_look(
        tx, {digest(referral.id, "look again", moment): referral for referral in referrals}
    )


def _set(tx: Transaction, referral: Referral, status: ReferralStatus, reason: str | None) -> None:
    referral.status, referral.reason, referral.updated_at = status, reason, tx.now


def _tell_attention(tx: Transaction, referral: Referral, why: str, **more: Any) -> None:
    title = "Referral needs attention"
    tx.record("referral.needs_attention", title, detail=why, **more, **referral.event_ids)


def _by(actor: str, reason: str | None) -> dict[str, Any]:
    return {"detail": reason, "source": "staff", "actor": actor}


async def _held(
    tx: Transaction, campaign_id: str, voucher_id: str | None
) -> list[tuple[Referral, Pause | None]]:
    """Each with what holds it now."""
    await tx.session.flush()
    statement = _HELD.where(col(Referral.campaign_id) == campaign_id)
    if voucher_id is not None:
        statement = statement.where(col(Referral.voucher_id) == voucher_id)
    return [
        (referral, pause_of(campaign_active=campaign, code_active=code))
        for referral, campaign, code in await tx.session.execute(statement)
    ]
