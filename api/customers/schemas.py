"""Bodies about customers."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, computed_field

from api.http.access import Caller
from api.http.lists import Listed
from api.http.masking import email_for, name_for
from domain.customers import Address
from store.customers.upsert import CustomerRow
from store.tables import Customer, Referral


class Referred(BaseModel):
    """Who referred a customer in one campaign."""

    campaign_id: str
    referrer_id: str
    related_object_id: str
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

    id: str
    source_id: str | None
    name: str | None
    email: str | None
    metadata: dict[str, Any]
    object: Literal["customer"] = "customer"

    @classmethod
    def of(cls, row: Customer | CustomerRow, caller: Caller) -> SimpleCustomer:
        return cls(
            id=row.id,
            source_id=row.source_id,
            name=name_for(caller, row.name),
            email=email_for(caller, row.email),
            metadata=row.attributes if caller.sees_persons else {},
        )


class CustomerAnswer(SimpleCustomer):
    """A customer. Persons are masked for the role `finance`."""

    phone: str | None
    description: str | None
    birthdate: date | None
    birthday: date | None
    address: Address | None
    referrals: Referrals | None = None
    created_at: datetime
    updated_at: datetime | None

    @classmethod
    def of(
        cls,
        row: Customer | CustomerRow,
        caller: Caller,
        referrals: list[Referral] | None = None,
    ) -> CustomerAnswer:
        shown = row if caller.sees_persons else None
        return cls(
            **SimpleCustomer.of(row, caller).model_dump(),
            phone=shown and shown.phone,
            description=shown and shown.description,
            birthdate=shown and shown.birthdate,
            birthday=shown and shown.birthdate,
            address=shown and shown.address,
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
