"""Ordering elsewhere, after a definite refusal and never after an unknown outcome."""

from __future__ import annotations

from domain.messages import Next, Step
from domain.rewards import GiftCard
from store.database import Transaction
from store.events.subjects import subject
from store.grants.state import lock_grant


async def take_next(tx: Transaction, grant_id: str, refusal: str) -> Step | None:
    """Make the reward's next alternative the grant's reward, to be ordered as a new generation;
    None when there is none. Call it in the transaction that records the refusal."""
    grant = await lock_grant(tx, grant_id)
    card = GiftCard.model_validate(grant.reward)
    other = card.instead()
    if other is None:
        return None
    grant.reward, grant.updated_at = other.model_dump(mode="json"), tx.now
    tx.record(
        "grant.alternative",
        f"{other.product_id} of {other.provider} is ordered instead of {card.product_id}",
        detail=f"{card.provider}: {refusal}",
        data={"provider": other.provider, "product_id": other.product_id},
        **subject(grant),
    )
    return Step(next=Next.ORDER, provider=other.provider)
