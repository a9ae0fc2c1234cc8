"""What happens to a grant without a provider: wallet credits, cancellation by staff, giving up."""

from __future__ import annotations

from typing import Any

from domain.grants import AT_REST, Attention, GrantStatus
from domain.messages import Next, ReviewRequest, StaffRequest, Step
from domain.money import Money
from domain.refusals import NotAllowedInState
from store.database import Transaction
from store.grants import attention as parking
from store.grants import wallets
from store.grants.postings import fulfil, give_up
from store.grants.state import lock_grant, lock_referral, refresh_referral, set_status
from store.grants.stops import park_if_stopped
from store.ledger import budgets, taxes
from store.providers import lanes
from store.staff import requests
from store.tables import Grant, StaffAction


async def credit_wallet(tx: Transaction, grant_id: str) -> Step:
    """Post credits or points to the recipient's wallet, once; credits that need a tax form are
    parked until it is there."""
    limit = await taxes.limit_of(tx, grant_id)
    grant = await lock_grant(tx, grant_id)
    if grant.status in AT_REST:
        return Step(next=Next.REST)
    if stopped := await park_if_stopped(tx, grant):
        return stopped
    if lack := await taxes.form_missing(tx, grant, limit):
        return await parking.park(tx, grant, Attention.TAX_FORM_MISSING, lack)
    referral = await lock_referral(tx, grant.referral_id)
    wallets.credit(tx, grant)
    face = fulfil(tx, grant)
    set_status(tx, grant, GrantStatus.DELIVERED)
    what = str(face) if face else f"{grant.amount} points"
    tx.record("grant.delivered", "Wallet credited", detail=what, **grant.event_ids)
    await refresh_referral(tx, referral)
    await tx.write_facts()
    if face:
        await budgets.commit(tx, grant.campaign_id, face)
    return Step(next=Next.REST)


async def cancel(tx: Transaction, request: StaffRequest, carrier: str) -> Step:
    """Cancel a grant that certainly has no card. Raises NotAllowedInState otherwise. `carrier`: the
    workflow that handles the grant now."""
    grant = await lock_grant(tx, request.grant_id)
    asked = await requests.begin(tx, request.request_id)
    if grant.status == GrantStatus.CANCELLED:
        return Step(next=Next.REST)
    if grant.status in AT_REST or await parking.may_exist(tx, grant.id):
        raise NotAllowedInState(f"A grant that is {grant.status} cannot be cancelled.")
    referral = await lock_referral(tx, grant.referral_id)
    grant.workflow_id = carrier
    face = cancel_grant(tx, grant)
    tx.record(
        "grant.cancelled", "Cancelled by staff", **event_details(request, asked), **grant.event_ids
    )
    await refresh_referral(tx, referral)
    await tx.write_facts()
    if face:
        await budgets.release(tx, grant.campaign_id, face)
    return Step(next=Next.REST)


def cancel_grant(tx: Transaction, grant: Grant) -> Money | None:
    """Cancel a grant; return what its campaign's budget gets back. The caller holds its lock and
    knows that no card exists."""
    set_status(tx, grant, GrantStatus.CANCELLED)
    return give_up(tx, grant)


async def note_retry(tx: Transaction, request: StaffRequest, carrier: str) -> None:
    """Record who asked for another try, and why. If the provider's lane is stopped, this grant is
    its next probe: whoever fixed the cause wants to see the result."""
    grant = await lock_grant(tx, request.grant_id)
    grant.workflow_id = carrier
    await lanes.probe_now(tx, str(grant.reward.get("provider")))
    asked = await requests.begin(tx, request.request_id)
    title = "Tried again, as staff asked"
    tx.record("grant.retry", title, **event_details(request, asked), **grant.event_ids)


def event_details(
    request: StaffRequest | ReviewRequest, asked: StaffAction | None
) -> dict[str, Any]:
    """Who did it and why, for the timeline."""
    return {"source": "staff", "actor": request.actor, "detail": asked.reason if asked else None}


async def park(tx: Transaction, grant_id: str, attention: Attention, detail: str) -> Step:
    """Park a grant whose activity gave up. An unknown order stays unknown."""
    grant = await lock_grant(tx, grant_id)
    if grant.status in AT_REST:
        return Step(next=Next.REST)
    if attention is Attention.UNEXPECTED and await parking.may_exist(tx, grant_id):
        attention = Attention.OUTCOME_UNKNOWN
    return await parking.park(tx, grant, attention, detail)
