"""Collects a grant's evidence.

Only ids, amounts, states and the rules' own words: anything with personal data (names, addresses,
free text of staff and callers, metadata) is left out, so the document is the same before and after
the person's deletion."""

from __future__ import annotations

from typing import Any

from pydantic_core import to_jsonable_python
from sqlalchemy import Select, or_, select
from sqlmodel import SQLModel, col

from domain.evidence import Evidence, chain
from domain.refusals import NotFound
from store.database import ReadSession
from store.tables import CampaignVersion, Event, Grant, LedgerEntry, LedgerSeal, Order, Referral

_GRANT = ["referral_id", "campaign_id", "reason", "recipient_id", "ordinal", "role", "kind"]
_AMOUNTS = ["amount", "currency", "status", "attention", "created_at", "updated_at"]
_ORDER = [
    *("id", "provider", "key", "generation", "fingerprint", "provider_order_id", "state"),
    *("delivery_state", "redemption_state", "raw_status", "face_amount", "currency"),
    *("charged_amount", "charged_currency", "attempt", "first_sent_at", "issued_at", "created_at"),
]
_EVENT = ["seq", "at", "type", "title", "source", "actor", "attempt", "order_id"]
_ANSWER = [*_EVENT, "detail", "data"]
"""A provider's own words contain no recipient: they are cleaned when they are recorded."""
_ENTRY = [
    *("seq", "xid", "transaction_id", "at", "kind", "subject", "account", "amount", "currency"),
    "corrects",
]
_ANSWERS = ("provider",)


async def of_grant(session: ReadSession, grant_id: str) -> Evidence:
    """Raises NotFound."""
    grant = await session.get(Grant, grant_id)
    if grant is None:
        raise NotFound("grant", grant_id)
    referral = await session.get_one(Referral, grant.referral_id)
    orders = list(await session.scalars(_orders(grant_id)))
    events = list(await session.scalars(_events(grant_id)))
    entries = list(await session.scalars(_entries(grant_id, [order.id for order in orders])))
    sections = {
        "terms": await _terms(session, referral),
        "conversion": _conversion(referral),
        "verdicts": [_judged(verdict) for verdict in referral.verdicts],
        "grant": _of(grant, [*_GRANT, *_AMOUNTS]),
        "orders": [_of(order, _ORDER) for order in orders],
        "attempts": [_of(event, _EVENT) for event in events if event.source not in _ANSWERS],
        "provider_answers": [_of(event, _ANSWER) for event in events if event.source in _ANSWERS],
        "ledger": [_of(entry, _ENTRY) for entry in entries],
        "seals": await _seals(session, entries),
    }
    return chain(grant_id, sections)


def _of(row: SQLModel, names: list[str]) -> dict[str, Any]:
    content: dict[str, Any] = to_jsonable_python(row.model_dump(include=set(names)))
    return content


async def _terms(session: ReadSession, referral: Referral) -> dict[str, Any]:
    version = await session.get_one(
        CampaignVersion, (referral.campaign_id, referral.campaign_version)
    )
    return {
        "campaign_id": referral.campaign_id,
        "version": referral.campaign_version,
        "terms": version.terms,
    }


def _conversion(referral: Referral) -> dict[str, Any]:
    """When it was; not the caller's name for it, which is free text."""
    names = ["id", "referrer_id", "referee_id", "ordinal", "created_at", "converted_at"]
    return _of(referral, names)


def _judged(verdict: dict[str, Any]) -> dict[str, Any]:
    return {name: verdict.get(name) for name in ("check", "passed")}


def _orders(grant_id: str) -> Select[Order]:
    return select(Order).where(col(Order.grant_id) == grant_id).order_by(col(Order.generation))


def _events(grant_id: str) -> Select[Event]:
    return select(Event).where(col(Event.grant_id) == grant_id).order_by(col(Event.seq))


def _entries(grant_id: str, order_ids: list[str]) -> Select[LedgerEntry]:
    subject = col(LedgerEntry.subject)
    concerned = or_(
        subject.in_([grant_id, *order_ids]), subject.startswith(f"{grant_id}/", autoescape=True)
    )
    return select(LedgerEntry).where(concerned).order_by(col(LedgerEntry.seq))


async def _seals(session: ReadSession, entries: list[LedgerEntry]) -> list[dict[str, Any]]:
    """The blocks of the ledger's chain that contain these entries."""
    if not entries:
        return []
    first, last = min(e.xid or 0 for e in entries), max(e.xid or 0 for e in entries)
    statement = select(LedgerSeal).where(
        col(LedgerSeal.to_xid) > first, col(LedgerSeal.from_xid) <= last
    )
    found = await session.scalars(statement.order_by(col(LedgerSeal.number)))
    xids = {entry.xid or 0 for entry in entries}
    return [
        {"block": seal.number, "hash": seal.hash.hex()}
        for seal in found
        if any(seal.from_xid <= xid < seal.to_xid for xid in xids)
    ]
