"""Recognises repeated events: answered like the first, or refused if they differ."""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy import or_, select
from sqlmodel import col

from domain.referrals import ReferralStatus
from domain.refusals import IdempotencyInProgress
from domain.repeats import Content, Kind
from store.access.identities import Given, given, keep, must_match, recall
from store.database import Transaction
from store.referrals.conversion import ConversionRequest
from store.referrals.convert import Converted
from store.referrals.purchases import erased_keys
from store.tables import Customer, Referral, Voucher


async def first_answer(tx: Transaction, request: ConversionRequest) -> Converted | None:
    """The answer to the first event with this identity; None for a first one, or one from before
    contents were stored. Raises IdentityReused."""
    identity = _identity_of(request)
    if identity is None:
        return None
    known = await recall(tx, identity)
    if not known:
        return None
    result = known[0].result
    if request.event_id is not None:
        result = must_match(identity, known, await _said_again(tx, request))
    found = select(Referral).where(col(Referral.id).in_(result)).order_by(col(Referral.id))
    return Converted(list(await tx.session.scalars(found)), repeat=True, intake=[])


async def remember(tx: Transaction, request: ConversionRequest, converted: Converted) -> None:
    """Bind the identity to its content. An event without effect binds nothing: it may be corrected
    and sent again."""
    identity, referrals = _identity_of(request), converted.referrals
    if identity is None or all(one.status == ReferralStatus.WAITING for one in referrals):
        return
    named = await _named_referrer(tx, request)
    content = (await _said(tx, request)).model_copy(
        update={
            "codes": sorted({one.voucher_id for one in referrals}),
            "referrers": named or sorted({one.referrer_id for one in referrals}),
        }
    )
    # If it changed nothing, a concurrent repeat may have been faster: same answer.
    with suppress(*() if converted.intake else (IdempotencyInProgress,)):
        await keep(tx, identity, content, [one.id for one in referrals])


def _identity_of(request: ConversionRequest) -> Given | None:
    """None if nothing distinguishes one purchase from the next. A derived identity is a hash of the
    content, so its repeats are equal."""
    if request.event_id is not None:
        return given(Kind.EVENT, request.event_id, *request.scope)
    if request.orders.keys:
        return given(Kind.EVENT, request.identity(), "derived")
    return None


async def _said(tx: Transaction, request: ConversionRequest) -> Content:
    return Content(
        event=request.event or request.kind,
        customer=request.customer_id,
        order=await erased_keys(tx, request.orders),
        amount=request.order_amount,
        currency=request.order_currency,
    )


async def _said_again(tx: Transaction, request: ConversionRequest) -> Content:
    codes: list[str] = []
    if request.code is not None:
        by_code = select(col(Voucher.id)).where(col(Voucher.code) == request.code)
        codes = [await tx.session.scalar(by_code) or request.code]
    named = await _named_referrer(tx, request)
    said = await _said(tx, request)
    return said.model_copy(update={"codes": codes, "referrers": named})


async def _named_referrer(tx: Transaction, request: ConversionRequest) -> list[str]:
    ref = request.referrer_id
    if ref is None:
        return []
    statement = select(col(Customer.id)).where(
        or_(col(Customer.id) == ref, col(Customer.source_id) == ref)
    )
    return [await tx.session.scalar(statement.order_by(col(Customer.id) != ref).limit(1)) or ref]
