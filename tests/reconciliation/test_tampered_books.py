"""Our own books changed behind the product's back, over a real flow; and all that is legitimate."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from sqlalchemy import text
from temporalio.testing import ActivityEnvironment

from activities.reversals import TakeBackActivities
from store.customers.erase import erase
from store.database import Database
from store.reversals.carry_out import carry_out
from store.reversals.request import request_reversal
from store.tables import Customer, Grant, Incident, LedgerEntry, Order
from tests.builders import alter, one, rows
from tests.reconciliation.books import Books, found

BooksOf = Callable[[str], Awaitable[Books]]


async def _delete_entries(database: Database, order: Order, kind: str) -> None:
    """Past the trigger, as only the database's owner can."""
    async with database.transaction() as tx:
        await tx.session.execute(text("SET LOCAL session_replication_role = replica"))
        await tx.session.execute(
            text("DELETE FROM ledger_entries WHERE subject = :of AND kind = :kind"),
            {"of": order.id, "kind": kind},
        )


async def _budget_of(database: Database, order: Order) -> dict[str, int]:
    sums = dict.fromkeys(("reserved", "committed", "spent"), 0)
    for entry in await rows(database, LedgerEntry, subject=order.id):
        if entry.account.startswith("campaign/"):
            sums[entry.account.rpartition("/")[2]] += entry.amount
    return sums


async def test_tampered_grants_and_budgets_are_found_and_repaired(
    books_of: BooksOf, database: Database
) -> None:
    books = await books_of("tremendous")
    first, second, third, fourth = await books.order(4)
    assert found(await books.reconcile()) == {}
    promised = await one(database, Grant, id=first.grant_id)
    await alter(database, promised, amount=9999)
    await alter(database, await one(database, Grant, id=second.grant_id), status="cancelled")
    await _delete_entries(database, third, "spend")
    await _delete_entries(database, fourth, "commit")
    run = await books.reconcile()
    assert found(run) == {"amount_mismatch": 3, "state_mismatch": 1}
    assert {item.order_id for item in await books.items(run)} == {
        order.id for order in (first, second, third, fourth)
    }

    await books.repair_all(run)
    assert found(await books.reconcile()) == {}
    for order in (third, fourth):
        budget = {"reserved": -2000, "committed": 0, "spent": 2000}
        assert await _budget_of(database, order) == budget
    noted = await rows(database, Incident)
    assert {(i.order_id, i.state, i.face) for i in noted} == {
        (first.id, "grant delivered", 9999),
        (second.id, "grant cancelled", 2000),
    }
    # Nobody was charged for what only our own book says.
    assert not [e for e in await rows(database, LedgerEntry) if "unexplained" in e.account]

    await alter(database, promised, amount=8888)
    await books.tamper(change=[{"key": second.key, "amount": 1900}])
    assert found(await books.reconcile()) == {"amount_mismatch": 2}  # both are other ones now


async def test_a_corrected_budget_follows_a_card_that_is_taken_back(
    books_of: BooksOf, database: Database
) -> None:
    books = await books_of("tremendous")
    (order,) = await books.order(1)
    await _delete_entries(database, order, "commit")
    await _delete_entries(database, order, "spend")
    await books.repair_all(await books.reconcile())
    await books.tamper(change=[{"key": order.key, "state": "cancelled"}])
    await books.repair_all(await books.reconcile())
    assert not any((await _budget_of(database, order)).values())
    assert found(await books.reconcile()) == {}


async def _refund(books: Books, order: Order, amount: int | None) -> None:
    """`amount` of an order of 10 000 is refunded; None: all of it."""
    database = books.database
    referral_id = (await one(database, Grant, id=order.grant_id)).referral_id
    async with database.transaction() as tx:
        total = None if amount is None else 10_000
        await request_reversal(tx, referral_id, amount, "sent back", "refund-1", order_amount=total)
    async with database.transaction() as tx:
        await carry_out(tx, referral_id)
    take_back = TakeBackActivities(books.lane).take_back
    await ActivityEnvironment().run(take_back, order.grant_id)


async def test_a_legitimate_change_is_no_difference(books_of: BooksOf, database: Database) -> None:
    books = await books_of("giftbit")  # which takes cards back
    part, whole, erased, parked, plain = await books.order(5)
    await _refund(books, part, 2_500)
    await _refund(books, whole, None)
    async with database.transaction() as tx:
        grant = await tx.session.get_one(Grant, erased.grant_id)
        await erase(tx, grant.recipient_id)
    await alter(
        database,
        await one(database, Grant, id=parked.grant_id),
        status="needs_attention",
        attention="delivery_failed",
    )
    run = await books.reconcile()
    assert (found(run), run.totals["matched"]) == ({}, 5)
    owed = await one(database, Grant, id=part.grant_id)
    assert (owed.amount, owed.receivable_amount) == (plain.face_amount, 500)
    assert (await one(database, Grant, id=whole.grant_id)).status == "cancelled"
    assert (await one(database, Customer, id=grant.recipient_id)).erased_at
