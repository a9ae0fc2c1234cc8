"""Finance's reports: JSON, or CSV with `Accept: text/csv`; both streamed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import Query
from starlette.responses import Response

from api.http.downloads import Accept
from api.http.fields import Duration
from api.http.resources import Held
from api.http.route import GuardedRouter
from api.reports import schemas
from api.reports.schemas import Report
from api.reports.stream import DOCUMENTED, answer
from domain.dates import Instant
from domain.referrals import Pause
from domain.refusals import InvalidPayload
from domain.reversal import UNMATCHED_AFTER
from domain.roles import Role
from store.database import now
from store.ledger import reports

router = GuardedRouter("/v1/reports", "Reports", roles=[Role.FINANCE])
clock = GuardedRouter("/v1/reports", "Reports", roles=[Role.FINANCE, Role.SUPPORT])
_ANSWERS: dict[int | str, Any] = {200: DOCUMENTED}
Since = Annotated[Instant, Query(alias="from", description="Included.")]
Until = Annotated[Instant, Query(alias="to", description="Not included.")]


@router.get("/orders", response_model=Report[schemas.OrdersRow], responses=_ANSWERS)
async def orders(
    held: Held,
    since: Since,
    until: Until,
    by: Annotated[
        Literal["day", "month"], Query(description="What one line of the report spans.")
    ] = "month",
    accept: Accept = "",
) -> Response:
    """Orders by the period of their creation, campaign and provider."""
    rows = partial(reports.stream, sql=reports.ORDERS, since=since, until=until, by=by)
    return answer(held.streams, rows, schemas.OrdersRow, accept)


@router.get("/budgets", response_model=Report[schemas.BudgetRow], responses=_ANSWERS)
async def budgets(held: Held, accept: Accept = "") -> Response:
    """Spend against budget, now, from the ledger."""
    rows = partial(reports.stream, sql=reports.BUDGETS)
    return answer(held.streams, rows, schemas.BudgetRow, accept)


@router.get("/liability", response_model=Report[schemas.LiabilityRow], responses=_ANSWERS)
async def liability(
    held: Held,
    as_of: Annotated[Instant | None, Query(description="A past moment; now, unless given.")] = None,
    accept: Accept = "",
) -> Response:
    """What was owed at a moment: granted and not delivered, and held in wallets. What happens
    later does not change it."""
    if as_of is not None and as_of > now():
        raise InvalidPayload("`as_of` must not lie ahead.")
    rows = partial(reports.liability, at=as_of)
    return answer(held.streams, rows, schemas.LiabilityRow, accept)


@router.get("/acquisition", response_model=Report[schemas.AcquisitionRow], responses=_ANSWERS)
async def acquisition(held: Held, since: Since, until: Until, accept: Accept = "") -> Response:
    """Cost per acquired customer, of those who converted in the period."""
    rows = partial(reports.stream, sql=reports.ACQUISITION, since=since, until=until)
    return answer(held.streams, rows, schemas.AcquisitionRow, accept)


@router.get("/delivery-times", response_model=Report[schemas.DeliveryTimesRow], responses=_ANSWERS)
async def delivery_times(
    held: Held,
    since: Since,
    until: Until,
    promised: Annotated[Duration, Query(description="What counts as missed.")] = timedelta(days=1),
    accept: Accept = "",
) -> Response:
    """Time to reward, of rewards delivered in the period."""
    rows = partial(
        reports.stream,
        sql=reports.DELIVERY_TIMES,
        since=since,
        until=until,
        promised=promised.total_seconds(),
    )
    return answer(held.streams, rows, schemas.DeliveryTimesRow, accept)


@router.get(
    "/unmatched-refunds", response_model=Report[schemas.UnmatchedRefundRow], responses=_ANSWERS
)
async def unmatched_refunds(held: Held, accept: Accept = "") -> Response:
    """Refunds of orders that nobody knows, 90 days after they came, and those of which a person
    has to say whether they are for a purchase that came later. The oldest first."""
    rows = partial(
        reports.stream,
        sql=reports.UNMATCHED_REFUNDS,
        before=now() - UNMATCHED_AFTER,
        unclear=Pause.REFUND_UNCLEAR,
    )
    return answer(held.streams, rows, schemas.UnmatchedRefundRow, accept)


@clock.get("/promises", response_model=Report[schemas.PromiseRow], responses=_ANSWERS)
async def promises(held: Held, accept: Accept = "") -> Response:
    """What is late now, the longest overdue first, and what unblocks it."""
    rows = partial(reports.late, now=now())
    return answer(held.streams, rows, schemas.PromiseRow, accept)


@router.get("/taxes", response_model=Report[schemas.TaxRow], responses=_ANSWERS)
async def taxes(
    held: Held,
    year: Annotated[int, Query(ge=2000, le=2200, description="A calendar year, UTC.")],
    accept: Accept = "",
) -> Response:
    """A tax year's rewards for each person, held against the threshold."""
    since, until = (datetime(at, 1, 1, tzinfo=UTC) for at in (year, year + 1))
    rows = partial(reports.stream, sql=reports.TAXES, since=since, until=until)
    return answer(held.streams, rows, schemas.TaxRow, accept)
