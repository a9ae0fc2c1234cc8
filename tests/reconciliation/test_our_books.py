"""Grants, orders and budgets against one another: what a line of the provider cannot show."""

from __future__ import annotations

from typing import Any

import pytest

from domain import ledger
from domain.reconciliation import Filed, Repair
from store.database import Database
from store.reconciliation.repairs import explanation_of
from store.tables import Order, ReconciliationItem
from tests.builders import one
from tests.reconciliation.cases import LINE, Case, usd

AMOUNT, STATE = ["amount_mismatch"], ["state_mismatch"]
GONE = LINE._replace(state="cancelled")


@pytest.fixture
def case(database: Database) -> Case:
    return Case(database)


async def _delivered(case: Case, **changes: Any) -> Order:
    """A delivered card, spent in its budget."""
    order = await case.order(**changes)
    grant = await case.grant_of(order, status="delivered")
    await case.post(ledger.spend(grant.campaign_id, order.id, usd(1500)))
    return order


@pytest.mark.parametrize(
    ("columns", "filed"),
    [
        ({}, []),
        ({"amount": 9999}, AMOUNT),
        ({"currency": "EUR"}, AMOUNT),
        ({"status": "cancelled"}, STATE),
        ({"status": "failed"}, STATE),
        # What is owed for it, kept back of it, or asked of a person changes nothing of the card.
        ({"receivable_amount": 750, "reversal_due": 750, "reversed_amount": 750}, []),
        ({"netted": 500}, []),
        ({"status": "needs_attention", "attention": "delivery_failed"}, []),
        ({"status": "ordered"}, []),
    ],
)
async def test_a_delivered_card_s_grant(
    case: Case, columns: dict[str, Any], filed: list[str]
) -> None:
    await case.grant_of(await _delivered(case), **columns)
    assert await case.filed(LINE) == filed


@pytest.mark.parametrize(
    ("state", "columns", "filed"),
    [
        # It was cancelled with its reversal, parked, made smaller or reached again after the end.
        ("cancelled", {"status": "cancelled"}, []),
        ("cancelled", {"status": "needs_attention", "attention": "order_lost"}, []),
        ("failed", {"status": "ordering", "amount": 700}, []),
        ("cancelled", {"status": "ordering", "amount": 2000, "reopened": 1}, []),
        ("cancelled", {"status": "delivered"}, STATE),
        ("failed", {"status": "delivered"}, STATE),
    ],
)
async def test_an_ended_order_s_grant(
    case: Case, state: str, columns: dict[str, Any], filed: list[str]
) -> None:
    order = await case.order(state=state, charged=None)
    await case.grant_of(order, **columns)
    assert await case.filed(GONE) == filed


async def test_an_open_order_s_grant(case: Case) -> None:
    order = await case.order(state="pending", issued_at=None, charged=None)
    assert await case.filed(LINE._replace(state="pending")) == ["in_flight"]
    await case.grant_of(order, amount=9999)
    assert await case.filed(LINE._replace(state="pending")) == AMOUNT


@pytest.mark.parametrize("elsewhere", ["tremendous", "tango"])
async def test_only_the_newest_generation_speaks_for_its_grant(case: Case, elsewhere: str) -> None:
    first = await case.order(state="failed", issued_at=None, charged=None)
    grant = await case.grant_of(first)
    second = {"key": "gdk1g2", "hook_token": "t2", "provider_order_id": "P2", "generation": 2}
    order = await case.order(grant=grant, provider=elsewhere, **second)
    await case.grant_of(order, status="delivered")
    await case.post(ledger.spend(grant.campaign_id, order.id, usd(1500)))
    lines = [LINE._replace(state="failed")]
    if elsewhere == "tremendous":
        lines.append(LINE._replace(key="gdk1g2", provider_order_id="P2"))
    assert await case.filed(*lines) == []


async def test_an_order_missing_in_the_budget_is_found(case: Case) -> None:
    order = await case.order()
    assert await case.filed(LINE) == []  # not delivered yet: committed, and not spent
    grant = await case.grant_of(order, status="delivered")
    assert await case.filed(LINE) == AMOUNT
    await case.post(ledger.spend(grant.campaign_id, order.id, usd(1400)))
    assert await case.filed(LINE) == AMOUNT


async def test_a_budget_entry_left_by_an_ended_order_is_found(case: Case) -> None:
    order = await case.order(state="cancelled", charged=None)
    grant = await case.grant_of(order, status="needs_attention", attention="order_lost")
    await case.post(ledger.commit(grant.campaign_id, order.id, usd(1500)))
    assert await case.filed(GONE) == AMOUNT
    await case.post(ledger.withdraw(grant.campaign_id, order.id, usd(1500)))
    assert await case.filed(GONE) == []


async def test_a_second_card_was_never_promised(case: Case) -> None:
    order = await _delivered(case)
    grant = await case.grant_of(order, status="needs_attention", attention="key_conflict")
    second = {"key": "gdk1g2", "hook_token": "t2", "provider_order_id": "P2", "generation": 2}
    other = await case.order(grant=grant, **second)
    await case.post(ledger.withdraw(grant.campaign_id, other.id, usd(1500)))
    assert await case.filed(LINE, LINE._replace(key="gdk1g2", provider_order_id="P2")) == []


@pytest.mark.parametrize(
    ("columns", "line", "word", "repair"),
    [
        ({"amount": 9999}, LINE, "promises another amount", Repair.OPEN_INCIDENT),
        ({"status": "cancelled"}, LINE, "withdrawn", Repair.OPEN_INCIDENT),
        ({"amount": 9999}, LINE._replace(face=1400), "another face value", Repair.BOOK_CORRECTION),
        ({"status": "cancelled"}, GONE, "withdrew a card", Repair.REREAD_ORDER),
    ],
)
async def test_the_cause_names_the_book(
    case: Case, columns: dict[str, Any], line: Any, word: str, repair: Repair
) -> None:
    await case.grant_of(await _delivered(case), **columns)
    assert len(await case.filed(line)) == 1
    told = explanation_of(await one(case.database, ReconciliationItem))
    assert word in told.cause
    assert told.repair == repair


async def test_the_cause_of_a_gap_in_the_budget(case: Case) -> None:
    await case.grant_of(await case.order(), status="delivered")
    assert await case.filed(LINE) == [Filed.AMOUNT_MISMATCH]
    item = await one(case.database, ReconciliationItem)
    assert (item.ledger["committed"], item.ledger.get("spent")) == (1500, None)
    told = explanation_of(item)
    assert "budget accounts" in told.cause
    assert told.repair == Repair.BOOK_CORRECTION
