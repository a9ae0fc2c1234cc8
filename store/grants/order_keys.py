"""Fixes the prefix of a grant's order keys when the grant is created.

A database restored from a backup creates new ids, in whatever order callers repeat their requests.
It still computes the same keys, because they are made from what was promised to whom, and from
nothing of ours. So the provider recognises what it has already sold."""

from __future__ import annotations

from sqlalchemy import select
from sqlmodel import col

from domain.grants import GrantIdentity
from domain.orders import Named, Promise, key_stem
from store.access.erasures import times_erased
from store.access.lasting_secret import key_for
from store.database import Transaction
from store.tables import Customer, Grant, Referral


async def freeze_keys(tx: Transaction, grants: list[Grant], referral: Referral) -> None:
    """Set the key stem of each new gift-card grant; other rewards are not ordered."""
    cards = [grant for grant in grants if grant.kind == "gift_card"]
    if not cards:
        return
    secret = await key_for(tx, "order keys")
    people = await _named(tx, [referral.referee_id, referral.referrer_id])
    for grant in cards:
        friend = people[referral.referee_id]
        of = friend if grant.friends_counted is None else grant.ordinal
        promise = Promise(grant.campaign_id, grant.reason, people[grant.recipient_id], of)
        grant.key_stem = promise.key_stem(secret)


def stem_of(grant: Grant) -> str:
    """The prefix of the grant's order keys. A renumbered grant keeps its old number there, because
    its first order may have used it."""
    if grant.key_stem is not None:
        return grant.key_stem
    whose = (grant.campaign_id, grant.reason, grant.recipient_id)
    if grant.key_ordinal is not None:
        return key_stem(GrantIdentity(*whose, grant.key_ordinal))
    milestone = grant.friends_counted is not None
    return key_stem(GrantIdentity(*whose, grant.ordinal, milestone=milestone))


async def _named(tx: Transaction, ids: list[str]) -> dict[str, Named]:
    found = await tx.session.execute(
        select(col(Customer.id), col(Customer.source_id)).where(col(Customer.id).in_(ids))
    )
    names = {id: source_id for id, source_id in found}
    times = await times_erased(tx, filter(None, names.values()))
    return {id: Named(name, times.get(name or "", 0), id) for id, name in names.items()}
