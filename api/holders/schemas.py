"""Bodies about holders of a code."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from api.http.fields import FromRow, NamedPerson, with_examples
from api.http.ids import CampaignId, CustomerId, ReferralId, VoucherId
from api.http.lists import Listed
from api.http.masking import About
from domain.customers import Metadata


class HoldersIn(BaseModel):
    """Friends who come by the code: all are attributed to it, or none."""

    model_config = with_examples({"holders": [{"source_id": "user-2"}, {"source_id": "user-3"}]})

    holders: list[NamedPerson] = Field(min_length=1, max_length=100)
    metadata: Metadata = {}


class HolderAnswer(FromRow):
    """Who holds a code: its OWNER, a REFERRER who shares it, or a REFEREE who came by it."""

    id: str = Field(examples=["rh_01jd3v5q8g6w2x4y7z9a1b3c5d"])
    object: Literal["redeemable_holder"] = "redeemable_holder"
    created_at: datetime
    redeemable_id: VoucherId = Field(validation_alias="voucher_id")
    redeemable_object: Literal["voucher"] = "voucher"
    customer_id: CustomerId
    holder_role: Literal["OWNER", "REFERRER", "REFEREE"] = Field(validation_alias="role")
    campaign_id: CampaignId
    campaign_type: Literal["REFERRAL_PROGRAM"] = "REFERRAL_PROGRAM"
    voucher_type: Literal["DISCOUNT_VOUCHER"] = "DISCOUNT_VOUCHER"
    metadata: About
    referral_id: ReferralId | None = Field(description="Of a REFEREE.")


class HoldersAnswer(BaseModel):
    """The friends that were added, in the order given."""

    holders: list[HolderAnswer]


class HolderList(Listed[HolderAnswer]):
    """Holders, the latest first."""
