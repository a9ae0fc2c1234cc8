"""Timelines as they are answered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from api.http.access import Caller
from api.http.masking import Name, persons_are_shown
from store.events.timelines import Told


class Happening(BaseModel):
    """One thing that happened, in plain words. The customer's name is masked for `finance`."""

    at: datetime
    source: Literal["workflow", "engine", "provider", "staff"]
    title: str
    detail: str | None
    attempt: int | None
    type: str
    actor: str | None
    actor_name: str | None = Field(
        description="Who `X-Guerdon-Actor` named, else the credential's own name."
    )
    grant_id: str | None
    order_id: str | None
    customer_id: str | None
    customer_name: Name


class Timeline(BaseModel):
    """The whole story, oldest first."""

    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"
    data: list[Happening]
    total: int
    has_more: Literal[False] = False

    @classmethod
    def of(cls, told: Sequence[Told], caller: Caller) -> Timeline:
        data = [
            Happening(
                detail=one.detail if persons_are_shown() else one.event.detail,
                actor_name=one.actor_name,
                customer_name=one.customer_name,
                **one.event.model_dump(include=set(Happening.model_fields) - {"detail"}),
            )
            for one in told
        ]
        return cls(data=data, total=len(data))
