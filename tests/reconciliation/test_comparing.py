"""How one order is filed, case by case: what stands in the three books, and the verdict."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.reconciliation import Line
from store.database import Database
from tests.reconciliation.cases import DAY, LINE, Case

HOUR = timedelta(hours=1)


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
async def test_an_order_open_for_days_is_a_difference(
    case: Case, ours: dict[str, Any], theirs: Line | None, filed: str
) -> None:
    await case.order(**ours, first_sent_at=case.until - 4 * DAY)
    assert await case.filed(*([theirs] if theirs else [])) == [filed]


@pytest.mark.parametrize(
    ("status", "filed"), [("ordering", ["in_flight"]), ("cancelled", []), ("failed", [])]
)
async def test_one_never_sent_whose_grant_has_ended_is_nobody_s_concern(
    case: Case, status: str, filed: list[str]
) -> None:
    prepared = _UNKNOWN | {"state": "prepared", "first_sent_at": case.until - 4 * DAY}
    await case.grant_of(await case.order(**prepared), status=status)
    assert await case.filed() == filed
    assert await case.filed(LINE) == ["state_mismatch"]


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
