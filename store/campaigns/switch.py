"""Enables and disables campaigns and referral codes, and ends campaigns.

Disabling is a pause: waiting referrals keep waiting, and their conversions are held until it is
over. The campaign's row is locked first, also for its codes' switches, so that two concurrent
switches cannot both miss a conversion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import or_, select
from sqlmodel import col

from domain.grants import GrantStatus
from domain.refusals import existing
from store.campaigns.revise import lock
from store.database import Transaction
from store.grants.postings import give_up
from store.grants.state import lock_referral, refresh_referral, set_status
from store.grants.stops import STOPS
from store.ledger.budget_changes import BudgetChanges
from store.outbox.messages import Outgoing
from store.references import voucher_named
from store.referrals import pauses
from store.tables import Campaign, Grant, Referral, Voucher


class Switched(NamedTuple):
    """The id of what was switched, and the messages for workflows that continue or end."""

    id: str
    intake: list[Outgoing]


async def set_active(
    tx: Transaction, ref: str, *, active: bool, actor: str, stop: bool | None = None
) -> Switched:
    """Enable or disable a campaign. `stop`: its rewards are not given either until it is enabled.
    Repeats change nothing. Raises NotFound."""
    campaign = await lock(tx, ref)
    _record(tx, campaign, campaign.active, active, stop, "campaign", actor)
    if campaign.active or active:
        campaign.opened_at = campaign.opened_at or tx.now
    _turn(tx, campaign, active, stop)
    if active:
        return Switched(campaign.id, await _go_on(tx, campaign, None))
    return Switched(campaign.id, await _give_again(tx, campaign, None) if stop is False else [])


async def set_code_active(
    tx: Transaction,
    code: str,
    *,
    active: bool,
    actor: str,
    stop: bool | None = None,
    reject_held: bool = False,
) -> Switched:
    """The same for a code, by code or id. `reject_held`: end the conversions that it holds, and
    cancel the rewards that were stopped with it. Raises NotFound."""
    voucher = await _voucher(tx, code)
    campaign = await lock(tx, voucher.campaign_id)
    await tx.session.refresh(voucher, with_for_update={"key_share": True})
    _record(tx, campaign, voucher.active, active, stop, "voucher", actor, voucher.id)
    _turn(tx, voucher, active, stop)
    if active:
        return Switched(voucher.id, await _go_on(tx, campaign, voucher.id))
    if reject_held:
        reason = "Rejected: the referral code was disabled."
        return Switched(voucher.id, await _reject(tx, campaign, voucher.id, reason, actor))
    return Switched(
        voucher.id, await _give_again(tx, campaign, voucher.id) if stop is False else []
    )


async def end(tx: Transaction, ref: str, *, judge: bool, actor: str) -> Switched:
    """End a campaign now.

    New referrals are refused from here on; waiting ones keep their window, so the campaign is
    enabled. Held conversions are judged (`judge`), or else rejected."""
    campaign = await lock(tx, ref)
    over = campaign.expiration_date
    campaign.expiration_date = over if over and over <= tx.now else tx.now
    if campaign.start_date and campaign.start_date >= campaign.expiration_date:
        campaign.start_date = None
    tx.record(
        "campaign.ended",
        "Campaign ended",
        detail=f"What was held is {'judged' if judge else 'rejected'}.",
        source="staff",
        actor=actor,
        campaign_id=campaign.id,
    )
    reason = "Rejected: the campaign ended while it was paused."
    ended = [] if judge else await _reject(tx, campaign, None, reason, actor)
    _turn(tx, campaign, True, None)
    campaign.opened_at = campaign.opened_at or tx.now
    return Switched(campaign.id, ended + await _go_on(tx, campaign, None))


def _turn(tx: Transaction, switch: Campaign | Voucher, active: bool, stop: bool | None) -> None:
    stopped = switch.grants_stopped if stop is None else stop
    switch.active, switch.grants_stopped = active, stopped and not active
    switch.updated_at = tx.now


def _record(
    tx: Transaction,
    campaign: Campaign,
    before: bool,
    active: bool,
    stop: bool | None,
    what: str,
    actor: str,
    voucher_id: str | None = None,
) -> None:
    if before == active and stop is None:
        return
    word = "enabled" if active else "disabled"
    named = "Campaign" if voucher_id is None else "Referral code"
    tx.record(
        f"{what}.{word}",
        f"{named} {word}",
        detail={None: None, True: "Its rewards are stopped.", False: "Its rewards go on."}[stop],
        source="staff",
        actor=actor,
        campaign_id=campaign.id,
        data={"voucher_id": voucher_id} if voucher_id else {},
    )


async def _voucher(tx: Transaction, code: str) -> Voucher:
    statement = select(Voucher).where(col(Voucher.id) == voucher_named(code))
    return existing((await tx.session.scalars(statement)).one_or_none(), "voucher", code)


async def _go_on(tx: Transaction, campaign: Campaign, voucher_id: str | None) -> list[Outgoing]:
    """Held conversions are judged, and stopped rewards are given."""
    held = await pauses.resume(tx, campaign.id, voucher_id)
    return held + await _give_again(tx, campaign, voucher_id)


async def _give_again(
    tx: Transaction, campaign: Campaign, voucher_id: str | None
) -> list[Outgoing]:
    """Signal the workflows of stopped rewards, so that they check again."""
    parked = select(Referral).where(
        col(Referral.id).in_(
            select(col(Grant.referral_id)).where(
                col(Grant.campaign_id) == campaign.id,
                col(Grant.status) == GrantStatus.NEEDS_ATTENTION,
                col(Grant.attention).in_(STOPS),
            )
        )
    )
    if voucher_id is not None:
        parked = parked.where(col(Referral.voucher_id) == voucher_id)
    referrals = list(await tx.session.scalars(parked.order_by(col(Referral.id))))
    return await pauses.look_again(tx, referrals)


async def _reject(
    tx: Transaction, campaign: Campaign, voucher_id: str | None, reason: str, actor: str
) -> list[Outgoing]:
    held = await pauses.reject(tx, campaign.id, voucher_id, reason, actor)
    return held + await _cancel_stopped(tx, campaign, voucher_id, actor)


async def _cancel_stopped(
    tx: Transaction, campaign: Campaign, voucher_id: str | None, actor: str
) -> list[Outgoing]:
    """Cancel the stopped rewards. None of them has a card."""
    changes = BudgetChanges(campaign.id)
    grants = await _stopped(tx, campaign.id, voucher_id)
    for grant in grants:
        if face := give_up(tx, grant):
            changes.reserve(-face)
        set_status(tx, grant, GrantStatus.CANCELLED)
        title = "Cancelled: it was stopped"
        tx.record("grant.cancelled", title, source="staff", actor=actor, **grant.event_ids)
    referrals = [
        await lock_referral(tx, id) for id in sorted({grant.referral_id for grant in grants})
    ]
    for referral in referrals:
        await refresh_referral(tx, referral)
    messages = await pauses.look_again(tx, referrals)
    await changes.apply(tx)
    return messages


async def _stopped(tx: Transaction, campaign_id: str, voucher_id: str | None) -> Sequence[Grant]:
    waits = col(Grant.status).in_((GrantStatus.HELD, GrantStatus.IN_REVIEW))
    statement = (
        select(Grant)
        .join(Referral, col(Referral.id) == Grant.referral_id)
        .join(Campaign, col(Campaign.id) == Grant.campaign_id)
        .join(Voucher, col(Voucher.id) == Referral.voucher_id)
        .where(
            col(Grant.campaign_id) == campaign_id,
            or_(waits, col(Grant.attention).in_(STOPS)),
            col(Campaign.grants_stopped) if voucher_id is None else col(Voucher.grants_stopped),
        )
        .order_by(col(Grant.id))
        .with_for_update(of=Grant)
        .execution_options(populate_existing=True)
    )
    if voucher_id is not None:
        statement = statement.where(col(Referral.voucher_id) == voucher_id)
    return (await tx.session.scalars(statement)).all()
