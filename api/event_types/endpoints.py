"""The types of events that webhooks and the event log contain."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from api.http.route import GuardedRouter
from api.openapi.events import example, full_schema
from domain.events.catalogue import EVENT_TYPES, EventType
from domain.roles import Role


class EventTypeAnswer(BaseModel):
    """A type of event."""

    type: str = Field(examples=["grant.delivered"])
    meaning: str = Field(examples=["The person has the reward."])
    json_schema: dict[str, Any] = Field(
        alias="schema", description="JSON Schema of the whole event.", examples=[{"type": "object"}]
    )
    example: dict[str, Any] = Field(examples=[{"type": "grant.delivered"}])

    @classmethod
    def of(cls, each: EventType) -> EventTypeAnswer:
        return cls.model_validate(
            {
                "type": each.name,
                "meaning": each.meaning,
                "schema": full_schema(each),
                "example": example(each),
            }
        )


class EventTypeList(BaseModel):
    """Every type, by name."""

    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"
    data: list[EventTypeAnswer]
    total: int
    has_more: Literal[False] = False


router = GuardedRouter("/v1/event-types", "Event types", roles=list(Role))


@router.get("")
async def list_event_types() -> EventTypeList:
    """What can happen: each type with its meaning, its schema and an example. A webhook subscribes
    to types, or to the beginning of several (`grant.*`)."""
    types = [EventTypeAnswer.of(each) for each in EVENT_TYPES.values()]
    return EventTypeList(data=types, total=len(types))
