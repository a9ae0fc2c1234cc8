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


def test_columns_that_a_statement_lacks_stay_empty() -> None:
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
        (HEADER + "G1,k,Done,15.005,,,\n", "line 2"),
        (HEADER + "G1,k,Done,15,,,\nG2,k,Done,much,,,\n", "line 3"),
        (HEADER + "G1,k,Done,15,,yesterday,\n", "line 2"),
        (HEADER + ",k,Done,15,,,\n", "no order id"),
        (HEADER + "G1,k\n", "line 2"),
    ],
)
def test_a_line_that_does_not_fit_is_named(text: str, words: str) -> None:
    with pytest.raises(WrongStatement, match=words):
        _read(text, _mapping())


@pytest.mark.parametrize(
    ("decimal", "unit", "text", "minor"),
    [
        (".", "major", "15", 1500),
        (".", "major", "15.6", 1560),
        (".", "major", "15.6000", 1560),
        (".", "major", "1,500", 150000),
        (".", "major", "12,34,567.50", 123456750),
        (".", "major", "1 500.00", 150000),
        (".", "major", "1'500.00", 150000),
        (".", "major", "-15.00", -1500),
        (",", "major", "15,00", 1500),
        (",", "major", "1.500,00", 150000),
        (",", "major", "1\u202f500,00", 150000),
        (".", "minor", "1,500", 1500),
    ],
)
def test_a_number_in_the_declared_form(decimal: str, unit: str, text: str, minor: int) -> None:
    mapping = _mapping(decimal=decimal, unit=unit, delimiter=";")
    (line,) = _read(HEADER.replace(",", ";") + f"G1;k;Done;{text};;;\n", mapping)
    assert line.face == minor


@pytest.mark.parametrize(
    ("decimal", "unit", "text"),
    [
        (".", "major", "15,00"),
        (".", "major", "1.500,00"),
        (".", "major", "1.500"),  # a thousand and a half, or one and a half
        (",", "major", "15.00"),
        (",", "major", "1,500.00"),
        (",", "major", "1,500"),
        (".", "major", "1,500 000"),
        (".", "major", "$15.00"),
        (".", "major", "1e3"),
        (".", "major", "NaN"),
        (".", "major", "١٥"),
        (".", "minor", "1500.5"),
        (",", "minor", "15.00"),
        (".", "major", "99999999999999999999"),
        (".", "minor", "9" * 280),
    ],
)
def test_a_number_in_another_form_stops_the_file_and_names_its_line(
    decimal: str, unit: str, text: str
) -> None:
    mapping = _mapping(decimal=decimal, unit=unit, delimiter=";")
    file = HEADER.replace(",", ";") + f"G1;k;Done;1;;;\nG2;k;Done;{text};;;\n"
    with pytest.raises(WrongStatement, match="line 3"):
        _read(file, mapping)


def test_a_decimal_comma_without_quotes_does_not_move_the_columns() -> None:
    with pytest.raises(WrongStatement, match="line 2: has 8 values where the header names 7"):
        _read(HEADER + "G1,k,Done,15,00,,,x\n", _mapping())


@pytest.mark.parametrize("date", ["9999-12-31T23:59:59-05:00", "0001-01-01", "1969-12-31"])
def test_a_time_that_cannot_be_kept_stops_the_file(date: str) -> None:
    with pytest.raises(WrongStatement, match="line 2: the year"):
        _read(HEADER + f"G1,k,Done,15,,{date},\n", _mapping())


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("4,71E+15;k;Done;15;;;", "provider_order_id: 4,71E\\+15 is a number that a spreadsheet"),
        ("G1;4.7E+15;Done;15;;;", "key: 4.7E"),
        ("G\x001;k;Done;15;;;", "provider_order_id: holds a NUL"),
        ("G1;k\x00;Done;15;;;", "key: holds a NUL"),
        ("G1;k;Done;15;;2026\x00;", "created_at: holds a NUL"),
    ],
)
def test_a_cell_that_has_lost_its_meaning_stops_the_file(row: str, words: str) -> None:
    with pytest.raises(WrongStatement, match=f"line 2: {words}"):
        _read(HEADER.replace(",", ";") + row + "\n", _mapping(delimiter=";"))


def test_the_line_is_the_files_own_also_behind_a_cell_of_two_lines() -> None:
    with pytest.raises(WrongStatement, match="line 4"):
        _read(HEADER + 'G1,k,Done,15,,,"two\nlines"\nG2,k,Done,much,,,\n', _mapping())


@pytest.mark.parametrize(
    "change", [{"time_zone": "Nowhere"}, {"currency": "XYZ"}, {"columns": {"key": "PO"}}]
)
def test_a_mapping_that_makes_no_sense(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        _mapping(**change)
