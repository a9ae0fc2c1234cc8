"""The demo: it runs to its end, and its judge finds what is wrong."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cli.demo import programme
from cli.demo.finance import compare, compare_ledger
from tests.said.notes import NOTES

ROOT = Path(__file__).parents[2]


def test_the_demo_runs_and_the_books_agree() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.told_command", str(NOTES.beside("demo")), "demo"],
        cwd=ROOT,
        env=os.environ | {"COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Grants, ledger and the provider's book agree to the cent." in done.stdout
    for name in programme.FRIENDS:
        assert f"{name} makes a first purchase" in done.stdout


@pytest.fixture
def grants() -> list[dict[str, Any]]:
    """The eleven grants of five friends, delivered."""
    return [
        {
            "id": f"gr_{number}",
            "status": "delivered",
            "order": {"key": f"key-{number}", "face_amount": amount, "currency": "USD"},
        }
        for number, amount in enumerate(programme.EXPECTED)
    ]


@pytest.fixture
def book() -> list[dict[str, Any]]:
    """The provider's book of the same."""
    return [
        {
            "key": f"key-{number}",
            "amount": amount,
            "charged": amount + 20,
            "currency": "USD",
            "state": "issued",
        }
        for number, amount in enumerate(programme.EXPECTED)
    ]


Rows = list[dict[str, Any]]


class TestCompare:
    def test_equal_books_differ_in_nothing(self, grants: Rows, book: Rows) -> None:
        assert compare(grants, book) == []

    def test_a_missing_card_is_found(self, grants: Rows, book: Rows) -> None:
        assert "the book lacks key-10 over 100.00 USD" in compare(grants, book[:-1])

    def test_a_second_card_for_one_key_is_found(self, grants: Rows, book: Rows) -> None:
        assert "only the book has key-0 over 15.00 USD" in compare(grants, [*book, book[0]])

    def test_a_cent_is_found(self, grants: Rows, book: Rows) -> None:
        book[0]["amount"] += 1
        assert compare(grants, book)[:2] == [
            "the book lacks key-0 over 15.00 USD",
            "only the book has key-0 over 15.01 USD",
        ]

    def test_a_card_that_was_not_issued_is_found(self, grants: Rows, book: Rows) -> None:
        book[3]["state"] = "cancelled"
        assert "were issued" in compare(grants, book)[0]

    def test_a_grant_without_delivery_is_found(self, grants: Rows, book: Rows) -> None:
        grants[2]["status"] = "ordering"
        assert compare(grants, book) == ["grant gr_2 is ordering"]


class TestCompareLedger:
    @pytest.fixture
    def balances(self) -> dict[str, int]:
        return {
            "campaign/camp_1/available": 70_000,
            "campaign/camp_1/spent": 30_000,
            "campaign/camp_1/reserved": 0,
            "campaign/camp_1/committed": 0,
            "provider/giftcard-partners/deposit": -30_220,
            "funding": -100_000,
        }

    def test_equal_books_differ_in_nothing(self, balances: dict[str, int], book: Rows) -> None:
        assert compare_ledger(balances, book) == []

    def test_a_fee_that_was_not_booked_is_found(self, balances: dict[str, int], book: Rows) -> None:
        book[0]["charged"] += 1
        assert compare_ledger(balances, book) == [
            "the ledger's deposit is -302.20 USD, not -302.21 USD"
        ]

    def test_money_that_stays_reserved_is_found(self, balances: dict[str, int], book: Rows) -> None:
        balances["campaign/camp_1/reserved"] = 5
        assert compare_ledger(balances, book) == ["the ledger's reserved is 0.05 USD, not 0.00 USD"]
