"""The ledger's balances, for finance."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from api.access import allow
from api.lists import Listed
from api.problems import responses
from api.resources import Held
from api.route import GuardedRoute
from domain.roles import Role
from store.reading import ledger

router = APIRouter(
    prefix="/v1/ledger",
    tags=["Ledger"],
    route_class=GuardedRoute,
    dependencies=[allow(Role.FINANCE)],
)


class BalanceAnswer(BaseModel):
    """One account in one currency."""

    id: str = Field(examples=["campaign/camp_01jd/reserved|USD"])
    account: str
    currency: str
    balance: int = Field(description="Minor units; for the currency POINTS, points.")


class BalanceList(Listed[BalanceAnswer]):
    """Balances by account. `totals` sums every entry per currency: always zero."""

    totals: dict[str, int]


@router.get("/balances", responses=responses("invalid_payload"))
async def list_balances(
    held: Held,
    limit: Annotated[int, Query(ge=1, le=100)] = 100,
    starting_after_id: Annotated[str | None, Query(max_length=200)] = None,
    account: Annotated[
        str | None, Query(max_length=200, description="The beginning of the accounts' names.")
    ] = None,
) -> BalanceList:
    """What every account holds, by account and currency."""
    name, _, currency = (starting_after_id or "").rpartition("|")
    after = (name, currency) if name else None
    async with held.database.reading() as session:
        found, total, more = await ledger.balances(
            session, limit=limit, after=after, account=account
        )
        totals = await ledger.totals(session)
    data = [
        BalanceAnswer(id=f"{balance.account}|{balance.currency}", **balance._asdict())
        for balance in found
    ]
    return BalanceList(data=data, total=total, has_more=more, totals=totals)
