"""A row of a CSV file of customers, with Voucherify's column names.

Unknown columns become metadata. Names are compared without case, because spreadsheets change it.
Source: `importCSV` of the Voucherify API."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pydantic import ValidationError

from domain.customers import Person
from domain.numbers import is_shortened

_PLAIN = ("id", "source_id", "name", "email", "phone", "birthdate", "description")
_ADDRESS = {
    f"address_{member}": member
    for member in ("line_1", "line_2", "postal_code", "city", "state", "country")
}


_DIGITS = frozenset({"id", "source_id", "phone"})
"""Columns of long numbers, which a spreadsheet may shorten when it saves the file."""


class WrongRow(ValueError):
    """A row that cannot be imported. The message names the column and the way out, never the value:
    it is stored, and the value may be personal data."""


class WrongHeader(ValueError):
    """No row can be read with this header."""


def reader(header: Sequence[str]) -> Callable[[Sequence[str]], Person]:
    """The reader for rows below this header. Raises WrongHeader; the reader raises WrongRow."""
    names = [name.strip() for name in header]
    known = [name.lower() for name in names]
    if "source_id" not in known and "id" not in known:
        raise WrongHeader(f"expected a Source_id column (or Id), found {found(names)}")
    if len(set(known)) < len(known):
        raise WrongHeader("a column is named twice")
    if "" in known:
        raise WrongHeader("a column has no name")

    def read(row: Sequence[str]) -> Person:
        if len(row) != len(names):
            raise WrongRow(f"has {len(row)} values where the header names {len(names)} columns")
        person: dict[str, Any] = {"metadata": {}}
        address: dict[str, str] = {}
        for name, lowered, value in zip(names, known, row, strict=True):
            if not value:
                continue
            checked_cell(name, value, is_id=lowered in _DIGITS)
            if lowered in _PLAIN:
                person[lowered] = value
            elif lowered in _ADDRESS:
                address[_ADDRESS[lowered]] = value
            else:
                person["metadata"][name] = value
        return described(person | ({"address": address} if address else {}))

    return read


def plain_words(message: str) -> str:
    """A validator's message without its prefix."""
    return message.removeprefix("Value error, ")


def found(names: Sequence[str]) -> str:
    """The columns of a header, shortened for a message."""
    listed = ", ".join(repr(name[:40]) for name in names[:8])
    return f"{listed} and {len(names) - 8} more" if len(names) > 8 else listed or "nothing"


def checked_cell(name: str, value: str, *, is_id: bool) -> None:
    """Raises WrongRow for a value that cannot be stored, and for an id that a spreadsheet
    shortened."""
    if "\x00" in value:
        raise WrongRow(f"{name}: holds a NUL character")
    if is_id and is_shortened(value):
        raise WrongRow(
            f"{name}: a spreadsheet has shortened this number, as in 1.23E+15; "
            "format the column as text and save the file again"
        )


def described(person: dict[str, Any]) -> Person:
    """A person from a row of a bulk request. Raises WrongRow."""
    try:
        read = Person.model_validate(person)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "row"
        raise WrongRow(f"{where}: {plain_words(first['msg'])}") from None
    if not read.named:
        raise WrongRow("source_id: is missing")
    return read
