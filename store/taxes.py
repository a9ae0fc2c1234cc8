"""Tax-year totals per person, held against a threshold that is data."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from domain.money import Money
from store.database import ReadSession, Transaction
from store.tables import Grant, TaxForm, TaxThreshold, metadata

_THRESHOLDS = metadata.tables[str(TaxThreshold.__tablename__)]
_FORMS = metadata.tables[str(TaxForm.__tablename__)]

# What a person has had this year, UTC: cards that were issued, credits that were booked.
_HAD = text("""
SELECT coalesce(sum(amount), 0)::bigint FROM (
    SELECT o.face_amount AS amount FROM orders o JOIN grants g ON g.id = o.grant_id
    WHERE g.recipient_id = :customer AND o.state = 'issued' AND o.currency = :currency
      AND o.issued_at >= date_trunc('year', cast(:at AS timestamptz))
    UNION ALL
    SELECT g.amount FROM grants g
    WHERE g.recipient_id = :customer AND g.status = 'delivered' AND g.currency = :currency
      AND g.kind = 'gift_credits' AND g.updated_at >= date_trunc('year', cast(:at AS timestamptz))
) had
""")


async def form_missing(tx: Transaction, grant: Grant) -> str | None:
    """Whether ordering this grant takes its recipient to the year's threshold without a form: what
    is missing, in words. The sum counts what a person may still get back as well: a form too many
    is better than one too few."""
    if grant.currency is None:
        return None
    threshold = await tx.session.get(TaxThreshold, grant.currency)
    if threshold is None or await tx.session.get(TaxForm, grant.recipient_id) is not None:
        return None
    values = {"customer": grant.recipient_id, "currency": grant.currency, "at": tx.now}
    had = int(await tx.session.scalar(_HAD, values) or 0)
    if had + grant.amount < threshold.amount:
        return None
    limit = Money(amount=threshold.amount, currency=threshold.currency)
    return f"Form {threshold.form} is needed: this reward takes the year to {limit} or more."


async def set_threshold(
    tx: Transaction, currency: str, amount: int, form: str, *, actor: str
) -> None:
    """Replace a currency's threshold. It holds for every order from now on."""
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
    """The person has handed in a form."""
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
