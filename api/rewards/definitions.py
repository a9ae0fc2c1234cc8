"""Turns a caller's rewards into the domain's: resolves references, stores secrets, and checks gift
cards against their providers' cached catalogues."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import structlog
from pydantic import ValidationError

from api.http.fields import first_error
from api.rewards.kinds import CustomIn, GiftCardIn, GiftCreditsIn, KindIn, ReferenceIn
from domain.campaigns import CampaignTerms
from domain.catalogue import has_fixed_values, misfit
from domain.ids import Prefix, new_id
from domain.refusals import InvalidPayload
from domain.rewards import GiftCard, Reward, Sized, reward_of
from store.access import signing_secrets
from store.access.vault import Vault
from store.database import Transaction
from store.eligibility import segments
from store.providers import catalogue
from store.providers.catalogue import Catalogues
from store.rewards import definitions as rewards

log = structlog.get_logger(__name__)


class Making:
    """Creates the rewards of one request. `currency` is the default."""

    def __init__(
        self, currency: str, definitions: dict[str, Reward], catalogues: Catalogues
    ) -> None:
        self._currency = currency
        self._definitions = definitions
        self._catalogues = catalogues
        self._secrets: dict[str, str] = {}
        self._named: set[str] = set()
        self._segments: set[str] = set()

    def make(self, given: KindIn | ReferenceIn, field: str) -> Reward:
        """The domain's reward, which its provider offers. Raises InvalidPayload at `field`."""
        return offered(self._defined(given, field), self._catalogues, field)

    def _defined(self, given: KindIn | ReferenceIn, field: str) -> Reward:
        if given.reward_id and given.reward_id not in self._definitions:
            raise InvalidPayload(f"There is no reward {given.reward_id!r}.", field=field)
        if isinstance(given, ReferenceIn):
            reward = self._definitions[given.reward_id]
            return reward.model_copy(update={"reward_id": given.reward_id})
        try:
            reward = reward_of(self._document(given))
        except ValidationError as error:
            raise InvalidPayload(first_error(error), field=field) from None
        if isinstance(reward, Sized) and reward.amount_by:
            self._segments |= reward.amount_by.segments
        return reward

    def _document(self, given: KindIn) -> dict[str, object]:
        document = given.model_dump(mode="json", exclude_none=True, exclude={"secret"})
        if isinstance(given, GiftCardIn | GiftCreditsIn):
            document.setdefault("currency", self._currency)
        if isinstance(given, CustomIn):
            document["secret_id"] = self._secret(given)
        return document

    def _secret(self, given: CustomIn) -> str:
        if given.secret is None:
            self._named.add(given.secret_id or "")
            return given.secret_id or ""
        secret_id = new_id(Prefix.SECRET)
        self._secrets[secret_id] = given.secret
        return secret_id

    async def put_away(self, tx: Transaction, vault: Vault) -> None:
        """Store the given secrets, encrypted. Raises InvalidPayload or NotFound for an unknown
        secret or segment."""
        await segments.must_exist(tx, self._segments, "/amount_by/values")
        await signing_secrets.must_exist(tx, self._named)
        await signing_secrets.keep(tx, self._secrets, vault)


async def begin(
    tx: Transaction, currency: str, given: Iterable[KindIn | ReferenceIn | None]
) -> Making:
    """Read the definitions that these rewards name, locked until this transaction ends."""
    given = list(given)
    named = {one.reward_id for one in given if one and one.reward_id}
    definitions = await rewards.definitions(tx, named)
    catalogues = await catalogues_of(tx, [*given, *definitions.values()])
    return Making(currency, definitions, catalogues)


async def catalogues_of(tx: Transaction, rewards: Iterable[object]) -> Catalogues:
    """The catalogues of these rewards' providers. One that was never fetched cannot refuse anything
    (docs/decisions); its first fetch reports what does not fit."""
    cards = [each for each in rewards if hasattr(each, "provider")]
    alternatives = [other for card in cards for other in getattr(card, "alternatives", ())]
    providers = {str(each.provider) for each in [*cards, *alternatives]}
    found = await catalogue.read(tx, providers) if providers else {}
    for provider in providers - set(found):
        log.warning("catalogue.unknown", provider=provider)
    return found


def offered(reward: Reward, catalogues: Catalogues, field: str) -> Reward:
    """The reward, marked if it is sold in certain values only. Raises InvalidPayload at the member
    of `field` that its provider does not offer."""
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
