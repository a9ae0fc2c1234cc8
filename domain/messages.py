"""What travels to and from the workflows. Ids and amounts only: no personal data, no links.

Fields may be added with a default; none is renamed or dropped, for old histories must decode.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic import BaseModel

from domain.grants import Attention

WORKFLOW_QUEUE = "guerdon"
REFERRAL_WORKFLOW = "ReferralWorkflow"
AFTERCARE_WORKFLOW = "AftercareWorkflow"
REDRIVE_WORKFLOW = "RedriveWorkflow"
REDRIVE_SCHEDULE = "guerdon-redrive"

CONVERT = "convert"
DELIVERY_HINT = "delivery_hint"
RETRY = "retry"
CANCEL = "cancel"
STORY = "story"


def provider_queue(provider: str) -> str:
    """Each provider has a task queue of its own; the queue carries its rate limit."""
    return f"provider-{provider}"


class ReferralStart(BaseModel):
    """What a referral workflow begins with."""

    referral_id: str
    campaign_id: str
    referrer_id: str
    referee_id: str
    expires_at: datetime


class Conversion(BaseModel):
    """The conversion event, as the API accepted it. `event_id` is its identity."""

    event_id: str
    received_at: datetime


class GrantTask(BaseModel):
    """A grant that a workflow has to carry to its end."""

    grant_id: str
    provider: str | None
    """The gift-card provider, or None for a reward that Guerdon itself keeps (a wallet)."""
    hold_until: datetime | None = None


class Decision(BaseModel):
    """Qualification's answer: the grants to fulfil; none when the referral was rejected."""

    qualified: bool
    grants: list[GrantTask] = []


class Expiry(BaseModel):
    """Expiry's answer. A conversion that was accepted in time, but reached us late, wins."""

    expired: bool
    conversion: Conversion | None = None


class Next(StrEnum):
    """What a grant needs next."""

    ORDER = "order"
    """Send the order, or ask after it under the same key."""
    FOLLOW = "follow"
    """The provider has it: wait for its webhook or the poll, then look."""
    ATTEND = "attend"
    """Parked: wait for staff, or for `after` when the cause may pass by itself."""
    REST = "rest"
    """Nothing more to do."""


class Step(BaseModel):
    """An activity's answer: what the facts say comes next, and how soon."""

    next: Next
    after: timedelta | None = None
    attention: Attention | None = None
    cancellable: bool = False
    """Parked, and certain that no card exists."""


class StaffRequest(BaseModel):
    """A person's decision on one grant. `actor` is a credential's id, never a name. The API leaves
    `reason` empty: a person's own words stay in the event that it records."""

    grant_id: str
    actor: str
    reason: str = ""


class Park(BaseModel):
    """Park a grant whose activity gave up."""

    grant_id: str
    attention: Attention
    detail: str


class AftercareStart(BaseModel):
    """What comes after a referral's end: look at a grant again and carry it to rest."""

    referral_id: str
    task: GrantTask
    next: Next = Next.FOLLOW


class Story(BaseModel):
    """A workflow's own state, for its query."""

    status: str
    grants: dict[str, Step] = {}
    conversion: str | None = None
    detail: dict[str, Any] = {}
