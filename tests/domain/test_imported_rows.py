"""Rows of files with customers and codes: what a spreadsheet has damaged is one row's error."""

from __future__ import annotations

import pytest

from domain.code_imports import code_described, code_reader
from domain.imports import WrongRow, reader

CUSTOMERS = ["Source_id", "Phone", "Birthdate", "plan"]
CODES = ["Code", "Redemption limit", "Redeemed quantity", "Expiration date", "batch"]


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (["4,71E+15", "", "", ""], "Source_id"),
        (["4.71E+15", "", "", ""], "Source_id"),
        (["a", "4.917E+11", "", ""], "Phone"),
        (["a\x00", "", "", ""], "Source_id"),
        (["a", "", "", "pro\x00"], "plan"),
        (["a", "", "31.12.1990", ""], "birthdate"),
        (["a", "", "32873", ""], "birthdate"),
        (["a", "", "0", ""], "birthdate"),
    ],
)
def test_a_customer_that_cannot_be_read(row: list[str], column: str) -> None:
    with pytest.raises(WrongRow, match=f"^{column}: ") as wrong:
        reader(CUSTOMERS)(row)
    assert not any(cell in str(wrong.value) for cell in row if len(cell) > 1)


def test_other_columns_may_look_like_shortened_numbers() -> None:
    person = reader(CUSTOMERS)(["12E45", "", "", "4.71E+15"])
    assert (person.source_id, person.metadata) == ("12E45", {"plan": "4.71E+15"})


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (["4,71E+15", "", "", "", ""], "Code"),
        (["A", "1_000", "", "", ""], "quantity"),
        (["A", "5.0", "", "", ""], "quantity"),
        (["A", " 5", "", "", ""], "quantity"),
        (["A", "", "1,000", "", ""], "redeemed_quantity"),
        (["A", "", "", "20261231", ""], "expiration_date"),
        (["A", "", "", "46387", ""], "expiration_date"),
        (["A", "", "", "9999-12-31", ""], "expiration_date"),
        (["A", "", "", "9999-12-31T23:59:59-05:00", ""], "expiration_date"),
        (["A", "", "", "12/31/2026", ""], "expiration_date"),
    ],
)
def test_a_code_that_cannot_be_read(row: list[str], column: str) -> None:
    with pytest.raises(WrongRow, match=f"^{column}: "):
        code_reader(CODES)(row)


@pytest.mark.parametrize(
    "given",
    [
        {"quantity": True},
        {"redeemed_quantity": 1.5},
        {"expiration_date": 1798675200},
        {"start_date": "1798675200"},
    ],
)
def test_a_code_of_a_request_that_cannot_be_read(given: dict[str, object]) -> None:
    with pytest.raises(WrongRow, match=f"^{next(iter(given))}: "):
        code_described({"code": "A", **given})
