"""One use of a code, from its body to its answer."""

from __future__ import annotations

from datetime import datetime

from fastapi import Request

from api.http.idempotency import HEADER
from api.http.resources import Resources
from api.redemptions.orders import OrderIn
from api.redemptions.schemas import RedemptionIn
from domain.purchases import NO_ORDER
from domain.refusals import CannotCount, IdentityReused, NotFound, Refusal
from store import metadata_schemas
from store.codes.typed import as_stored
from store.customers.upsert import upsert
from store.database import Database, Transaction
from store.redemptions import queries as reading
from store.redemptions.failed import keep_failure
from store.redemptions.queries import RedemptionRead
from store.redemptions.redeem import Redeemed, redeem
from store.redemptions.repeats import RedemptionRequest

_NO_PART = {"referrer_id", "referrer"}
"""Members of an order that name a person instead of the purchase."""


async def read_code(body: RedemptionIn, database: Database) -> None:
    """Replace the code as typed by the stored code that it matches, such as another case."""
    body.redeemables[0].id = await as_stored(database, body.redeemables[0].id)


async def use_code(body: RedemptionIn, held: Resources, request: Request) -> RedemptionRead:
    """Redeem the code that was typed. A refusal is raised, and kept as a failed redemption."""
    await read_code(body, held.database)
    try:
        redeemed = await _redeem(body, held, request)
    except (CannotCount, IdentityReused, NotFound) as refusal:
        await _keep(refusal, body, held, request)
        raise
    held.dispatcher.wake(redeemed.intake)
    return await held.database.read(reading.find, redeemed.redemption_id)


async def _redeem(body: RedemptionIn, held: Resources, request: Request) -> Redeemed:
    async with held.database.transaction() as tx:
        await metadata_schemas.check(tx, "redemption", body.metadata)
        if body.order:
            await _check_order(tx, body.order)
        customer = await upsert(tx, body.customer)
        return await redeem(tx, to_request(body, request, customer.id, tx.now))


async def _check_order(tx: Transaction, order: OrderIn) -> None:
    await metadata_schemas.check(tx, "order", order.metadata, "/order/metadata")
    for index, item in enumerate(order.items or []):
        pointer = f"/order/items/{index}/metadata"
        await metadata_schemas.check(tx, "order_item", item.metadata, pointer)


async def _keep(refusal: Refusal, body: RedemptionIn, held: Resources, request: Request) -> None:
    """Record the refused redemption, in a transaction of its own."""
    async with held.database.transaction() as tx:
        refused = to_request(body, request, "", tx.now)
        failure_id = await keep_failure(tx, refused, body.customer, refusal)
    refusal.details.setdefault("resource_id", failure_id)


def to_request(
    body: RedemptionIn, request: Request, customer_id: str, received_at: datetime
) -> RedemptionRequest:
    """The store's request for this body and customer."""
    order = body.order
    return RedemptionRequest(
        code=body.redeemables[0].id,
        customer_id=customer_id,
        identity=_identity(body, request),
        own_names=_own_names(body, request),
        amount=order.total() if order else 0,
        priced=order.is_priced if order else False,
        lines=order.lines() if order else [],
        order=order.model_dump(mode="json", exclude_none=True, exclude=_NO_PART) if order else None,
        orders=order.ids() if order else NO_ORDER,
        referrer=order.named_referrer if order else None,
        tracking_id=body.tracking_id,
        metadata=body.metadata,
        received_at=received_at,
        api_key=request.state.caller.app_id,
    )


def _own_names(body: RedemptionIn, request: Request) -> tuple[str, ...]:
    """Further identities beside the order's: they distinguish a new redemption of the same order
    from a late repeat."""
    named = {"tracking": body.tracking_id, "key": request.headers.get(HEADER)}
    return tuple(f"{sort}:{name.strip()}" for sort, name in named.items() if name)


def _identity(body: RedemptionIn, request: Request) -> str | None:
    """The redemption's identity: the order's id, else the tracking id, else the idempotency key."""
    order = body.order
    if order and (order.source_id or order.id):
        return f"order:{order.source_id or order.id}"
    if body.tracking_id:
        return f"tracking:{body.tracking_id}"
    if HEADER in request.headers:
        return f"key:{request.headers[HEADER]}"
    return None
