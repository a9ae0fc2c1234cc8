"""Events as they leave: what the rows say of whom they are about is read now, in a few statements
for many events. Event rows contain ids only, so that an erased person is in none of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import col

from domain.events.catalogue import EVENT_TYPES
from domain.events.data import EventData, OfGrant, OfReferral, OfUse
from domain.events.operations import OfCustomer
from store.database import ReadSession
from store.events.feed import public_form
from store.tables import Campaign, Customer, Event, Grant, Order, Referral, Voucher

Row = TypeVar("Row", Campaign, Customer, Grant, Order, Referral)


class Rows(NamedTuple):
    """Rows by id. `orders`: by their own id, and each grant's newest by the grant's id."""

    campaigns: dict[str, Campaign]
    referrals: dict[str, Referral]
    grants: dict[str, Grant]
    orders: dict[str, Order]
    people: dict[str, Customer]
    codes: dict[str, str]


async def leaving(session: ReadSession, events: Sequence[Event]) -> list[dict[str, Any]]:
    """Each event as a receiver gets it: `data` is the typed data and what was recorded."""
    rows = await rows_of(session, events)
    return [
        public_form(event) | {"created_at": event.at, "data": data_of(event, rows)}
        for event in events
    ]


def data_of(event: Event, rows: Rows) -> dict[str, Any]:
    """The members that the event's type promises, as far as the rows still exist."""
    known = EVENT_TYPES.get(event.type)
    model = known.data if known else EventData
    members: dict[str, Any] = dict(event.data)
    if campaign := rows.campaigns.get(event.campaign_id or ""):
        members["campaign"] = {"id": campaign.id, "name": campaign.name}
    if issubclass(model, OfReferral | OfUse):
        members |= _of_referral(event, rows)
    if issubclass(model, OfGrant):
        members |= _of_grant(event, rows)
    if issubclass(model, OfUse | OfCustomer):
        members["customer"] = _person(event.customer_id, rows)
    return members


def _of_referral(event: Event, rows: Rows) -> dict[str, Any]:
    referral = rows.referrals.get(event.referral_id or "")
    if referral is None:
        return {}
    bought = referral.order_amount is not None or referral.order_source_id is not None
    order = {
        "source_id": referral.order_source_id,
        "amount": referral.order_amount,
        "currency": referral.order_currency,
    }
    return {
        "code": rows.codes.get(referral.voucher_id),
        "referral_id": referral.id,
        "referrer": _person(referral.referrer_id, rows),
        "referee": _person(referral.referee_id, rows),
    } | ({"order": order} if bought else {})


def _of_grant(event: Event, rows: Rows) -> dict[str, Any]:
    grant = rows.grants.get(event.grant_id or "")
    if grant is None:
        return {}
    order = rows.orders.get(event.order_id or "") or rows.orders.get(grant.id)
    return {
        "grant": {
            "id": grant.id,
            "role": grant.role,
            "reason": grant.reason,
            "reward": grant.reward,
            "amount": grant.amount,
            "currency": grant.currency,
            "status": event.data.get("status", grant.status),
            "previous_status": event.data.get("previous_status"),
        }
    } | ({"gift_card_order": _of_order(order)} if order else {})


def _of_order(order: Order) -> dict[str, Any]:
    return {
        "id": order.id,
        "key": order.key,
        "provider": order.provider,
        "provider_order_id": order.provider_order_id,
        "state": order.state,
        "delivery": order.delivery_state,
        "amount": order.face_amount,
        "currency": order.currency,
        "charged_amount": order.charged_amount,
        "charged_currency": order.charged_currency,
    }


def _person(id: str | None, rows: Rows) -> dict[str, Any] | None:
    person = rows.people.get(id or "")
    return {"id": id, "source_id": person.source_id if person else None} if id else None


async def rows_of(session: ReadSession, events: Sequence[Event]) -> Rows:
    """Whom and what the events are about, as it is now."""
    referrals = await _by_id(session, Referral, {event.referral_id for event in events})
    grants = await _by_id(session, Grant, {event.grant_id for event in events})
    named = {event.customer_id for event in events}
    named |= {id for one in referrals.values() for id in (one.referrer_id, one.referee_id)}
    codes = {one.voucher_id for one in referrals.values()}
    found = await session.execute(
        select(col(Voucher.id), col(Voucher.code)).where(col(Voucher.id).in_(codes))
    )
    return Rows(
        campaigns=await _by_id(session, Campaign, {event.campaign_id for event in events}),
        referrals=referrals,
        grants=grants,
        orders=await _orders(session, {event.order_id for event in events}, grants),
        people=await _by_id(session, Customer, named),
        codes={row.id: row.code for row in found},
    )


async def _orders(
    session: ReadSession, ids: Collection[str | None], grants: Collection[str]
) -> dict[str, Order]:
    newest = (
        select(Order)
        .where(col(Order.grant_id).in_(grants))
        .order_by(col(Order.grant_id), col(Order.generation).desc())
        .ext(distinct_on(col(Order.grant_id)))
    )
    orders = await _by_id(session, Order, ids)
    return {order.grant_id: order for order in await session.scalars(newest)} | orders


async def _by_id(
    session: ReadSession, table: type[Row], ids: Collection[str | None]
) -> dict[str, Row]:
    wanted = sorted(id for id in ids if id)
    if not wanted:
        return {}
    found = await session.scalars(select(table).where(col(table.id).in_(wanted)))
    return {row.id: row for row in found}
