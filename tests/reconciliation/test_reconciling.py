"""Every way in which a provider's book can differ is found, filed as such, and repaired."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from activities import reconciliation
from domain.reconciliation import Filed
from store.tables import Order
from tests.reconciliation.books import PRODUCTS, Books, found

BooksOf = Callable[[str], Awaitable[Books]]
_TELLS_CHARGE = {"giftcard-partners", "tremendous", "tango", "runa"}
"""Giftbit lists rewards, which tell no charge."""

_ENDED = {"runa": "failed"}
"""Runa's list shows no payouts, and so no cancelled one."""


def _tampering(provider: str, orders: list[Order]) -> tuple[dict[str, Any], dict[str, int]]:
    """What is changed in the book, and how it has to be filed."""
    keys = [order.key for order in orders]
    changes: dict[str, Any] = {
        "change": [
            {"key": keys[0], "amount": 1900},
            {"key": keys[1], "amount": 2100},
            {"key": keys[2], "state": _ENDED.get(provider, "cancelled")},
        ],
        "remove": keys[4:6],
        "add": [
            {"key": "gdstranger1g1", "amount": 700, "currency": "USD"},
            {"key": "gdstranger2g1", "amount": 800, "currency": "USD"},
            {"key": keys[7], "amount": 2000, "currency": "USD"},
        ],
    }
    wanted = {
        Filed.AMOUNT_MISMATCH: 2,
        Filed.STATE_MISMATCH: 1,
        Filed.MISSING_AT_PROVIDER: 2,
        Filed.UNKNOWN_TO_US: 2,
        Filed.DUPLICATE_KEY: 1,
    }
    if provider in _TELLS_CHARGE:
        changes["change"].append({"key": keys[8], "charged": 2345})
        wanted[Filed.FEE_MISMATCH] = 1
    return changes, wanted


@pytest.mark.parametrize("provider", list(PRODUCTS))
async def test_every_tampering_is_found_filed_and_repaired(
    provider: str, books_of: BooksOf
) -> None:
    books = await books_of(provider)
    orders = await books.order(10)
    untouched = await books.reconcile()
    assert (untouched.totals[Filed.MATCHED], found(untouched)) == (10, {})

    changes, wanted = _tampering(provider, orders)
    await books.tamper(**changes)
    run = await books.reconcile()
    assert found(run) == wanted
    ours = sum(n for word, n in wanted.items() if word not in ("unknown_to_us", "duplicate_key"))
    assert run.totals[Filed.MATCHED] == 10 - ours

    await books.repair_all(run)
    assert found(await books.reconcile()) == {}


_WORDS = ["failed", "pending", "cancelled", "SOMETHING_NEW"]


@pytest.mark.parametrize("word", _WORDS)
@pytest.mark.parametrize("provider", list(PRODUCTS))
async def test_every_state_word_is_found_and_explained(
    provider: str, word: str, books_of: BooksOf
) -> None:
    books = await books_of(provider)
    first, _ = await books.order(2)
    await books.tamper(change=[{"key": first.key, "state": word}])
    run = await books.reconcile()
    assert (found(run), run.totals[Filed.MATCHED]) == ({Filed.STATE_MISMATCH: 1}, 1)
    await books.repair_all(run)
    assert found(await books.reconcile()) == {}


async def test_an_order_that_only_a_search_shows_is_explained(
    books_of: BooksOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    books = await books_of("giftbit")
    (order,) = await books.order(1)
    await books.tamper(change=[{"key": order.key, "state": "pending"}])
    monkeypatch.setattr(reconciliation, "LOOKED_UP", 0)  # beyond what a run looks up
    run = await books.reconcile()
    assert found(run) == {Filed.MISSING_AT_PROVIDER: 1}
    (outcome,) = await books.repair_all(run)
    assert "incident" in outcome
    assert found(await books.reconcile()) == {}
    monkeypatch.undo()
    assert found(await books.reconcile()) == {}  # its line says what the incident noted
    await books.tamper(change=[{"key": order.key, "state": "failed"}])
    assert found(await books.reconcile()) == {Filed.STATE_MISMATCH: 1}
