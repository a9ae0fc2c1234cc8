"""Who may take part, by segment and by metadata."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator

from domain.amounts import Traits
from domain.rules.operators import Operator, check_wanted, compare, member_of


class Audience(BaseModel):
    """In one of `segments` (if given), in none of `excluded_segments`, and with such metadata."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    segments: tuple[str, ...] = Field(default=(), max_length=100)
    excluded_segments: tuple[str, ...] = Field(default=(), max_length=100)
    metadata: dict[str, dict[Operator, tuple[Any, ...]]] = Field(
        default={}, max_length=50, examples=[{"country": {"$in": ["US", "CA"]}}]
    )

    @field_validator("metadata")
    @classmethod
    def _can_be_compared(
        cls, metadata: dict[str, dict[Operator, tuple[Any, ...]]]
    ) -> dict[str, dict[Operator, tuple[Any, ...]]]:
        for conditions in metadata.values():
            for operator, wanted in conditions.items():
                check_wanted(operator, wanted)
        return metadata

    @property
    def everybody(self) -> bool:
        """Whether nobody is excluded."""
        return not (self.segments or self.excluded_segments or self.metadata)

    def outside(self, person: Traits, days: ZoneInfo | None = None) -> str | None:
        """Why this person may not take part; None if they may. `days`: see `compare`."""
        if self.segments and not person.segments & set(self.segments):
            return "in none of the segments " + ", ".join(self.segments)
        if excluded := person.segments & set(self.excluded_segments):
            return "in the excluded segment " + ", ".join(sorted(excluded))
        for name, conditions in self.metadata.items():
            value = member_of(person.metadata, name)
            for operator, wanted in conditions.items():
                if not compare(operator, value, wanted, days):
                    listed = ", ".join(str(one) for one in wanted)
                    return f"metadata {name}: not true that it {operator.words} {listed}"
        return None


class Audiences(BaseModel):
    """Who may share a code, and which friends count."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    referrers: Audience = Audience()
    referees: Audience = Audience()
