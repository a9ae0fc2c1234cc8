"""Rows of an import that PostgreSQL refuses: one row's error, never the file's."""

from __future__ import annotations

from typing import Any

from domain.code_imports import code_described
from domain.imports import described
from store.database import Database
from store.imports import customers
from store.imports.codes import write_codes
from store.imports.handlers import deal
from store.imports.jobs import Dealt
from store.tables import Customer, Event, Voucher
from tests.builders import add_campaign, rows

HALF = "\ud800"
"""JSON can spell it, a text column cannot hold it."""


async def _codes(database: Database, campaign: str, given: list[Any]) -> Dealt:
    async with database.transaction() as tx:
        write = lambda tx, codes: write_codes(tx, campaign, codes)  # noqa: E731
        return await deal(tx, code_described, write, 0, given)


async def test_codes_around_a_wrong_one_are_written(database: Database) -> None:
    campaign = await add_campaign(database)
    given: list[Any] = [{"code": f"CODE-{number}"} for number in range(7)]
    given[3] = {"code": "BAD", "metadata": {"note": HALF}}
    given[6] = {"code": "LATE", "expiration_date": "9999-12-31T23:59:59-05:00"}
    dealt = await _codes(database, campaign, given)
    assert (dealt.rows, dealt.created) == (7, 5)
    assert [failure.row for failure in dealt.failures] == [4, 7]
    assert dealt.failures[0].message == "row: holds a value that cannot be stored"
    assert len(await rows(database, Voucher, campaign_id=campaign)) == 5 + 1


async def test_people_around_a_wrong_one_are_written_each_with_its_event(
    database: Database,
) -> None:
    given: list[Any] = [{"source_id": f"person-{number}"} for number in range(5)]
    given[1] = {"source_id": "bad", "metadata": {"note": HALF}}
    async with database.transaction() as tx:
        dealt = await deal(tx, described, customers.merge, 0, given)
    assert ([failure.row for failure in dealt.failures], dealt.created) == ([2], 4)
    assert len(await rows(database, Customer)) == 4
    assert len(await rows(database, Event, type="customer.created")) == 4


async def test_codes_of_a_campaign_that_was_deleted_meanwhile_are_wrong(
    database: Database,
) -> None:
    dealt = await _codes(database, "camp_gone", [{"code": "A"}, {"code": "B"}])
    assert [failure.message for failure in dealt.failures] == [
        "campaign: was deleted meanwhile"
    ] * 2
