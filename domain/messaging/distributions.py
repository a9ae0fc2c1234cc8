"""Distributions: which event makes whom receive which template, and when."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from domain.dates import InDays
from domain.messaging.channels import Channel
from domain.messaging.quiet_hours import QuietHours, zone_of
from domain.messaging.triggers import Trigger

LONGEST_DELAY = timedelta(days=365)
STAFF = "staff"
"""In place of a customer's id: who receives an alarm."""


class Aimed(BaseModel):
    """Who receives it: the person in this role of the referral, if they are in the segment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Annotated[str, Field(pattern="^(referrer|referee)$")] | None = Field(
        default=None, examples=["referrer"]
    )
    segment_id: str | None = Field(
        default=None, max_length=64, examples=["seg_01jd3v5q8g6w2x4y7z9a1b3c5d"]
    )


class Distribution(BaseModel):
    """A distribution, as its owner describes it. `template`: an id or a name."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(min_length=1, max_length=200, examples=["reward is here"])
    trigger: Trigger = Field(examples=["grant.delivered"])
    campaign_id: str | None = Field(default=None, max_length=64)
    audience: Aimed = Aimed()
    channel: Channel
    template: str = Field(min_length=1, max_length=200, examples=["reward here"])
    delay: Annotated[InDays, Field(ge=timedelta(0), le=LONGEST_DELAY)] = timedelta(0)
    quiet_hours: QuietHours | None = None
    marketing: bool = Field(
        default=False,
        description="Sent only to people who consented; each message can be unsubscribed from.",
    )
    active: bool = True

    @model_validator(mode="after")
    def _alarms_have_no_audience(self) -> Self:
        if self.channel is Channel.ALARM and (self.marketing or self.audience != Aimed()):
            raise ValueError("an alarm goes to the staff: it has no audience and is no marketing")
        return self

    def due(self, at: datetime, metadata: dict[str, Any]) -> datetime:
        """When a message about something that happened `at` may be sent, UTC. `metadata`: of the
        person, whose time zone counts."""
        return self.wakeful(at + self.delay, metadata)

    def wakeful(self, at: datetime, metadata: dict[str, Any]) -> datetime:
        """`at`, or the end of the quiet hours that it falls into."""
        if self.quiet_hours is None:
            return at
        return self.quiet_hours.opens(at, zone_of(metadata, self.quiet_hours.time_zone))


class About(NamedTuple):
    """What an event is about, as far as messages need it."""

    type: str
    event_id: str
    customer_id: str | None
    referrer_id: str | None
    referee_id: str | None
    grant_id: str | None = None
    grant_role: str | None = None
    referral_id: str | None = None
    publication_id: str | None = None


def recipient(about: About, role: str | None) -> str | None:
    """The id of the customer who receives a message about this event; None: nobody.

    A reward is its recipient's business: with another role nobody is told. Of a referral the role
    says which side; without one it is the person whom the event names."""
    if about.grant_id is not None:
        return about.customer_id if role in (None, about.grant_role) else None
    if about.referral_id is not None and role is not None:
        return about.referrer_id if role == "referrer" else about.referee_id
    if about.publication_id is not None:
        return about.customer_id if role in (None, "referrer") else None
    return about.customer_id if role is None else None


def subject_of(about: About) -> str:
    """The thing that a person is told of once per distribution."""
    return about.grant_id or about.referral_id or about.publication_id or about.event_id
