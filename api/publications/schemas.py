"""Bodies about publications."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field, computed_field, model_validator

from api.customers.schemas import CustomerAnswer
from api.http.fields import NamedPerson, with_examples
from api.http.ids import ReferrerId
from api.http.lists import Listed
from api.http.masking import About, Channel, OwnId
from api.vouchers.schemas import VoucherAnswer
from domain.customers import Metadata
from store.codes.queries import PublicationRead


class FromCampaign(BaseModel):
    """Any code of the campaign, by its name or id."""

    name: str = Field(min_length=1, max_length=200, examples=["Refer a friend"])
    count: Literal[1] | None = Field(default=None, description="One code at a time.")


class PublicationIn(BaseModel):
    """Give `customer` a code: any of `campaign`, or the one that `voucher` names."""

    model_config = with_examples(
        {
            "campaign": {"name": "Refer a friend"},
            "customer": {"source_id": "user-1", "email": "jane@example.com"},
            "source_id": "publication-1",
        }
    )

    campaign: FromCampaign | None = None
    voucher: str | None = Field(default=None, min_length=1, max_length=200)
    customer: NamedPerson
    source_id: str | None = Field(
        default=None,
        min_length=1,
        max_length=255,
        description="The publication's own name: the same one always answers the same code.",
    )
    channel: str | None = Field(default=None, max_length=100)
    metadata: Metadata = {}

    @model_validator(mode="after")
    def _names_one_thing(self) -> PublicationIn:
        if (self.campaign is None) == (self.voucher is None):
            raise ValueError("give either campaign or voucher")
        return self


class PublicationAnswer(BaseModel):
    """A code that was given to a customer."""

    id: str = Field(examples=["pub_01jd3v5q8g6w2x4y7z9a1b3c5d"])
    object: Literal["publication"] = "publication"
    created_at: datetime
    customer_id: ReferrerId
    tracking_id: OwnId = Field(examples=["user-1"])
    """The customer's source_id, as Voucherify has it."""
    metadata: About
    channel: Channel = Field(examples=["API"])
    source_id: OwnId = Field(examples=["publication-1"])
    result: Literal["SUCCESS"] = "SUCCESS"
    customer: CustomerAnswer
    voucher: VoucherAnswer
    vouchers: list[str] = Field(examples=[["REF-8KZQ7WXP"]])
    vouchers_id: list[str] = Field(examples=[["v_01jd3v5q8g6w2x4y7z9a1b3c5d"]])

    @classmethod
    def of(cls, read: PublicationRead, channel: str) -> PublicationAnswer:
        publication, voucher = read.publication, read.voucher.voucher
        return cls(
            tracking_id=read.customer.source_id,
            metadata=publication.attributes,
            channel=channel,
            customer=CustomerAnswer.model_validate(read.customer),
            voucher=VoucherAnswer.of(read.voucher),
            vouchers=[voucher.code],
            vouchers_id=[voucher.id],
            **publication.model_dump(include={"id", "created_at", "customer_id", "source_id"}),
        )


class PublicationList(Listed[PublicationAnswer]):
    """Publications, under `data` and under Voucherify's own name."""

    @computed_field
    def publications(self) -> list[PublicationAnswer]:
        """The same as `data`."""
        return self.data
