"""Two orders for one reward, or the suspicion: reported once, with an alarm and the evidence, and
never repaired automatically."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlmodel import col

from domain.grants import Attention
from domain.messages import Step
from store.database import Transaction
from store.grants.attention import park
from store.tables import Event, Grant, Order

DOUBLE_ORDER = "incident.double_order"


async def raise_double(
    tx: Transaction, grant: Grant, order: Order, provider_order_ids: Sequence[str], detail: str
) -> Step:
    """Record the incident and park the grant, so that a person compares the orders, listed by the
    provider's own ids. The same orders are reported once, however often they are found."""
    ids = sorted(set(provider_order_ids))
    if not await _is_told(tx, grant.id, ids):
        tx.record(
            DOUBLE_ORDER,
            f"Incident: more than one order for one reward at {order.provider}",
            detail=detail,
            data={"provider": order.provider, "key": order.key, "provider_order_ids": ids},
            order_id=order.id,
            **grant.event_ids,
        )
    return await park(tx, grant, Attention.KEY_CONFLICT, f"{detail} Orders: {', '.join(ids)}.")


async def _is_told(tx: Transaction, grant_id: str, ids: list[str]) -> bool:
    told = await tx.session.scalars(
        select(col(Event.data)).where(
            col(Event.type) == DOUBLE_ORDER, col(Event.grant_id) == grant_id
        )
    )
    return any(data["provider_order_ids"] == ids for data in told)
