"""Counters by day say what the rows say, whoever writes meanwhile; one that does not is told."""

from __future__ import annotations

import asyncio
import os
import subprocess
from typing import Any

import asyncpg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from store import migrate
from store.campaigns import summary
from store.campaigns.summary import Period, Summary
from store.codes.generate import mint
from store.counts.check import check, recount
from store.counts.fold import fold
from store.database import Database, async_url
from store.tables import CountChange, DailyCount, Grant, Referral
from tests.builders import (
    Programme,
    add_programme,
    every_friend,
    points,
    qualify,
    rows,
    terms,
)
from tests.cli.dev_process import GUERDON

ALWAYS = Period(None, None)


async def read(database: Database, programme: Programme, period: Period = ALWAYS) -> Summary:
    async with database.reading() as session:
        return await summary.of_campaign(session, programme.campaign_id, period)


async def friends(database: Database, programme: Programme, count: int) -> None:
    """Referrals of one code that qualify, each with a grant of points."""
    for _ in range(count):
        await qualify(database, programme.code)


async def programme_with(database: Database, count: int) -> Programme:
    programme = await add_programme(database, terms(every_friend(points(100))))
    await friends(database, programme, count)
    return programme


def figures(read: Summary) -> dict[str, Any]:
    steps = {name: getattr(read.funnel, name) for name in ("referred", "converted", "qualified")}
    codes = {"codes": read.figures["vouchers_created"]}
    return (
        steps
        | codes
        | {"top": [(top.referrer_id, top.referred, top.qualified) for top in read.top_referrers]}
    )


class TestAreRight:
    async def test_before_and_after_they_are_added_up(self, database: Database) -> None:
        programme = await programme_with(database, 3)
        expected = {
            "referred": 3,
            "converted": 3,
            "qualified": 3,
            "codes": 1,
            "top": [(programme.referrer_id, 3, 3)],
        }
        assert figures(await read(database, programme)) == expected
        assert await fold(database) > 0
        assert await rows(database, CountChange) == []
        assert figures(await read(database, programme)) == expected
        await friends(database, programme, 1)
        assert figures(await read(database, programme))["top"] == [(programme.referrer_id, 4, 4)]

    async def test_while_six_write_and_three_add_up(self, database: Database) -> None:
        programme = await add_programme(database, terms(every_friend(points(100))))

        async def write() -> None:
            await friends(database, programme, 4)

        async def add_up() -> None:
            for _ in range(8):
                await fold(database, most=7)

        await asyncio.gather(*(write() for _ in range(6)), *(add_up() for _ in range(3)))
        assert (await check(database)).different == []
        await fold(database)
        assert (await check(database)).different == []
        assert figures(await read(database, programme))["qualified"] == 24

    async def test_a_day_is_counted_by_when_its_referrals_began(self, database: Database) -> None:
        programme = await programme_with(database, 2)
        async with database.transaction() as tx:
            # Behind the product's back, and counted all the same.
            await tx.session.execute(
                text("UPDATE grants SET status = 'delivered', updated_at = now()")
            )
        today = (await rows(database, Referral))[0].created_at.date()
        found = await read(database, programme, Period(today, today))
        assert [(day.day, day.referred) for day in found.by_day] == [(today, 2)]
        assert found.figures["points_rewarded"] == 200
        assert [top.referred for top in found.top_referrers] == [2]

    async def test_codes_made_in_bulk_are_one_change(self, database: Database) -> None:
        programme = await programme_with(database, 0)
        await fold(database)
        async with database.transaction() as tx:
            await mint(tx, programme.campaign_id, terms().code_config, 500)
        assert [change.amount for change in await rows(database, CountChange)] == [500]
        assert (await read(database, programme)).figures["vouchers_created"] == 501

    async def test_of_what_was_there_before_they_were_kept(
        self, database: Database, database_url: str
    ) -> None:
        programme = await programme_with(database, 3)
        before = figures(await read(database, programme))
        await database.dispose()
        engine = create_async_engine(async_url(database_url))
        async with engine.connect() as connection:
            await connection.run_sync(_down, "0030")
            await connection.commit()
        await engine.dispose()
        await asyncio.to_thread(migrate.upgrade, database_url)
        assert await rows(database, CountChange) == []
        assert figures(await read(database, programme)) == before
        assert (await check(database)).different == []


def _down(connection: Connection, revision: str) -> None:
    config = Config(str(migrate.__file__).replace("migrate.py", "alembic.ini"))
    config.attributes["connection"] = connection
    command.downgrade(config, revision)


class TestABrokenOne:
    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE daily_counts SET amount = amount + 1 WHERE name = 'referral'",
            "UPDATE referrer_counts SET qualified = qualified - 1",
            "DELETE FROM referrer_daily_counts",
            "INSERT INTO count_changes (campaign_id, day, name, unit, amount)"
            " SELECT campaign_id, day, name, unit, 5 FROM daily_counts LIMIT 1",
        ],
    )
    async def test_is_told_and_mended(
        self, database: Database, database_url: str, statement: str
    ) -> None:
        programme = await programme_with(database, 2)
        await fold(database)
        before = figures(await read(database, programme))
        assert (await check(database)).different == []
        connection = await asyncpg.connect(database_url)
        await connection.execute(statement)
        await connection.close()
        assert len((await check(database)).different) == 1
        assert await recount(database) == 1
        assert (await check(database)).different == []
        assert figures(await read(database, programme)) == before

    async def test_is_named_by_the_command(self, database: Database, database_url: str) -> None:
        await programme_with(database, 1)
        await fold(database)
        held = _command(database_url, "verify")
        assert held.returncode == 0, held.stderr
        assert "sums are what the rows come to" in held.stdout
        async with database.transaction() as tx:
            await tx.session.execute(text("UPDATE daily_counts SET amount = 7 WHERE name = 'code'"))
        broken = _command(database_url, "verify")
        assert broken.returncode == 1, broken.stderr
        (day,) = await rows(database, DailyCount, name="code")
        assert f"campaign_id {day.campaign_id}, name code" in broken.stdout
        assert "amount 7; too small by amount -6" in broken.stdout
        mended = _command(database_url, "recount")
        assert mended.stdout == "1 counters were different.\n", mended.stderr
        assert _command(database_url, "verify").returncode == 0


async def test_a_grant_that_is_cancelled_leaves_the_liability(database: Database) -> None:
    await programme_with(database, 1)
    granted = sum(grant.amount for grant in await rows(database, Grant))
    await fold(database)
    assert await _owed(database) == granted
    async with database.transaction() as tx:
        await tx.session.execute(text("UPDATE grants SET status = 'cancelled'"))
    await fold(database)
    assert await _owed(database) == 0
    assert (await check(database)).different == []


async def _owed(database: Database) -> int:
    """Cents and points together: what is granted and not given."""
    return sum(one.amount for one in await rows(database, DailyCount, name="grant_open"))


def _command(database_url: str, command: str) -> subprocess.CompletedProcess[str]:
    settings = {
        "GUERDON_DATABASE_URL": database_url,
        "GUERDON_ENCRYPTION_KEYS": "k1:MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA=",
    }
    return subprocess.run(
        [GUERDON, "ledger", command],
        env=dict(os.environ) | settings,
        capture_output=True,
        text=True,
        check=False,
    )
