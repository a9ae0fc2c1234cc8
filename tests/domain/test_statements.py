"""Reading a provider's statement by its mapping."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from domain.reconciliation import Line
from domain.statements import Mapping, WrongStatement, read_lines

COLUMNS = {
    "provider_order_id": "Order",
    "key": "PO",
    "state": "Status",
    "amount": "Value",
    "charged": "Cost",
    "created_at": "Date",
}


def _mapping(**changes: Any) -> Mapping:
    return Mapping.model_validate({"columns": COLUMNS, "states": {"Done": "issued"}} | changes)


def _read(text: str, mapping: Mapping) -> list[Line]:
    rows = csv.reader(io.StringIO(text), delimiter=mapping.delimiter)
    return list(read_lines(rows, mapping))


HEADER = "Order,PO,Status,Value,Cost,Date,Note\n"


def test_a_line() -> None:
    mapping = _mapping(time_zone="America/Los_Angeles")
    (line,) = _read(HEADER + 'G1,GDabcG1,done,"1,015.00",15.45,2026-11-01T23:30:00,x\n', mapping)
    at = datetime(2026, 11, 2, 7, 30, tzinfo=UTC)
    assert line == Line("gdabcg1", "G1", "issued", 101500, "USD", 1545, "USD", at)


def test_what_it_does_not_tell() -> None:
    mapping = Mapping.model_validate({"columns": {"provider_order_id": "Order"}})
    assert _read("Order\nG1\n", mapping) == [
        Line(None, "G1", "issued", None, None, None, None, None)
    ]


def test_an_unknown_word_is_pending_and_an_offset_wins() -> None:
    mapping = _mapping(time_zone="Asia/Tokyo")
    (line,) = _read(HEADER + "G1,,Odd,,,2026-11-01T00:00:00+00:00,\n", mapping)
    assert (line.key, line.state, line.face) == (None, "pending", None)
    assert line.created_at == datetime(2026, 11, 1, tzinfo=UTC)


def test_other_ways_to_write() -> None:
    mapping = _mapping(
        decimal=",", delimiter=";", currency="EUR", time_format="%d.%m.%Y %H:%M", unit="major"
    )
    header = HEADER.replace(",", ";")
    (line,) = _read(header + "G1;k;Done;1.234,50;;31.12.2025 23:59;\n", mapping)
    assert (line.face, line.currency) == (123450, "EUR")
    assert line.created_at == datetime(2025, 12, 31, 23, 59, tzinfo=UTC)
    minor = _mapping(unit="minor")
    assert _read(HEADER + "G1,k,Done,1500,,,\n", minor)[0].face == 1500


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("Order,PO\nG1,k\n", "lacks the column 'Status'"),
        (HEADER + "G1,k,Done,15.005,,,\n", "row 2"),
        (HEADER + "G1,k,Done,15,,,\nG2,k,Done,much,,,\n", "row 3"),
        (HEADER + "G1,k,Done,15,,yesterday,\n", "row 2"),
        (HEADER + ",k,Done,15,,,\n", "no order id"),
        (HEADER + "G1,k\n", "row 2"),
    ],
)
def test_what_does_not_fit_is_named(text: str, words: str) -> None:
    with pytest.raises(WrongStatement, match=words):
        _read(text, _mapping())


@pytest.mark.parametrize(
    "change", [{"time_zone": "Nowhere"}, {"currency": "XYZ"}, {"columns": {"key": "PO"}}]
)
def test_a_mapping_that_makes_no_sense(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        _mapping(**change)
