"""Remembers a grant's and a referral's status before a transaction changes it, so that the event
says both."""

from __future__ import annotations

from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session

from store.tables.fulfilment import Grant
from store.tables.referrals import Referral

_BEFORE = "_status_before"


def _remember(row: Grant | Referral, _: str, before: Any, __: object) -> None:
    # A new row had none: SQLAlchemy gives a symbol instead.
    row.__dict__.setdefault(_BEFORE, before if isinstance(before, str) else None)


for _table in (Grant, Referral):
    event.listen(_table.status, "set", _remember, active_history=True)


def states(session: Session, written: dict[str, Any]) -> dict[str, Any]:
    """`status` and `previous_status` of what an event is about, as this transaction leaves them;
    empty if it has not read the row."""
    if grant_id := written.get("grant_id"):
        return _of(session, Grant, grant_id)
    if referral_id := written.get("referral_id"):
        return _of(session, Referral, referral_id)
    return {}


def _of(session: Session, table: type[Grant] | type[Referral], id: str) -> dict[str, Any]:
    row = session.identity_map.get(session.identity_key(table, id))
    if not isinstance(row, (Grant, Referral)):
        return {}
    reason = row.attention if isinstance(row, Grant) else row.reason
    before = row.__dict__.get(_BEFORE, row.status)
    return {"status": row.status, "previous_status": before} | (
        {"reason": reason} if reason else {}
    )
