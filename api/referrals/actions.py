"""Staff decisions about a referral as a whole."""

from __future__ import annotations

from pydantic import Field

from api.grants.schemas import StaffNote
from api.http.access import Calling
from api.http.fields import Strict, with_examples
from api.http.parameters import ReferralPath
from api.http.resources import Held
from api.http.route import GuardedRouter
from api.http.staff_requests import REFUSALS, AtDesk, Desk
from api.referrals.schemas import ReferralAnswer
from domain.roles import Role
from domain.staff import MEANING, Action
from store.referrals import queries as reading
from store.reversals.early import reinstate
from store.reversals.request import clear_up

router = GuardedRouter("/v1/referrals", "Referrals", roles=[Role.SUPPORT])


class ReinstatementIn(Strict):
    """Why it counts after all."""

    model_config = with_examples({"reason": "The refund was entered by mistake."})

    reason: str = Field(min_length=1, max_length=500, description="For the timeline. No names.")


@router.post("/{referral_id}/approve", *REFUSALS, summary=MEANING[Action.APPROVE])
async def approve_referral(
    referral_id: ReferralPath, desk: AtDesk, body: StaffNote | None = None
) -> ReferralAnswer:
    """Release all rewards that are in review: they are ordered now. A conversion that waits for a
    refund to be cleared up (`refund_unclear`) is judged now: the purchase stands."""
    return await _decide(Action.APPROVE, referral_id, desk, body)


@router.post("/{referral_id}/deny", *REFUSALS, summary=MEANING[Action.DENY])
async def deny_referral(
    referral_id: ReferralPath, desk: AtDesk, body: StaffNote | None = None
) -> ReferralAnswer:
    """Refuse all rewards that are in review: they are cancelled, their budget is free again, and
    the referral is rejected. So is a conversion that waits for a refund to be cleared up."""
    return await _decide(Action.DENY, referral_id, desk, body)


@router.post("/{referral_id}/reinstate", "resource_not_found", "not_allowed_in_state")
async def reinstate_referral(
    referral_id: ReferralPath, body: ReinstatementIn, caller: Calling, held: Held
) -> ReferralAnswer:
    """Bring back a referral that was reversed or rejected. Its conversion is judged anew, by the
    terms that it began under; the same rewards are given again, and what they were owed for is
    not owed any more. A card is ordered anew only once its cancellation is confirmed."""
    async with held.database.transaction() as tx:
        intake = await reinstate(tx, referral_id, body.reason, actor=caller.actor)
    held.dispatcher.wake(intake)
    return ReferralAnswer.of(await held.database.read(reading.find, referral_id))


async def _decide(
    action: Action, referral_id: str, desk: Desk, note: StaffNote | None
) -> ReferralAnswer:
    if not await _clear_up(action, referral_id, desk, note.reason if note else None):
        await desk.ask(action, note, referral_id=referral_id)
    return ReferralAnswer.of(await desk.held.database.read(reading.find, referral_id))


async def _clear_up(action: Action, referral_id: str, desk: Desk, reason: str | None) -> bool:
    """Decide a conversion that is held for a person. False if it is not."""
    stands = action is Action.APPROVE
    async with desk.held.database.transaction() as tx:
        intake = await clear_up(tx, referral_id, stands, desk.caller.actor, reason)
    desk.held.dispatcher.wake(intake or [])
    return intake is not None
