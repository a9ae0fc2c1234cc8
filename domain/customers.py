"""A person, as a caller describes them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated, Any

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field

from domain.dates import Day

_PLAIN_LOCAL = re.compile(r"[A-Za-z0-9_+-]+(\.[A-Za-z0-9_+-]+)*")


def _email(value: str) -> str:
    """The normalised address. Reserved domains such as `.test` pass, because staging systems use
    them. Whether a mailbox exists is left to the provider."""
    local, at, domain = value.rpartition("@")
    # Most addresses differ only in the plain part before the @, so the rest is cached: a million
    # take a minute.
    if at and len(local) <= 64 and len(value) <= 254 and _PLAIN_LOCAL.fullmatch(local):
        return f"{local}@{_domain(domain)}"
    return _normalised(value)


@lru_cache(maxsize=4096)
def _domain(domain: str) -> str:
    return _normalised(f"x@{domain}").rpartition("@")[2]


def _normalised(email: str) -> str:
    try:
        return validate_email(email, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise ValueError(str(error)) from None


_NO_WIDTH = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")


def email_searched(text: str) -> str:
    """The address within a pasted search text: without spaces around it, `mailto:` or brackets. A
    space within it was a `+` that was not escaped in the query."""
    pasted = _NO_WIDTH.sub("", text).strip()
    inner = re.search(r"<([^<>]*@[^<>]*)>", pasted)
    address = (inner.group(1) if inner else pasted).strip()
    return re.sub(r"\s", "+", re.sub(r"^mailto:\s*", "", address, flags=re.IGNORECASE))


def not_given(value: Any) -> Any:
    """None for what shops send instead of nothing: an empty text, or PHP's `[]` for an empty
    object."""
    nothing = value == [] or (isinstance(value, str) and not value.strip())
    return None if nothing else value


def no_number(value: Any) -> Any:
    """None for a number where a text of digits is expected: its leading zeros and `+` are lost."""
    return None if isinstance(value, int | float) else not_given(value)


def members(value: Any) -> Any:
    """An object; empty if not given."""
    return not_given(value) or {}


LENIENT = (not_given, no_number, members)
"""Validators that read malformed values as not given. The sender gets a warning."""

Email = Annotated[str, Field(max_length=254), AfterValidator(_email)]
Metadata = Annotated[dict[str, Any], BeforeValidator(members)]
"""The caller's own members. `null` means "not given"."""
_Given, _Digits = BeforeValidator(not_given), BeforeValidator(no_number)
_Line = Annotated[str | None, _Given]


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be blank")
    return value


_Name = Annotated[str, AfterValidator(_not_blank)]
"""A person's name for themselves; a blank one names nobody, and must not create anybody."""


class Address(BaseModel):
    """A postal address. Members left out keep their stored value."""

    model_config = ConfigDict(frozen=True)

    line_1: _Line = Field(default=None, max_length=255, examples=["1 Main Street"])
    line_2: _Line = Field(default=None, max_length=255)
    city: _Line = Field(default=None, max_length=255, examples=["Springfield"])
    state: _Line = Field(default=None, max_length=255)
    postal_code: Annotated[str | None, _Digits] = Field(
        default=None, max_length=32, examples=["12345"]
    )
    country: _Line = Field(default=None, max_length=100, examples=["US"])


class Person(BaseModel):
    """A person, identified by `source_id`, which never changes, or by our `id`, which wins when
    both are given.

    A member that is null, blank or left out leaves the stored value alone; metadata is merged."""

    model_config = ConfigDict(frozen=True)

    id: _Name | None = Field(default=None, min_length=1, max_length=64)
    source_id: _Name | None = Field(default=None, min_length=1, max_length=255)
    name: _Line = Field(default=None, max_length=255)
    email: Annotated[Email | None, _Given] = None
    phone: Annotated[str | None, _Digits] = Field(default=None, max_length=50)
    description: _Line = Field(default=None, max_length=2000)
    birthdate: Annotated[Day | None, _Given] = Field(
        default=None, validation_alias=AliasChoices("birthdate", "birthday")
    )
    address: Annotated[Address | None, _Given] = None
    metadata: Metadata = {}

    @property
    def named(self) -> bool:
        """Whether an `id` or `source_id` is given."""
        return self.id is not None or self.source_id is not None

    def then(self, later: Person) -> Person:
        """Both merged: `later` wins, address and metadata are merged by member."""
        said = {name: value for name, value in later if value is not None}
        if self.address and later.address:
            said["address"] = self.address.model_copy(
                update=later.address.model_dump(exclude_none=True)
            )
        return self.model_copy(update=said | {"metadata": self.metadata | later.metadata})
