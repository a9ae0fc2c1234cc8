"""The shop's order behind a conversion, and its ids.

A shop and its checkout number orders differently, so ids have a sort and are compared within it:
the checkout's order 7 is not the shop's order 7."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict


class Sort(StrEnum):
    """The system that an id comes from."""

    SOURCE_ID = "source_id"
    """The shop's own id: `order.source_id`, `metadata.order_source_id`."""
    ID = "id"
    """Another system's id: `order.id`, `metadata.order_id`."""


class OrderIds(BaseModel):
    """All ids of an order, the shop's own first."""

    model_config = ConfigDict(frozen=True)

    source_ids: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()

    @property
    def main(self) -> str | None:
        """The id to display."""
        return next(iter((*self.source_ids, *self.ids)), None)

    @property
    def keys(self) -> list[str]:
        """Sort and value in one string each, for columns and locks; in a fixed order."""
        own = [key(Sort.SOURCE_ID, value) for value in self.source_ids]
        return sorted({*own, *(key(Sort.ID, value) for value in self.ids)})

    @classmethod
    def of_keys(cls, keys: list[str]) -> OrderIds:
        """From stored keys."""
        named = [each.split(":", 1) for each in keys]
        return cls(
            source_ids=tuple(value for sort, value in named if sort == Sort.SOURCE_ID),
            ids=tuple(value for sort, value in named if sort == Sort.ID),
        )


NO_ORDER = OrderIds()


def key(sort: Sort, value: str) -> str:
    """One id as it is stored and compared."""
    return f"{sort}:{value}"


def order_ids(source_ids: list[Any], ids: list[Any]) -> OrderIds:
    """The ids in a body; blank and invalid ones are left out."""
    return OrderIds(source_ids=_said(source_ids), ids=_said(ids))


def _said(values: list[Any]) -> tuple[str, ...]:
    texts = (id_text(value) for value in values)
    return tuple(dict.fromkeys(text for text in texts if isinstance(text, str) and text))


def id_text(value: Any) -> Any:
    """An id as text: shops send numbers where they stored text, and spaces around it. Other values
    are returned unchanged."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.strip() if isinstance(value, str) else value
