"""Grants: what is owed to whom, and its status."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Response

from api.grants.schemas import ClaimAnswer, GrantAnswer, GrantList
from api.http.access import READERS, Calling
from api.http.lists import Windowed
from api.http.parameters import GrantPath
from api.http.resources import Held
from api.http.route import GuardedRouter
from api.http.timelines import Timeline
from domain.grants import GrantStatus
from domain.roles import Role
from store.events import timelines
from store.grants import queries as reading
from store.orders import claim_links

router = GuardedRouter("/v1/grants", "Grants")


@router.get("", roles=READERS)
async def list_grants(
    held: Held,
    window: Windowed,
    campaign_id: Annotated[str | None, Query(max_length=64, description="A campaign's id.")] = None,
    referral_id: Annotated[str | None, Query(max_length=64, description="A referral's id.")] = None,
    recipient_id: Annotated[
        str | None, Query(max_length=64, description="Our id of the person whose reward it is.")
    ] = None,
    status: Annotated[GrantStatus | None, Query(description="Only those in this state.")] = None,
    kind: Annotated[str | None, Query(max_length=64, description="Only this kind.")] = None,
) -> GrantList:
    """Grants, newest first."""
    found, page = await held.database.read(
        reading.page,
        window,
        campaign_id=campaign_id,
        referral_id=referral_id,
        recipient_id=recipient_id,
        status=status,
        kind=kind,
    )
    return GrantList.of([GrantAnswer.of(read) for read in found], page)


@router.get("/{grant_id}", "resource_not_found", roles=READERS)
async def get_grant(grant_id: GrantPath, held: Held) -> GrantAnswer:
    """One grant, with its order."""
    return GrantAnswer.of(await held.database.read(reading.find, grant_id))


@router.get("/{grant_id}/timeline", "resource_not_found", roles=READERS)
async def get_timeline(grant_id: GrantPath, held: Held) -> Timeline:
    """The whole story of a grant, oldest first, in plain words."""
    return Timeline.of(await held.database.read(timelines.of_grant, grant_id))


@router.get("/{grant_id}/claim", "resource_not_found", "not_allowed_in_state", roles=[Role.SUPPORT])
async def get_claim(
    grant_id: GrantPath, caller: Calling, held: Held, response: Response
) -> ClaimAnswer:
    """The claim link of a gift card that is delivered by link: whoever holds it has the money.
    Each answer leaves an event that names the caller. A link that the provider gives only on
    demand is fetched by Guerdon when it next looks at the order, not by this request: until then
    the answer is 409."""
    async with held.database.transaction() as tx:
        given = await claim_links.hand_out(tx, grant_id, actor=caller.actor, vault=held.vault)
    response.headers["Cache-Control"] = "no-store"
    return ClaimAnswer(grant_id=grant_id, order_id=given.order_id, **given.secret.model_dump())
