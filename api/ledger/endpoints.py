"""The ledger, for finance: balances, transactions, and deposits."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from api.http.access import Calling
from api.http.downloads import Accept, also_csv, csv_file
from api.http.lists import Windowed
from api.http.resources import Held
from api.http.route import GuardedRouter
from api.ledger.schemas import (
    BalanceAnswer,
    BalanceList,
    DepositAnswer,
    DepositIn,
    TransactionAnswer,
    TransactionList,
    csv_lines,
)
from domain.dates import Instant
from domain.money import Money
from domain.roles import Role
from store.ledger import balances as ledger
from store.ledger import transactions as moves
from store.ledger.balances import Which
from store.ledger.transactions import Filters
from store.providers import deposits

router = GuardedRouter("/v1/ledger", "Ledger", roles=[Role.FINANCE])

_Account = Annotated[
    str | None, Query(max_length=200, description="The beginning of the accounts' names.")
]


@router.get("/balances")
async def list_balances(
    held: Held,
    limit: Annotated[int, Query(ge=1, le=100, description="How many at most.")] = 100,
    starting_after_id: Annotated[
        str | None,
        Query(
            max_length=200,
            description="The `id` of the last one that was seen; the list goes on behind it.",
        ),
    ] = None,
    account: _Account = None,
    at: Annotated[
        Instant | None, Query(description="As of then: what was posted before. Absent: now.")
    ] = None,
) -> BalanceList:
    """What every account holds, or held at a past instant, by account and currency."""
    name, _, currency = (starting_after_id or "").rpartition("|")
    which = Which(limit, (name, currency) if name else None, account, at)
    async with held.database.reading() as session:
        found = await ledger.balances(session, which)
        totals = await ledger.totals(session, at)
    return BalanceList(
        data=[BalanceAnswer.of(balance) for balance in found.rows],
        total=found.total,
        total_exact=found.total_exact,
        has_more=found.has_more,
        totals=totals,
    )


@router.get(
    "/transactions",
    response_model=TransactionList,
    responses=also_csv("entry that matches", csv_lines),
)
async def list_transactions(
    held: Held,
    window: Windowed,
    accept: Accept = "",
    account: _Account = None,
    kind: Annotated[str | None, Query(max_length=200, description="Only this kind.")] = None,
    subject: Annotated[
        str | None, Query(max_length=200, description="A grant's, an order's or another id.")
    ] = None,
    since: Annotated[Instant | None, Query(alias="from", description="Then or later.")] = None,
    until: Annotated[Instant | None, Query(alias="to", description="Before then.")] = None,
) -> Response | TransactionList:
    """What moved, newest first; with `Accept: text/csv` all of it, oldest first."""
    filters = Filters(account, kind, subject, since, until)
    if "text/csv" in accept:
        return csv_file(held.streams, partial(moves.chunk, filters=filters), csv_lines)
    found, page = await held.database.read(moves.transactions, window, filters)
    return TransactionList.of((TransactionAnswer.of(entries) for entries in found), page)


@router.post("/deposits", "identity_reused", status_code=201)
async def add_deposit(body: DepositIn, caller: Calling, held: Held) -> DepositAnswer:
    """Book money that was paid into our deposit at a provider: once for each reference."""
    money = Money(amount=body.amount, currency=body.currency)
    async with held.database.transaction() as tx:
        await deposits.add(tx, body.provider, body.reference, money, actor=caller.actor)
    balance = await held.database.read(deposits.balance, body.provider, body.currency)
    return DepositAnswer(balance=balance, **body.model_dump())
