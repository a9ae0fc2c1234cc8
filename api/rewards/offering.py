"""Gift cards beside what their providers offer, as the cached catalogues tell."""

from __future__ import annotations

from collections.abc import Iterable

import structlog

from domain.campaigns import CampaignTerms
from domain.catalogue import has_fixed_values, misfit
from domain.refusals import InvalidPayload
from domain.rewards import GiftCard, Reward
from store import catalogue
from store.catalogue import Catalogues
from store.database import Transaction

log = structlog.get_logger(__name__)


async def catalogues_of(tx: Transaction, rewards: Iterable[object]) -> Catalogues:
    """The catalogues that these rewards' providers have. One that was never fetched cannot refuse
    anything (docs/decisions): its first fetch tells what does not fit."""
    providers = {str(each.provider) for each in rewards if hasattr(each, "provider")}
    found = await catalogue.read(tx, providers) if providers else {}
    for provider in providers - set(found):
        log.warning("catalogue.unknown", provider=provider)
    return found


def offered(reward: Reward, catalogues: Catalogues, field: str) -> Reward:
    """The reward, marked where it is sold in certain values only. Raises InvalidPayload at the
    member of `field` that its provider does not offer."""
    if not isinstance(reward, GiftCard) or reward.provider not in catalogues:
        return reward
    products = catalogues[reward.provider]
    lack = misfit(reward, products)
    if lack:
        raise InvalidPayload(lack.detail, field=f"{field}{lack.member}")
    return reward.model_copy(update={"fixed_value": has_fixed_values(reward, products)})


async def must_be_offered(tx: Transaction, terms: CampaignTerms, program: str) -> None:
    """Raises InvalidPayload for the first reward of these terms that is not offered."""
    places = {f"{program}/referee_reward": terms.referee_reward} | {
        f"{program}/tiers/{number}/reward": tier.reward for number, tier in enumerate(terms.tiers)
    }
    catalogues = await catalogues_of(tx, places.values())
    for field, reward in places.items():
        if reward is not None:
            offered(reward, catalogues, field)
