"""Reports that are made of the ledger's sums say what its entries come to, one by one."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from domain.grants import Attention
from domain.messages import StaffRequest
from store.database import Database, now
from store.grants import attention, wallets
from store.ledger import reports, rollup
from store.ledger.reports import Row
from store.staff.cancel import cancel, credit_wallet
from store.tables import Grant, WalletCredit
from tests.auditing import assert_books_agree
from tests.builders import (
    add_programme,
    budget,
    credits,
    every_friend,
    gift_card,
    in_past,
    points,
    qualify,
    rows,
    terms,
)
from tests.ordering import deliver

_NO = Attention.ORDER_REJECTED

_LIABILITY = """
SELECT CASE WHEN account LIKE 'wallet/%' THEN 'wallets' ELSE 'granted' END AS kind,
       CASE WHEN account LIKE 'liability/%' THEN split_part(account, '/', 2) END AS campaign_id,
       currency, sum(amount)::bigint AS amount
FROM ledger_entries
WHERE at < :at AND (account LIKE 'liability/%' OR account LIKE 'wallet/%')
GROUP BY 1, 2, currency HAVING sum(amount) <> 0
ORDER BY 1, 2, currency
"""
_PART = """
SELECT coalesce(sum(amount), 0)::bigint FROM ledger_entries
WHERE account = 'campaign/' || :campaign || '/' || :part AND currency = :currency
"""


async def plainly(database: Database, at: datetime | None) -> list[Row]:
    """Liability, entry by entry."""
    async with database.reading() as session:
        found = await session.execute(text(_LIABILITY), {"at": at or now()})
        return [dict(row) for row in found.mappings()]


async def liability(database: Database, at: datetime | None = None) -> list[Row]:
    async with database.reading() as session:
        return [row async for row in reports.liability(session, at)]


async def assert_same(database: Database, *times: datetime) -> None:
    for at in (None, *times):
        assert await liability(database, at) == await plainly(database, at), at
    async with database.reading() as session:
        for row in [row async for row in reports.stream(session, reports.BUDGETS)]:
            for part in ("reserved", "committed", "spent"):
                asked = {"campaign": row["campaign_id"], "part": part, "currency": row["currency"]}
                assert row[part] == await session.scalar(text(_PART), asked)


class Activity:
    """A campaign in which everything happens that moves what is owed."""

    def __init__(self, database: Database, code: str, clock: pytest.MonkeyPatch) -> None:
        self.database, self.code, self._clock = database, code, clock

    async def happen(self, at: datetime) -> None:
        """At that time: of two friends' rewards one card is delivered, points and credits are
        booked, and used in part; one card is cancelled."""
        database = self.database
        with self._clock.context() as patched:
            patched.setattr("store.database.now", lambda: at)
            first, second = [
                (await qualify(database, self.code, received_at=at)).grants for _ in range(2)
            ]
            await deliver(database, next(task.grant_id for task in first if task.provider))
            for task in first:
                if not task.provider:
                    async with database.transaction() as tx:
                        await credit_wallet(tx, task.grant_id)
            dropped = next(task.grant_id for task in second if task.provider)
            async with database.transaction() as tx:
                await attention.park(tx, await tx.session.get_one(Grant, dropped), _NO, "no")
            async with database.transaction() as tx:
                request = StaffRequest(grant_id=dropped, actor="app_staff")
                await cancel(tx, request, "referral:x")
            credit = (await rows(database, WalletCredit, unit="USD"))[-1]
            async with database.transaction() as tx:
                reference = f"use-{at.isoformat()}"
                await wallets.use(tx, credit.customer_id, "USD", 3_00, reference)


@pytest.fixture
async def activity(database: Database, monkeypatch: pytest.MonkeyPatch) -> Activity:
    of = terms(
        every_friend(gift_card(15_00)),
        every_friend(points(33), id="tier_points"),
        referee_reward=credits(10_01).model_copy(update={"valid_for": timedelta(days=1)}),
        limits=budget(1000_00),
    )
    return Activity(database, (await add_programme(database, of)).code, monkeypatch)


async def test_the_sums_and_the_entries_say_the_same(
    database: Database, activity: Activity
) -> None:
    """Before anything is summed, after it, and after more has happened: today and at any past
    instant, within a day and between two."""
    days = [in_past(days=n, minutes=7 * n) for n in (40, 39, 3, 1)]
    instants = [at + shift for at in days for shift in (timedelta(0), timedelta(hours=2))]
    for at in days[:3]:
        await activity.happen(at)
    await assert_same(database, *instants)
    then = {at: await liability(database, at) for at in instants[:6]}
    assert len({str(rows) for rows in then.values()}) > 3

    await rollup.sum_up(database)
    await assert_same(database, *instants)
    await activity.happen(days[3])
    async with database.transaction() as tx:
        assert await wallets.expire(tx) > 0
    await assert_same(database, *instants)
    await rollup.sum_up(database)
    await assert_same(database, *instants)
    assert {at: await liability(database, at) for at in then} == then
    await assert_books_agree(database)


async def test_nothing_posted_is_nothing_owed(database: Database) -> None:
    await rollup.sum_up(database)
    await assert_same(database, in_past(days=1))
    assert await liability(database) == []
