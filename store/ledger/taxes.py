"""Tax-year totals per person, compared with a configurable threshold."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from domain.money import Money
from store.database import ReadSession, Transaction
from store.tables import Grant, Order, TaxForm, TaxThreshold, metadata

_THRESHOLDS = metadata.tables[str(TaxThreshold.__tablename__)]
_FORMS = metadata.tables[str(TaxForm.__tablename__)]


class Limit(NamedTuple):
    """From `amount` minor units per calendar year, the person's form is needed."""

    amount: int
    currency: str
    form: str


# Taken before the grant's own row, to avoid deadlocks. Not taken without a threshold or with the
# form recorded, because nothing is decided then.
_LIMIT = text("""
SELECT t.amount, t.currency, t.form,
       pg_advisory_xact_lock(hashtextextended('guerdon.taxes/' || g.recipient_id, 0))
FROM grants g JOIN tax_thresholds t ON t.currency = g.currency
WHERE g.id = :grant_id
  AND NOT EXISTS (SELECT FROM tax_forms f WHERE f.customer_id = g.recipient_id)
""")

VALID_CREDITS = """
wallet_credits w JOIN grants g ON g.id = w.grant_id AND g.status = 'delivered'
    AND w.id = g.id || CASE WHEN g.reopened > 0 THEN '/' || g.reopened ELSE '' END
"""
"""Credits that are valid, and were booked at `w.created_at`: later events never move one into
another year. A milestone that was reached again was credited twice, and the last one is valid."""

# What a person has received since the year began, UTC: issued cards and booked credits, plus every
# card that may exist or is about to be ordered. The date of the latter is not known yet, so it
# counts in whichever year asks.
_HAD = text(f"""
SELECT coalesce(sum(amount), 0)::bigint FROM (
    SELECT o.face_amount AS amount FROM orders o JOIN grants g ON g.id = o.grant_id
    WHERE g.recipient_id = :customer AND o.currency = :currency
      AND o.id IS DISTINCT FROM CAST(:besides AS text)
      AND (o.state = 'issued'
               AND o.issued_at >= date_trunc('year', CAST(:at AS timestamptz), 'UTC')
           OR o.state IN ('unknown', 'pending')
           OR o.state = 'prepared' AND g.status NOT IN ('cancelled', 'failed'))
    UNION ALL
    SELECT g.amount FROM {VALID_CREDITS}
    WHERE w.customer_id = :customer AND w.unit = :currency
      AND w.created_at >= date_trunc('year', CAST(:at AS timestamptz), 'UTC')
) had
""")


async def limit_of(tx: Transaction, grant_id: str) -> Limit | None:
    """The threshold that applies to the grant, if any.

    Until the transaction ends no other reward of its recipient is judged. The caller has locked
    nothing before."""
    found = (await tx.session.execute(_LIMIT, {"grant_id": grant_id})).one_or_none()
    return Limit(*found[:3]) if found else None


async def form_missing(
    tx: Transaction, grant: Grant, limit: Limit | None, *, besides: Order | None = None
) -> str | None:
    """What is missing, in words, if this grant takes its recipient to the year's threshold without
    a form.

    `besides`: the grant's own order, which is judged now. The sum includes what the person may
    still get back: one form too many is better than one too few."""
    if limit is None or await tx.session.get(TaxForm, grant.recipient_id) is not None:
        return None
    values = {
        "customer": grant.recipient_id,
        "currency": limit.currency,
        "at": tx.now,
        "besides": besides.id if besides else None,
    }
    had = int(await tx.session.scalar(_HAD, values) or 0)
    if had + grant.amount < limit.amount:
        return None
    most = Money(amount=limit.amount, currency=limit.currency)
    return f"Form {limit.form} is needed: this reward takes the year to {most} or more."


async def set_threshold(
    tx: Transaction, currency: str, amount: int, form: str, *, actor: str
) -> None:
    """Replace a currency's threshold. It applies to every order and credit from now on."""
    values = {"amount": amount, "form": form, "updated_at": tx.now}
    await tx.session.execute(
        insert(_THRESHOLDS)
        .values(currency=currency, **values)
        .on_conflict_do_update(index_elements=["currency"], set_=values)
    )
    limit = Money(amount=amount, currency=currency)
    tx.record(
        "tax.threshold_set",
        "Tax threshold set",
        detail=f"{limit} a year, form {form}",
        source="staff",
        actor=actor,
    )


async def record_form(tx: Transaction, customer_id: str, form: str, *, actor: str) -> None:
    """Record that the person has submitted a form."""
    values = {"form": form, "recorded_by": actor, "recorded_at": tx.now}
    await tx.session.execute(
        insert(_FORMS)
        .values(customer_id=customer_id, **values)
        .on_conflict_do_update(index_elements=["customer_id"], set_=values)
    )
    tx.record(
        "tax.form_recorded",
        "Tax form recorded",
        detail=form,
        source="staff",
        actor=actor,
        customer_id=customer_id,
    )


async def thresholds(session: ReadSession) -> list[TaxThreshold]:
    """By currency."""
    return list(await session.scalars(select(TaxThreshold).order_by(col(TaxThreshold.currency))))
