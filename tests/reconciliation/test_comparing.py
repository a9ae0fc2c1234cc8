"""How one order is filed, case by case: what stands in the three books, and the verdict."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from builders import add_grant, rows

from domain import ledger
from domain.ids import Prefix, new_id
from domain.money import Money
from domain.reconciliation import Line
from store.database import Database, now
from store.reconciliation import comparing, runs, staging
from store.reconciliation.bulk import bulk
from store.tables import Order, ReconciliationItem

PROVIDER = "tremendous"
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
LINE = Line("gdk1g1", "P1", "issued", 1500, "USD", 1545, "USD", None)


def _usd(amount: int) -> Money:
    return Money(amount=amount, currency="USD")


class Case:
    """A run over the five days before yesterday, and one order in it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.until = now() - DAY
        self.since = self.until - 5 * DAY

    async def order(self, *, charged: int | None = 1545, **changes: Any) -> None:
        """Issued two days before the end and booked, unless `charged` is None."""
        at = self.until - 2 * DAY
        grant = await add_grant(self.database)
        given: dict[str, Any] = {
            "id": new_id(Prefix.ORDER),
            "grant_id": grant.id,
            "provider": PROVIDER,
            "key": "gdk1g1",
            "generation": 1,
            "fingerprint": "f",
            "hook_token": "t",
            "face_amount": 1500,
            "currency": "USD",
            "state": "issued",
            "provider_order_id": "P1",
            "first_sent_at": at,
            "issued_at": at,
            "created_at": at,
            "updated_at": at,
        }
        order = Order(**given | changes)
        async with self.database.transaction() as tx:
            tx.session.add(order)
            if charged is not None:
                tx.post(*ledger.charge(PROVIDER, order.id, _usd(1500), _usd(charged)))

    async def filed(self, *lines: Line) -> list[str]:
        """How the run files it; nothing when it is matched."""
        async with self.database.transaction() as tx:
            run = runs.create(tx, runs.NewRun(PROVIDER, self.since, self.until))
        async with bulk(self.database) as connection:
            await staging.create(connection, run.id)
            await staging.copy(connection, run.id, 0, lines)
        read_until = self.until + comparing.MARGIN
        scope = comparing.Scope(run.id, PROVIDER, self.since, self.until, read_until, now())
        totals = await comparing.compare(self.database, scope)
        items = await rows(self.database, ReconciliationItem, reconciliation_id=run.id)
        assert sum(totals.values()) - totals["matched"] == len(items)
        return sorted(item.filed for item in items)


@pytest.fixture
def case(database: Database) -> Case:
    return Case(database)


_PENDING = {"state": "pending", "issued_at": None, "charged": None}
_UNKNOWN = {"state": "unknown", "issued_at": None, "charged": None, "provider_order_id": None}
_FAILED = {"state": "failed", "issued_at": None, "charged": None}


@pytest.mark.parametrize(
    ("ours", "theirs", "filed"),
    [
        ({}, LINE, []),
        ({}, LINE._replace(key=None), []),
        ({}, LINE._replace(charged=None, charged_currency=None), []),
        ({}, LINE._replace(face=None, currency=None), []),
        ({}, LINE._replace(face=1400), ["amount_mismatch"]),
        ({}, LINE._replace(currency="EUR"), ["amount_mismatch"]),
        ({"charged": None}, LINE, ["amount_mismatch"]),
        ({}, LINE._replace(charged=1500), ["fee_mismatch"]),
        ({}, LINE._replace(charged_currency="EUR"), ["fee_mismatch"]),
        ({"charged": 1500}, LINE, ["fee_mismatch"]),
        ({}, LINE._replace(state="cancelled"), ["state_mismatch"]),
        ({}, LINE._replace(state="pending"), ["state_mismatch"]),
        ({}, None, ["missing_at_provider"]),
        (_PENDING, LINE, ["in_flight"]),
        (_PENDING, LINE._replace(state="pending"), ["in_flight"]),
        (_PENDING, None, ["in_flight"]),
        (_UNKNOWN, None, ["in_flight"]),
        (_UNKNOWN, LINE, ["in_flight"]),
        (_UNKNOWN | {"state": "prepared"}, None, ["in_flight"]),
        (_FAILED, None, []),
        (_FAILED, LINE._replace(state="failed"), []),
        (_FAILED, LINE, ["state_mismatch"]),
        (_FAILED | {"charged": 1545}, None, ["fee_mismatch"]),
    ],
)
async def test_one_order(
    case: Case, ours: dict[str, Any], theirs: Line | None, filed: list[str]
) -> None:
    await case.order(**ours)
    assert await case.filed(*([theirs] if theirs else [])) == filed


@pytest.mark.parametrize(
    ("ours", "theirs", "filed"),
    [
        (_UNKNOWN, None, "missing_at_provider"),
        (_PENDING, None, "missing_at_provider"),
        (_PENDING, LINE, "state_mismatch"),
        (_PENDING, LINE._replace(state="pending"), "in_flight"),
    ],
)
async def test_what_is_open_for_days_is_a_difference(
    case: Case, ours: dict[str, Any], theirs: Line | None, filed: str
) -> None:
    await case.order(**ours, first_sent_at=case.until - 4 * DAY)
    assert await case.filed(*([theirs] if theirs else [])) == [filed]


async def test_lines_beside_it(case: Case) -> None:
    await case.order()
    second = LINE._replace(provider_order_id="P2")
    stranger = LINE._replace(key="other", provider_order_id="P3")
    assert await case.filed(second, LINE, stranger) == ["duplicate_key", "unknown_to_us"]
    # The key is what makes a line ours: a statement may number orders in its own way.
    assert await case.filed(second) == []


@pytest.mark.parametrize("hours", [-2, 24 * 5 + 2])
async def test_a_stranger_outside_the_period_is_another_run_s(case: Case, hours: int) -> None:
    at: datetime = case.since + hours * HOUR
    assert await case.filed(LINE._replace(created_at=at)) == []
    assert await case.filed(LINE._replace(created_at=case.since)) == ["unknown_to_us"]


async def test_an_order_that_was_issued_after_the_reading_is_in_flight(case: Case) -> None:
    await case.order(issued_at=case.until + 2 * HOUR)
    assert await case.filed() == ["in_flight"]


async def test_an_order_sent_before_the_period_and_issued_in_it(case: Case) -> None:
    await case.order(first_sent_at=case.since - DAY)
    assert await case.filed(LINE) == []
    assert await case.filed() == ["missing_at_provider"]
