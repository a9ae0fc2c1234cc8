"""Bodies about referral codes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field, computed_field, model_validator

from api.campaigns.codes import LAST_DAY, CodeConfigIn, UsesIn
from api.campaigns.schemas import Categorised, DiscountAnswer, EmptyList
from api.http.addresses import public_url
from api.http.fields import Category, Strict, with_examples
from api.http.ids import CampaignId, CampaignTitle, ReferrerId, VoucherId
from api.http.lists import Listed
from api.http.masking import About
from domain.codes import CodeConfig
from domain.customers import Metadata
from domain.dates import DayOrInstant, begins, ends
from domain.links import share_url
from store.codes.generate import Making
from store.codes.queries import VoucherRead


class CodeIn(Strict):
    """What a new code has of its own; the campaign gives the rest."""

    model_config = with_examples({"redemption": {"quantity": 10}, "metadata": {"batch": 1}})

    category: Category | None = None
    redemption: UsesIn = UsesIn()
    start_date: DayOrInstant | None = None
    expiration_date: DayOrInstant | None = Field(default=None, description=LAST_DAY)
    metadata: Metadata = Field(default={}, examples=[{"batch": "spring"}])

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> CodeIn:
        # Days and instants are compared where the campaign's time zone does not matter.
        zone = ZoneInfo("UTC")
        if self.start_date and self.expiration_date:
            mixed = type(self.start_date) is not type(self.expiration_date)
            slack = timedelta(days=1) if mixed else timedelta()
            if ends(self.expiration_date, zone) + slack <= begins(self.start_date, zone):
                raise ValueError("expiration_date must lie after start_date")
        return self

    def making(self, zone: ZoneInfo) -> Making:
        """The same for the store; days are in the time zone `zone`."""
        start = begins(self.start_date, zone) if self.start_date else None
        end = ends(self.expiration_date, zone) if self.expiration_date else None
        return Making(
            category=self.category,
            quantity=self.redemption.quantity,
            start_date=start,
            expiration_date=end,
            metadata=self.metadata,
        )


class CodesIn(CodeIn):
    """New codes, by the campaign's own pattern or by another."""

    model_config = with_examples(
        {"code_config": {"pattern": "VIP-######"}, "redemption": {"quantity": 1}}
    )

    code_config: CodeConfigIn | None = None

    def config(self) -> CodeConfig | None:
        """The pattern that is given here."""
        given = self.code_config
        if given is None:
            return None
        return CodeConfig(**given.model_dump(exclude_none=True, exclude={"initial_count"}))


class Publish(BaseModel):
    """How often the code was given out."""

    object: Literal["list"] = "list"
    count: int
    url: str = Field(examples=["/v1/publications?voucher=REF-8KZQ7WXP"])


class Use(BaseModel):
    """How often the code was used, and may be; null: without limit."""

    object: Literal["list"] = "list"
    quantity: int | None
    redeemed_quantity: int
    url: str = Field(examples=["/v1/vouchers/REF-8KZQ7WXP/redemption"])


class VoucherAnswer(Categorised):
    """A referral code, or a coupon that is somebody's reward. Its dates are its own where it has
    any, else its campaign's."""

    id: VoucherId
    code: str = Field(examples=["REF-8KZQ7WXP"])
    object: Literal["voucher"] = "voucher"
    campaign: CampaignTitle
    campaign_id: CampaignId
    type: Literal["DISCOUNT_VOUCHER"] = "DISCOUNT_VOUCHER"
    discount: DiscountAnswer | None
    start_date: datetime | None
    expiration_date: datetime | None
    active: bool
    metadata: About
    is_referral_code: bool = True
    holder_id: ReferrerId | None
    referrer_id: ReferrerId | None
    """The owner, once the code has been published."""
    share_url: str | None = Field(
        description="Its short link; null unless the campaign has a `landing_url`.",
        examples=["https://api.example.com/r/REF-8KZQ7WXP"],
    )
    visits: int = Field(description="How often the short link was followed.", examples=[12])
    publish: Publish
    redemption: Use
    validation_rules_assignments: EmptyList = EmptyList()
    created_at: datetime
    updated_at: datetime | None

    @classmethod
    def of(cls, read: VoucherRead) -> VoucherAnswer:
        voucher, campaign, coupon = read.voucher, read.campaign, read.coupon
        quantity = read.terms.code_quantity if voucher.quantity is None else voucher.quantity
        return cls(
            campaign=campaign.name,
            campaign_id=campaign.id,
            discount=DiscountAnswer.of(read.discount),
            start_date=voucher.start_date or (None if coupon else campaign.start_date),
            expiration_date=_end(read),
            active=voucher.active and (coupon is not None or campaign.active),
            metadata=voucher.attributes,
            is_referral_code=coupon is None,
            holder_id=coupon.customer_id if coupon else read.owner_id,
            referrer_id=read.owner_id,
            share_url=share_url(public_url(), voucher.code) if campaign.landing_url else None,
            visits=read.visits,
            publish=Publish(
                count=read.publications, url=f"/v1/publications?voucher={voucher.code}"
            ),
            redemption=Use(
                quantity=quantity,
                redeemed_quantity=voucher.redeemed_quantity,
                url=f"/v1/vouchers/{voucher.code}/redemption",
            ),
            **voucher.model_dump(include={"id", "code", "category", "created_at", "updated_at"}),
        )


def _end(read: VoucherRead) -> datetime | None:
    """A window that began with the publication replaces the campaign's end."""
    own = [end for end in (read.voucher.expiration_date, read.voucher.active_until) if end]
    if own or read.coupon:
        return min(own, default=None)
    return read.campaign.expiration_date


class VoucherList(Listed[VoucherAnswer]):
    """Codes, under `data` and under Voucherify's own name."""

    @computed_field
    def vouchers(self) -> list[VoucherAnswer]:
        """The same as `data`."""
        return self.data


class AllVouchers(BaseModel):
    """Codes of every campaign. Voucherify's SDK admits no other `data_ref` here."""

    object: Literal["list"] = "list"
    data_ref: Literal["vouchers"] = "vouchers"
    vouchers: list[VoucherAnswer]
    total: int
    has_more: bool = Field(examples=[False])

    @computed_field
    def data(self) -> list[VoucherAnswer]:
        """The same as `vouchers`."""
        return self.vouchers


class CodesAdded(BaseModel):
    """Several new codes. They are there at once: no asynchronous action has to be waited for."""

    object: Literal["vouchers_added"] = "vouchers_added"
    campaign_id: str
    vouchers_count: int
    async_action_id: None = None
