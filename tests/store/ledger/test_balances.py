"""The ledger in PostgreSQL: nobody rewrites it, and its sums are exact at every moment."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from domain import ledger
from domain.money import Money
from domain.refusals import IdentityReused
from store.database import Database, now
from store.ledger import rollup
from store.ledger.balances import Balance, Which, balances, totals
from store.providers import deposits
from store.tables import AccountSum, LedgerEntry
from tests.auditing import balances as plain_balances
from tests.builders import add_grant, rows

USD = "USD"


async def post(database: Database, amount: int, name: str, at: datetime | None = None) -> None:
    async with database.transaction() as tx:
        tx.now = at or tx.now
        tx.post(ledger.deposit("p", name, Money(amount=amount, currency=USD)))


async def read(database: Database, which: Which | None = None) -> list[Balance]:
    async with database.reading() as session:
        return (await balances(session, which or Which()))[0]


async def held(database: Database, at: datetime | None = None) -> int:
    (found,) = await read(database, Which(account="provider/p/deposit", at=at)) or [
        Balance("provider/p/deposit", USD, 0)
    ]
    return found.balance


class TestNobodyRewrites:
    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE ledger_entries SET amount = amount + 1",
            "DELETE FROM ledger_entries",
            "TRUNCATE ledger_entries",
        ],
    )
    async def test_a_ledger_entry_cannot_be_changed(
        self, database: Database, statement: str
    ) -> None:
        await post(database, 100, "one")
        with pytest.raises(IntegrityError, match="append-only"):
            async with database.transaction() as tx:
                await tx.session.execute(text(statement))
        assert await held(database) == 100


class TestSums:
    async def test_come_to_the_same_before_and_after_each_round(self, database: Database) -> None:
        for number in range(5):
            await post(database, 100, f"early-{number}")
        before = await read(database)
        assert await rollup.sum_up(database, most=2) >= 2
        assert await read(database) == before
        assert len(await rows(database, AccountSum)) == 2
        await post(database, 7, "late")
        assert await held(database) == 507
        await rollup.sum_up(database)
        assert await held(database) == 507

    async def test_leave_out_nothing_that_commits_late(self, database: Database) -> None:
        """A transaction that began before a round, and commits after it."""
        async with database.transaction() as slow:
            slow.post(ledger.deposit("p", "slow", Money(amount=5, currency=USD)))
            await slow.write_facts()
            await post(database, 100, "quick")
            await rollup.sum_up(database)
            assert await held(database) == 100
        assert await held(database) == 105
        await rollup.sum_up(database)
        assert await held(database) == 105

    async def test_are_right_while_ten_post_and_three_sum_up(self, database: Database) -> None:
        async def add_up() -> None:
            for _ in range(5):
                await rollup.sum_up(database)

        posting = [post(database, number, f"n-{number}") for number in range(1, 41)]
        await asyncio.gather(*posting, *(add_up() for _ in range(3)))
        await rollup.sum_up(database)
        assert await held(database) == sum(range(1, 41))
        entries = await rows(database, LedgerEntry, account="provider/p/deposit")
        assert sum(entry.amount for entry in entries) == await held(database)


class TestAsOf:
    async def test_a_past_date_says_the_same_whatever_comes_later(self, database: Database) -> None:
        """Also within a day, and whether or not it is summed up."""
        days = [now() - timedelta(days=n, hours=n) for n in (40, 20, 20, 3, 0)]
        for number, at in enumerate(days):
            await post(database, 10**number, f"day-{number}", at)
        noon = days[1] + timedelta(seconds=1)
        first = await held(database, noon)
        assert first == 111
        assert await held(database, days[1]) == 1
        await rollup.sum_up(database)
        assert (await held(database, noon), await held(database, days[1])) == (first, 1)
        await post(database, 5, "later")
        await rollup.sum_up(database)
        assert (await held(database, noon), await held(database, days[1])) == (first, 1)
        async with database.reading() as session:
            assert await totals(session, noon) == {USD: 0}

    async def test_liability_of_a_past_date(self, database: Database) -> None:
        grant = await add_grant(database)
        then = now()
        async with database.reading() as session:
            before = await balances(session, Which(account="liability/", at=then))
        await add_grant(database)
        await rollup.sum_up(database)
        async with database.reading() as session:
            assert await balances(session, Which(account="liability/", at=then)) == before
        (owed,) = before[0]
        assert (owed.account, owed.balance) == (f"liability/{grant.campaign_id}", 15_00)


class TestPages:
    async def test_are_the_same_however_much_is_summed_up(self, database: Database) -> None:
        for _ in range(3):
            await add_grant(database)
        await rollup.sum_up(database)
        await add_grant(database)
        whole = {(one.account, one.currency): one.balance for one in await read(database)}
        assert whole == dict(await plain_balances(database))
        seen: list[Balance] = []
        more, after = True, None
        while more:
            async with database.reading() as session:
                page, total, more, _ = await balances(session, Which(limit=3, after=after))
            seen += page
            after = (page[-1].account, page[-1].currency)
        assert len(seen) == total == len(whole)
        assert [(one.account, one.currency) for one in seen] == sorted(whole)

    async def test_an_underscore_in_a_name_is_no_wildcard(self, database: Database) -> None:
        await post(database, 100, "one")
        assert await read(database, Which(account="provider_p")) == []


class TestDeposits:
    async def test_are_booked_once_for_each_reference(self, database: Database) -> None:
        async def pay(amount: int) -> None:
            async with database.transaction() as tx:
                money = Money(amount=amount, currency=USD)
                await deposits.add(tx, "p", "wire 17", money, actor="app_finance")

        await asyncio.gather(*(pay(100) for _ in range(5)))
        assert await held(database) == 100
        with pytest.raises(IdentityReused):
            await pay(200)
