"""Clears every place with personal data of a customer.

Values that must stay comparable, such as the ids of their events and orders, become keyed hashes. A
new column for a caller's or person's own words needs a line here:
tests/store/customers/test_no_trace.py searches a dump of the whole database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Select, delete, select, text, update
from sqlmodel import col

from domain.purchases import OrderIds
from store.access.erasures import count_erasure, erased_form
from store.access.idempotency import Named, forget_answers
from store.database import Transaction
from store.exports.exports import forget_about
from store.referrals.purchases import erased_keys, orders_of_row
from store.tables import (
    Customer,
    EarlyRefund,
    Holder,
    Redemption,
    Referral,
    SegmentMember,
    Voucher,
)
from store.tables.columns import documents

_PERSONAL = ("source_id", "name", "email", "phone", "description", "birthdate", "address")


async def remove_traces(tx: Transaction, customer: Customer) -> tuple[int, int]:
    """Clear them all; return how many orders and how many segments were affected."""
    codes = list(await tx.session.scalars(_owned(customer.id)))
    exports = await forget_about(tx, set(_words_of(customer)))
    theirs = await tx.session.scalars(
        text(f"{_THEIRS} UNION {_GRANTED}"), {"customer": customer.id}
    )
    ids = frozenset({customer.id, *codes, *exports, *theirs})
    own = frozenset({customer.source_id} if customer.source_id else ())
    await forget_answers(tx, customer.id, Named(ids, own))
    orders = await tx.session.scalar(text(_SNAPSHOTS), {"customer": customer.id})
    for statement in _TRACES:
        await tx.session.execute(text(statement), {"customer": customer.id})
    await _hash_ids(tx, customer.id)
    segments = await tx.session.execute(
        delete(SegmentMember)
        .where(col(SegmentMember.customer_id) == customer.id)
        .returning(col(SegmentMember.segment_id))
    )
    if customer.source_id is not None:
        await count_erasure(tx, customer.source_id)
    await tx.session.execute(
        update(Voucher).where(col(Voucher.id).in_(codes)).values(attributes={}, updated_at=tx.now)
    )
    for column in _PERSONAL:
        setattr(customer, column, None)
    customer.attributes, customer.erased_at, customer.updated_at = {}, tx.now, tx.now
    return orders or 0, len(segments.all())


def _owned(customer_id: str) -> Select[str]:
    return select(col(Holder.voucher_id)).where(
        col(Holder.customer_id) == customer_id, col(Holder.role) == "OWNER"
    )


def _words_of(customer: Customer) -> Iterator[str]:
    """Everything known of the person, as text."""
    known: list[Any] = [getattr(customer, column) for column in _PERSONAL]
    known += [*(customer.address or {}).values(), *customer.attributes.values()]
    for value in known:
        if value is not None and not isinstance(value, (dict, list, bool)):
            yield str(value)


async def _hash_ids(tx: Transaction, customer_id: str) -> None:
    """Hash the callers' own ids of their conversions and orders. A conversion and its redemption
    share one id, and still do afterwards."""
    theirs = col(Referral.referee_id) == customer_id
    for referral in await tx.session.scalars(select(Referral).where(theirs)):
        if referral.conversion and "event_id" in referral.conversion:
            event_id = await erased_form(tx, referral.conversion["event_id"])
            referral.conversion = referral.conversion | {"event_id": event_id}
        referral.order_ids = await _keys(tx, referral)
        referral.order_source_id = await _form(tx, referral.order_source_id)
        await _hash_refunds(tx, referral.id)
        referral.verdicts = [await _verdict(tx, verdict) for verdict in referral.verdicts]
    uses = select(Redemption).where(col(Redemption.customer_id) == customer_id)
    for use in await tx.session.scalars(uses):
        use.identity = await _form(tx, use.identity)
        use.order_ids = await _keys(tx, use)
        use.order_source_id = await _form(tx, use.order_source_id)
        if use.voucher_id is None:  # An unknown code is text that the person typed.
            use.code = await erased_form(tx, use.code)
    await tx.session.flush()


async def _hash_refunds(tx: Transaction, referral_id: str) -> None:
    """Refunds that came before their purchase, and are known to be this person's by now."""
    claimed = documents(EarlyRefund, "claims").contains([referral_id])
    for refund in await tx.session.scalars(select(EarlyRefund).where(claimed)):
        (refund.order_key,) = await erased_keys(tx, OrderIds.of_keys([refund.order_key]))
        refund.identity = await _form(tx, refund.identity)


async def _verdict(tx: Transaction, verdict: dict[str, Any]) -> dict[str, Any]:
    """A check's verdict may name the order that it compared."""
    order = verdict["numbers"].get("order")
    if order is None:
        return verdict
    return verdict | {"numbers": verdict["numbers"] | {"order": await erased_form(tx, order)}}


async def _keys(tx: Transaction, row: Referral | Redemption) -> list[str] | None:
    known = row.order_ids is not None
    return await erased_keys(tx, orders_of_row(row)) if known else None


async def _form(tx: Transaction, id: str | None) -> str | None:
    return None if id is None else await erased_form(tx, id)


_GRANTED = "SELECT id FROM grants WHERE recipient_id = :customer"
_THEIRS = """
SELECT id FROM referrals WHERE referee_id = :customer OR referrer_id = :customer
UNION SELECT referral_id FROM grants WHERE recipient_id = :customer"""
_ORDERS = f"SELECT id FROM orders WHERE grant_id IN ({_GRANTED})"

# The frozen recipient of each order, and the links that came back.
_SNAPSHOTS = f"""
WITH links AS (DELETE FROM claims WHERE order_id IN ({_ORDERS})),
emptied AS (UPDATE orders SET request = NULL, resent_to = NULL WHERE id IN ({_ORDERS}) RETURNING 1)
SELECT count(*) FROM emptied"""

_TRACES = (
    "DELETE FROM consents WHERE customer_id = :customer",
    "UPDATE messages SET status = 'cancelled', detail = 'The person was erased.', "
    "address = NULL, updated_at = now() WHERE customer_id = :customer AND status = 'waiting'",
    "UPDATE messages SET address = NULL WHERE customer_id = :customer",
    f"UPDATE staff_actions SET reason = NULL, evidence = NULL, email = NULL "
    f"WHERE referral_id IN ({_THEIRS})",
    *(
        f"DELETE FROM event_words USING events WHERE event_words.id = events.words_id AND {theirs}"
        for theirs in (
            "events.customer_id = :customer",
            f"events.referral_id IN ({_THEIRS})",
            f"events.grant_id IN ({_GRANTED})",
        )
    ),
    f"UPDATE reconciliation_items SET reason = NULL WHERE grant_id IN ({_GRANTED})",
    f"UPDATE incidents SET reason = NULL WHERE order_id IN ({_ORDERS})",
    "UPDATE redemptions SET attributes = '{}', \"order\" = NULL, tracking_id = NULL, "
    "failure_message = NULL WHERE customer_id = :customer",
    "UPDATE publications SET attributes = '{}', source_id = NULL, channel = 'erased' "
    "WHERE customer_id = :customer",
    "UPDATE rollbacks SET reason = NULL, tracking_id = NULL, attributes = '{}' "
    "WHERE redemption_id IN (SELECT id FROM redemptions WHERE customer_id = :customer)",
    "UPDATE referrals SET attributes = '{}' WHERE referee_id = :customer",
)
