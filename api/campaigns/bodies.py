"""The body that creates a campaign, and the terms that it says."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import ConfigDict, Field, model_validator

from api.campaigns.checks import LAST_DAY, WindowsIn, lay_windows
from api.campaigns.codes import MAX_CODES, VoucherIn
from api.campaigns.program import ReferralProgramIn
from api.campaigns.terms import document_of, lay_program, lay_voucher, to_terms
from api.http.fields import Category, Duration
from api.rewards.definitions import Making
from domain.campaigns import CampaignTerms, CampaignType, FreeOrders
from domain.customers import Metadata
from domain.dates import DayOrInstant, begins, ends
from domain.refusals import InvalidPayload
from domain.rules.rule import Rule
from store.campaigns.create import NewCampaign

EXAMPLE: dict[str, Any] = {
    "name": "Refer a friend",
    "campaign_type": "REFERRAL_PROGRAM",
    "type": "AUTO_UPDATE",
    "join_once": True,
    "voucher": {
        "type": "DISCOUNT_VOUCHER",
        "discount": {"type": "PERCENT", "percent_off": 10},
        "redemption": {"quantity": None},
        "code_config": {"pattern": "REF-########"},
    },
    "referral_program": {
        "conversion_event_type": "custom_event",
        "custom_event": {"name": "first_purchase"},
        "referee_reward": {
            "kind": "gift_card",
            "provider": "giftcard-partners",
            "product_id": "CVS",
            "amount": 1500,
            "currency": "USD",
            "delivery": "email",
            "personalization": {"from_name": "Acme", "message": "Welcome!"},
        },
        "tiers": [
            {
                "name": "five friends",
                "criterion": "min_unique_referees",
                "threshold": 5,
                "reward": {"kind": "loyalty_points", "points": 500},
            }
        ],
        "attribution_window": "P30D",
        "hold": "P14D",
        "limits": {"budget": {"amount": 1_000_000, "currency": "USD"}, "grants_per_referrer": 50},
    },
}
"""For the documentation."""


class CampaignIn(WindowsIn):
    """A referral campaign. It is live as soon as it is created, unless `active` is false."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    name: str = Field(min_length=1, max_length=200, examples=["Refer a friend"])
    description: str | None = Field(default=None, max_length=2000)
    category: Category | None = None
    campaign_type: Literal["REFERRAL_PROGRAM"] = "REFERRAL_PROGRAM"
    type: CampaignType = CampaignType.AUTO_UPDATE
    join_once: bool = False
    active: bool = Field(
        default=True, description="false: a draft, in which nothing counts until it is enabled."
    )
    vouchers_count: int | None = Field(default=None, ge=0, le=MAX_CODES)
    start_date: DayOrInstant | None = None
    expiration_date: DayOrInstant | None = Field(default=None, description=LAST_DAY)
    activity_duration_after_publishing: Annotated[Duration, Field(gt=timedelta(0))] | None = None
    metadata: Metadata = Field(default={})
    validation_rules: list[str] = Field(
        default=[], max_length=50, description="Rules that become part of the terms, by id."
    )
    voucher: VoucherIn = VoucherIn()
    referral_program: ReferralProgramIn

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> CampaignIn:
        zone = ZoneInfo(self.timezone or "UTC")
        if self.start_date:
            self.start_date = begins(self.start_date, zone)
        if self.expiration_date:
            self.expiration_date = ends(self.expiration_date, zone)
        if self.start_date and self.expiration_date and self.expiration_date <= self.start_date:
            raise ValueError("expiration_date must lie after start_date")
        if self.validity_timeframe and not self.start_date:
            raise ValueError("validity_timeframe needs a start_date to count from")
        return self

    def to_campaign(self, making: Making, rules: tuple[Rule, ...], currency: str) -> NewCampaign:
        """What the store creates. Raises InvalidPayload for terms that contradict each other."""
        count = self.vouchers_count or self.voucher.code_config.initial_count or 0
        if self.type is CampaignType.STATIC and not count:
            raise InvalidPayload("A STATIC campaign needs vouchers_count.", field="/vouchers_count")
        terms = self._terms(making, rules, currency)
        if terms.code_config.combinations < 2 * max(count, 1):
            raise InvalidPayload(
                "The pattern makes too few codes.", field="/voucher/code_config/pattern"
            )
        return NewCampaign(
            vouchers_count=count,
            terms=terms,
            **self.model_dump(
                include={
                    "name",
                    "description",
                    "category",
                    "type",
                    "join_once",
                    "active",
                    "start_date",
                    "expiration_date",
                    "metadata",
                }
            ),
        )

    def _terms(self, making: Making, rules: tuple[Rule, ...], currency: str) -> CampaignTerms:
        document = document_of(None) | {
            "rules": rules,
            "free_orders": FreeOrders.REFUSE,
            "whole_days": True,
        }
        lay_windows(document, self)
        lay_voucher(document, self.voucher)
        lay_program(document, self.referral_program, making, currency)
        if self.activity_duration_after_publishing is not None:
            document["activity_duration_after_publishing"] = self.activity_duration_after_publishing
        return to_terms(document)
