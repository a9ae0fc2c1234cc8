"""Reads events in an order that can be followed without gaps.

Only events behind the oldest running transaction are shown: after it, an event may still be
committed before one that is visible already. One statement reads that limit and the rows before it,
from one snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, func, literal_column, or_, select, true, tuple_
from sqlmodel import col

from domain.feed import Place, written_by_a_person
from store.database import ReadSession
from store.tables import Event

SCANNED = 5000
"""Events that one read looks at when most of them are not requested."""

_ORDER = col(Event.xid), col(Event.seq)
_OLDEST: ColumnElement[int] = literal_column(
    "pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
)


class Followed(NamedTuple):
    """The next events. `place`: everything up to here was read. `has_more`: there is more to
    read."""

    events: list[Event]
    place: Place
    has_more: bool


async def follow(
    session: ReadSession, after: Place, limit: int, patterns: Sequence[str] = ()
) -> Followed:
    """Up to `limit` events after `after`, of types that match a pattern; all without one.

    One read is always short: if nothing matches, it returns how far it looked."""
    most = max(SCANNED, limit + 1) if patterns else limit + 1
    until, looked_at = await _window(session, after, most)
    statement = (
        select(Event)
        .where(_behind(after), ~_behind(until), _fits(patterns))
        .order_by(*_ORDER)
        .limit(limit + 1)
    )
    found = list(await session.scalars(statement)) if looked_at else []
    if len(found) > limit:
        return Followed(found[:limit], place_of(found[limit - 1]), has_more=True)
    return Followed(found, until, has_more=looked_at == most)


async def count_behind(session: ReadSession, after: Place, patterns: Sequence[str]) -> int:
    """The number of events of these types after `after`, among the next SCANNED events."""
    until, looked_at = await _window(session, after, SCANNED)
    if not looked_at:
        return 0
    fitting = select(func.count()).select_from(Event).where(_fits(patterns))
    return await session.scalar(fitting.where(_behind(after), ~_behind(until))) or 0


async def _window(session: ReadSession, after: Place, most: int) -> tuple[Place, int]:
    """The place of the last of the next events, and their number."""
    window = (
        select(*_ORDER)
        .where(_behind(after), col(Event.xid) < _OLDEST)
        .order_by(*_ORDER)
        .limit(most)
        .subquery()
    )
    last = select(*window.c, func.count().over()).order_by(window.c.xid.desc(), window.c.seq.desc())
    row = (await session.execute(last.limit(1))).one_or_none()
    return (Place(row[0], row[1]), row[2]) if row else (after, 0)


def _behind(place: Place) -> ColumnElement[bool]:
    return tuple_(*_ORDER) > tuple_(*place)


def _fits(patterns: Sequence[str]) -> ColumnElement[bool]:
    type = col(Event.type)
    fitting = [
        type.startswith(pattern.removesuffix("*"), autoescape=True)
        if pattern.endswith("*")
        else type == pattern
        for pattern in patterns
    ]
    return or_(*fitting) if fitting else true()


def place_of(event: Event) -> Place:
    """The place of a stored event."""
    assert event.xid is not None and event.seq is not None  # noqa: S101, PT018 - it is stored
    return Place(event.xid, event.seq)


# In the table's order: a set's order differs between processes, and repeats must have the same
# bytes.
_OWN = {"xid", "seq", "words_id", "words_hash"}
_KEPT = [name for name in Event.model_fields if name not in _OWN]


def public_form(event: Event) -> dict[str, Any]:
    """An event as outsiders see it: its place as its id, and without words that a person wrote."""
    given = {name: getattr(event, name) for name in _KEPT}
    if written_by_a_person(event.type, event.source):
        given["detail"] = None
    return {"id": place_of(event).id, "object": "event"} | given
