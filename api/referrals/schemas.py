"""Bodies about referrals."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from api.grants.schemas import ActionAnswer, GrantAnswer, Party, due_of
from api.http.fields import NamedPerson, with_examples
from api.http.ids import CampaignId, CurrencyCode, CustomerId, ReferralId, ReferrerId
from api.http.lists import Listed
from api.http.masking import About
from domain.customers import Metadata
from domain.due_dates import due
from domain.referrals import HELD_FOR, Expectation, ReferralStatus, expectation, held_by
from domain.staff import OF_REFERRAL, Action, possible
from domain.verdict import Verdict
from store.referrals.pauses import is_unclear
from store.referrals.queries import ReferralRead
from store.staff.requests import snapshot_of
from store.tables import Referral


class ReferralIn(BaseModel):
    """A friend signs up with a code."""

    model_config = with_examples({"code": "REF-8KZQ7WXP", "customer": {"source_id": "user-2"}})

    code: str = Field(min_length=1, max_length=200, examples=["REF-8KZQ7WXP"])
    customer: NamedPerson
    metadata: Metadata = {}


class ReferralRef(BaseModel):
    """A referral inside another answer."""

    id: ReferralId
    status: ReferralStatus = Field(examples=["completed"])
    campaign_id: CampaignId
    reason: str | None = Field(
        default=None,
        description="Why it is held (campaign_paused, code_disabled, refund_unclear) or ended.",
    )
    rewarded: bool = Field(description="Whether a reward is to be expected.")
    why_not: str | None = Field(description="Why none is, in words.")

    @classmethod
    def of(cls, referral: Referral, *, event_id: str | None = None) -> ReferralRef:
        """`event_id`: the conversion that the answer is about; another one earns nothing more."""
        expected = expectation_of(referral)
        anew = (referral.reinstating or {}).get("conversion")
        converted = (anew or referral.conversion or {}).get("event_id")
        if expected.rewarded and event_id and converted and converted != event_id:
            expected = Expectation(False, ALREADY_CONVERTED)
        return cls(
            id=referral.id,
            status=ReferralStatus(referral.status),
            campaign_id=referral.campaign_id,
            reason=referral.reason,
            **expected._asdict(),
        )


ALREADY_CONVERTED = "This friend has converted before, by another event."


def expectation_of(referral: Referral) -> Expectation:
    """Whether a reward can be expected of a stored referral."""
    return expectation(
        ReferralStatus(referral.status),
        referral.reason,
        undone=referral.undone or referral.reversed_at is not None,
        reinstating=referral.reinstating is not None,
    )


class ConversionAnswer(BaseModel):
    """The event that converted the referral."""

    event: str = Field(examples=["first_purchase"])
    event_id: str = Field(examples=["evt-1001"])
    received_at: datetime


class ReferralAnswer(BaseModel):
    """A referral: who brought whom, how far it is, and what it earned."""

    id: ReferralId
    object: Literal["referral"] = "referral"
    status: ReferralStatus = Field(examples=["completed"])
    reason: str | None = Field(
        description="Why it was rejected or expired, in words; or what holds its conversion: "
        "campaign_paused, code_disabled, refund_unclear."
    )
    rewarded: bool = Field(description="Whether a reward is to be expected.")
    why_not: str | None = Field(description="Why none is, in words.")
    campaign_id: CampaignId
    campaign_version: int = Field(description="The terms it began under, and is judged by.")
    code: str = Field(examples=["REF-8KZQ7WXP"])
    referrer_id: ReferrerId
    referee_id: CustomerId
    referrer: Party = Field(
        examples=[
            {
                "id": "cust_01jd3v5q8g6w2x4y7z9a1b3c5j",
                "source_id": "user-1",
                "name": "Jane Doe",
                "email": "jane@example.com",
            }
        ]
    )
    referee: Party
    conversion: ConversionAnswer | None
    ordinal: int | None = Field(
        description="Which unique friend of the referrer this is.", examples=[1]
    )
    verdicts: list[Verdict]
    grants: list[GrantAnswer]
    actions: list[ActionAnswer] = Field(
        description="What staff can decide about all of it now.", examples=[[]]
    )
    order_source_id: str | None = Field(examples=["order-78"])
    order_amount: int | None = Field(
        description="What the order came to before the code's discount, minor units.",
        examples=[4000],
    )
    paid_amount: int | None = Field(
        description="What was paid for it: refunds are shares of this. Null: of `order_amount`.",
        examples=[3600],
    )
    order_currency: CurrencyCode | None
    reversed_at: datetime | None = Field(description="When all of it was undone.")
    due_at: datetime | None = Field(
        description="When it goes on by itself (expiry, or a hold's end), by when somebody should "
        "have acted (in review, parked), or by when it should have been judged or have arrived."
    )
    expires_at: datetime = Field(examples=["2026-12-20T09:30:00Z"])
    workflow_id: str = Field(
        examples=["referral:camp_01jd3v5q8g6w2x4y7z9a1b3c5d:cust_01jd3v5q8g6w2x4y7z9a1b3c5b"]
    )
    metadata: About
    created_at: datetime
    converted_at: datetime | None = Field(examples=["2026-11-20T09:30:00Z"])
    updated_at: datetime | None

    @classmethod
    def of(cls, read: ReferralRead) -> ReferralAnswer:
        referral = read.referral
        members = referral.model_dump(exclude={"voucher_id", "attributes"})
        members |= expectation_of(referral)._asdict()
        return cls(
            code=read.code,
            referrer=Party.model_validate(read.referrer),
            referee=Party.model_validate(read.referee),
            grants=[GrantAnswer.of(grant) for grant in read.grants],
            actions=[ActionAnswer.of(action) for action in _possible(read)],
            due_at=_due_at(read),
            metadata=referral.attributes,
            **members,
        )


class ReferralList(Listed[ReferralAnswer]):
    """Referrals."""


def _due_at(read: ReferralRead) -> datetime | None:
    if read.referral.status == ReferralStatus.WAITING:
        return read.referral.expires_at
    # A referral that was not judged yet has no grants, so it is shown itself.
    held = held_by(read.referral.status, read.referral.reason)
    if held and read.referral.converted_at:
        return read.referral.converted_at + HELD_FOR
    own = due(read.referral.status, None, read.referral.converted_at)
    dues = [own, *(due_of(one.grant) for one in read.grants)]
    return min((at for at in dues if at), default=None)


def _possible(read: ReferralRead) -> list[Action]:
    """A decision is about all grants in review, so it is possible while one is."""
    if is_unclear(read.referral):
        return [Action.APPROVE, Action.DENY]
    standings = [snapshot_of(one.grant, one.order) for one in read.grants]
    return sorted({act for each in standings for act in possible(each)} & OF_REFERRAL)
