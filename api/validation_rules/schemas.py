"""Bodies about validation rules: Voucherify's documents."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field, computed_field

from api.http.fields import FromRow, Strict, with_examples
from api.http.ids import CampaignId
from api.http.lists import Listed
from domain.rules.rule import Group, Said
from store.campaigns.rule_queries import RuleRead

_RULES: dict[str, Any] = {
    "1": {"name": "order.amount", "conditions": {"$more_than_or_equal": [5000]}},
    "2": {"name": "customer.metadata", "property": "country", "conditions": {"$is": ["US"]}},
    "logic": "1 and 2",
}


class ApplicableIn(Strict):
    """Which items a discount is taken from. Guerdon's discounts are of the whole order."""

    included_all: Literal[True] = True
    included: list[Any] = Field(default=[], max_length=0)
    excluded: list[Any] = Field(default=[], max_length=0)


class RuleChangeIn(Strict):
    """What is given replaces; what is not stays. Campaigns that have the rule get a new version
    of their terms; referrals under way keep theirs."""

    model_config = with_examples({"rules": _RULES})

    name: str | None = Field(default=None, max_length=200, examples=["Big orders"])
    rules: Group | None = Field(
        default=None,
        description="Conditions by number, and `logic`: docs/rules.md has every property.",
        examples=[_RULES],
    )
    error: Said | None = None
    applicable_to: ApplicableIn | None = None
    type: Literal["expression", "basic", "advanced", "complex"] | None = None
    context_type: str | None = Field(
        default=None, pattern=r"^(global|campaign\.referral_program.*)$"
    )


class RuleIn(RuleChangeIn):
    """A rule. A property or operator that Guerdon does not judge is refused, with the list of
    those it does."""

    model_config = with_examples(
        {
            "name": "Big orders from the US",
            "context_type": "campaign.referral_program",
            "rules": _RULES,
            "error": {"message": "Orders from $50, in the US."},
        }
    )

    rules: Group = Field(examples=[_RULES])


class ApplicableAnswer(BaseModel):
    """All items."""

    included_all: bool = True
    included: list[Any] = []
    excluded: list[Any] = []


class RuleAnswer(BaseModel):
    """A validation rule as it is now."""

    id: str = Field(examples=["val_01jd3v5q8g6w2x4y7z9a1b3c5d"])
    object: Literal["validation_rules"] = "validation_rules"
    name: str | None = Field(examples=["Big orders"])
    rules: dict[str, Any] = Field(examples=[_RULES])
    bundle_rules: dict[str, Any] = {}
    error: Said | None
    applicable_to: ApplicableAnswer = ApplicableAnswer()
    type: str = Field(examples=["expression"])
    context_type: str = Field(examples=["campaign.referral_program"])
    assignments_count: int
    created_at: datetime
    updated_at: datetime | None

    @classmethod
    def of(cls, read: RuleRead) -> RuleAnswer:
        return cls(assignments_count=read.assignments, **read.rule.model_dump())


class RuleList(Listed[RuleAnswer]):
    """Validation rules."""


class AssignmentIn(Strict):
    """The campaign whose terms the rule becomes part of, by id or name."""

    model_config = with_examples(
        {
            "related_object_type": "campaign",
            "related_object_id": "camp_01jd3v5q8g6w2x4y7z9a1b3c5d",
        }
    )

    related_object_type: Literal["campaign"]
    related_object_id: str = Field(min_length=1, max_length=200)


class AssignmentAnswer(FromRow):
    """A rule that is part of a campaign's terms."""

    id: str = Field(examples=["asgm_01jd3v5q8g6w2x4y7z9a1b3c5d"])
    object: Literal["validation_rules_assignment"] = "validation_rules_assignment"
    rule_id: str = Field(examples=["val_01jd3v5q8g6w2x4y7z9a1b3c5d"])
    related_object_id: CampaignId = Field(validation_alias="campaign_id")
    related_object_type: Literal["campaign"] = "campaign"
    created_at: datetime


class AssignmentList(Listed[AssignmentAnswer]):
    """Assignments of validation rules."""


class Assigned(BaseModel):
    """A campaign's assignments, as Voucherify answers them with it."""

    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"
    data: list[AssignmentAnswer] = []

    @computed_field
    def total(self) -> int:
        """How many there are."""
        return len(self.data)
