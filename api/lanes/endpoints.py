"""The providers' lanes: which one is stopped, why, and what that holds up."""

from __future__ import annotations

from fastapi import APIRouter

from api.http.access import allow
from api.http.problems import responses
from api.http.resources import Held
from api.http.route import GuardedRoute
from api.lanes.schemas import LaneList
from domain.roles import Role
from store.providers import lane_queries as lanes

router = APIRouter(
    prefix="/v1/lanes",
    tags=["Lanes"],
    route_class=GuardedRoute,
    dependencies=[allow(Role.SUPPORT, Role.FINANCE, Role.OPERATOR)],
)


@router.get("", responses=responses())
async def list_lanes(held: Held) -> LaneList:
    """Each provider's lane, open or stopped, with what waits for it. An empty deposit or refused
    credentials stop a lane; the first order that gets through opens it again."""
    async with held.database.reading() as session:
        return LaneList.of(await lanes.statuses(session))
