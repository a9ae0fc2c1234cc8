"""Types that several bodies share."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Unpack

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from api.http.errors import MISSING_CUSTOMER
from domain import dates
from domain.customers import Person, not_given
from domain.money import Currency
from domain.purchases import id_text
from domain.refusals import InvalidPayload

Instant = dates.Instant
"""RFC 3339; without an offset it is UTC."""

LONGEST_ID = 255
"""Characters of an id that a caller gives."""

MAX_MINOR = 10**15
"""More than any order or budget; far less than a 64-bit column holds."""

MinorUnits = Annotated[int, Field(strict=True, ge=0, le=MAX_MINOR)]


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


OrderCurrency = Annotated[Currency, BeforeValidator(_upper), Field(examples=["USD"])]
"""An order's currency. Shops write it in either case."""


def _iso_duration(value: Any) -> Any:
    if not isinstance(value, str) or not value.startswith("P"):
        raise ValueError("must be an ISO 8601 duration such as P30D")
    return value


Duration = Annotated[
    dates.InDays, BeforeValidator(_iso_duration), Field(le=timedelta(days=3650), examples=["P30D"])
]


Given = BeforeValidator(not_given)
"""An empty text, or `[]` for an empty object, is read as not given."""

Category = Annotated[str, Field(min_length=1, max_length=200, examples=["spring"])]
"""A word of the caller's own to sort by."""


def _named(person: Person) -> Person:
    if not person.named:
        raise PydanticCustomError(MISSING_CUSTOMER, "Give source_id or id.")
    return person


NamedPerson = Annotated[Person, AfterValidator(_named)]
"""A customer inside another body: created when unknown, merged when known."""


def first_error(error: ValidationError) -> str:
    """What is wrong, in the validator's own words."""
    return str(error.errors()[0]["msg"]).removeprefix("Value error, ")


def identity_of(metadata: dict[str, Any], *names: str) -> str | None:
    """The caller's own id: the first of these members that has one."""
    for name in names:
        value = metadata.get(name)
        text = value if isinstance(value, str) else id_text(value)
        if isinstance(text, str) and text.strip():
            must_be_short(metadata, name)
            return text
    return None


def must_be_short(metadata: dict[str, Any], *names: str) -> None:
    """Raises InvalidPayload for an id in metadata that is too long for an index."""
    for name in names:
        value = metadata.get(name)
        if isinstance(value, str) and len(value) > LONGEST_ID:
            raise InvalidPayload(
                f"An id has at most {LONGEST_ID} characters.", field=f"/metadata/{name}"
            )


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be blank")
    return value


Reference = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_not_blank)]
"""The caller's own name for a booking. Spaces around it are ignored."""

ExternalId = Annotated[str, BeforeValidator(id_text), Field(max_length=255)]
"""An id of the caller's: text, or the number that it looks like."""


_ALWAYS_OFF = frozenset(
    {
        "auto_join",
        "categories",
        "gift",
        "loyalty_card",
        "loyalty_tiers_expiration",
        "lucky_draw",
        "promotion",
        "protected",
        "use_voucher_metadata_schema",
    }
)


def _is_off(value: Any) -> bool:
    return value is False or value in ([], {})


def with_examples(*examples: dict[str, Any], **config: Unpack[ConfigDict]) -> ConfigDict:
    """A model's configuration with the examples for the documentation."""
    return ConfigDict(json_schema_extra={"examples": list(examples)}, **config)


class FromRow(BaseModel):
    """An answer whose members are read from a row with the same names."""

    model_config = ConfigDict(from_attributes=True)


class Strict(BaseModel):
    """A body in which an unknown member is an error, for it might be a term that its author
    relies on, and `false` is as much a term as `true`. `null` means "not given". What Voucherify's
    clients send and Guerdon has none of may be false or empty, for so it is."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _drop_what_is_not_given(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {
            name: value
            for name, value in data.items()
            if value is not None
            and (name in cls.model_fields or not (_is_off(value) and name in _ALWAYS_OFF))
        }
