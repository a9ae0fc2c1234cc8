"""Lists: their parameters and their envelope."""

from __future__ import annotations

from typing import Annotated, Generic, Literal, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel, Field

from store.reading.pages import Window

T = TypeVar("T")


class Listed(BaseModel, Generic[T]):
    """A page, newest first. Pass the last `id` as `starting_after_id` for the next one."""

    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"
    data: list[T]
    total: int = Field(description="How many there are in all, on every page.")
    has_more: bool


async def _window(
    limit: Annotated[int, Query(ge=1, le=100)] = 10,
    starting_after_id: Annotated[str | None, Query(max_length=64)] = None,
    page: Annotated[int, Query(ge=1, le=1000, description="Voucherify's way to page; from 1.")] = 1,
) -> Window:
    return Window(limit, starting_after_id, page)


Windowed = Annotated[Window, Depends(_window)]
"""A route's parameter: which part of a list is asked for."""
