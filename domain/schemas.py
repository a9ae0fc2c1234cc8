"""Schemas of the callers' metadata: which members exist, and their types.

Resources are Voucherify's, as far as they exist here, and `event:NAME` for the metadata of a custom
event."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

RESOURCES = (
    "customer",
    "campaign",
    "voucher",
    "publication",
    "redemption",
    "order",
    "order_item",
    "reward",
)
EVENT = "event:"

Kind = Literal["string", "number", "boolean", "date", "datetime", "object"]


class Property(BaseModel):
    """One member. `optional: false`: it is required. `array`: a list of such values."""

    model_config = ConfigDict(extra="forbid")

    type: Kind
    optional: bool = True
    array: bool = False


class Schema(BaseModel):
    """The members of one resource's metadata. `allow_defined_only`: no others are allowed."""

    model_config = ConfigDict(extra="forbid")

    properties: dict[str, Property] = Field(max_length=200)
    allow_defined_only: bool = False

    def misfits(self, metadata: dict[str, Any]) -> list[tuple[str, str]]:
        """Every member that does not fit, with the reason."""
        wrong = [
            (name, f"is not a {_said(property)}")
            for name, property in self.properties.items()
            if metadata.get(name) is not None and not _fits(property, metadata[name])
        ]
        wrong += [
            (name, f"is missing: a {_said(property)}")
            for name, property in self.properties.items()
            if not property.optional and metadata.get(name) is None
        ]
        if self.allow_defined_only:
            wrong += [
                (name, "is not in the schema") for name in metadata if name not in self.properties
            ]
        return wrong

    def read(self, texts: dict[str, str]) -> dict[str, Any]:
        """Convert values of a CSV file to their types; what cannot be converted stays text."""
        return {
            name: _read(self.properties[name], text) if name in self.properties else text
            for name, text in texts.items()
        }


def is_resource(name: str) -> bool:
    """Whether this resource can have a schema."""
    return name in RESOURCES or bool(re.fullmatch(r"event:.{1,100}", name, re.DOTALL))


def _said(property: Property) -> str:
    return f"list of {property.type}s" if property.array else property.type


def _fits(property: Property, value: Any) -> bool:
    if property.array:
        return isinstance(value, list) and all(_KINDS[property.type](each) for each in value)
    return _KINDS[property.type](value)


def _is_instant(value: Any, read: Callable[[str], object]) -> bool:
    try:
        read(value)
    except (TypeError, ValueError):
        return False
    return True


_KINDS: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "date": lambda value: _is_instant(value, date.fromisoformat),
    "datetime": lambda value: _is_instant(value, datetime.fromisoformat),
    "object": lambda value: isinstance(value, dict),
}


def _read(property: Property, text: str) -> Any:
    if property.type == "boolean" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if property.type == "number" and re.fullmatch(r"-?\d{1,15}(\.\d{1,15})?", text):
        return float(text) if "." in text else int(text)
    return text
