"""Every posting balances, and together they move money along campaign's accounts."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain import ledger
from domain.ledger import Entry, Posting
from domain.money import Money

moneys = st.builds(
    Money, amount=st.integers(1, 10**12), currency=st.sampled_from(["USD", "EUR", "JPY", "KWD"])
)
FACE, CARD = Money(amount=15_00, currency="USD"), "ord_1"


def balances(*postings: Posting) -> dict[str, int]:
    """What the postings leave on each account (one currency); empty accounts left out."""
    totals: Counter[str] = Counter()
    for posting in postings:
        for entry in posting.entries:
            totals[entry.account] += entry.amount
    return {account: amount for account, amount in totals.items() if amount}


class TestEveryPosting:
    @given(moneys)
    def test_balances_per_currency(self, money: Money) -> None:
        postings = [
            ledger.fund("c", 1, money),
            ledger.reserve("c", "g", money),
            ledger.release("c", "g", money),
            ledger.commit("c", "o", money),
            ledger.withdraw("c", "o", money),
            ledger.spend("c", "o", money),
            ledger.unspend("c", "o", money),
            ledger.credit_wallet("p", "g", money.amount, money.currency),
            ledger.credit_wallet("p", "g", money.amount, ledger.POINTS),
            *ledger.charge("giftcard-partners", "o", money, money + money),
        ]
        for posting in postings:
            assert {entry.currency for entry in posting.entries} in (
                {money.currency},
                {ledger.POINTS},
            )
            assert sum(entry.amount for entry in posting.entries) == 0

    def test_that_does_not_balance_is_refused(self) -> None:
        with pytest.raises(ValidationError, match="does not balance"):
            Posting(
                kind="x",
                subject="y",
                entries=[
                    Entry(account="a", amount=-1, currency="USD"),
                    Entry(account="b", amount=2, currency="USD"),
                ],
            )

    def test_that_balances_only_over_two_currencies_is_refused(self) -> None:
        with pytest.raises(ValidationError, match="does not balance"):
            Posting(
                kind="x",
                subject="y",
                entries=[
                    Entry(account="a", amount=-1, currency="USD"),
                    Entry(account="b", amount=1, currency="EUR"),
                ],
            )


class TestTheWayOfABudget:
    def test_a_delivered_card_is_spent(self) -> None:
        left = balances(
            ledger.fund("c", 1, Money(amount=100_00, currency="USD")),
            ledger.reserve("c", "g", FACE),
            ledger.commit("c", CARD, FACE),
            ledger.spend("c", CARD, FACE),
        )
        assert left == {
            "funding": -100_00,
            "campaign/c/available": 85_00,
            "campaign/c/spent": 15_00,
            "rewards/c/granted": -15_00,
            "rewards/c/delivered": 15_00,
        }

    def test_a_cancelled_grant_gives_back_what_it_reserved(self) -> None:
        assert balances(ledger.reserve("c", "g", FACE), ledger.release("c", "g", FACE)) == {}

    def test_a_card_taken_back_is_owed_again(self) -> None:
        left = balances(
            ledger.reserve("c", "g", FACE),
            ledger.commit("c", CARD, FACE),
            ledger.spend("c", CARD, FACE),
            ledger.unspend("c", CARD, FACE),
            ledger.withdraw("c", CARD, FACE),
        )
        assert left == {
            "campaign/c/available": -15_00,
            "campaign/c/reserved": 15_00,
            "rewards/c/granted": -15_00,
            "liability/c": 15_00,
        }


class TestCharge:
    def test_without_a_fee_is_one_posting(self) -> None:
        assert [p.kind for p in ledger.charge("p", CARD, FACE, FACE)] == ["charge"]

    def test_keeps_a_fee_apart_from_the_face_value(self) -> None:
        charged = Money(amount=15_50, currency="USD")
        assert balances(*ledger.charge("p", CARD, FACE, charged)) == {
            "provider/p/deposit": -15_50,
            "provider/p/cards": 15_00,
            "provider/p/fees": 50,
        }

    def test_keeps_a_discount_apart_as_a_negative_fee(self) -> None:
        charged = Money(amount=14_70, currency="USD")
        assert balances(*ledger.charge("p", CARD, FACE, charged)) == {
            "provider/p/deposit": -14_70,
            "provider/p/cards": 15_00,
            "provider/p/fees": -30,
        }

    def test_in_another_currency_passes_through_an_exchange_account(self) -> None:
        charged = Money(amount=13_90, currency="EUR")
        postings = ledger.charge("p", CARD, FACE, charged)
        assert [posting.kind for posting in postings] == ["charge", "exchange"]
        assert [balances(posting) for posting in postings] == [
            {"provider/p/deposit": -13_90, "provider/p/exchange": 13_90},
            {"provider/p/exchange": -15_00, "provider/p/cards": 15_00},
        ]


class TestWallet:
    def test_points_are_no_money(self) -> None:
        (posting,) = [ledger.credit_wallet("p", "g", 500, ledger.POINTS)]
        assert balances(posting) == {"wallets/issued": -500, "wallet/p": 500}
