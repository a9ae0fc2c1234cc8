"""Consents: what people agreed to receive, and their own withdrawals."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlmodel import col

from domain.messaging.channels import Channel
from domain.messaging.consents import BY_THEMSELVES, Consent, supersedes
from store.database import ReadSession, Transaction
from store.tables import MarketingConsent


async def state(tx: Transaction, customer_id: str, given: Iterable[tuple[str, Consent]]) -> None:
    """Record what a caller says about a customer, whose row the caller has locked. An older
    statement changes nothing."""
    for name, consent in given:
        channel = Channel(name)
        stored = await tx.session.get(MarketingConsent, (customer_id, channel))
        if supersedes(consent, _read(stored), stored.at if stored else None):
            _write(tx, customer_id, channel, consent, stored)


async def withdraw(tx: Transaction, customer_id: str, channel: Channel) -> bool:
    """The person unsubscribed by our own link. False: they had done so before."""
    stored = await tx.session.get(MarketingConsent, (customer_id, channel), with_for_update=True)
    if stored is not None and not stored.granted and stored.source == BY_THEMSELVES:
        return False
    consent = Consent(granted=False, source=BY_THEMSELVES)
    _write(tx, customer_id, channel, consent, stored)
    tx.record(
        "customer.unsubscribed",
        "Unsubscribed from marketing",
        detail=f"Messages {channel.words}, by the link in a message.",
        customer_id=customer_id,
        data={"channel": channel},
    )
    return True


async def granted(tx: Transaction, customer_id: str, channel: Channel) -> bool:
    """Whether marketing may be sent. Nothing said means no."""
    stored = await tx.session.get(MarketingConsent, (customer_id, channel))
    return stored is not None and stored.granted


async def of_customer(session: ReadSession, customer_id: str) -> list[MarketingConsent]:
    """What is recorded, by channel."""
    statement = select(MarketingConsent).where(col(MarketingConsent.customer_id) == customer_id)
    return list(await session.scalars(statement.order_by(col(MarketingConsent.channel))))


def _read(stored: MarketingConsent | None) -> Consent | None:
    return None if stored is None else Consent(granted=stored.granted, source=stored.source)


def _write(
    tx: Transaction,
    customer_id: str,
    channel: Channel,
    consent: Consent,
    stored: MarketingConsent | None,
) -> None:
    row = stored or MarketingConsent(
        customer_id=customer_id, channel=channel, granted=False, at=tx.now, recorded_at=tx.now
    )
    changed = stored is None or stored.granted != consent.granted
    row.granted, row.source = consent.granted, consent.source
    row.at, row.recorded_at = consent.at or tx.now, tx.now
    tx.session.add(row)
    if changed and consent.source != BY_THEMSELVES:
        tx.record(
            "customer.consent_changed",
            f"Consent to marketing {'given' if consent.granted else 'withdrawn'}",
            detail=f"Messages {channel.words}.",
            customer_id=customer_id,
            data={"channel": channel, "granted": consent.granted},
        )
