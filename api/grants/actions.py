"""What staff can do about one grant."""

from __future__ import annotations

from fastapi import APIRouter

from api.grants.schemas import GrantAnswer, Resend, Resolution, StaffNote
from api.http.parameters import GrantPath
from api.http.route import GuardedRoute
from api.http.staff_requests import AtDesk, Desk, documented
from domain.staff import Action
from store.grants import queries as reading

router = APIRouter(prefix="/v1/grants", tags=["Grants"], route_class=GuardedRoute)


@router.post("/{grant_id}/retry", **documented(Action.RETRY))
async def retry_grant(
    grant_id: GrantPath, desk: AtDesk, body: StaffNote | None = None
) -> GrantAnswer:
    """Try a parked grant again now. It never orders twice."""
    return await _act(Action.RETRY, grant_id, desk, body)


@router.post("/{grant_id}/cancel", **documented(Action.CANCEL))
async def cancel_grant(
    grant_id: GrantPath, desk: AtDesk, body: StaffNote | None = None
) -> GrantAnswer:
    """Withdraw a grant for which certainly no card exists."""
    return await _act(Action.CANCEL, grant_id, desk, body)


@router.post("/{grant_id}/resend", **documented(Action.RESEND))
async def resend_grant(
    grant_id: GrantPath, desk: AtDesk, body: Resend | None = None
) -> GrantAnswer:
    """Have the provider send an issued card again, also to a corrected address. It is the same
    card, and nothing is ordered; except where the provider sends to the first address only: then
    the card is taken back, and once that is confirmed a new one goes to the corrected address.
    What came of it is in the timeline; the delivery is followed anew."""
    return await _act(Action.RESEND, grant_id, desk, body)


@router.post("/{grant_id}/resolve", **documented(Action.RESOLVE))
async def resolve_grant(grant_id: GrantPath, desk: AtDesk, body: Resolution) -> GrantAnswer:
    """Settle an order whose outcome nobody knows. The provider is asked once more: what it shows
    under our key counts, whatever is said here. Issued: that order is adopted and followed. Not
    issued: this key is dead; `retry` then orders under a new one, `cancel` withdraws."""
    return await _act(Action.RESOLVE, grant_id, desk, body)


async def _act(action: Action, grant_id: str, desk: Desk, note: StaffNote | None) -> GrantAnswer:
    await desk.ask(action, note, grant_id=grant_id)
    async with desk.held.database.reading() as session:
        return GrantAnswer.of(await reading.find(session, grant_id))
