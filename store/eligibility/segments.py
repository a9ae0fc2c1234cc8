"""Segments of customers, and the segments of a person."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import bindparam, delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from domain.ids import Prefix, new_id
from domain.refusals import NotAllowedInState, NotFound, existing
from domain.segments import Filter, SegmentType
from store.database import Transaction
from store.tables import Customer, Segment, SegmentMember

_SEGMENTS = select(Segment).where(col(Segment.id).in_(bindparam("ids", expanding=True)))
_MEMBER_OF = select(col(SegmentMember.segment_id)).where(
    col(SegmentMember.customer_id) == bindparam("customer"),
    col(SegmentMember.segment_id).in_(bindparam("ids", expanding=True)),
)
_NAMED = text(
    "SELECT EXISTS (SELECT FROM campaign_versions WHERE strpos(terms::text, :id) > 0)"
    " OR EXISTS (SELECT FROM validation_rules WHERE strpos(rules::text, :id) > 0)"
    " OR EXISTS (SELECT FROM rewards WHERE strpos(reward::text, :id) > 0)"
)


async def create(
    tx: Transaction,
    name: str,
    type: SegmentType,
    filter: Filter | None,
    customers: Iterable[str],
) -> str:
    """Create a segment; return its id. `customers`: our ids, for a static one. Raises NotFound."""
    segment_id = new_id(Prefix.SEGMENT)
    tx.session.add(
        Segment(
            id=segment_id,
            name=name,
            type=type,
            filter=filter.model_dump(mode="json") if filter else None,
            created_at=tx.now,
        )
    )
    await tx.session.flush()
    await _list(tx, segment_id, list(customers))
    tx.record("segment.created", "Segment created", data={"segment_id": segment_id})
    return segment_id


async def change(
    tx: Transaction,
    segment_id: str,
    name: str | None,
    filter: Filter | None,
    customers: Iterable[str] | None,
) -> None:
    """Replace what is given; a list of customers as a whole.

    Raises NotFound, or NotAllowedInState for a list of customers in a segment that a filter
    defines, and the reverse."""
    segment = existing(
        await tx.session.get(Segment, segment_id, with_for_update=True), "segment", segment_id
    )
    is_static = segment.type == SegmentType.STATIC
    if (filter is not None and is_static) or (customers is not None and not is_static):
        raise NotAllowedInState(f"A segment of type {segment.type} is known by the other.")
    segment.name = name or segment.name
    segment.filter = filter.model_dump(mode="json") if filter else segment.filter
    segment.updated_at = tx.now
    if customers is not None:
        await _empty(tx, segment_id)
        await _list(tx, segment_id, list(customers))
    tx.record("segment.updated", "Segment changed", data={"segment_id": segment_id})


async def remove(tx: Transaction, segment_id: str) -> None:
    """Raises NotFound, or NotAllowedInState while terms or rules name the segment: they would then
    apply to nobody."""
    if (await tx.session.execute(_NAMED, {"id": segment_id})).scalar_one():
        raise NotAllowedInState("A campaign's terms or a validation rule name this segment.")
    await _empty(tx, segment_id)
    gone = await tx.session.execute(
        delete(Segment).where(col(Segment.id) == segment_id).returning(col(Segment.id))
    )
    if gone.scalar() is None:
        raise NotFound("segment", segment_id)
    tx.record("segment.deleted", "Segment deleted", data={"segment_id": segment_id})


async def must_exist(tx: Transaction, segment_ids: Iterable[str], field: str) -> None:
    """Raises NotFound for the first id that is not a segment."""
    wanted = set(segment_ids)
    if wanted:
        found = await tx.session.execute(_SEGMENTS, {"ids": sorted(wanted)})
        for missing in sorted(wanted - {segment.id for segment in found.scalars()}):
            raise NotFound("segment", missing, field=field)


async def segments_of(
    tx: Transaction, customer_id: str, metadata: dict[str, Any], among: Iterable[str]
) -> frozenset[str]:
    """Those `among` these segments that the customer is in now."""
    ids = sorted(set(among))
    if not ids:
        return frozenset()
    listed = await tx.session.scalars(_MEMBER_OF, {"customer": customer_id, "ids": ids})
    described = await tx.session.scalars(_SEGMENTS, {"ids": ids})
    fitting = {
        segment.id
        for segment in described
        if segment.filter and Filter.model_validate(segment.filter).fits(metadata)
    }
    return frozenset(set(listed) | fitting)


async def _list(tx: Transaction, segment_id: str, customer_ids: list[str]) -> None:
    if not customer_ids:
        return
    known = await tx.session.scalars(
        select(col(Customer.id)).where(col(Customer.id).in_(customer_ids))
    )
    for missing in sorted(set(customer_ids) - set(known)):
        raise NotFound("customer", missing, field="/customers")
    rows = [{"segment_id": segment_id, "customer_id": one} for one in sorted(set(customer_ids))]
    await tx.session.execute(insert(SegmentMember).on_conflict_do_nothing(), rows)


async def _empty(tx: Transaction, segment_id: str) -> None:
    await tx.session.execute(
        delete(SegmentMember).where(col(SegmentMember.segment_id) == segment_id)
    )
