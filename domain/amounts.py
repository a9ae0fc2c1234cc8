"""Amounts that depend on the person: decided when a grant is created, and then frozen in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Traits(NamedTuple):
    """What is known of a person when a grant is made."""

    metadata: dict[str, Any]
    segments: frozenset[str]


class AmountBy(BaseModel):
    """Other amounts than the reward's own, by a member of the person's metadata (dots address
    nested ones) or by segment. If several match, the largest counts; if none does, the reward's
    own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    metadata: str | None = Field(default=None, min_length=1, max_length=200)
    segment: bool = False
    """`values` are keyed by segment ids."""
    values: dict[str, int] = Field(min_length=1, max_length=100)

    @model_validator(mode="after")
    def _by_one_thing(self) -> Self:
        if self.segment == (self.metadata is not None):
            raise ValueError('amount_by needs either "metadata" or "segment": true')
        return self

    @property
    def segments(self) -> frozenset[str]:
        """The segments that it needs."""
        return frozenset(self.values) if self.segment else frozenset()

    def amount_for(self, person: Traits) -> int | None:
        """The largest amount that matches this person; None if none does."""
        named = person.segments if self.segment else set(_words(self._member(person.metadata)))
        return max((self.values[word] for word in named & self.values.keys()), default=None)

    def _member(self, metadata: dict[str, Any]) -> Any:
        value: Any = metadata
        for name in (self.metadata or "").split("."):
            value = value.get(name) if isinstance(value, dict) else None
        return value


def _words(value: Any) -> Iterator[str]:
    """A member's value in the form of `values`: text, a number, true or false, or each of a
    list."""
    match value:
        case bool():
            yield str(value).lower()
        case str() | int() | float():
            yield str(value)
        case list():
            for one in value:
                yield from _words(one)
