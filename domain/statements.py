"""Reading a provider's statement: a CSV file whose columns are mapped once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from domain.money import Currency, Money
from domain.orders import OrderState
from domain.reconciliation import Line


class WrongStatement(ValueError):
    """The file does not fit its mapping; the words say which row and column."""


def _is_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("no IANA time zone")
    return name


class Columns(BaseModel):
    """The header of each column. What a statement does not tell is left out."""

    model_config = ConfigDict(extra="forbid")

    provider_order_id: str = Field(description="The provider's own id of the order.")
    key: str | None = Field(default=None, description="Our order key, where it is shown.")
    state: str | None = Field(default=None, description="Without it every line is an issued card.")
    amount: str | None = Field(default=None, description="Face value.")
    currency: str | None = None
    charged: str | None = Field(default=None, description="What was taken, fee included.")
    charged_currency: str | None = None
    created_at: str | None = None


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
    time_zone: Annotated[str, AfterValidator(_is_zone)] = Field(
        default="UTC", description="Of times that come without an offset. An IANA name."
    )
    time_format: str | None = Field(
        default=None, description="As in C's strptime; without it ISO 8601.", max_length=60
    )
    states: dict[str, Literal["pending", "issued", "failed", "cancelled"]] = Field(
        default_factory=dict,
        description="The provider's words to ours; an unknown word counts as pending.",
    )


def read_lines(rows: Iterable[list[str]], mapping: Mapping) -> Iterator[Line]:
    """The lines of a CSV file, its header first. Raises WrongStatement."""
    reading = iter(rows)
    header = next(reading, None)
    if header is None:
        raise WrongStatement("the file is empty")
    reader = _Reader([name.strip().lstrip("\ufeff") for name in header], mapping)
    for number, row in enumerate(reading, start=2):
        if row:
            yield reader.line(number, row)


class _Reader:
    def __init__(self, header: list[str], mapping: Mapping) -> None:
        self._mapping = mapping
        self._zone = ZoneInfo(mapping.time_zone)
        self._states = {word.casefold(): ours for word, ours in mapping.states.items()}
        self._at: dict[str, int] = {}
        for name, column in mapping.columns.model_dump(exclude_none=True).items():
            if column not in header:
                raise WrongStatement(f"the header lacks the column {column!r}")
            self._at[name] = header.index(column)

    def line(self, number: int, row: list[str]) -> Line:
        try:
            return self._line(row)
        except (ValueError, IndexError) as error:
            raise WrongStatement(f"row {number}: {error}") from None

    def _line(self, row: list[str]) -> Line:
        order = self._text(row, "provider_order_id")
        if order is None:
            raise ValueError("no order id")
        face = self._money(row, "amount", "currency")
        charged = self._money(row, "charged", "charged_currency", face)
        return Line(
            key=(self._text(row, "key") or "").lower() or None,
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
        return row[self._at[name]].strip() or None

    def _state(self, row: list[str]) -> str:
        if "state" not in self._at:
            return OrderState.ISSUED
        return self._states.get((self._text(row, "state") or "").casefold(), OrderState.PENDING)

    def _money(
        self, row: list[str], name: str, currency: str, like: Money | None = None
    ) -> Money | None:
        """Exact, by way of Decimal: a fraction of a minor unit is an error, not rounded."""
        text = self._text(row, name)
        if text is None:
            return None
        unit = self._text(row, currency) or (like.currency if like else self._mapping.currency)
        thousands = "," if self._mapping.decimal == "." else "."
        plain = text.replace(" ", "").replace(thousands, "").replace(self._mapping.decimal, ".")
        if self._mapping.unit == "minor":
            return Money(amount=int(plain), currency=unit)
        return Money.from_major(plain, unit)

    def _time(self, row: list[str]) -> datetime | None:
        text = self._text(row, "created_at")
        if text is None:
            return None
        form = self._mapping.time_format
        at = datetime.strptime(text, form) if form else datetime.fromisoformat(text)  # noqa: DTZ007 - its zone follows
        return at if at.tzinfo else at.replace(tzinfo=self._zone)
