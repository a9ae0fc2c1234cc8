"""Bodies about events."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, model_validator

from api.customers.schemas import SimpleCustomer
from api.http.fields import Given, Instant, NamedPerson, with_examples
from api.http.warnings import Warning
from api.redemptions.orders import OrderIn
from api.referrals.schemas import ReferralRef
from domain.customers import Metadata


class ByCode(BaseModel):
    """The code that the friend came with; `referrer_id` names one of several holders."""

    code: Annotated[str | None, Given] = Field(default=None, min_length=1, max_length=200)
    referrer_id: Annotated[str | None, Given] = Field(default=None, min_length=1, max_length=255)

    @model_validator(mode="after")
    def _referrer_needs_code(self) -> ByCode:
        if self.referrer_id and not self.code:
            raise ValueError("referrer_id is of use only with a code")
        return self


class EventIn(BaseModel):
    """Something that a customer did. `metadata.event_id` is its identity, else the
    Idempotency-Key: an event that is sent again under it has no further effect, and is refused
    with another customer, code or order. `order` or `metadata.order_source_id` (or both) name the
    order behind it."""

    model_config = with_examples(
        {
            "event": "first_purchase",
            "customer": {"source_id": "user-2", "email": "bob@example.com"},
            "referral": {"code": "REF-8KZQ7WXP"},
            "metadata": {"event_id": "evt-1001", "order_source_id": "order-77"},
        }
    )

    event: str = Field(min_length=1, max_length=100, examples=["first_purchase"])
    customer: NamedPerson
    referral: Annotated[ByCode | None, Given] = None
    order: Annotated[OrderIn | None, Given] = Field(
        default=None, description="The order behind it: for rules, and for refunds of a share."
    )
    occurred_at: Annotated[Instant | None, Given] = Field(
        default=None,
        description="When it was bought, if earlier than now: at most P7D back, never ahead. It "
        "decides whether that was within the window and before the campaign's end.",
    )
    metadata: Metadata = Field(default={}, examples=[{"event_id": "evt-1001"}])


class EventAnswer(BaseModel):
    """The event as it was taken, and the referrals that it concerns."""

    object: Literal["event"] = "event"
    type: str = Field(examples=["first_purchase"])
    customer: SimpleCustomer
    referral: ReferralRef | None = Field(description="The oldest of `referrals`.")
    referrals: list[ReferralRef]
    rewarded: bool = Field(description="Whether a reward is to be expected of this event.")
    why_not: str | None = Field(description="Why none is, in words.")
    loyalty: None = None
    metadata: dict[str, Any] = Field(examples=[{"event_id": "evt-1001"}])
    warnings: list[Warning] = Field(
        default=[], description="Why it converted nothing, and which members were ignored."
    )
