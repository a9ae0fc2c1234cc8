"""Records refused requests about a code with the reason in words, so that support can explain why a
friend, event or code was not accepted.

A refused use of a code is also listed as a redemption (store.redemptions.failed)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from sqlalchemy import select

from domain.customers import Person
from domain.refusals import CannotCount, IdentityReused, NotFound, Refusal
from store.database import Database, Transaction
from store.redemptions.failed import known_customer, known_referral, known_voucher
from store.references import campaign_named
from store.tables import Voucher

_TITLES = {
    "conversion.refused": "Conversion event refused",
    "publication.failed": "Publication refused",
    "referral.refused": "Referral refused",
}


class RefusableRequest(NamedTuple):
    """The request: the event type if it is refused, the person, and the code or campaign (by name
    or id)."""

    type: str
    person: Person
    code: str | None = None
    campaign: str | None = None


@asynccontextmanager
async def noting_refusal(database: Database, asked: RefusableRequest) -> AsyncIterator[Transaction]:
    """A transaction; if the request is refused, it is rolled back, and only the refusal is
    recorded, in a separate transaction."""
    try:
        async with database.transaction() as tx:
            yield tx
    except (CannotCount, IdentityReused, NotFound) as refusal:
        if isinstance(refusal, NotFound) and asked.type == "publication.failed":
            raise  # Not recorded: a program's mistake about a code that never existed.
        async with database.transaction() as tx:
            await _note(tx, asked, refusal)
        raise


async def _note(tx: Transaction, asked: RefusableRequest, refusal: Refusal) -> None:
    voucher = await known_voucher(tx, asked.code) if asked.code else None
    campaign_id = voucher.campaign_id if voucher else await _campaign_id(tx, asked.campaign)
    customer_id = await known_customer(tx, asked.person)
    # Giving somebody a code to share is not part of how they were referred.
    referee_id = None if asked.type == "publication.failed" else customer_id
    tx.record(
        asked.type,
        _TITLES[asked.type],
        detail=_words(refusal, voucher),
        campaign_id=campaign_id,
        customer_id=customer_id,
        referral_id=await known_referral(tx, campaign_id, referee_id),
        data={"voucher_id": voucher.id if voucher else None, "failure_code": refusal.key},
    )


def _words(refusal: Refusal, voucher: Voucher | None) -> str:
    """The refusal's message. For an unknown code or campaign the text is the caller's own, which
    could name a person, so it is left out."""
    if not isinstance(refusal, NotFound):
        return refusal.detail
    return f"There is no such {'customer' if voucher else 'code'}."


async def _campaign_id(tx: Transaction, ref: str | None) -> str | None:
    if ref is None:
        return None
    return await tx.session.scalar(select(campaign_named(ref)))
