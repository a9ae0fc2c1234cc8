"""The segments that a customer belongs to."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from api.http.access import READERS
from api.http.fields import FromRow
from api.http.parameters import CustomerPath
from api.http.resources import Held
from api.http.route import GuardedRouter
from store.customers import holdings
from store.customers import queries as customers

router = GuardedRouter("/v1/customers", "Customers")


class SegmentName(FromRow):
    """A segment that a customer belongs to."""

    id: str = Field(examples=["seg_01jd3v5q8g6w2x4y7z9a1b3c5d"])
    name: str = Field(examples=["North America"])
    object: Literal["segment"] = "segment"


class SegmentNames(BaseModel):
    """Every segment that a customer belongs to now."""

    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"
    data: list[SegmentName]
    total: int


@router.get("/{customer_id}/segments", "resource_not_found", roles=READERS)
async def list_segments(customer_id: CustomerPath, held: Held) -> SegmentNames:
    """The segments that list the customer, or whose filter fits now."""
    async with held.database.reading() as session:
        customer = await customers.find(session, customer_id)
        found = await holdings.segments_of(session, customer)
    data = [SegmentName.model_validate(segment) for segment in found]
    return SegmentNames(data=data, total=len(data))
