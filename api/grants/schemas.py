"""Answers about grants."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from api.http.fields import FromRow, with_examples
from api.http.ids import CampaignId, CurrencyCode, CustomerId, GrantId, Minor, OrderId, ReferralId
from api.http.lists import Listed
from api.http.masking import Email as ShownEmail
from api.http.masking import Name, OwnId
from api.orders.schemas import OrderAnswer
from domain.customers import Email
from domain.due_dates import due
from domain.grants import REFEREE_REASON, Attention, GrantStatus
from domain.rewards import Reward, reward_of
from domain.staff import MEANING, OF_REFERRAL, Action, meaning, possible
from providers.registry import RESENDING
from store.grants.queries import GrantRead
from store.staff.requests import snapshot_of
from store.tables import Grant


class Party(FromRow):
    """A person in a referral. Masked for the role `finance`."""

    id: CustomerId
    source_id: OwnId = Field(examples=["user-2"])
    name: Name = Field(examples=["Bob Roe"])
    email: ShownEmail = Field(examples=["bob@example.com"])


class ActionAnswer(BaseModel):
    """Something that staff can do now: POST to the resource's own address with this at its end."""

    action: Action = Field(examples=["resend"])
    words: str = Field(examples=["Have the provider send the card again."])

    @classmethod
    def of(cls, action: Action) -> ActionAnswer:
        return cls(action=action, words=MEANING[action])


class GrantAnswer(BaseModel):
    """One reward owed to one person for one reason."""

    id: GrantId
    object: Literal["grant"] = "grant"
    status: GrantStatus = Field(examples=["delivered"])
    attention: Attention | None = Field(description="Why it is parked.", examples=[None])
    attention_detail: str | None
    referral_id: ReferralId
    campaign_id: CampaignId
    tier_id: str | None
    """The tier that earned a referrer's grant; null for a referee's own."""
    role: Literal["referee", "referrer"]
    ordinal: int
    recipient: Party
    kind: str = Field(examples=["gift_card"])
    reward: Reward
    amount: Minor = Field(description="Minor units, or points.")
    currency: CurrencyCode | None
    actions: list[ActionAnswer] = Field(description="What staff can do about it now.")
    netted: int = Field(description="Kept back for what the person owed.", examples=[0])
    reversal_due: int = Field(description="How much of its value refunds undo.", examples=[0])
    reversed_amount: int = Field(description="How much of that is undone already.", examples=[0])
    receivable_amount: int = Field(
        description="The part of it that the person owes, for the reward stands.", examples=[0]
    )
    due_at: datetime | None = Field(
        description="The end of its hold; parked or in review, by when somebody should have acted; "
        "on its way, by when it should have arrived. Null once it is at rest."
    )
    order: OrderAnswer | None
    coupon_code: str | None = Field(description="The code of a discount coupon, once it is minted.")
    workflow_id: str = Field(
        examples=["referral:camp_01jd3v5q8g6w2x4y7z9a1b3c5d:cust_01jd3v5q8g6w2x4y7z9a1b3c5b"]
    )
    created_at: datetime
    updated_at: datetime | None

    @classmethod
    def of(cls, read: GrantRead) -> GrantAnswer:
        grant = read.grant
        members = grant.model_dump(exclude={"reward", "reason", "recipient_id", "due_at"})
        standing = snapshot_of(grant, read.order, RESENDING)
        return cls(
            actions=[
                ActionAnswer(action=action, words=meaning(action, standing))
                for action in possible(standing)
                if action not in OF_REFERRAL
            ],
            tier_id=None if grant.reason == REFEREE_REASON else grant.reason,
            recipient=Party.model_validate(read.recipient),
            reward=reward_of(grant.reward),
            order=read.order and OrderAnswer.model_validate(read.order),
            coupon_code=read.coupon_code,
            due_at=due_of(grant),
            **members,
        )


def due_of(grant: Grant) -> datetime | None:
    """By when its status should be over."""
    return due(grant.status, grant.due_at, grant.updated_at or grant.created_at)


class GrantList(Listed[GrantAnswer]):
    """Grants."""


class ClaimAnswer(BaseModel):
    """Bearer value. Show it to its person; store it nowhere."""

    object: Literal["claim"] = "claim"
    grant_id: GrantId
    order_id: OrderId
    link: str = Field(examples=["https://claim.example/c/7Q2K"])
    challenge_answer: str | None = Field(
        description="What the page asks for, where it asks.", examples=["4711"]
    )


class StaffNote(BaseModel):
    """Why, for the timeline. No personal data: it is kept for ever."""

    model_config = with_examples({"reason": "address corrected"})

    reason: str | None = Field(default=None, max_length=500)


class Resend(StaffNote):
    """Send an issued card again."""

    model_config = with_examples({"email": "anna@example.com"})

    email: Email | None = Field(
        default=None,
        description="The corrected address. Left out: the one that the card was ordered for."
        " A provider that sends to that one only is asked to take the card back, and a new one is"
        " ordered.",
    )


class Resolution(StaffNote):
    """Whether the provider issued the card, and how you know."""

    model_config = with_examples(
        {"issued": True, "provider_order_id": "4711", "evidence": "their ticket 88"},
        {"issued": False, "evidence": "their ticket 88: no such order"},
    )

    issued: bool = Field(strict=True)
    provider_order_id: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="The provider's own id. Left out: its order is looked for under our key.",
    )
    evidence: str = Field(
        min_length=1, max_length=2000, description="How you know. Kept for ever: no personal data."
    )
