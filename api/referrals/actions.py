"""What a person decides about a referral as a whole."""

from __future__ import annotations

from fastapi import APIRouter, Request

from api.grants.schemas import StaffNote
from api.http.access import Caller, Calling
from api.http.parameters import ReferralPath
from api.http.resources import Held, Resources
from api.http.route import GuardedRoute
from api.http.staff_requests import ask, documented, identity_of
from api.referrals.schemas import ReferralAnswer
from domain.staff import Action
from store.referrals import queries as reading
from store.reversals.unclear import clear_up
from store.staff.requests import Asking

router = APIRouter(prefix="/v1/referrals", tags=["Referrals"], route_class=GuardedRoute)


@router.post("/{referral_id}/approve", **documented(Action.APPROVE))
async def approve_referral(
    referral_id: ReferralPath,
    caller: Calling,
    held: Held,
    request: Request,
    body: StaffNote | None = None,
) -> ReferralAnswer:
    """Release all rewards that are in review: they are ordered now. A conversion that waits for a
    refund to be cleared up (`refund_unclear`) is judged now: the purchase stands."""
    return await _decide(Action.APPROVE, referral_id, caller, held, request, body)


@router.post("/{referral_id}/deny", **documented(Action.DENY))
async def deny_referral(
    referral_id: ReferralPath,
    caller: Calling,
    held: Held,
    request: Request,
    body: StaffNote | None = None,
) -> ReferralAnswer:
    """Refuse all rewards that are in review: they are cancelled, their budget is free again, and
    the referral is rejected. So is a conversion that waits for a refund to be cleared up."""
    return await _decide(Action.DENY, referral_id, caller, held, request, body)


async def _decide(
    action: Action,
    referral_id: str,
    caller: Caller,
    held: Resources,
    request: Request,
    note: StaffNote | None,
) -> ReferralAnswer:
    reason = note.reason if note else None
    if not await _clear_up(action, referral_id, caller, held, reason):
        identity = identity_of(request)
        asking = Asking(action, caller.actor, identity, referral_id=referral_id, reason=reason)
        await ask(held, asking)
    async with held.database.reading() as session:
        return ReferralAnswer.of(await reading.find(session, referral_id), caller)


async def _clear_up(
    action: Action, referral_id: str, caller: Caller, held: Resources, reason: str | None
) -> bool:
    """A conversion that waits for nothing but a person's word; False where this is none."""
    stands = action is Action.APPROVE
    async with held.database.transaction() as tx:
        intake = await clear_up(tx, referral_id, stands, caller.actor, reason)
    held.dispatcher.wake(intake or [])
    return intake is not None
