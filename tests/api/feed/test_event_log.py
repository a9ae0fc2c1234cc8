"""The event log over HTTP: every committed fact once, in an order that can be followed."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from domain.feed import BEGINNING, Place
from store.database import Database
from store.events import feed
from store.tables import Campaign, Event
from tests.api.api_bodies import made, refused
from tests.builders import add_campaign, add_grant, one, rows

WRITERS = 8


class Undone(Exception):
    """Raised in a transaction on purpose."""


async def follow(client: httpx.AsyncClient, after: str | None = None, query: str = "") -> Any:
    """Everything behind `after`, page by page, and where that ends."""
    found: list[Any] = []
    while True:
        place = f"&after={after}" if after else ""
        page = await made(client.get(f"/v1/event-log?limit=7{place}{query}"))
        found, after = found + page["data"], page["next"]
        if not page["has_more"]:
            return found, after


class TestAnEvent:
    async def test_is_in_the_log_if_and_only_if_its_fact_was_committed(
        self, finance: httpx.AsyncClient, database: Database
    ) -> None:
        _, after = await follow(finance)
        campaign_id = await add_campaign(database)
        with suppress(Undone):
            async with database.transaction() as tx:
                tx.record("campaign.disabled", "Campaign disabled", campaign_id=campaign_id)
                await tx.write_facts()
                raise Undone
        (event,), _ = await follow(finance, after)
        assert (event["type"], event["campaign_id"]) == ("campaign.created", campaign_id)
        name = (await one(database, Campaign, id=campaign_id)).name
        assert event["data"] == {"version": 1, "campaign": {"id": campaign_id, "name": name}}

    async def test_waits_for_what_may_still_come_before_it(
        self, finance: httpx.AsyncClient, database: Database
    ) -> None:
        _, after = await follow(finance)
        async with database.transaction() as slow:
            slow.record("wallet.used", "First to begin")
            await slow.write_facts()
            async with database.transaction() as quick:
                quick.record("wallet.returned", "First to be committed")
            assert await follow(finance, after) == ([], after)
        told, _ = await follow(finance, after)
        assert [event["type"] for event in told] == ["wallet.used", "wallet.returned"]

    async def test_is_told_without_the_words_of_a_person(
        self, finance: httpx.AsyncClient, database: Database
    ) -> None:
        async with database.transaction() as tx:
            tx.record("grant.retry", "Tried again", source="staff", detail="Jane called")
            tx.record("referral.reversal_asked", "Reversal asked for", detail="Jane's refund")
            tx.record("lane.stopped", "Orders stopped", detail="the balance is empty")
        told, _ = await follow(finance)
        assert [event["detail"] for event in told[-3:]] == [None, None, "the balance is empty"]

    async def test_the_events_of_a_referral_name_no_person(
        self, finance: httpx.AsyncClient, database: Database
    ) -> None:
        await add_grant(database)
        told, _ = await follow(finance)
        assert "grant.created" in {event["type"] for event in told}
        assert not [
            event for event in told if "example.com" in str(event) or "Person " in str(event)
        ]


class TestAReader:
    async def test_beside_eight_writers_misses_none_and_sees_none_twice(
        self, finance: httpx.AsyncClient, database: Database
    ) -> None:
        chance = random.Random(7)

        committed: list[list[int]] = []

        async def write(writer: int) -> None:
            for number in range(10):
                with suppress(Undone):
                    async with database.transaction() as tx:
                        for _ in range(chance.randint(1, 3)):
                            tx.record("wallet.used", "Told", data={"of": [writer, number]})
                        await tx.write_facts()
                        await asyncio.sleep(chance.random() / 20)
                        if chance.random() < 0.2:
                            raise Undone
                    committed.append([writer, number])

        writing = asyncio.gather(*map(write, range(WRITERS)))
        seen, after = await follow(finance)
        while not writing.done():
            more, after = await follow(finance, after)
            seen += more
        await writing
        seen += (await follow(finance, after))[0]
        kept = await rows(database, Event)
        assert [event["id"] for event in seen] == sorted(feed.place_of(one).id for one in kept)
        told = [event["data"]["of"] for event in seen if event["type"] == "wallet.used"]
        in_turn = [one for number, one in enumerate(told) if one not in told[:number]]
        assert sorted(in_turn) == sorted(committed)
        assert in_turn != committed, "no transaction overtook another"

    async def test_a_reader_of_some_types_sees_only_those(
        self,
        finance: httpx.AsyncClient,
        database: Database,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(feed, "SCANNED", 8)
        types = [
            "lane.stopped",
            *["wallet.used"] * 30,
            "lane.reopened",
            "ledger.deposit",
            "wallet.expired",
        ]
        for type in types:
            async with database.transaction() as tx:
                tx.record(type, "Told")
        for query, expected in (
            ("&type=lane.*", ["lane.stopped", "lane.reopened"]),
            ("&type=lane.reopened&type=wallet.expired", ["lane.reopened", "wallet.expired"]),
            ("&type=nothing.*", []),
        ):
            told, after = await follow(finance, query=query)
            assert [event["type"] for event in told] == expected, query
            assert await follow(finance, after) == ([], after)

    async def test_reads_by_the_index_what_it_answers(self, database: Database) -> None:
        async with database.transaction() as tx:
            await tx.session.execute(
                text(
                    "INSERT INTO events (at, type, source, title, data) SELECT now(),"
                    " 'wallet.used', 'engine', 'Told', '{}' FROM generate_series(1, 20000)"
                )
            )
        plan = await _plan(
            database,
            "SELECT xid, seq FROM events WHERE (xid, seq) > (5, 5) AND"
            " xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
            " ORDER BY xid, seq LIMIT 100",
        )
        assert "ix_events_feed" in plan
        assert "Sort" not in plan


async def _plan(database: Database, statement: str) -> str:
    async with database.transaction() as tx:
        await tx.session.execute(text("ANALYZE events"))
        return " ".join(await tx.session.scalars(text(f"EXPLAIN {statement}")))


class TestTheLog:
    async def test_is_for_finance_and_admins(
        self,
        service: httpx.AsyncClient,
        support: httpx.AsyncClient,
        admin: httpx.AsyncClient,
    ) -> None:
        for client in (service, support):
            refused(await client.get("/v1/event-log"), 403, "forbidden")
        assert (await admin.get("/v1/event-log")).status_code == 200

    @pytest.mark.parametrize(
        "query",
        ["after=evt_1", "after=evt_" + "f" * 32, "limit=0", "limit=101", "type=A", "type=*.x"],
    )
    async def test_refuses_what_it_cannot_read(
        self, finance: httpx.AsyncClient, query: str
    ) -> None:
        refused(await finance.get(f"/v1/event-log?{query}"), 400, "invalid_payload")

    async def test_that_is_empty_answers_where_it_begins(self, database: Database) -> None:
        async with database.reading() as session:
            assert await feed.follow(session, BEGINNING, 10) == ([], BEGINNING, False)
        assert Place.of(Place(17, 2**40).id) == (17, 2**40)
