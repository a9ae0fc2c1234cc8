"""Lists: their parameters and their answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Generic, Literal, Self, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel, Field

from domain.dates import Instant
from store.lists.pages import Between, Page, Window

T = TypeVar("T")


class Listed(BaseModel, Generic[T]):
    """A page, newest first. Pass the last `id` as `starting_after_id` for the next one."""

    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"
    data: list[T]
    total: int = Field(
        description="How many there are in all, on every page. Beyond 10,000 an estimate."
    )
    total_exact: bool = Field(default=True, description="False: `total` is an estimate.")
    has_more: bool = Field(examples=[False])

    @classmethod
    def of(cls, found: Iterable[Any], page: Page) -> Self:
        """`found`: answers, or the rows that they are read from."""
        return cls.model_validate(
            {
                "data": list(found),
                "total": page.total,
                "total_exact": page.total_exact,
                "has_more": page.has_more,
            }
        )


async def _window(
    limit: Annotated[int, Query(ge=1, le=100, description="How many at most.")] = 10,
    starting_after_id: Annotated[
        str | None,
        Query(
            max_length=64,
            description="The `id` of the last one that was seen; the list goes on behind it.",
        ),
    ] = None,
    page: Annotated[int, Query(ge=1, le=1000, description="Voucherify's way to page; from 1.")] = 1,
) -> Window:
    return Window(limit, starting_after_id, page)


Windowed = Annotated[Window, Depends(_window)]
"""A route's parameter: the requested part of a list."""

Order = Literal["created_at", "-created_at"]
DatedOrder = Literal["created_at", "-created_at", "updated_at", "-updated_at"]


async def _ordered(
    window: Windowed,
    order: Annotated[Order, Query(description="`-`: newest first.")] = "-created_at",
) -> Window:
    return _by(window, order)


async def _dated(
    window: Windowed,
    order: Annotated[
        DatedOrder, Query(description="`-`: newest first. Never updated: by its creation.")
    ] = "-created_at",
) -> Window:
    return _by(window, order)


def _by(window: Window, order: str) -> Window:
    return window._replace(by=order.removeprefix("-"), oldest_first=not order.startswith("-"))


Ordered = Annotated[Window, Depends(_ordered)]
"""The same, for a list that can also start with the oldest."""
Dated = Annotated[Window, Depends(_dated)]
"""The same, for a list that can also be sorted by its last change."""


async def _created(
    before: Annotated[
        Instant | None,
        Query(alias="created_at[before]", description="Created before this instant."),
    ] = None,
    after: Annotated[
        Instant | None, Query(alias="created_at[after]", description="Created after this instant.")
    ] = None,
) -> Between:
    return Between(before, after)


async def _updated(
    before: Annotated[
        Instant | None,
        Query(alias="updated_at[before]", description="Changed last before this instant."),
    ] = None,
    after: Annotated[
        Instant | None,
        Query(alias="updated_at[after]", description="Changed last after this instant."),
    ] = None,
) -> Between:
    return Between(before, after)


Created = Annotated[Between, Depends(_created)]
Updated = Annotated[Between, Depends(_updated)]
"""A route's parameters: when a thing was created, or last changed."""
