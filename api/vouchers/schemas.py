"""Answers about referral codes."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel

from api.campaigns.schemas import DiscountAnswer, EmptyList
from store.reading.codes import VoucherRead


class Publish(BaseModel):
    """How often the code was given out."""

    object: Literal["list"] = "list"
    count: int
    url: str


class Use(BaseModel):
    """How often the code was used, and may be; null: without limit."""

    object: Literal["list"] = "list"
    quantity: int | None
    redeemed_quantity: int
    url: str


class VoucherAnswer(BaseModel):
    """A referral code."""

    id: str
    code: str
    object: Literal["voucher"] = "voucher"
    campaign: str
    campaign_id: str
    type: Literal["DISCOUNT_VOUCHER"] = "DISCOUNT_VOUCHER"
    discount: DiscountAnswer | None
    start_date: datetime | None
    expiration_date: datetime | None
    active: bool
    metadata: dict[str, Any] = {}
    is_referral_code: bool = True
    holder_id: str | None
    referrer_id: str | None
    """The owner, once the code has been published."""
    publish: Publish
    redemption: Use
    validation_rules_assignments: EmptyList = EmptyList()
    created_at: datetime

    @classmethod
    def of(cls, read: VoucherRead) -> VoucherAnswer:
        voucher, campaign = read.voucher, read.campaign
        return cls(
            id=voucher.id,
            code=voucher.code,
            campaign=campaign.name,
            campaign_id=campaign.id,
            discount=DiscountAnswer.of(read.terms.discount),
            start_date=campaign.start_date,
            expiration_date=campaign.expiration_date,
            active=voucher.active and campaign.active,
            holder_id=read.owner_id,
            referrer_id=read.owner_id,
            publish=Publish(
                count=read.publications, url=f"/v1/publications?voucher={voucher.code}"
            ),
            redemption=Use(
                quantity=read.terms.code_quantity,
                redeemed_quantity=voucher.redeemed_quantity,
                url=f"/v1/redemptions?voucher={voucher.code}",
            ),
            created_at=voucher.created_at,
        )
