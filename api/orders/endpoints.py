"""Gift-card orders, for finance and support."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from api.http.downloads import Accept, also_csv, csv_file
from api.http.lists import Windowed
from api.http.parameters import OrderPath
from api.http.resources import Held
from api.http.route import GuardedRouter
from api.orders.schemas import OrderAnswer, OrderList, csv_lines
from domain.dates import Instant
from domain.orders import OrderState
from domain.roles import Role
from store.orders import queries as orders
from store.orders.queries import Filters

router = GuardedRouter(
    "/v1/gift-card-orders", "Gift-card orders", roles=[Role.SUPPORT, Role.FINANCE]
)


@router.get(
    "",
    response_model=OrderList,
    responses=also_csv("order that matches", csv_lines),
)
async def list_orders(
    held: Held,
    window: Windowed,
    accept: Accept = "",
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
        return csv_file(held.streams, partial(orders.chunk, filters=filters), csv_lines)
    found, page = await held.database.read(orders.page, window, filters)
    return OrderList.of(found, page)


@router.get("/{order_id}", "resource_not_found")
async def get_order(order_id: OrderPath, held: Held) -> OrderAnswer:
    """One gift-card order."""
    return OrderAnswer.model_validate(await held.database.read(orders.find, order_id))
