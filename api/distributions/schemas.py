"""Distributions, as they are sent and answered."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from api.http.fields import Strict, with_examples
from api.http.ids import CustomerId
from api.http.lists import Listed
from api.rewards.kinds import TargetUrl
from domain.messaging.distributions import Distribution
from store.messages.distributions import Planned
from store.messages.rehearse import Rehearsed

_EXAMPLE: dict[str, Any] = {
    "name": "reward is here",
    "trigger": "grant.delivered",
    "audience": {"role": "referrer"},
    "channel": "email",
    "template": "reward here",
    "delay": "PT5M",
    "quiet_hours": {"from": "21:00", "to": "08:00", "time_zone": "America/New_York"},
    "marketing": False,
    "active": True,
}
_ANSWER = _EXAMPLE | {
    "id": "distr_01jd3v5q8g6w2x4y7z9a1b3c5d",
    "object": "distribution",
    "campaign_id": None,
    "audience": {"role": "referrer", "segment_id": None},
    "url": None,
    "created_at": "2026-11-20T09:30:00Z",
    "updated_at": None,
}


class DistributionIn(Strict, Distribution):
    """Which event makes whom receive which template, and when. `trigger`: a type of event, or
    `code_published`, `tier_near` (one friend is missing), `card_unclaimed` (with a delay)."""

    model_config = with_examples(_EXAMPLE)

    url: TargetUrl | None = Field(
        default=None, description="Of the channels `sms` and `http`: where the signed call goes."
    )

    @property
    def plan(self) -> Distribution:
        return Distribution.model_validate(self.model_dump(by_alias=True, exclude={"url"}))


class DistributionAnswer(Distribution):
    """A distribution."""

    model_config = with_examples(_ANSWER)

    id: str
    object: Literal["distribution"] = "distribution"
    url: str | None
    created_at: datetime
    updated_at: datetime | None

    @classmethod
    def of(cls, planned: Planned) -> DistributionAnswer:
        row = planned.row
        own = {name: getattr(row, name) for name in ("id", "url", "created_at", "updated_at")}
        return cls.model_validate(planned.plan.model_dump(by_alias=True) | own)


class NewDistributionAnswer(DistributionAnswer):
    """A new distribution, with the secret that its calls are signed with."""

    model_config = with_examples(_ANSWER | {"secret": None})

    secret: str | None = Field(description="Shown this once; null where nothing is called.")


class DistributionList(Listed[DistributionAnswer]):
    """Distributions."""


class Rehearsal(BaseModel):
    """What it would have done about one event."""

    event_id: str = Field(examples=["evt_00000000000002f10000000000000d4e"])
    at: datetime = Field(description="When the event happened.")
    customer_id: CustomerId | None = Field(description="Who would receive it; null: the staff.")
    due_at: datetime | None = Field(description="When it would be sent; null: never.")
    reason: str | None = Field(
        description="Why not.", examples=[None, "The person has no e-mail address."]
    )

    @classmethod
    def of(cls, told: Rehearsed) -> Rehearsal:
        intended = told.intended
        return cls(
            event_id=intended.event_id,
            at=intended.event.at,
            customer_id=intended.customer_id,
            due_at=None if told.reason else intended.due_at,
            reason=told.reason,
        )


class DryRun(BaseModel):
    """What it would have done about the latest events of its type, newest first."""

    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"
    data: list[Rehearsal]
    total: int
