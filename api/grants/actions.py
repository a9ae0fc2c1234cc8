"""What staff can do about one grant."""

from __future__ import annotations

from api.grants.schemas import GrantAnswer, Resend, Resolution, StaffNote
from api.http.parameters import GrantPath
from api.http.route import GuardedRouter
from api.http.staff_requests import REFUSALS, AtDesk, Desk
from domain.roles import Role
from domain.staff import MEANING, Action
from store.grants import queries as reading

router = GuardedRouter("/v1/grants", "Grants", roles=[Role.SUPPORT])


@router.post("/{grant_id}/retry", *REFUSALS, summary=MEANING[Action.RETRY])
async def retry_grant(
    grant_id: GrantPath, desk: AtDesk, body: StaffNote | None = None
) -> GrantAnswer:
    """Try a parked grant again now. It never orders twice."""
    return await _act(Action.RETRY, grant_id, desk, body)


@router.post("/{grant_id}/cancel", *REFUSALS, summary=MEANING[Action.CANCEL])
async def cancel_grant(
    grant_id: GrantPath, desk: AtDesk, body: StaffNote | None = None
) -> GrantAnswer:
    """Withdraw a grant for which certainly no card exists."""
    return await _act(Action.CANCEL, grant_id, desk, body)


@router.post("/{grant_id}/resend", *REFUSALS, summary=MEANING[Action.RESEND])
async def resend_grant(
    grant_id: GrantPath, desk: AtDesk, body: Resend | None = None
) -> GrantAnswer:
    """Have the provider send an issued card again, also to a corrected address. It is the same
    card, and nothing is ordered; except where the provider sends to the first address only: then
    the card is taken back, and once that is confirmed a new one goes to the corrected address.
    What came of it is in the timeline; the delivery is followed anew."""
    return await _act(Action.RESEND, grant_id, desk, body)


@router.post("/{grant_id}/resolve", *REFUSALS, summary=MEANING[Action.RESOLVE])
async def resolve_grant(grant_id: GrantPath, desk: AtDesk, body: Resolution) -> GrantAnswer:
    """Settle an order whose outcome nobody knows. The provider is asked once more: what it shows
    under our key counts, whatever is said here. Issued: that order is adopted and followed. Not
    issued: this key is dead; `retry` then orders under a new one, `cancel` withdraws."""
    return await _act(Action.RESOLVE, grant_id, desk, body)


async def _act(action: Action, grant_id: str, desk: Desk, note: StaffNote | None) -> GrantAnswer:
    await desk.ask(action, note, grant_id=grant_id)
    return GrantAnswer.of(await desk.held.database.read(reading.find, grant_id))
