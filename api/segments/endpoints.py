"""Segments of customers: for rules, audiences and amounts."""

from __future__ import annotations

from fastapi import APIRouter

from api.http.access import READERS, allow
from api.http.lists import Windowed
from api.http.parameters import SegmentPath
from api.http.problems import body_responses, post_responses, responses
from api.http.resources import Held
from api.http.route import GuardedRoute
from api.segments.schemas import SegmentAnswer, SegmentChangeIn, SegmentIn, SegmentList
from domain.roles import Role
from store.campaigns import rule_queries as reading
from store.eligibility import segments

router = APIRouter(prefix="/v1/segments", tags=["Segments"], route_class=GuardedRoute)


@router.post("", dependencies=[allow(Role.SERVICE)], responses=post_responses("resource_not_found"))
async def create_segment(body: SegmentIn, held: Held) -> SegmentAnswer:
    """Create a segment."""
    async with held.database.transaction() as tx:
        made = await segments.create(tx, body.name, body.type, body.filter, body.customers or [])
    return await _answer(held, made)


@router.get("", dependencies=[allow(*READERS)], responses=responses("invalid_payload"))
async def list_segments(held: Held, window: Windowed) -> SegmentList:
    """Segments, newest first."""
    async with held.database.reading() as session:
        found, page = await reading.segments(session, window)
    return SegmentList.of(found, page)


@router.get(
    "/{segment_id}", dependencies=[allow(*READERS)], responses=responses("resource_not_found")
)
async def get_segment(segment_id: SegmentPath, held: Held) -> SegmentAnswer:
    """One segment."""
    return await _answer(held, segment_id)


@router.put(
    "/{segment_id}",
    dependencies=[allow(Role.SERVICE)],
    responses=body_responses("resource_not_found", "not_allowed_in_state"),
)
async def change_segment(
    segment_id: SegmentPath, body: SegmentChangeIn, held: Held
) -> SegmentAnswer:
    """Change a segment. Whoever belongs to it is found out anew at each use."""
    async with held.database.transaction() as tx:
        await segments.change(tx, segment_id, body.name, body.filter, body.customers)
    return await _answer(held, segment_id)


@router.delete(
    "/{segment_id}",
    status_code=204,
    dependencies=[allow(Role.SERVICE)],
    responses=responses("resource_not_found", "not_allowed_in_state"),
)
async def delete_segment(segment_id: SegmentPath, held: Held) -> None:
    """Delete a segment that no terms and no rule name."""
    async with held.database.transaction() as tx:
        await segments.remove(tx, segment_id)


async def _answer(held: Held, segment_id: str) -> SegmentAnswer:
    async with held.database.reading() as session:
        return SegmentAnswer.model_validate(await reading.segment(session, segment_id))
