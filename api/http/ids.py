"""Ids, names and amounts of many answers, each with its example for the documentation.

The examples tell one story: Jane (a referrer) shares her code, Bob (a customer) buys for 40.00 USD
with it, and each gets a gift card of 15.00 USD."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

CampaignId = Annotated[str, Field(examples=["camp_01jd3v5q8g6w2x4y7z9a1b3c5d"])]
CampaignTitle = Annotated[str, Field(examples=["Refer a friend"])]
CurrencyCode = Annotated[str, Field(examples=["USD"])]
CustomerId = Annotated[str, Field(examples=["cust_01jd3v5q8g6w2x4y7z9a1b3c5b"])]
GrantId = Annotated[str, Field(examples=["gr_01jd3v5q8g6w2x4y7z9a1b3c5d"])]
Minor = Annotated[int, Field(examples=[1500])]
"""An amount in the currency's minor units, such as cents."""
OrderId = Annotated[str, Field(examples=["ord_01jd3v5q8g6w2x4y7z9a1b3c5d"])]
OrderKey = Annotated[str, Field(examples=["gd5f0c2a9be71d4c83a6f2e9d07b1c4e8fg1"])]
ProviderName = Annotated[str, Field(examples=["giftcard-partners"])]
ProviderOrderId = Annotated[str, Field(examples=["ORD-2041-7751"])]
ReferralId = Annotated[str, Field(examples=["ref_01jd3v5q8g6w2x4y7z9a1b3c5d"])]
ReferrerId = Annotated[str, Field(examples=["cust_01jd3v5q8g6w2x4y7z9a1b3c5j"])]
VoucherId = Annotated[str, Field(examples=["v_01jd3v5q8g6w2x4y7z9a1b3c5d"])]
