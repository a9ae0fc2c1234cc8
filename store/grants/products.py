"""The catalogue products of gift cards, as far as they are known."""

from __future__ import annotations

from collections.abc import Iterable

from domain.catalogue import Product, product_for
from domain.rewards import GiftCard, reward_of
from store.database import Transaction
from store.providers import catalogue
from store.tables import Grant


async def products_of(tx: Transaction, grants: Iterable[Grant]) -> dict[str, Product]:
    """The product of each gift-card grant, by grant, as far as its catalogue was fetched."""
    rewards = {grant.id: reward_of(grant.reward) for grant in grants}
    cards = {id: reward for id, reward in rewards.items() if isinstance(reward, GiftCard)}
    if not cards:
        return {}
    known = await catalogue.read(tx, (card.provider for card in cards.values()))
    found = {id: product_for(card, known.get(card.provider, ())) for id, card in cards.items()}
    return {id: product for id, product in found.items() if product is not None}
