"""Grants: what is owed to whom, and what staff can do when one is stuck."""

from __future__ import annotations

from hashlib import blake2b
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.access import READERS, Caller, Calling, allow
from api.grants.actions import ask
from api.grants.schemas import ClaimAnswer, GrantAnswer, GrantList, StaffNote
from api.idempotency import HEADER
from api.lists import Windowed
from api.problems import post_responses, responses
from api.resources import Held, Resources
from api.route import GuardedRoute
from api.timelines import Timeline
from domain.grants import GrantStatus
from domain.messages import CANCEL, RETRY, StaffRequest
from domain.roles import Role
from store import claims
from store.database import ReadSession
from store.reading import grants as reading
from store.reading import timelines
from store.telling import subject

router = APIRouter(prefix="/v1/grants", tags=["Grants"], route_class=GuardedRoute)

_Id = Annotated[str | None, Query(max_length=64)]
_ASKED = {RETRY: "Retry", CANCEL: "Cancellation"}
_ACTION = post_responses("resource_not_found", "not_allowed_in_state")


@router.get("", dependencies=[allow(*READERS)], responses=responses("invalid_payload"))
async def list_grants(
    caller: Calling,
    held: Held,
    window: Windowed,
    campaign_id: _Id = None,
    referral_id: _Id = None,
    recipient_id: _Id = None,
    status: GrantStatus | None = None,
    kind: _Id = None,
) -> GrantList:
    """Grants, newest first."""
    async with held.database.reading() as session:
        found, page = await reading.page(
            session,
            window,
            campaign_id=campaign_id,
            referral_id=referral_id,
            recipient_id=recipient_id,
            status=status,
            kind=kind,
        )
    return GrantList(
        data=[GrantAnswer.of(read, caller) for read in found],
        total=page.total,
        has_more=page.has_more,
    )


@router.get(
    "/{grant_id}", dependencies=[allow(*READERS)], responses=responses("resource_not_found")
)
async def get_grant(grant_id: str, caller: Calling, held: Held) -> GrantAnswer:
    """One grant, with its order."""
    async with held.database.reading() as session:
        return GrantAnswer.of(await reading.find(session, grant_id), caller)


@router.get(
    "/{grant_id}/timeline",
    dependencies=[allow(*READERS)],
    responses=responses("resource_not_found"),
)
async def get_timeline(grant_id: str, caller: Calling, held: Held) -> Timeline:
    """The whole story of a grant, oldest first, in plain words."""
    async with held.database.reading() as session:
        return Timeline.of(await timelines.of_grant(session, grant_id), caller)


@router.get(
    "/{grant_id}/claim",
    dependencies=[allow(Role.SUPPORT)],
    responses=responses("resource_not_found", "not_allowed_in_state"),
)
async def get_claim(grant_id: str, caller: Calling, held: Held, response: Response) -> ClaimAnswer:
    """The claim link of a gift card that is delivered by link: whoever holds it has the money.
    Each answer leaves an event that names the caller. A link that the provider gives only on
    demand is fetched by Guerdon when it next looks at the order, not by this request: until then
    the answer is 409."""
    async with held.database.transaction() as tx:
        given = await claims.hand_out(tx, grant_id, actor=caller.app_id, vault=held.vault)
    response.headers["Cache-Control"] = "no-store"
    return ClaimAnswer(grant_id=grant_id, order_id=given.order_id, **given.secret.model_dump())


@router.post("/{grant_id}/retry", dependencies=[allow(Role.SUPPORT)], responses=_ACTION)
async def retry_grant(
    grant_id: str, caller: Calling, held: Held, request: Request, body: StaffNote | None = None
) -> GrantAnswer:
    """Try a parked grant again now. It never orders twice."""
    return await _act(RETRY, grant_id, caller, held, request, body)


@router.post("/{grant_id}/cancel", dependencies=[allow(Role.SUPPORT)], responses=_ACTION)
async def cancel_grant(
    grant_id: str, caller: Calling, held: Held, request: Request, body: StaffNote | None = None
) -> GrantAnswer:
    """Withdraw a grant for which certainly no card exists."""
    return await _act(CANCEL, grant_id, caller, held, request, body)


async def _act(
    update: str,
    grant_id: str,
    caller: Caller,
    held: Resources,
    request: Request,
    note: StaffNote | None,
) -> GrantAnswer:
    async with held.database.transaction() as tx:
        grant = (await reading.find(ReadSession(tx.session), grant_id)).grant
        # The reason is a person's own words: they stay here, and out of workflow histories.
        tx.record(
            f"grant.{update}_asked",
            f"{_ASKED[update]} asked for by staff",
            source="staff",
            actor=caller.app_id,
            detail=note.reason if note else None,
            **subject(grant),
        )
    message = StaffRequest(grant_id=grant_id, actor=caller.app_id)
    await ask(
        held.temporal,
        grant.workflow_id,
        update,
        message,
        id=_update_id(update, grant_id, request),
    )
    return await get_grant(grant_id, caller, held)


def _update_id(update: str, grant_id: str, request: Request) -> str:
    """A repeat under the same Idempotency-Key is the same update to Temporal too. Hashed, for it
    goes into a history, and the key is the caller's own text."""
    identity = request.headers.get(HEADER) or request.state.request_id
    digest = blake2b(f"{grant_id}|{identity}".encode(), digest_size=16).hexdigest()
    return f"{update}-{digest}"
