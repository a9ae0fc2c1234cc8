"""The event log, for external systems: BI, accounting, alarms."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from api.feed.schemas import EventLog
from api.http.resources import Held
from api.http.route import GuardedRouter
from domain.feed import BEGINNING, EVENT_ID, Place, TypePattern
from domain.roles import Role, Scope
from store.events import feed

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
    return EventLog.of(await held.database.read(feed.follow, place, limit, type or ()))
