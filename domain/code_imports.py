"""Codes that an application imports, from JSON or a CSV file with Voucherify's column names.
Unknown columns become metadata."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationError

from domain.dates import DayOrInstant
from domain.imports import WrongHeader, WrongRow, checked_cell, found, plain_words
from domain.numbers import whole_number


def _plain(code: str) -> str:
    if code != code.strip() or any(not each.isprintable() or each in "/?#" for each in code):
        raise ValueError("holds a character that a code cannot have")
    return code


def _whole(given: Any) -> Any:
    """Digits only: 1.0, 1_000 and " 5 " are not counts, nor is true."""
    return whole_number(given) if isinstance(given, str) else given


_Count = Annotated[int, BeforeValidator(_whole), Field(strict=True)]
_Switch = Annotated[
    bool,
    BeforeValidator(lambda given: True if given is None else given),
]
_Metadata = Annotated[dict[str, Any], BeforeValidator(lambda given: given or {})]


class ImportedCode(BaseModel):
    """One code. For an existing one only `active` and `category` are used."""

    code: Annotated[str, AfterValidator(_plain)] = Field(min_length=1, max_length=200)
    active: _Switch = True
    category: str | None = Field(default=None, max_length=200)
    redeemed_quantity: _Count = Field(default=0, ge=0, le=2_000_000_000)
    quantity: _Count | None = Field(default=None, ge=1, le=2_000_000_000)
    start_date: DayOrInstant | None = None
    expiration_date: DayOrInstant | None = None
    """Days are in the time zone of the code's campaign."""
    metadata: _Metadata = {}


_COLUMNS = {
    "code": "code",
    "active": "active",
    "category": "category",
    "redeemed quantity": "redeemed_quantity",
    "redemption limit": "quantity",
    "start date": "start_date",
    "expiration date": "expiration_date",
}


def code_reader(header: Sequence[str]) -> Callable[[Sequence[str]], ImportedCode]:
    """The reader for rows below this header. Raises WrongHeader; the reader raises WrongRow."""
    names = [name.strip() for name in header]
    lowered = [name.lower().replace("_", " ") for name in names]
    if "code" not in lowered:
        raise WrongHeader(f"expected a Code column, found {found(names)}")
    if len(set(lowered)) < len(lowered) or "" in lowered:
        raise WrongHeader("each column needs a name of its own")

    def read(row: Sequence[str]) -> ImportedCode:
        if len(row) != len(names):
            raise WrongRow(f"has {len(row)} values where the header names {len(names)} columns")
        given: dict[str, Any] = {}
        metadata: dict[str, str] = {}
        for name, column, value in zip(names, lowered, row, strict=True):
            checked_cell(name, value, is_id=column == "code")
            if value and column in _COLUMNS:
                given[_COLUMNS[column]] = value
            elif value:
                metadata[name] = value
        return _checked(given | {"metadata": metadata})

    return read


def code_described(row: dict[str, Any]) -> ImportedCode:
    """A code from a row of a request. Raises WrongRow. Members that Guerdon takes from the campaign
    (discount, gift, …) are ignored, as in Voucherify."""
    limits = row.get("redemption")
    limits = limits if isinstance(limits, dict) else {}
    given = {name: value for name, value in row.items() if value is not None}
    own = {name: limits[name] for name in ("quantity", "redeemed_quantity") if limits.get(name)}
    return _checked(given | own)


def _checked(given: dict[str, Any]) -> ImportedCode:
    try:
        return ImportedCode.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "row"
        raise WrongRow(f"{where}: {plain_words(first['msg'])}") from None
