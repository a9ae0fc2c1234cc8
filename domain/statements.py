"""Reads a provider's statement: a CSV file whose columns are mapped once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from domain.dates import ZoneName, in_calendar
from domain.money import Currency, Money, exponent
from domain.numbers import decimal_of, is_shortened
from domain.orders import OrderState
from domain.reconciliation import Line
from domain.spreadsheets import Rows

_MOST = 10**15
"""Largest amount in minor units: above any real line, below the limit of a 64-bit column."""


class WrongStatement(ValueError):
    """The file does not fit its mapping; the message says which line, and what was expected."""


class Columns(BaseModel):
    """The header of each column. Columns that a statement lacks are left out."""

    model_config = ConfigDict(extra="forbid")

    provider_order_id: str = Field(
        description="The provider's own id of the order.", examples=["ORD-2041-7751"]
    )
    key: str | None = Field(
        default=None,
        description="Our order key, where it is shown.",
        examples=["gd5f0c2a9be71d4c83a6f2e9d07b1c4e8fg1"],
    )
    state: str | None = Field(default=None, description="Without it every line is an issued card.")
    amount: str | None = Field(default=None, description="Face value.")
    currency: str | None = Field(default=None, examples=["USD"])
    charged: str | None = Field(default=None, description="What was taken, fee included.")
    charged_currency: str | None = Field(default=None, examples=["USD"])
    created_at: str | None = Field(default=None, examples=["2026-11-20T09:30:00Z"])


class Mapping(BaseModel):
    """How a provider's statement is read."""

    model_config = ConfigDict(extra="forbid")

    columns: Columns
    currency: Currency = Field(default="USD", description="Where a line names none.")
    unit: Literal["major", "minor"] = Field(
        default="major", description="Of amounts: 15.00 is major, 1500 is minor."
    )
    decimal: Literal[".", ","] = "."
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    time_zone: ZoneName = Field(
        default="UTC", description="Of times that come without an offset. An IANA name."
    )
    time_format: str | None = Field(
        default=None, description="As in C's strptime; without it ISO 8601.", max_length=60
    )
    states: dict[str, Literal["pending", "issued", "failed", "cancelled"]] = Field(
        default_factory=dict,
        description="The provider's words to ours; an unknown word counts as pending.",
    )


def names_of(columns: Columns) -> list[str]:
    """The headers that a statement must have."""
    return list(columns.model_dump(exclude_none=True).values())


def read_lines(rows: Rows, mapping: Mapping) -> Iterator[Line]:
    """The lines of a CSV file, its header first. Raises WrongStatement."""
    reading = iter(rows)
    header = next(reading, None)
    if header is None:
        raise WrongStatement("the file is empty")
    reader = _Reader([name.strip().lstrip("\ufeff") for name in header], mapping)
    number = rows.line_num + 1
    for row in reading:
        if row:
            yield reader.line(number, row)
        number = rows.line_num + 1


class _Reader:
    def __init__(self, header: list[str], mapping: Mapping) -> None:
        self._mapping = mapping
        self._zone = ZoneInfo(mapping.time_zone)
        self._states = {word.casefold(): ours for word, ours in mapping.states.items()}
        self._columns = len(header)
        self._at: dict[str, int] = {}
        for name, column in mapping.columns.model_dump(exclude_none=True).items():
            if column not in header:
                seen = ", ".join(map(repr, header))
                raise WrongStatement(f"the header lacks the column {column!r}; it has {seen}")
            self._at[name] = header.index(column)

    def line(self, number: int, row: list[str]) -> Line:
        try:
            return self._line(row)
        except IndexError:
            raise WrongStatement(f"line {number}: has fewer values than the header") from None
        except (ValueError, ArithmeticError) as error:
            raise WrongStatement(f"line {number}: {error}") from None

    def _line(self, row: list[str]) -> Line:
        # An unquoted decimal comma moves everything after it one column on.
        if any(cell.strip() for cell in row[self._columns :]):
            raise ValueError(f"has {len(row)} values where the header names {self._columns}")
        order = self._id(row, "provider_order_id")
        if order is None:
            raise ValueError("no order id")
        face = self._money(row, "amount", "currency")
        charged = self._money(row, "charged", "charged_currency", face)
        return Line(
            key=(self._id(row, "key") or "").lower() or None,
            provider_order_id=order,
            state=self._state(row),
            face=face.amount if face else None,
            currency=face.currency if face else None,
            charged=charged.amount if charged else None,
            charged_currency=charged.currency if charged else None,
            created_at=self._time(row),
        )

    def _text(self, row: list[str], name: str) -> str | None:
        if name not in self._at:
            return None
        text = row[self._at[name]].strip()
        if "\x00" in text:
            raise ValueError(f"{name}: holds a NUL character")
        return text or None

    def _id(self, row: list[str], name: str) -> str | None:
        """An id whose digits a spreadsheet dropped names no order any more."""
        text = self._text(row, name)
        if text is not None and is_shortened(text):
            raise ValueError(f"{name}: {text} is a number that a spreadsheet has shortened")
        return text

    def _state(self, row: list[str]) -> str:
        if "state" not in self._at:
            return OrderState.ISSUED
        return self._states.get((self._text(row, "state") or "").casefold(), OrderState.PENDING)

    def _money(
        self, row: list[str], name: str, currency: str, like: Money | None = None
    ) -> Money | None:
        """Exact, via Decimal: a fraction of a minor unit is an error, not rounded."""
        text = self._text(row, name)
        if text is None:
            return None
        unit = self._text(row, currency) or (like.currency if like else self._mapping.currency)
        value = decimal_of(text, self._mapping.decimal)
        money = self._in_minor_units(value, unit, text)
        if abs(money.amount) > _MOST:
            raise ValueError(f"{name}: {text} is more than a line can hold")
        return money

    def _in_minor_units(self, value: Decimal, unit: str, text: str) -> Money:
        if self._mapping.unit == "minor":
            if value != int(value):
                raise ValueError(f"{text!r} is no whole number of minor units")
            return Money(amount=int(value), currency=unit)
        # 1.500 means 1500 to its writer: three digits are thousands, unless the currency has three
        # decimals.
        if len(_fraction(value)) == 3 != exponent(unit):
            raise ValueError(f"{text!r} has three decimals; {unit} has {exponent(unit)}")
        return Money.from_major(value, unit)

    def _time(self, row: list[str]) -> datetime | None:
        text = self._text(row, "created_at")
        if text is None:
            return None
        form = self._mapping.time_format
        at = datetime.strptime(text, form) if form else datetime.fromisoformat(text)  # noqa: DTZ007 - its zone follows
        return in_calendar(at if at.tzinfo else at.replace(tzinfo=self._zone))


def _fraction(value: Decimal) -> str:
    return format(value, "f").partition(".")[2]
