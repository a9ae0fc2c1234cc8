"""Validation rules: Voucherify's documents, parsed and checked when they are created."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from domain.rules.counters import Counter
from domain.rules.logic import Sentence, parse
from domain.rules.operators import Operator, check_wanted, compare
from domain.rules.properties import PROPERTIES, Property, Source

MOST = 50
"""Conditions in a rule, and values in a condition."""


class Said(BaseModel):
    """The message of the rule's author for those it refuses."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    message: str | None = Field(default=None, max_length=500, examples=["Buy for 50.00 USD."])


class Condition(BaseModel):
    """One condition. All its `conditions` must hold; under `rules` are conditions that the same
    line of the order must meet."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    name: str = Field(examples=["order.amount"])
    member: str | None = Field(
        default=None, alias="property", max_length=200, description="Of metadata."
    )
    conditions: dict[Operator, tuple[Any, ...]] = Field(
        min_length=1, examples=[{"$more_than_or_equal": [5000]}]
    )
    rules: Group | None = None
    error: Said | None = None

    @field_validator("name")
    @classmethod
    def _is_supported(cls, name: str) -> str:
        if name not in PROPERTIES:
            raise ValueError(f"{name} is not supported; supported are {', '.join(PROPERTIES)}")
        return name

    @field_validator("rules", mode="before")
    @classmethod
    def _none_given(cls, rules: Any) -> Any:
        return rules or None

    @field_validator("conditions", mode="before")
    @classmethod
    def _one_value_is_a_list_of_one(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        return {name: one if isinstance(one, list) else [one] for name, one in given.items()}

    @model_validator(mode="after")
    def _belongs_together(self) -> Condition:
        for operator, wanted in self.conditions.items():
            if operator not in self.asks.operators:
                allowed = ", ".join(sorted(self.asks.operators))
                raise ValueError(f"{operator} is not supported for {self.name}; use {allowed}")
            if not 0 < len(wanted) <= MOST:
                raise ValueError(f"{operator} needs between 1 and {MOST} values")
            check_wanted(operator, wanted)
        if self.asks.named != (self.member is not None):
            needs = "needs" if self.asks.named else "takes no"
            raise ValueError(f"{self.name} {needs} property")
        self._check_lines()
        return self

    def _check_lines(self) -> None:
        """Sub-rules are only valid for conditions about lines."""
        if self.rules is None:
            return
        if self.name not in ("product.id", "sku.id") or not self.conditions.keys() <= {
            Operator.IS,
            Operator.IN,
        }:
            raise ValueError("rules within a rule are supported for product.id and sku.id that $is")
        for inner in self.rules.conditions.values():
            if inner.asks.source is not Source.ITEM or inner.rules:
                raise ValueError(f"{inner.name} is not supported within {self.name}")

    @property
    def asks(self) -> Property:
        """The property that the name stands for."""
        return PROPERTIES[self.name]

    def holds(self, value: Any, days: ZoneInfo | None = None) -> bool:
        """Whether all its conditions hold for this value. `days`: see `compare`."""
        return all(
            compare(operator, value, wanted, days) for operator, wanted in self.conditions.items()
        )


class Group(BaseModel):
    """Conditions by number, and the logic between them; one object on the wire."""

    model_config = ConfigDict(frozen=True)

    conditions: dict[str, Condition] = Field(min_length=1, max_length=MOST)
    logic: str = Field(max_length=1000, examples=["1 and (2 or 3)"])

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        # As on the wire, where the numbers stand beside the logic.
        described = handler.resolve_ref_schema(handler(core))
        if fields := described.pop("properties", None):
            described.pop("required")
            described["properties"] = {"logic": fields["logic"]}
            described["additionalProperties"] = fields["conditions"]["additionalProperties"]
        return described

    @model_validator(mode="before")
    @classmethod
    def _split(cls, wire: Any) -> Any:
        if not isinstance(wire, dict):
            return wire
        conditions = {key: value for key, value in wire.items() if key != "logic"}
        return {"conditions": conditions, "logic": wire.get("logic") or " and ".join(conditions)}

    @model_serializer
    def _join(self) -> dict[str, Any]:
        conditions = {
            key: one.model_dump(mode="json", by_alias=True, exclude_none=True)
            for key, one in self.conditions.items()
        }
        return {**conditions, "logic": self.logic}

    @model_validator(mode="after")
    def _sentence_names_each(self) -> Group:
        for key in self.conditions:
            if not (key.isascii() and key.isdigit()):
                raise ValueError(f"{key} is not a number")
        named = set(self.sentence.keys())
        if named != self.conditions.keys():
            odd = ", ".join(sorted(named ^ self.conditions.keys()))
            raise ValueError(f"logic: must name each condition, and only those: {odd}")
        return self

    @cached_property
    def sentence(self) -> Sentence:
        """The parsed logic."""
        return parse(self.logic)

    @cached_property
    def counters(self) -> frozenset[Counter]:
        """The counters that the rule needs."""
        return frozenset(one.asks.counter for one in self.conditions.values() if one.asks.counter)


class Rule(BaseModel):
    """A rule as a campaign's version holds it: a full copy, so a later edit changes nothing."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str | None = None
    rules: Group
    error: Said | None = None

    def asks(self, *sources: Source) -> bool:
        """Whether a condition reads from one of these sources."""
        return any(one.asks.source in sources for one in self._conditions())

    def segments(self) -> set[str]:
        """The segments that it names."""
        return {
            str(segment)
            for one in self._conditions()
            if one.asks.source is Source.SEGMENT
            for wanted in one.conditions.values()
            for segment in wanted
        }

    def _conditions(self) -> Iterator[Condition]:
        return iter(self.rules.conditions.values())


Condition.model_rebuild()
