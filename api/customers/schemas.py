"""Bodies about customers."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import AliasChoices, BaseModel, Field, computed_field

from api.http.fields import FromRow
from api.http.ids import CampaignId, CustomerId, ReferrerId, VoucherId
from api.http.lists import Listed
from api.http.masking import About, Birthday, Email, Name, OwnId, PostalAddress, Words
from domain.customers import Person
from domain.messaging.consents import Consent
from store.tables import Referral

ByChannel = Literal["email", "sms", "http"]


class CustomerIn(Person):
    """A customer. What is left out stays."""

    consents: dict[ByChannel, Consent] = Field(
        default={},
        description="What the person said about marketing, by channel; `true` and `false` are "
        "short for now. An older statement changes nothing. Marketing goes to nobody who has said "
        "nothing; messages about a reward need no consent.",
        examples=[{"email": {"granted": True, "source": "checkout"}}],
    )


class ConsentAnswer(FromRow):
    """What a person said last about marketing on a channel."""

    granted: bool
    at: datetime = Field(description="When they said so.")
    source: str | None = Field(
        description="Where; `unsubscribe`: by the link in a message.", examples=["checkout"]
    )


class Referred(FromRow):
    """Who referred a customer in one campaign."""

    campaign_id: CampaignId
    referrer_id: ReferrerId
    related_object_id: VoucherId = Field(validation_alias="voucher_id")
    related_object_type: Literal["voucher"] = "voucher"
    date: datetime = Field(validation_alias="created_at")


class Referrals(BaseModel):
    """By whom a customer was referred, once a campaign."""

    total: int
    campaigns: list[Referred]

    @classmethod
    def of(cls, referrals: list[Referral]) -> Referrals:
        campaigns = [Referred.model_validate(one) for one in referrals]
        return cls(total=len(campaigns), campaigns=campaigns)


class SimpleCustomer(FromRow):
    """A customer inside another answer."""

    id: CustomerId
    source_id: OwnId = Field(examples=["user-2"])
    name: Name = Field(examples=["Bob Roe"])
    email: Email = Field(examples=["bob@example.com"])
    metadata: About = Field(validation_alias="attributes", examples=[{"lang": "en"}])
    object: Literal["customer"] = "customer"


class CustomerAnswer(SimpleCustomer):
    """A customer. Persons are masked for the role `finance`."""

    phone: Words
    description: Words
    birthdate: Birthday
    birthday: Birthday = Field(validation_alias=AliasChoices("birthdate"))
    address: PostalAddress
    referrals: Referrals | None = Field(default=None, examples=[None])
    consents: dict[str, ConsentAnswer] | None = Field(
        default=None,
        description="By channel; null where nothing was said, and in lists.",
        examples=[
            {
                "email": {
                    "granted": True,
                    "at": "2026-11-20T09:30:00Z",
                    "source": "checkout",
                }
            }
        ],
    )
    created_at: datetime
    updated_at: datetime | None


class CustomerList(Listed[CustomerAnswer]):
    """Customers, under `data` and under Voucherify's own name."""

    @computed_field
    def customers(self) -> list[CustomerAnswer]:
        """The same as `data`."""
        return self.data


class SegmentName(FromRow):
    """A segment that a customer belongs to."""

    id: str = Field(examples=["seg_01jd3v5q8g6w2x4y7z9a1b3c5d"])
    name: str = Field(examples=["North America"])
    object: Literal["segment"] = "segment"


class SegmentNames(BaseModel):
    """Every segment that a customer belongs to now."""

    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"
    data: list[SegmentName]
    total: int
