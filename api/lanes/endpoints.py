"""The providers' lanes: which one is stopped, why, and what waits for it."""

from __future__ import annotations

from api.http.resources import Held
from api.http.route import GuardedRouter
from api.lanes.schemas import LaneList
from domain.roles import Role
from store.providers import lane_queries as lanes

router = GuardedRouter("/v1/lanes", "Lanes", roles=[Role.SUPPORT, Role.FINANCE, Role.OPERATOR])


@router.get("")
async def list_lanes(held: Held) -> LaneList:
    """Each provider's lane, open or stopped, with what waits for it. An empty deposit or refused
    credentials stop a lane; the first order that gets through opens it again."""
    return LaneList.of(await held.database.read(lanes.statuses))
