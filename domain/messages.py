"""What travels to and from the workflows. Ids and amounts only: no personal data, no links.

Fields may be added with a default; none is renamed or dropped, for old histories must decode.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic import BaseModel

from domain.grants import Attention
from domain.referrals import Pause
from domain.staff import Action

WORKFLOW_QUEUE = "guerdon"
CALLOUT_QUEUE = "callouts"
"""HTTP callouts to addresses that users configure: a slow one holds nothing else back."""
WEBHOOK_QUEUE = "webhooks"
"""Outgoing webhooks: each keeps an activity busy for as long as it exists."""
REFERRAL_WORKFLOW = "ReferralWorkflow"
AFTERCARE_WORKFLOW = "AftercareWorkflow"
REDRIVE_WORKFLOW = "RedriveWorkflow"
HOOK_WORKFLOW = "HookWorkflow"
CATALOGUE_WORKFLOW = "CatalogueWorkflow"
REDRIVE_SCHEDULE = "guerdon-redrive"
WATCH_WORKFLOW = "WatchWorkflow"
WATCH_SCHEDULE = "guerdon-watch"
UPKEEP_WORKFLOW = "UpkeepWorkflow"
UPKEEP_SCHEDULE = "guerdon-upkeep"
SEAL_WORKFLOW = "SealWorkflow"
SEAL_SCHEDULE = "guerdon-seals"
ACTION_WORKFLOW = "ActionWorkflow"
WEBHOOK_WORKFLOW = "WebhookWorkflow"

CONVERT = "convert"
REVERSE = "reverse"
DELIVERY_HINT = "delivery_hint"
STORY = "story"
WAKE = "wake"

BUSY = "Busy"
"""The type of a validator's refusal that the next try may not meet."""
FAULT = "fault"
"""The first detail of an activity's failure that waiting does not mend."""


def provider_queue(provider: str) -> str:
    """Each provider has a task queue of its own; the queue carries its rate limit."""
    return f"provider-{provider}"


class Conversion(BaseModel):
    """The conversion event, as the API accepted it. `event_id` is its identity."""

    event_id: str
    received_at: datetime


class ReferralStart(BaseModel):
    """What a referral workflow begins with."""

    referral_id: str
    campaign_id: str
    referrer_id: str
    referee_id: str
    expires_at: datetime
    conversion: Conversion | None = None
    """For a successor: it was told of before."""
    reversal_id: str | None = None
    """For a successor: a reversal that is to be carried out first."""


class Next(StrEnum):
    """What a grant needs next."""

    ORDER = "order"
    """Send the order, or ask after it under the same key."""
    FOLLOW = "follow"
    """The provider has it: wait for its webhook or the poll, then look."""
    ATTEND = "attend"
    """Parked: wait for staff, or for `after` when the cause may pass by itself."""
    TAKE_BACK = "take_back"
    """Ask the provider to cancel the card: what it was for was reversed."""
    REVIEW = "review"
    """A person decides first, after all: something about its recipient has come to light."""
    REST = "rest"
    """Nothing more to do."""


class Step(BaseModel):
    """An activity's answer: what the facts say comes next, and how soon."""

    next: Next
    after: timedelta | None = None
    attention: Attention | None = None
    cancellable: bool = False
    """Parked, and certain that no card exists."""
    provider: str | None = None
    """Who has the grant from now on, where that is another one."""


class GrantTask(BaseModel):
    """A grant that a workflow has to carry to its end."""

    grant_id: str
    provider: str | None
    """The gift-card provider, or None for a reward that Guerdon itself keeps (a wallet)."""
    kind: str = ""
    """The reward's kind; empty in old histories, which knew none but wallets beside the cards."""
    hold_until: datetime | None = None
    review: bool = False
    """A person decides before it is ordered."""
    step: Step | None = None
    """Where it stands already, for a workflow that takes it up again."""


class Decision(BaseModel):
    """Qualification's answer: the grants to fulfil; none when the referral was rejected."""

    qualified: bool
    grants: list[GrantTask] = []
    paused: Pause | None = None
    """Not judged yet: the conversion is held."""
    reversal_id: str | None = None
    """A refund was asked for before: it is carried out before anything is ordered."""


class Expiry(BaseModel):
    """Expiry's answer. A conversion that was accepted in time, but reached us late, wins."""

    expired: bool
    conversion: Conversion | None = None


class StaffRequest(BaseModel):
    """A person's decision on one grant. Ids only: who asked, why, and with which address is in
    the row that `request_id` names. `actor` is a credential's id, never a name."""

    grant_id: str
    actor: str
    reason: str = ""
    """Left empty: a person's own words stay in the database."""
    request_id: str = ""


class ReviewRequest(BaseModel):
    """A person's decision on all of a referral's grants that are in review; like StaffRequest."""

    referral_id: str
    actor: str
    request_id: str


class Park(BaseModel):
    """Park a grant whose activity gave up."""

    grant_id: str
    attention: Attention
    detail: str


class AftercareStart(BaseModel):
    """What comes after a referral's end: look at a grant again and carry it to rest."""

    referral_id: str
    task: GrantTask | None = None
    next: Next = Next.FOLLOW
    more: list[GrantTask] = []
    """Further grants, where the request is about the whole referral."""
    action: Action | None = None
    """What staff asked for; its request is one of the two below."""
    request: StaffRequest | None = None
    review: ReviewRequest | None = None
    reversal_id: str | None = None
    """A reversal to carry out; then there is no task."""


class ProviderHook(BaseModel):
    """A provider's webhook, its signature checked: ids of what it speaks of. `patience`: how long
    an order that is not known here, or not yet, is looked for."""

    provider: str
    event_id: str
    key: str | None = None
    provider_order_id: str | None = None
    reward_id: str | None = None
    adverse: bool = False
    """It tells against a card that was thought to be well."""
    patience: timedelta = timedelta(minutes=10)


class Story(BaseModel):
    """A workflow's own state, for its query."""

    status: str
    grants: dict[str, Step] = {}
    conversion: str | None = None
    detail: dict[str, Any] = {}


class Undoing(BaseModel):
    """A grant that a reversal concerns. `next`: REST when nothing is left to do; TAKE_BACK when its
    provider has to be asked; ORDER or FOLLOW while it is not known whether a card exists; None
    when it goes on as it was."""

    task: GrantTask
    next: Next | None = None


class Reversed(BaseModel):
    """What carrying a reversal out has come to. `ended`: the referral had no grants yet, and has
    ended."""

    ended: bool = False
    undoings: list[Undoing] = []
    resumed: list[str] = []
    """Grants that were stopped, and may go on."""
    judge: bool = False
    """The referral was reinstated: its conversion is to be judged anew."""
