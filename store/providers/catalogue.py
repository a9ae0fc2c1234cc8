"""Stores providers' catalogues for as long as each provider asks, and checks live campaigns
whenever they change."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from domain.campaigns import CampaignTerms
from domain.catalogue import Product, misfit
from domain.rewards import GiftCard
from store.database import Database, Transaction, now
from store.tables import Campaign, Catalogue
from store.terms import terms_of

Catalogues = dict[str, list[Product]]
"""By provider; without those whose catalogue was never fetched."""


async def read(tx: Transaction, providers: Iterable[str]) -> Catalogues:
    """The stored catalogues of these providers, however old."""
    rows = await tx.session.execute(
        select(col(Catalogue.provider), col(Catalogue.products)).where(
            col(Catalogue.provider).in_(set(providers))
        )
    )
    return {
        provider: [Product.model_validate(product) for product in products]
        for provider, products in rows
    }


async def is_fresh(database: Database, provider: str) -> bool:
    """Whether it is too early to fetch it again."""
    async with database.reading() as session:
        stored = await session.get(Catalogue, provider)
        return stored is not None and stored.expires_at > now()


async def put(tx: Transaction, provider: str, products: list[Product], life: timedelta) -> None:
    """Replace a catalogue, and report live campaigns that use something it no longer offers."""
    before = (await read(tx, [provider])).get(provider)
    given = {
        "products": [product.model_dump(mode="json") for product in products],
        "fetched_at": tx.now,
        "expires_at": tx.now + life,
    }
    statement = insert(Catalogue).values(provider=provider, **given)
    await tx.session.execute(
        statement.on_conflict_do_update(index_elements=["provider"], set_=given)
    )
    tx.record(
        "catalogue.fetched",
        f"Catalogue of {provider} fetched: {len(products)} products",
        source="provider",
        data={"provider": provider, "products": len(products)},
    )
    async for campaign, card in _cards_of_live_campaigns(tx, provider):
        lack = misfit(card, products)
        if lack and (before is None or misfit(card, before) is None):
            tx.record(
                "campaign.reward_not_offered",
                f"{provider} does not offer what the campaign gives",
                detail=lack.detail,
                campaign_id=campaign.id,
                data={"provider": provider, "product_id": card.product_id, "member": lack.member},
            )


async def _cards_of_live_campaigns(
    tx: Transaction, provider: str
) -> AsyncIterator[tuple[Campaign, GiftCard]]:
    live = list(await tx.session.scalars(select(Campaign).where(col(Campaign.active))))
    for campaign in live:
        terms = await terms_of(tx, campaign.id, campaign.version)
        for card in cards_of(terms):
            if card.provider == provider:
                yield campaign, card


def cards_of(terms: CampaignTerms) -> Iterator[GiftCard]:
    """Every gift card in the terms."""
    rewards = [terms.referee_reward, *(tier.reward for tier in terms.tiers)]
    yield from (reward for reward in rewards if isinstance(reward, GiftCard))
