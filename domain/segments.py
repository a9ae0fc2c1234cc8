"""Segments of customers: listed one by one, or described by their metadata."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    model_serializer,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from domain.rules.operators import Operator, check_wanted, compare, member_of

_PREFIX = "metadata."


class SegmentType(StrEnum):
    """How a segment defines its members. Voucherify's words."""

    STATIC = "static"
    """Members are listed."""
    AUTO_UPDATE = "auto-update"
    """Everybody who matches the filter now."""
    PASSIVE = "passive"
    """The same here; in Voucherify they differ in when the filter is evaluated."""


class Filter(BaseModel):
    """Conditions on members of metadata, all (`and`) or one (`or`) of which must hold.

    On the wire `{"junction": "and", "metadata.country": {"conditions": {"$is": ["US"]}}}`."""

    model_config = ConfigDict(frozen=True)

    junction: Literal["and", "or"] = "and"
    metadata: dict[str, dict[Operator, tuple[Any, ...]]] = Field(min_length=1, max_length=50)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        # As on the wire, where each member of metadata stands beside the junction.
        described = handler.resolve_ref_schema(handler(core))
        if fields := described.pop("properties", None):
            described.pop("required")
            described["properties"] = {"junction": fields["junction"]}
            described["additionalProperties"] = {
                "type": "object",
                "properties": {"conditions": fields["metadata"]["additionalProperties"]},
                "required": ["conditions"],
            }
        return described

    @model_validator(mode="before")
    @classmethod
    def _split(cls, wire: Any) -> Any:
        if not isinstance(wire, dict):
            return wire
        members = {name: one for name, one in wire.items() if name != "junction"}
        if odd := [name for name in members if not name.startswith(_PREFIX)]:
            raise ValueError(f"{odd[0]}: segments can be described by metadata.… only")
        conditions = {name.removeprefix(_PREFIX): _conditions(one) for name, one in members.items()}
        return {"junction": str(wire.get("junction", "and")).lower(), "metadata": conditions}

    @model_serializer
    def _join(self) -> dict[str, Any]:
        members = {
            _PREFIX + name: {"conditions": {str(key): list(one) for key, one in asked.items()}}
            for name, asked in self.metadata.items()
        }
        return {"junction": self.junction, **members}

    @model_validator(mode="after")
    def _can_be_compared(self) -> Filter:
        for asked in self.metadata.values():
            for operator, wanted in asked.items():
                check_wanted(operator, wanted)
        return self

    def fits(self, metadata: dict[str, Any]) -> bool:
        """Whether this metadata matches the filter."""
        held = (
            compare(operator, member_of(metadata, name), wanted)
            for name, asked in self.metadata.items()
            for operator, wanted in asked.items()
        )
        return all(held) if self.junction == "and" else any(held)


def _conditions(one: Any) -> Any:
    """A single value may be written without a list."""
    asked = one.get("conditions") if isinstance(one, dict) else None
    if not isinstance(asked, dict) or not asked:
        raise ValueError('each member needs {"conditions": {"$is": […]}}')
    return {key: value if isinstance(value, list) else [value] for key, value in asked.items()}
