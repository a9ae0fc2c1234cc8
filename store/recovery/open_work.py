"""What is open according to the facts, and which workflow must run for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import and_, or_, select, union
from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import col

from domain.grants import AT_REST
from domain.ids import aftercare_workflow_id
from domain.messages import AftercareStart, GrantTask, ReferralStart
from domain.referrals import ReferralStatus
from store.database import Database, ReadSession
from store.grants.create import task_of
from store.grants.resume import resumed
from store.outbox.enqueue import successor_of
from store.tables import Grant, Order, Referral, Reversal

_BEFORE_GRANTS = or_(
    col(Referral.status).in_((ReferralStatus.WAITING, ReferralStatus.CONVERTED)),
    # A conversion that was held for long.
    and_(col(Referral.status) == ReferralStatus.NEEDS_ATTENTION, col(Referral.ordinal).is_(None)),
)
_UNSETTLED = col(Grant.reversal_due) > col(Grant.reversed_amount)


class Carrier(NamedTuple):
    """A workflow that must run, and its input if it has to be started."""

    workflow_id: str
    start: ReferralStart | AftercareStart
    waits: bool = False
    """Nothing to do before the conversion comes, or the window ends."""


async def open_referrals(database: Database, among: Iterable[str] | None = None) -> list[str]:
    """The ids of all referrals (or those `among`) with something open: they wait or are to be
    judged, a grant is not finished, or a reversal is not carried out."""
    referral, of_grant, of_reversal = (
        col(Referral.id),
        col(Grant.referral_id),
        col(Reversal.referral_id),
    )
    parts = [
        (select(referral.label("id")).where(_BEFORE_GRANTS), referral),
        (select(of_grant).where(or_(col(Grant.status).not_in(AT_REST), _UNSETTLED)), of_grant),
        (select(of_reversal).where(col(Reversal.carried_out_at).is_(None)), of_reversal),
    ]
    named = None if among is None else list(among)
    found = union(
        *(part if named is None else part.where(id.in_(named)) for part, id in parts)
    ).subquery()
    async with database.reading() as session:
        return list(await session.scalars(select(found.c.id).order_by(found.c.id)))


async def carriers_of(database: Database, referral_ids: Sequence[str]) -> list[Carrier]:
    """The workflows that must run for these referrals, according to the facts."""
    async with database.reading() as session:
        referrals = await session.scalars(
            select(Referral).where(col(Referral.id).in_(referral_ids)).order_by(col(Referral.id))
        )
        grants = await _open_grants(session, referral_ids)
        reversals = await _open_reversals(session, referral_ids)
        return [
            carrier
            for referral in referrals
            for carrier in _carriers(
                referral,
                [(grant, order) for grant, order in grants if grant.referral_id == referral.id],
                reversals.get(referral.id),
            )
        ]


async def _open_grants(
    session: ReadSession, referral_ids: Sequence[str]
) -> list[tuple[Grant, Order | None]]:
    """Each with its newest order."""
    rows = await session.execute(
        select(Grant, Order)
        .outerjoin(Order, col(Order.grant_id) == col(Grant.id))
        .where(
            col(Grant.referral_id).in_(referral_ids),
            or_(col(Grant.status).not_in(AT_REST), _UNSETTLED),
        )
        .ext(distinct_on(col(Grant.id)))
        .order_by(col(Grant.id), col(Order.generation).desc())
    )
    return [(grant, order) for grant, order in rows]


async def _open_reversals(session: ReadSession, referral_ids: Sequence[str]) -> dict[str, str]:
    """The newest reversal per referral that is not carried out. One stands for all."""
    rows = await session.execute(
        select(col(Reversal.referral_id), col(Reversal.id))
        .where(col(Reversal.referral_id).in_(referral_ids), col(Reversal.carried_out_at).is_(None))
        .order_by(col(Reversal.id))
    )
    return {referral_id: reversal_id for referral_id, reversal_id in rows}


def _carriers(
    referral: Referral, grants: list[tuple[Grant, Order | None]], reversal_id: str | None
) -> list[Carrier]:
    by_carrier: dict[str, list[tuple[Grant, Order | None]]] = {}
    for grant, order in grants:
        by_carrier.setdefault(grant.workflow_id, []).append((grant, order))
    # A reversal that waits for a provider's answer is requested again.
    due = [grant.reversed_by for grant, _ in grants if grant.reversal_due > grant.reversed_amount]
    reversal_id = reversal_id or next(filter(None, due), None)
    own = by_carrier.pop(referral.workflow_id, [])
    carriers = []
    if own or _is_before_grants(referral):
        start = successor_of(referral, reversal_id)
        waits = referral.status == ReferralStatus.WAITING and reversal_id is None
        carriers.append(Carrier(referral.workflow_id, start, waits))
    elif reversal_id is not None and not by_carrier:
        id = aftercare_workflow_id(referral.id, reversal_id)
        start_after = AftercareStart(referral_id=referral.id, reversal_id=reversal_id)
        carriers.append(Carrier(id, start_after))
    for workflow_id, carried in by_carrier.items():
        tasks = [_task(grant, order) for grant, order in carried]
        start_after = AftercareStart(
            referral_id=referral.id, task=tasks[0], more=tasks[1:], reversal_id=reversal_id
        )
        carriers.append(Carrier(workflow_id, start_after))
    return carriers


def _is_before_grants(referral: Referral) -> bool:
    held = referral.status == ReferralStatus.NEEDS_ATTENTION and referral.ordinal is None
    return held or referral.status in (ReferralStatus.WAITING, ReferralStatus.CONVERTED)


def _task(grant: Grant, order: Order | None) -> GrantTask:
    return task_of(grant).model_copy(update={"step": resumed(grant, order)})
