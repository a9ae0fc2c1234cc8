"""Checks a recipient again just before the address is frozen into an order: for anything either
side has changed since the conversion was judged."""

from __future__ import annotations

from typing import Any, NamedTuple

from domain.campaigns import CampaignTerms
from domain.fraud import Hit
from store.database import Transaction
from store.marks.changes import keyed
from store.marks.owners import counted, owners
from store.marks.people import OF_GRANT, Party, people_of
from store.terms import terms_of


class Judged(NamedTuple):
    """`particulars`: the recipient's, as they were judged."""

    particulars: tuple[Any, ...]
    hits: list[Hit]


async def judge(tx: Transaction, grant_id: str) -> Judged:
    """Whether the recipient shares something with another friend of the campaign that neither had
    when the conversion was judged. Claims the friend's marks: before the grant's row."""
    row = (await tx.session.execute(OF_GRANT, {"grant_id": grant_id})).one()
    people, referee = people_of(row, row.referee_id, row.referrer_id), row.role == "referee"
    recipient, other = people if referee else reversed(people)
    terms = await terms_of(tx, row.campaign_id, row.campaign_version)
    hits = await _with_other(tx, terms, recipient, other, row.created_at)
    if fresh := recipient.marks(terms.fraud, row.created_at):
        if referee:
            found = await owners(tx, row.campaign_id, recipient.customer_id, fresh)
        else:
            found = await counted(tx, row.campaign_id, recipient.customer_id, fresh)
        others = {kind: Hit(kind, recipient.customer_id, owner) for kind, owner in found.items()}
        hits = others | hits
    return Judged(recipient.particulars, list(hits.values()))


async def _with_other(
    tx: Transaction, terms: CampaignTerms, recipient: Party, other: Party, since: Any
) -> dict[str, Hit]:
    """Compare with the other side of the referral, whichever of the two has changed."""
    checks = terms.fraud
    own, theirs = recipient.marks(checks), other.marks(checks)
    fresh, their_fresh = recipient.marks(checks, since), other.marks(checks, since)
    shared = (fresh.keys() & theirs.keys()) | (own.keys() & their_fresh.keys())
    if other.erased and fresh:
        hashed = await keyed(tx, fresh)
        shared |= {mark for mark in fresh if hashed[mark] in other.erased}
    return {own[mark]: Hit(own[mark], recipient.customer_id, other.customer_id) for mark in shared}
