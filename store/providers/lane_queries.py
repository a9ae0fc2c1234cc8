"""The state of each provider's lane, and the grants that wait for it."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select
from sqlmodel import col

from domain.grants import RESUMES_BY_ITSELF, Attention, GrantStatus
from domain.money import Money
from store.database import ReadSession
from store.tables import Catalogue, Grant, Lane
from store.tables.columns import documents

_PARKED = col(Grant.status) == GrantStatus.NEEDS_ATTENTION


class Stop(NamedTuple):
    """Why and since when a lane is stopped; `probe_at`: when one order may try next."""

    reason: Attention
    detail: str
    since: datetime
    probe_at: datetime


class LaneStatus(NamedTuple):
    """One provider's lane. `waiting` grants are sent automatically once it is open; `amounts` is
    their face value, a sum per currency."""

    provider: str
    stop: Stop | None
    waiting: int
    amounts: list[Money]


async def statuses(session: ReadSession) -> list[LaneStatus]:
    """For every provider with a worker, and every stopped one, by name."""
    stopped = await stops(session)
    served = await session.scalars(select(col(Catalogue.provider)))
    waiting = await _waiting(session)
    return [
        LaneStatus(
            provider,
            stopped.get(provider),
            sum(count for count, _ in waiting.get(provider, [])),
            [amount for _, amount in waiting.get(provider, [])],
        )
        for provider in sorted({*served, *stopped, *waiting})
    ]


async def stops(session: ReadSession) -> dict[str, Stop]:
    """The stopped lanes, by provider."""
    return {
        lane.provider: Stop(Attention(lane.attention), lane.detail, lane.since, lane.probe_at)
        for lane in await session.scalars(select(Lane))
    }


async def _waiting(session: ReadSession) -> dict[str, list[tuple[int, Money]]]:
    provider = documents(Grant, "reward")["provider"].astext
    statement = (
        select(provider, col(Grant.currency), func.count(), func.sum(col(Grant.amount)))
        .where(_PARKED, col(Grant.attention).in_(RESUMES_BY_ITSELF))
        .group_by(provider, col(Grant.currency))
        .order_by(provider, col(Grant.currency))
    )
    found: dict[str, list[tuple[int, Money]]] = {}
    for name, currency, count, amount in await session.execute(statement):
        money = Money(amount=int(amount), currency=currency)
        found.setdefault(name, []).append((count, money))
    return found


async def parked(session: ReadSession) -> dict[str, int]:
    """The number of grants that need attention, by reason."""
    statement = (
        select(col(Grant.attention), func.count()).where(_PARKED).group_by(col(Grant.attention))
    )
    return {str(reason): count for reason, count in await session.execute(statement)}
