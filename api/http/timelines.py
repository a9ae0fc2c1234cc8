"""Timelines, as they are answered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from api.http.ids import CustomerId, GrantId, OrderId
from api.http.masking import Name, persons_are_shown
from store.events.timelines import TimelineEntry


class Happening(BaseModel):
    """One thing that happened, in plain words. The customer's name is masked for `finance`."""

    at: datetime = Field(examples=["2026-11-20T09:30:04Z"])
    source: Literal["workflow", "engine", "provider", "staff"] = Field(examples=["engine"])
    title: str = Field(examples=["Reward delivered"])
    detail: str | None = Field(
        examples=["15.00 USD by giftcard-partners; delivery state: delivered"]
    )
    attempt: int | None = Field(examples=[1])
    type: str = Field(examples=["grant.delivered"])
    actor: str | None
    actor_name: str | None = Field(
        description="Who `X-Guerdon-Actor` named, else the credential's own name."
    )
    grant_id: GrantId | None
    order_id: OrderId | None
    customer_id: CustomerId | None
    customer_name: Name = Field(examples=["Bob Roe"])


class Timeline(BaseModel):
    """The whole story, oldest first."""

    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"
    data: list[Happening]
    total: int
    has_more: Literal[False] = False

    @classmethod
    def of(cls, told: Sequence[TimelineEntry]) -> Timeline:
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
