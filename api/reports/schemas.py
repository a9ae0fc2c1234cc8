"""The rows of finance's reports. Amounts are minor units of the row's currency."""

from __future__ import annotations

from datetime import datetime
from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, Field

R = TypeVar("R")


class Report(BaseModel, Generic[R]):
    """A whole report. It is streamed: it may be longer than memory."""

    object: Literal["report"] = "report"
    data_ref: Literal["data"] = "data"
    data: list[R]


class OrdersRow(BaseModel):
    """Orders of one period, campaign and provider."""

    period: str = Field(examples=["2026-11-01"], description="Its first day, UTC.")
    campaign_id: str
    provider: str
    currency: str
    orders: int
    issued: int
    face_amount: int = Field(description="Of the issued ones.")
    charged_amount: int = Field(description="What the provider told that it took.")
    charged_currency: str | None


class BudgetRow(BaseModel):
    """A campaign's spend against its budget."""

    campaign_id: str
    campaign: str
    currency: str
    budget: int | None = Field(description="Null: without a ceiling.")
    reserved: int = Field(description="Granted, not ordered yet.")
    committed: int = Field(description="Issued, not with the person yet.")
    spent: int = Field(description="With the person.")
    available: int | None


class LiabilityRow(BaseModel):
    """What was granted and not delivered, and what lay in people's wallets."""

    kind: Literal["granted", "wallets"]
    campaign_id: str | None = Field(description="Null for wallets.")
    currency: str = Field(description="Or POINTS.")
    amount: int


class AcquisitionRow(BaseModel):
    """What a campaign's new customers have cost."""

    campaign_id: str
    customers: int = Field(description="Friends whose conversion qualified, and stood.")
    currency: str | None = Field(description="Null while no reward has cost anything.")
    cost: int = Field(description="Rewards of both sides, fees included.")
    cost_per_customer: int = Field(description="Rounded to the minor unit.")


class DeliveryTimesRow(BaseModel):
    """Seconds from a conversion to its reward's delivery, holds and reviews included."""

    campaign_id: str
    kind: str
    rewards: int
    p50: float
    p90: float
    p99: float
    missed: int = Field(description="How many took longer than was promised.")


class PromiseRow(BaseModel):
    """Something that is late, and what ends that."""

    kind: Literal["grant", "referral"]
    id: str
    referral_id: str
    campaign_id: str
    state: str
    attention: str | None
    since: datetime
    due_at: datetime
    late_by: int = Field(description="Seconds.")
    unblocked_by: str


class TaxRow(BaseModel):
    """A person's rewards in a tax year. Persons by id: names are joined elsewhere."""

    customer_id: str
    currency: str
    amount: int
    threshold: int | None
    crossed: bool
    form: str | None = Field(description="The form that the person has handed in.")
