"""The bodies that create and edit a campaign, and the terms in them."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from api.campaigns.codes import LAST_DAY, DiscountIn, VoucherIn
from api.campaigns.program import ProgramChangeIn, ReferralProgramIn, WindowsIn, to_terms
from api.http.fields import Category, Duration, with_examples
from api.rewards.definitions import Making
from domain.campaigns import CampaignTerms, CampaignType, FreeOrders, Limits
from domain.customers import Metadata
from domain.dates import DayOrInstant, begins, ends
from domain.links import must_be_landing, must_be_share_text
from domain.refusals import InvalidPayload
from domain.rules.rule import Rule
from domain.windows import Windows
from store.campaigns.create import NewCampaign
from store.codes.pool import MAX_CODES
from store.tables import Campaign

LandingUrl = Annotated[
    Annotated[str, Field(max_length=2000), AfterValidator(must_be_landing)] | None,
    Field(
        description="Where the short links of its codes lead; `{code}` stands for the code.",
        examples=["https://shop.example.com/welcome?code={code}"],
    ),
]
ShareText = Annotated[
    Annotated[str, Field(max_length=1000), AfterValidator(must_be_share_text)] | None,
    Field(
        description="What people send to their friends: Liquid with `code` and `link`.",
        examples=["Try Acme with my code {{ code }}: {{ link }}"],
    ),
]
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

    model_config = with_examples(EXAMPLE)

    name: str = Field(min_length=1, max_length=200, examples=["Refer a friend"])
    description: str | None = Field(default=None, max_length=2000)
    category: Category | None = None
    campaign_type: Literal["REFERRAL_PROGRAM"] = "REFERRAL_PROGRAM"
    type: CampaignType = CampaignType.AUTO_UPDATE
    join_once: bool = False
    active: bool = Field(
        default=True, description="false: a draft, in which nothing counts until it is enabled."
    )
    landing_url: LandingUrl = None
    share_text: ShareText = None
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
        """The campaign to create. Raises InvalidPayload for contradictory terms."""
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
                    "landing_url",
                    "share_text",
                    "metadata",
                }
            ),
        )

    def _terms(self, making: Making, rules: tuple[Rule, ...], currency: str) -> CampaignTerms:
        document = {"rules": rules, "free_orders": FreeOrders.REFUSE, "whole_days": True}
        self.lay_windows(document)
        self.voucher.lay(document)
        self.referral_program.lay(document, making, currency)
        if self.activity_duration_after_publishing is not None:
            document["activity_duration_after_publishing"] = self.activity_duration_after_publishing
        return to_terms(document)


_UNSET_PLAIN = (
    "description",
    "category",
    "start_date",
    "expiration_date",
    "landing_url",
    "share_text",
)
_PLAIN = ("name", "type", "join_once", *_UNSET_PLAIN)
_LIMIT = "referral_program.limits."
_UNSET = {
    "referral_program.referee_reward": "referee_reward",
    "voucher.discount": "discount",
    "voucher.redemption.quantity": "code_quantity",
    "activity_duration_after_publishing": "activity_duration_after_publishing",
}
_WINDOWS = {
    "validity_timeframe": "timeframe",
    "validity_day_of_week": "days_of_week",
    "validity_hours": "hours",
}


class CampaignChangeIn(WindowsIn):
    """What is given replaces what is stored; metadata and limits merge one by one. A change of
    terms makes a new version, which referrals that began before do not follow."""

    model_config = with_examples(
        {
            "expiration_date": "2027-12-31T23:59:59Z",
            "referral_program": {"hold": "P14D", "limits": {"grants_per_referrer": 20}},
            "unset": ["referral_program.limits.budget"],
        }
    )

    name: str | None = Field(default=None, min_length=1, max_length=200)
    description: str | None = Field(default=None, max_length=2000)
    category: Category | None = None
    type: CampaignType | None = None
    join_once: bool | None = Field(default=None, description="Cannot be taken back.")
    active: bool | None = Field(default=None, description="The same as /enable and /disable.")
    landing_url: LandingUrl = None
    share_text: ShareText = None
    start_date: DayOrInstant | None = None
    expiration_date: DayOrInstant | None = Field(default=None, description=LAST_DAY)
    activity_duration_after_publishing: Duration | None = None
    metadata: Metadata = Field(default={})
    unset_metadata_fields: list[str] = Field(default=[], max_length=100)
    voucher: VoucherIn | None = None
    discount: DiscountIn | None = Field(default=None, description="The same as voucher.discount.")
    referral_program: ProgramChangeIn | None = None
    unset: list[str] = Field(
        default=[],
        max_length=50,
        description="Members that are to hold nothing, for null means not given: "
        f"{', '.join([*_UNSET_PLAIN, *_UNSET, *_WINDOWS])}, {_LIMIT}…",
    )

    def to_terms(self, before: CampaignTerms, making: Making, currency: str) -> CampaignTerms:
        """The terms after this edit. Raises InvalidPayload for contradictory terms."""
        document = dict(before)
        for index, name in enumerate(self.unset):
            if name not in _UNSET_PLAIN:
                _remove(document, name, f"/unset/{index}")
        if self.voucher:
            self.voucher.lay(document)
        if self.discount:
            document["discount"] = self.discount.model_dump(exclude={"effect"})
        if self.activity_duration_after_publishing is not None:
            document["activity_duration_after_publishing"] = self.activity_duration_after_publishing
        self.lay_windows(document)
        if self.referral_program:
            self.referral_program.lay(document, making, currency)
        return to_terms(document)

    def to_columns(self, campaign: Campaign, zone: ZoneInfo) -> dict[str, Any]:
        """The other changes; days are in the time zone `zone`. Raises InvalidPayload for dates in
        the wrong order."""
        kept = {
            name: value
            for name, value in campaign.attributes.items()
            if name not in self.unset_metadata_fields
        }
        columns: dict[str, Any] = {name: None for name in self.unset if name in _UNSET_PLAIN}
        columns |= self.model_dump(include=set(_PLAIN), exclude_none=True)
        if self.start_date:
            columns["start_date"] = begins(self.start_date, zone)
        if self.expiration_date:
            columns["expiration_date"] = ends(self.expiration_date, zone)
        start = columns.get("start_date", campaign.start_date)
        end = columns.get("expiration_date", campaign.expiration_date)
        if start and end and end <= start:
            raise InvalidPayload(
                "expiration_date must lie after start_date", field="/expiration_date"
            )
        if self.validity_timeframe and not start:
            raise InvalidPayload(
                "validity_timeframe needs a start_date to count from", field="/start_date"
            )
        return columns | {"attributes": kept | self.metadata}


def _remove(document: dict[str, Any], name: str, field: str) -> None:
    limit = name.removeprefix(_LIMIT)
    if name in _UNSET:
        document[_UNSET[name]] = None
    elif name in _WINDOWS:
        kept = {k: v for k, v in dict(document["windows"]).items() if k != _WINDOWS[name]}
        document["windows"] = Windows(**kept)
    elif name.startswith(_LIMIT) and limit in Limits.model_fields:
        document["limits"] = {k: v for k, v in dict(document["limits"]).items() if k != limit}
    else:
        raise InvalidPayload("Not a member that can hold nothing.", field=field)
