"""Bringing back a referral that was reversed or rejected."""

from __future__ import annotations

from pydantic import Field

from api.http.access import Calling
from api.http.fields import Strict, with_examples
from api.http.parameters import ReferralPath
from api.http.resources import Held
from api.http.route import GuardedRouter
from api.referrals.schemas import ReferralAnswer
from domain.roles import Role
from store.referrals import queries as reading
from store.reversals.early import reinstate as bring_back

router = GuardedRouter("/v1/referrals", "Referrals")


class ReinstatementIn(Strict):
    """Why it counts after all."""

    model_config = with_examples({"reason": "The refund was entered by mistake."})

    reason: str = Field(min_length=1, max_length=500, description="For the timeline. No names.")


@router.post(
    "/{referral_id}/reinstate", "resource_not_found", "not_allowed_in_state", roles=[Role.SUPPORT]
)
async def reinstate_referral(
    referral_id: ReferralPath, body: ReinstatementIn, caller: Calling, held: Held
) -> ReferralAnswer:
    """Bring back a referral that was reversed or rejected. Its conversion is judged anew, by the
    terms that it began under; the same rewards are given again, and what they were owed for is
    not owed any more. A card is ordered anew only once its cancellation is confirmed."""
    async with held.database.transaction() as tx:
        intake = await bring_back(tx, referral_id, body.reason, actor=caller.actor)
    held.dispatcher.wake(intake)
    async with held.database.reading() as session:
        return ReferralAnswer.of(await reading.find(session, referral_id))
