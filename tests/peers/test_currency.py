"""A peer's defect (RefRef): rewards are written in US dollars whatever the event was in, and
percentages are worked out in floating point. Here a currency is never assumed where one was said,
and a percentage is exact to the smallest unit."""

from __future__ import annotations

from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.discounts import PercentOff, discount_amount
from store.database import Database
from store.staff.cancel import credit_wallet
from store.tables import Budget, Grant, LedgerEntry, WalletCredit
from tests.auditing import assert_books_agree
from tests.builders import (
    add_programme,
    credits,
    every_friend,
    gift_card,
    qualify,
    redemption_terms,
    rows,
    terms,
)

percents = st.integers(1, 10_000).map(lambda hundredths: Fraction(hundredths, 100))


@pytest.mark.parametrize("currency", ["EUR", "JPY", "KWD"])
async def test_a_reward_keeps_its_currency_in_every_book(database: Database, currency: str) -> None:
    of = terms(
        every_friend(credits(10_00, currency)), referee_reward=gift_card(15_00, currency=currency)
    )
    await qualify(database, (await add_programme(database, of)).code)
    found = await rows(database, Grant)
    for grant in found:
        if grant.kind == "gift_credits":
            async with database.transaction() as tx:
                await credit_wallet(tx, grant.id)
    assert {grant.currency for grant in found} == {currency}
    assert {grant.reward["currency"] for grant in found} == {currency}
    assert {entry.currency for entry in await rows(database, LedgerEntry)} == {currency}
    assert {budget.currency for budget in await rows(database, Budget)} == {currency}
    assert {credit.unit for credit in await rows(database, WalletCredit)} == {currency}
    await assert_books_agree(database)


async def test_two_currencies_of_one_campaign_are_never_added(database: Database) -> None:
    of = redemption_terms(
        every_friend(credits(10_00, "EUR")), referee_reward=gift_card(15_00, currency="GBP")
    )
    programme = await add_programme(database, of)
    await qualify(database, programme.code, kind="redemption", event=None)
    reserved = {budget.currency: budget.reserved for budget in await rows(database, Budget)}
    assert reserved == {"EUR": 10_00, "GBP": 15_00}
    await assert_books_agree(database)


@given(amount=st.integers(0, 10**15), percent=percents)
def test_a_percentage_is_exact(amount: int, percent: Fraction) -> None:
    """Against plain fractions: what is taken off is the exact share, rounded half up."""
    off = PercentOff.model_validate({"percent_off": f"{float(percent):.2f}"})
    assert discount_amount(off, amount) == floor(Fraction(amount) * percent / 100 + Fraction(1, 2))


@pytest.mark.parametrize(
    ("percent", "amount", "exact"),
    [
        ("9.2", 375, 35),
        ("16.4", 375, 62),
        ("64.6", 250, 162),
        ("79.6", 375, 299),
        ("8.25", 10_000_000_000_000_006, 825_000_000_000_000),
    ],
)
def test_where_floats_go_wrong(percent: str, amount: int, exact: int) -> None:
    assert floor(amount * float(percent) / 100 + 0.5) != exact
    assert discount_amount(PercentOff.model_validate({"percent_off": percent}), amount) == exact
