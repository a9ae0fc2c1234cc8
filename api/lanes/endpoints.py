"""The providers' lanes: which one is stopped, why, and what waits for it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from api.http.fields import with_examples
from api.http.resources import Held
from api.http.route import GuardedRouter
from domain.grants import Attention
from domain.money import Money
from domain.roles import Role
from store.providers import lane_queries as lanes
from store.providers.lane_queries import LaneStatus

_STOPPED: dict[str, Any] = {
    "id": "tremendous",
    "object": "lane",
    "provider": "tremendous",
    "state": "stopped",
    "reason": "insufficient_funds",
    "detail": "the balance does not cover the order",
    "since": "2026-11-22T09:30:00Z",
    "next_try_at": "2026-11-22T09:40:00Z",
    "grants_waiting": 12,
    "amounts_waiting": [{"amount": 18000, "currency": "USD"}],
    "resumes": "Fund the deposit at tremendous. One order tries every few minutes; once it gets"
    " through, all go out by themselves.",
}
_MEND = {
    Attention.INSUFFICIENT_FUNDS: "Fund the deposit at {}.",
    Attention.PROVIDER_MISCONFIGURED: "Mend our credentials for {} and restart the workers.",
}
_THEN = "One order tries every few minutes; once it gets through, all go out by themselves."


class LaneAnswer(BaseModel):
    """One provider's lane. Stopped, it sends a single order from time to time, to try."""

    model_config = with_examples(_STOPPED)

    id: str = Field(description="The same as `provider`.")
    object: Literal["lane"] = "lane"
    provider: str
    state: Literal["open", "stopped"]
    reason: Attention | None
    detail: str | None = Field(description="What the provider's refusal means, in plain words.")
    since: datetime | None
    next_try_at: datetime | None = Field(description="When one order may try next.")
    grants_waiting: int = Field(description="Parked grants that go out by themselves.")
    amounts_waiting: list[Money] = Field(description="Their face value, for each currency.")
    resumes: str | None = Field(description="What opens the lane again.")

    @classmethod
    def of(cls, lane: LaneStatus) -> LaneAnswer:
        stop = lane.stop
        return cls(
            id=lane.provider,
            provider=lane.provider,
            state="stopped" if stop else "open",
            reason=stop.reason if stop else None,
            detail=stop.detail if stop else None,
            since=stop.since if stop else None,
            next_try_at=stop.probe_at if stop else None,
            grants_waiting=lane.waiting,
            amounts_waiting=lane.amounts,
            resumes=_resumes(lane.provider, stop.reason) if stop else None,
        )


def _resumes(provider: str, reason: Attention) -> str:
    mend = _MEND.get(reason, "See to the reason at {}.").format(provider)
    return f"{mend} {_THEN}"


class LaneList(BaseModel):
    """Every provider's lane, by name."""

    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"
    data: list[LaneAnswer]
    total: int
    has_more: Literal[False] = False

    @classmethod
    def of(cls, lanes: list[LaneStatus]) -> LaneList:
        return cls(data=[LaneAnswer.of(lane) for lane in lanes], total=len(lanes))


router = GuardedRouter("/v1/lanes", "Lanes", roles=[Role.SUPPORT, Role.FINANCE, Role.OPERATOR])


@router.get("")
async def list_lanes(held: Held) -> LaneList:
    """Each provider's lane, open or stopped, with what waits for it. An empty deposit or refused
    credentials stop a lane; the first order that gets through opens it again."""
    return LaneList.of(await held.database.read(lanes.statuses))
