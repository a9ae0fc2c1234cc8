"""Bodies about segments: Voucherify's, described by customers' metadata or listed."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field, model_validator

from api.http.fields import FromRow, Strict, with_examples
from api.http.lists import Listed
from api.http.masking import Filtered
from domain.segments import Filter, SegmentType

_FILTER: dict[str, Any] = {
    "junction": "and",
    "metadata.country": {"conditions": {"$in": ["US", "CA"]}},
}


class SegmentChangeIn(Strict):
    """What is given replaces; `customers` as a whole list."""

    model_config = with_examples({"filter": _FILTER})

    name: str | None = Field(default=None, min_length=1, max_length=200)
    filter: Filter | None = Field(default=None, examples=[_FILTER])
    customers: list[str] | None = Field(
        default=None, max_length=10_000, description="Our ids of a static segment's customers."
    )


class SegmentIn(SegmentChangeIn):
    """A segment: `static` lists its customers, the others describe them with `filter`."""

    model_config = with_examples(
        {"name": "North America", "type": "auto-update", "filter": _FILTER}
    )

    name: str = Field(min_length=1, max_length=200, examples=["North America"])
    type: SegmentType = SegmentType.AUTO_UPDATE

    @model_validator(mode="after")
    def _fits_its_type(self) -> SegmentIn:
        if (self.type is SegmentType.STATIC) == (self.filter is not None):
            raise ValueError("filter is required, except for a static segment, which has none")
        if self.customers is not None and self.type is not SegmentType.STATIC:
            raise ValueError("customers can be listed for a static segment only")
        return self


class SegmentAnswer(FromRow):
    """A segment as it is now."""

    id: str = Field(examples=["seg_01jd3v5q8g6w2x4y7z9a1b3c5d"])
    object: Literal["segment"] = "segment"
    name: str = Field(examples=["North America"])
    type: SegmentType
    filter: Filtered = Field(examples=[_FILTER])
    initial_sync_status: Literal["DONE"] = "DONE"
    created_at: datetime
    updated_at: datetime | None


class SegmentList(Listed[SegmentAnswer]):
    """Segments."""
