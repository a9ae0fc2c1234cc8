"""Segments of customers: for rules, audiences and amounts."""

from __future__ import annotations

from api.http.access import READERS
from api.http.lists import Windowed
from api.http.parameters import SegmentPath
from api.http.resources import Held
from api.http.route import GuardedRouter
from api.segments.schemas import SegmentAnswer, SegmentChangeIn, SegmentIn, SegmentList
from domain.roles import Role
from store.campaigns import rule_queries as reading
from store.eligibility import segments

router = GuardedRouter("/v1/segments", "Segments")


@router.post("", "resource_not_found", roles=[Role.SERVICE])
async def create_segment(body: SegmentIn, held: Held) -> SegmentAnswer:
    """Create a segment."""
    async with held.database.transaction() as tx:
        made = await segments.create(tx, body.name, body.type, body.filter, body.customers or [])
    return await _answer(held, made)


@router.get("", roles=READERS)
async def list_segments(held: Held, window: Windowed) -> SegmentList:
    """Segments, newest first."""
    found, page = await held.database.read(reading.segments, window)
    return SegmentList.of(found, page)


@router.get("/{segment_id}", "resource_not_found", roles=READERS)
async def get_segment(segment_id: SegmentPath, held: Held) -> SegmentAnswer:
    """One segment."""
    return await _answer(held, segment_id)


@router.put("/{segment_id}", "resource_not_found", "not_allowed_in_state", roles=[Role.SERVICE])
async def change_segment(
    segment_id: SegmentPath, body: SegmentChangeIn, held: Held
) -> SegmentAnswer:
    """Change a segment. Whoever belongs to it is found out anew at each use."""
    async with held.database.transaction() as tx:
        await segments.change(tx, segment_id, body.name, body.filter, body.customers)
    return await _answer(held, segment_id)


@router.delete(
    "/{segment_id}",
    "resource_not_found",
    "not_allowed_in_state",
    roles=[Role.SERVICE],
    status_code=204,
)
async def delete_segment(segment_id: SegmentPath, held: Held) -> None:
    """Delete a segment that no terms and no rule name."""
    async with held.database.transaction() as tx:
        await segments.remove(tx, segment_id)


async def _answer(held: Held, segment_id: str) -> SegmentAnswer:
    return SegmentAnswer.model_validate(await held.database.read(reading.segment, segment_id))
