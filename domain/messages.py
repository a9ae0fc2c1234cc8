"""Messages to and from the workflows. Ids and amounts only: no personal data, no links.

Fields may be added with a default; none is renamed or dropped, because old histories must decode.
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
"""HTTP callouts to addresses that users configure: slow receivers must not delay anything else."""
WEBHOOK_QUEUE = "webhooks"
"""Outgoing webhooks: each occupies an activity for as long as it exists."""
MESSAGE_QUEUE = "messages"
"""Messages to people: mail servers and gateways may be slow."""
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
MESSAGE_WORKFLOW = "MessageWorkflow"

CONVERT = "convert"
REVERSE = "reverse"
DELIVERY_HINT = "delivery_hint"
STORY = "story"
WAKE = "wake"

BUSY = "Busy"
"""The type of a validator's refusal that a later try may not meet."""
FAULT = "fault"
"""The first detail of an activity's failure that waiting will not fix."""


def provider_queue(provider: str) -> str:
    """Each provider has its own task queue, which carries its rate limit."""
    return f"provider-{provider}"


class Conversion(BaseModel):
    """The conversion event, as the API accepted it. `event_id` is its identity."""

    event_id: str
    received_at: datetime


class ReferralStart(BaseModel):
    """The input of a referral workflow."""

    referral_id: str
    campaign_id: str
    referrer_id: str
    referee_id: str
    expires_at: datetime
    conversion: Conversion | None = None
    """For a successor workflow: the conversion that the first one had received."""
    reversal_id: str | None = None
    """For a successor workflow: a reversal to carry out first."""


class Next(StrEnum):
    """What a grant needs next."""

    ORDER = "order"
    """Send the order, or ask for its result under the same key."""
    FOLLOW = "follow"
    """The provider has it: wait for its webhook or the poll, then look."""
    ATTEND = "attend"
    """Parked: wait for staff, or retry after `after` if the cause may pass."""
    TAKE_BACK = "take_back"
    """Ask the provider to cancel the card, because of a reversal."""
    REVIEW = "review"
    """A person must decide first: something about the recipient was found late."""
    REST = "rest"
    """Finished: nothing more to do."""


class Step(BaseModel):
    """An activity's answer: what to do next according to the facts, and how soon."""

    next: Next
    after: timedelta | None = None
    attention: Attention | None = None
    cancellable: bool = False
    """Parked, and certainly without a card."""
    provider: str | None = None
    """The grant's provider from now on, if it changed."""


class GrantTask(BaseModel):
    """A grant that a workflow has to finish."""

    grant_id: str
    provider: str | None
    """The gift-card provider, or None for a reward that Guerdon keeps itself (a wallet)."""
    kind: str = ""
    """The reward's kind; empty in old histories, which only had wallets beside the cards."""
    hold_until: datetime | None = None
    review: bool = False
    """A person decides before it is ordered."""
    step: Step | None = None
    """Its current step, for a workflow that resumes it."""


class Decision(BaseModel):
    """Qualification's result: the grants to fulfil; none if the referral was rejected."""

    qualified: bool
    grants: list[GrantTask] = []
    paused: Pause | None = None
    """Not judged yet: the conversion is held."""
    reversal_id: str | None = None
    """A refund came before: it is carried out before anything is ordered."""


class Expiry(BaseModel):
    """Expiry's result. A conversion that was accepted in time, but arrived late, wins."""

    expired: bool
    conversion: Conversion | None = None


class StaffRequest(BaseModel):
    """A person's decision on one grant.

    Ids only: who asked, why, and with which address is in the row that `request_id` names. `actor`
    is a credential's id, never a name."""

    grant_id: str
    actor: str
    reason: str = ""
    """Always empty: a person's own words stay in the database."""
    request_id: str = ""


class ReviewRequest(BaseModel):
    """A person's decision on all of a referral's grants in review; like StaffRequest."""

    referral_id: str
    actor: str
    request_id: str


class Park(BaseModel):
    """Park a grant whose activity gave up."""

    grant_id: str
    attention: Attention
    detail: str


class AftercareStart(BaseModel):
    """The input of an aftercare workflow: look at a grant again and finish it."""

    referral_id: str
    task: GrantTask | None = None
    next: Next = Next.FOLLOW
    more: list[GrantTask] = []
    """Further grants, if the request is about the whole referral."""
    action: Action | None = None
    """The staff action; its request is one of the two below."""
    request: StaffRequest | None = None
    review: ReviewRequest | None = None
    reversal_id: str | None = None
    """A reversal to carry out; then there is no task."""


class ProviderHook(BaseModel):
    """A provider's webhook with a valid signature: the ids that it names. `patience`: how long to
    look for an order that is not known yet."""

    provider: str
    event_id: str
    key: str | None = None
    provider_order_id: str | None = None
    reward_id: str | None = None
    adverse: bool = False
    """It reports that something is wrong with a card."""
    patience: timedelta = timedelta(minutes=10)


class Story(BaseModel):
    """A workflow's own state, for its query."""

    status: str
    grants: dict[str, Step] = {}
    conversion: str | None = None
    detail: dict[str, Any] = {}


class Undoing(BaseModel):
    """A grant that a reversal affects.

    `next`: REST if nothing is left to do; TAKE_BACK if its provider must be asked; ORDER or FOLLOW
    while it is unknown whether a card exists; None if it continues unchanged."""

    task: GrantTask
    next: Next | None = None


class Reversed(BaseModel):
    """The result of carrying a reversal out. `ended`: the referral had no grants yet, and has
    ended."""

    ended: bool = False
    undoings: list[Undoing] = []
    resumed: list[str] = []
    """Grants that were stopped, and may continue."""
    judge: bool = False
    """The referral was reinstated: its conversion must be judged anew."""


class MessageStart(BaseModel):
    """The input of a message's workflow."""

    message_id: str
    due_at: datetime


class MessageStep(BaseModel):
    """An attempt's answer: `again_at`, when to try next; None: it is settled."""

    again_at: datetime | None = None
