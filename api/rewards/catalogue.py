"""Checks gift cards against their providers' cached catalogues."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import structlog

from domain.campaigns import CampaignTerms
from domain.catalogue import has_fixed_values, misfit
from domain.refusals import InvalidPayload
from domain.rewards import GiftCard, Reward
from store.database import Transaction
from store.providers import catalogue
from store.providers.catalogue import Catalogues

log = structlog.get_logger(__name__)


async def catalogues_of(tx: Transaction, rewards: Iterable[object]) -> Catalogues:
    """The catalogues of these rewards' providers. One that was never fetched cannot refuse anything
    (docs/decisions); its first fetch reports what does not fit.
    """
    cards = [each for each in rewards if hasattr(each, "provider")]
    alternatives = [other for card in cards for other in getattr(card, "alternatives", ())]
    providers = {str(each.provider) for each in [*cards, *alternatives]}
    found = await catalogue.read(tx, providers) if providers else {}
    for provider in providers - set(found):
        log.warning("catalogue.unknown", provider=provider)
    return found


def offered(reward: Reward, catalogues: Catalogues, field: str) -> Reward:
    """The reward, marked if it is sold in certain values only. Raises InvalidPayload at the member
    of `field` that its provider does not offer.
    """
    if not isinstance(reward, GiftCard):
        return reward
    _must_fit(reward, catalogues, field)
    for number, other in enumerate(_stand_ins(reward)):
        _must_fit(other, catalogues, f"{field}/alternatives/{number}")
    if reward.provider not in catalogues:
        return reward
    products = catalogues[reward.provider]
    return reward.model_copy(update={"fixed_value": has_fixed_values(reward, products)})


def _must_fit(card: GiftCard, catalogues: Catalogues, field: str) -> None:
    lack = misfit(card, catalogues[card.provider]) if card.provider in catalogues else None
    if lack:
        raise InvalidPayload(lack.detail, field=f"{field}{lack.member}")


def _stand_ins(card: GiftCard) -> Iterator[GiftCard]:
    other = card.instead()
    while other is not None:
        yield other
        other = other.instead()


async def must_be_offered(tx: Transaction, terms: CampaignTerms, program: str) -> None:
    """Raises InvalidPayload for the first reward of these terms that is not offered."""
    places = {f"{program}/referee_reward": terms.referee_reward} | {
        f"{program}/tiers/{number}/reward": tier.reward for number, tier in enumerate(terms.tiers)
    }
    catalogues = await catalogues_of(tx, places.values())
    for field, reward in places.items():
        if reward is not None:
            offered(reward, catalogues, field)
