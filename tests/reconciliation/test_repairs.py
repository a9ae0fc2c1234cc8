"""What repairs leave in the books: entries that name what they correct, incidents, a trail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from domain.refusals import NotAllowedInState
from domain.statements import Mapping
from store.database import Database, now
from store.reconciliation import repairs, runs, staging, statements
from store.tables import Event, Grant, Incident, LedgerEntry, Order, Reconciliation
from tests.auditing import assert_books_agree
from tests.builders import one, rows, words_of
from tests.reconciliation.books import Books, found

BooksOf = Callable[[str], Awaitable[Books]]
PROVIDER = "tremendous"


async def _at(database: Database, order_id: str) -> Counter[str]:
    """An order's sums at the provider's accounts."""
    sums: Counter[str] = Counter()
    for entry in await rows(database, LedgerEntry, subject=order_id):
        if entry.account.startswith("provider/"):
            sums[entry.account.rpartition("/")[2]] += entry.amount
    return sums


async def test_a_correction_names_what_it_corrects(books_of: BooksOf, database: Database) -> None:
    books = await books_of(PROVIDER)
    (order,) = await books.order(1)
    await books.tamper(change=[{"key": order.key, "charged": 2345}])
    run = await books.reconcile()
    assert found(run) == {"fee_mismatch": 1}
    (outcome,) = await books.repair_all(run)
    assert "corrected" in outcome
    sums = await _at(database, order.id)
    assert (sums["deposit"], sums["cards"], sums["fees"]) == (-2345, 2000, 345)
    corrections = [e for e in await rows(database, LedgerEntry) if e.kind.startswith("correct/")]
    assert {entry.corrects for entry in corrections} == {f"charge/{order.id}"}
    assert (await one(database, Order, id=order.id)).charged_amount == 2345
    (item,) = await books.items(run)
    assert await books.repair(item) == item.outcome  # once, however often it is asked for
    await assert_books_agree(database)


async def test_a_lost_order_is_given_up_and_its_grant_needs_a_person(
    books_of: BooksOf, database: Database
) -> None:
    books = await books_of(PROVIDER)
    (order,) = await books.order(1)
    await books.tamper(remove=[order.key])
    run = await books.reconcile()
    await books.repair_all(run)
    grant = await one(database, Grant, id=order.grant_id)
    assert (grant.status, grant.attention) == ("needs_attention", "order_lost")
    assert (await one(database, Order, id=order.id)).state == "cancelled"
    assert not any((await _at(database, order.id)).values())
    await assert_books_agree(database)


async def test_a_stranger_is_booked_as_unexplained(books_of: BooksOf, database: Database) -> None:
    books = await books_of(PROVIDER)
    await books.tamper(add=[{"key": "gdstranger1g1", "amount": 700, "currency": "USD"}])
    run = await books.reconcile()
    await books.repair_all(run)
    incident = await one(database, Incident)
    assert (incident.filed, incident.face, incident.opened_by) == (
        "unknown_to_us",
        700,
        "app_finance",
    )
    sums = await _at(database, incident.id)
    assert sums["unexplained"] == -sums["deposit"] > 0
    await books.tamper(change=[{"key": "gdstranger1g1", "amount": 900}])
    assert found(await books.reconcile()) == {"unknown_to_us": 1}  # not the same any more


async def test_the_trail_tells_who_and_why(books_of: BooksOf, database: Database) -> None:
    books = await books_of(PROVIDER)
    (order,) = await books.order(1)
    await books.tamper(change=[{"key": order.key, "state": "cancelled"}])
    run = await books.reconcile()
    await books.repair_all(run)
    told = [e for e in await rows(database, Event) if e.type.startswith("reconciliation.")]
    assert [event.type.rpartition(".")[2] for event in told] == [
        "started",
        "completed",
        "repair_asked",
        "repaired",
    ]
    assert {event.actor for event in told[2:]} == {"app_finance"}
    assert await words_of(database, told[2]) == "confirmed"
    assert {event.grant_id for event in told[2:]} == {order.grant_id}


async def test_run_twice_it_files_the_same_and_what_moves_is_in_flight(
    books_of: BooksOf, database: Database
) -> None:
    books = await books_of(PROVIDER)
    orders = await books.order(2)
    await books.tamper(change=[{"key": orders[0].key, "amount": 1900}])
    run_id = await books.new_run()
    assert await books.stage(run_id) == await books.stage(run_id) == 2
    async with database.transaction() as tx:  # it moves while the books are read
        (await tx.session.get_one(Order, orders[0].id)).updated_at = tx.now
    await books.compare(run_id)
    run = await one(database, Reconciliation, id=run_id)
    assert found(run) == {"in_flight": 1}
    assert await books.compare(run_id) == run.totals
    (item,) = await books.items(run)
    with pytest.raises(NotAllowedInState):
        async with database.transaction() as tx:
            await repairs.ask(tx, run_id, item.id, actor="app_finance", reason="now")


async def test_killed_behind_its_result_a_comparison_still_removes_its_lines(
    books_of: BooksOf, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    books = await books_of(PROVIDER)
    await books.order(1)
    run_id = await books.new_run()
    await books.stage(run_id)

    async def killed(*_: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as kill:
        kill.setattr(staging, "drop", killed)
        with pytest.raises(RuntimeError, match="killed"):
            await books.compare(run_id)
    totals = (await one(database, Reconciliation, id=run_id)).totals
    assert await books.compare(run_id) == totals
    async with database.reading() as session:
        left = text(f"SELECT to_regclass('{staging.table_of(run_id)}')")
        assert await session.scalar(left) is None


async def test_a_statement_comes_to_the_same_as_the_provider(
    books_of: BooksOf, database: Database, tmp_path: Path
) -> None:
    books = await books_of(PROVIDER)
    first, second, third = await books.order(3)
    lines = [
        "Order,Value,Cost,Status",
        f"{first.provider_order_id},20.00,{(first.charged_amount or 2000) / 100:.2f},ok",
        f"{second.provider_order_id},19.00,,ok",
        "GXSTRANGER,7.00,,ok",
    ]
    file = tmp_path / "statement.csv"
    file.write_text("\n".join(lines))
    columns = {"provider_order_id": "Order", "amount": "Value", "charged": "Cost"}
    mapping = {"columns": columns | {"state": "Status"}, "states": {"ok": "issued"}}
    async with database.transaction() as tx:
        await statements.set_mapping(
            tx, PROVIDER, Mapping.model_validate(mapping), actor="app_finance"
        )
    period = now().replace(hour=0, minute=0, second=0), now()
    new = runs.NewRun(PROVIDER, *period, "statement", "app_finance")
    with file.open() as text:
        start = await statements.stage_statement(database, statements.Upload(new, text))
    await books.compare(start.reconciliation_id)
    run = await one(database, Reconciliation, id=start.reconciliation_id)
    assert run.totals["matched"] == 1
    assert found(run) == {"amount_mismatch": 1, "missing_at_provider": 1, "unknown_to_us": 1}
    missing = [i for i in await books.items(run) if i.filed == "missing_at_provider"]
    assert [item.order_id for item in missing] == [third.id]
