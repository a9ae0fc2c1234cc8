"""Invariant 9: an event is in the table if and only if its fact was committed."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from domain import ledger
from domain.money import Money
from store.database import Database
from store.tables import Campaign, Event, LedgerEntry, Order
from tests.auditing import assert_books_agree
from tests.builders import add_campaign, add_grant, add_programme, one, rows, set_active, sign_up
from tests.ordering import attempt, record, snapshot

FACE = Money(amount=1_00, currency="USD")


class Undone(Exception):
    """Raised in a transaction on purpose."""


class TestTransaction:
    async def test_that_commits_leaves_the_fact_and_its_event(self, database: Database) -> None:
        campaign_id = await add_campaign(database)
        await set_active(database, campaign_id, active=False)
        assert not (await one(database, Campaign)).active
        assert len(await rows(database, Event, type="campaign.disabled")) == 1

    async def test_that_raises_leaves_neither(self, database: Database) -> None:
        campaign_id = await add_campaign(database)

        async def undone() -> None:
            async with database.transaction() as tx:
                campaign = await tx.session.get_one(Campaign, campaign_id)
                campaign.active = False
                tx.record("campaign.disabled", "Campaign disabled", campaign_id=campaign_id)
                tx.post(ledger.reserve(campaign_id, "gr_1", FACE))
                raise Undone

        with pytest.raises(Undone):
            await undone()
        assert (await one(database, Campaign)).active
        assert await rows(database, Event, type="campaign.disabled") == []
        assert await rows(database, LedgerEntry) == []

    async def test_that_raises_after_its_facts_were_written_leaves_neither(
        self, database: Database
    ) -> None:
        async def undone() -> None:
            async with database.transaction() as tx:
                tx.record("campaign.created", "Campaign created")
                tx.post(ledger.reserve("camp_1", "gr_1", FACE))
                await tx.write_facts()
                raise Undone

        with pytest.raises(Undone):
            await undone()
        assert await rows(database, Event) == []
        assert await rows(database, LedgerEntry) == []

    async def test_that_is_cancelled_leaves_neither(self, database: Database) -> None:
        async def slow() -> None:
            async with database.transaction() as tx:
                tx.record("campaign.created", "Campaign created")
                await tx.write_facts()
                await asyncio.sleep(30)

        task = asyncio.create_task(slow())
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await rows(database, Event) == []

    async def test_a_fact_is_not_changed_if_its_event_cannot_be_written(
        self, database: Database
    ) -> None:
        campaign_id = await add_campaign(database)

        async def untold() -> None:
            async with database.transaction() as tx:
                campaign = await tx.session.get_one(Campaign, campaign_id)
                campaign.active = False
                tx.record("campaign.disabled", None)

        with pytest.raises(IntegrityError, match="title"):
            await untold()
        assert (await one(database, Campaign)).active

    async def test_that_posts_one_identity_twice_fails_whole(self, database: Database) -> None:
        async def twice() -> None:
            async with database.transaction() as tx:
                tx.post(ledger.reserve("camp_1", "gr_1", FACE))
                tx.post(ledger.reserve("camp_1", "gr_1", FACE))

        with pytest.raises(IntegrityError, match="uq_ledger_entries"):
            await twice()
        assert await rows(database, LedgerEntry) == []


class TestEveryFact:
    async def test_events_of_one_transaction_have_its_number(self, database: Database) -> None:
        await add_grant(database)
        granted = await one(database, Event, type="grant.created")
        qualified = await one(database, Event, type="referral.qualified")
        entry, *_ = await rows(database, LedgerEntry, kind="reserve")
        assert granted.xid == qualified.xid == entry.xid

    async def test_events_are_read_in_the_order_in_which_they_happened(
        self, database: Database
    ) -> None:
        grant = await add_grant(database)
        told = await rows(database, Event, referral_id=grant.referral_id)
        assert [event.type for event in told] == [
            "referral.attributed",
            "referral.converted",
            "referral.qualified",
            "grant.created",
        ]
        assert [event.seq for event in told] == sorted(event.seq or 0 for event in told)

    async def test_that_changes_an_order_leaves_an_event_of_it(self, database: Database) -> None:
        grant = await add_grant(database)
        claimed = await attempt(database, grant.id)
        await record(database, claimed.order_id, snapshot(claimed))
        event = await one(database, Event, type="order.issued")
        assert (event.order_id, event.grant_id) == (claimed.order_id, grant.id)
        assert event.data["key"] == (await one(database, Order)).key
        await assert_books_agree(database)

    async def test_that_was_not_one_leaves_no_event(self, database: Database) -> None:
        campaign_id = await add_campaign(database)
        await set_active(database, campaign_id, active=True)
        assert await rows(database, Event, type="campaign.enabled") == []

    async def test_a_refused_request_leaves_no_event(self, database: Database) -> None:
        programme = await add_programme(database)
        before = len(await rows(database, Event))
        with pytest.raises(Exception, match="own code"):
            await sign_up(database, programme.code, programme.referrer_id)
        assert len(await rows(database, Event)) == before


class TestAFailedStatement:
    async def test_quotes_no_value_of_a_person(self, database: Database) -> None:
        statement = text("INSERT INTO customers (id, email) VALUES ('cust_1', :email)")

        async def fail() -> None:
            async with database.transaction() as tx:
                await tx.session.execute(statement, {"email": "ann@example.com"})

        with pytest.raises(IntegrityError, match="not-null") as failure:
            await fail()
        assert "ann@example.com" not in str(failure.value)
