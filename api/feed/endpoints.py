"""The event log, for external systems: BI, accounting, alarms."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import BaseModel, Field

from api.http.fields import with_examples
from api.http.masking import EventData
from api.http.resources import Held
from api.http.route import GuardedRouter
from domain.feed import BEGINNING, EVENT_ID, Place, TypePattern
from domain.roles import Role, Scope
from store.events import feed
from store.events.feed import Followed
from store.events.outgoing import leaving

_STOPPED: dict[str, Any] = {
    "id": "evt_00000000000002f10000000000000d4e",
    "object": "event",
    "type": "lane.stopped",
    "at": "2026-11-22T09:30:00Z",
    "created_at": "2026-11-22T09:30:00Z",
    "source": "engine",
    "title": "Orders at tremendous stopped: insufficient funds",
    "detail": "the balance does not cover the order",
    "actor": None,
    "campaign_id": None,
    "referral_id": None,
    "grant_id": None,
    "order_id": None,
    "customer_id": None,
    "attempt": None,
    "data": {"provider": "tremendous", "reason": "insufficient_funds"},
}


class LoggedEvent(BaseModel):
    """One fact, told by ids: it names no person."""

    model_config = with_examples(_STOPPED)

    id: str = Field(description="Its place: events are in the order of their ids.")
    object: Literal["event"] = "event"
    type: str = Field(examples=["lane.stopped"])
    at: datetime = Field(description="When it happened; not what the events are ordered by.")
    created_at: datetime = Field(description="The same as `at`.", examples=["2026-11-22T09:30:00Z"])
    source: Literal["workflow", "engine", "provider", "staff"]
    title: str
    detail: str | None = Field(
        description="More words; null where a person wrote them. Timelines have those."
    )
    actor: str | None = Field(
        description="Of staff: their credential's id, or `act_…` for the person behind it."
    )
    campaign_id: str | None
    referral_id: str | None
    grant_id: str | None
    order_id: str | None
    customer_id: str | None
    attempt: int | None
    data: EventData = Field(description="As `GET /v1/event-types` describes it by type.")

    @classmethod
    def of(cls, entry: dict[str, Any]) -> LoggedEvent:
        return cls(**entry)


class EventLog(BaseModel):
    """A part of the log, oldest first."""

    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"
    data: list[LoggedEvent]
    has_more: bool = Field(
        description="Ask again at once. With `type`, also when nothing in this part was of it.",
        examples=[False],
    )
    next: str = Field(
        description="Pass it as `after` for what follows, now or whenever there is more.",
        examples=["evt_00000000000002f10000000000000d4e"],
    )

    @classmethod
    def of(cls, followed: Followed, entries: list[dict[str, Any]]) -> EventLog:
        data = [LoggedEvent.of(entry) for entry in entries]
        return cls(data=data, has_more=followed.has_more, next=followed.place.id)


router = GuardedRouter("/v1/event-log", "Event log", roles=[Role.FINANCE], scope=Scope.EVENT_LOG)


@router.get("")
async def read_event_log(
    held: Held,
    after: Annotated[
        str | None,
        Query(pattern=EVENT_ID, description="The `next` of an answer. Absent: the beginning."),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=100, description="How many at most.")] = 100,
    type: Annotated[
        list[TypePattern] | None,
        Query(max_length=20, description="A type, or the beginning of several, as in `lane.*`."),
    ] = None,
) -> EventLog:
    """Every fact in an order that never changes: whoever follows `next` misses none and sees none
    twice. What a running transaction could still come before is shown once that is over."""
    place = Place.of(after) if after else BEGINNING
    followed = await held.database.read(feed.follow, place, limit, type or ())
    return EventLog.of(followed, await held.database.read(leaving, followed.events))
