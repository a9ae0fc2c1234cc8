"""Gift-card orders, for finance and support."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import APIRouter, Header, Query
from starlette.responses import Response

from api.http.access import allow
from api.http.downloads import Download, in_chunks
from api.http.lists import Windowed
from api.http.parameters import OrderPath
from api.http.problems import responses
from api.http.resources import Held
from api.http.route import GuardedRoute
from api.orders.schemas import OrderAnswer, OrderList, csv_lines
from domain.dates import Instant
from domain.orders import OrderState
from domain.roles import Role
from store.database import Database
from store.orders import queries as orders
from store.orders.queries import Filters

router = APIRouter(
    prefix="/v1/gift-card-orders",
    tags=["Gift-card orders"],
    route_class=GuardedRoute,
    dependencies=[allow(Role.SUPPORT, Role.FINANCE)],
)


@router.get(
    "",
    response_model=OrderList,
    responses={
        200: {
            "content": {
                "text/csv": {"schema": {"type": "string"}, "example": csv_lines([], header=True)}
            },
            "description": "A page as JSON; every order that matches as `text/csv`.",
        },
        **responses("invalid_payload"),
    },
)
async def list_orders(
    held: Held,
    window: Windowed,
    accept: Annotated[str, Header(include_in_schema=False)] = "",
    provider: Annotated[
        str | None,
        Query(max_length=100, description="A provider's name, such as `giftcard-partners`."),
    ] = None,
    state: Annotated[OrderState | None, Query(description="Only orders in this state.")] = None,
    key: Annotated[
        str | None, Query(max_length=100, description="Our idempotency key at the provider.")
    ] = None,
    since: Annotated[
        Instant | None, Query(alias="from", description="Created then or later.")
    ] = None,
    until: Annotated[Instant | None, Query(alias="to", description="Created before then.")] = None,
) -> Response | OrderList:
    """Orders, newest first; with `Accept: text/csv` all of them, oldest first."""
    filters = Filters(provider, state, key, since, until)
    if "text/csv" in accept:
        return Download(_csv(held.streams, filters), "text/csv")
    async with held.database.reading() as session:
        found, page = await orders.page(session, window, filters)
    return OrderList.of(found, page)


@router.get("/{order_id}", responses=responses("resource_not_found"))
async def get_order(order_id: OrderPath, held: Held) -> OrderAnswer:
    """One gift-card order."""
    async with held.database.reading() as session:
        return OrderAnswer.model_validate(await orders.find(session, order_id))


def _csv(database: Database, filters: Filters) -> AsyncGenerator[bytes, None]:
    return in_chunks(
        database,
        lambda session, last: orders.chunk(session, filters, last),
        lambda rows: csv_lines(rows, header=not rows),
    )
