"""Bodies about customers."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field, computed_field

from api.http.ids import CampaignId, CustomerId, ReferrerId, VoucherId
from api.http.lists import Listed
from api.http.masking import About, Birthday, Email, Name, OwnId, PostalAddress, Words
from store.customers.upsert import CustomerRow
from store.tables import Customer, Referral


class Referred(BaseModel):
    """Who referred a customer in one campaign."""

    campaign_id: CampaignId
    referrer_id: ReferrerId
    related_object_id: VoucherId
    related_object_type: Literal["voucher"] = "voucher"
    date: datetime


class Referrals(BaseModel):
    """By whom a customer was referred, once a campaign."""

    total: int
    campaigns: list[Referred]

    @classmethod
    def of(cls, referrals: list[Referral]) -> Referrals:
        return cls(
            total=len(referrals),
            campaigns=[
                Referred(
                    campaign_id=referral.campaign_id,
                    referrer_id=referral.referrer_id,
                    related_object_id=referral.voucher_id,
                    date=referral.created_at,
                )
                for referral in referrals
            ],
        )


class SimpleCustomer(BaseModel):
    """A customer inside another answer."""

    id: CustomerId
    source_id: OwnId = Field(examples=["user-2"])
    name: Name = Field(examples=["Bob Roe"])
    email: Email = Field(examples=["bob@example.com"])
    metadata: About = Field(examples=[{"lang": "en"}])
    object: Literal["customer"] = "customer"

    @classmethod
    def of(cls, row: Customer | CustomerRow) -> SimpleCustomer:
        return cls(
            id=row.id,
            source_id=row.source_id,
            name=row.name,
            email=row.email,
            metadata=row.attributes,
        )


class CustomerAnswer(SimpleCustomer):
    """A customer. Persons are masked for the role `finance`."""

    phone: Words
    description: Words
    birthdate: Birthday
    birthday: Birthday
    address: PostalAddress
    referrals: Referrals | None = Field(default=None, examples=[None])
    created_at: datetime
    updated_at: datetime | None

    @classmethod
    def of(
        cls,
        row: Customer | CustomerRow,
        referrals: list[Referral] | None = None,
    ) -> CustomerAnswer:
        return cls(
            **SimpleCustomer.of(row).model_dump(),
            phone=row.phone,
            description=row.description,
            birthdate=row.birthdate,
            birthday=row.birthdate,
            address=row.address,
            referrals=None if referrals is None else Referrals.of(referrals),
            created_at=row.created_at,
            updated_at=row.updated_at,
        )


class CustomerList(Listed[CustomerAnswer]):
    """Customers, under `data` and under Voucherify's own name."""

    @computed_field
    def customers(self) -> list[CustomerAnswer]:
        """The same as `data`."""
        return self.data
