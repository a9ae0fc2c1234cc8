"""A campaign's tiers, one at a time. Each edit makes a new version of the campaign; a tier keeps
its id, so that existing grants stay valid."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal, TypeVar

from api.campaigns.program import TierChangeIn, TierIn, to_terms
from api.http.access import PROGRAMME, READERS, Caller, Calling
from api.http.ids import CampaignId
from api.http.lists import Listed, Windowed
from api.http.parameters import CampaignPath, TierPath
from api.http.resources import Held
from api.http.route import GuardedRouter
from api.rewards.definitions import Making, begin
from domain.campaigns import Tier
from domain.ids import Prefix, new_id
from domain.refusals import NotFound
from store.campaigns import queries as reading
from store.campaigns.revise import lock, revise
from store.terms import terms_of

router = GuardedRouter("/v1/campaigns/{campaign_id}/tiers", "Tiers")

AnyTier = TypeVar("AnyTier", bound=Tier)
Tiers = tuple[Tier, ...]
Edit = Callable[[Tiers, Making], Tiers]
"""From the existing tiers to the new ones."""


class TierAnswer(Tier):
    """A tier of a campaign's current version."""

    object: Literal["referral_tier"] = "referral_tier"
    campaign_id: CampaignId
    version: int
    """The campaign's, which holds it."""


class TierList(Listed[TierAnswer]):
    """Tiers, in the order in which they are granted."""


@router.post("", "resource_not_found", "not_allowed_in_state", roles=PROGRAMME)
async def create_tier(
    campaign_id: CampaignPath, body: TierIn, caller: Calling, held: Held
) -> TierAnswer:
    """Add a tier. It counts for referrals that begin from now on."""
    id = new_id(Prefix.TIER)

    def add(tiers: Tiers, making: Making) -> Tiers:
        return (*tiers, body.over({"id": id}, making, whole=""))

    await _edit(held, campaign_id, body, add, caller)
    return await _one(held, campaign_id, id)


@router.get("", "resource_not_found", roles=READERS)
async def list_tiers(campaign_id: CampaignPath, held: Held, window: Windowed) -> TierList:
    """The tiers of the current version, in the order in which they are granted."""
    tiers = await _all(held, campaign_id)
    ids = [tier.id for tier in tiers]
    first = ids.index(window.after) + 1 if window.after in ids else 0
    shown = tiers[first : first + window.limit]
    more = first + window.limit < len(tiers)
    return TierList(data=shown, total=len(tiers), has_more=more)


@router.get("/{tier_id}", "resource_not_found", roles=READERS)
async def get_tier(campaign_id: CampaignPath, tier_id: TierPath, held: Held) -> TierAnswer:
    """One tier of the current version."""
    return await _one(held, campaign_id, tier_id)


@router.put("/{tier_id}", "resource_not_found", "not_allowed_in_state", roles=PROGRAMME)
async def update_tier(
    campaign_id: CampaignPath, tier_id: TierPath, body: TierChangeIn, caller: Calling, held: Held
) -> TierAnswer:
    """Change a tier: what is given replaces, what is not stays."""

    def change(tiers: Tiers, making: Making) -> Tiers:
        _find(tiers, tier_id)
        return tuple(
            body.over(dict(tier), making, whole="") if tier.id == tier_id else tier
            for tier in tiers
        )

    await _edit(held, campaign_id, body, change, caller)
    return await _one(held, campaign_id, tier_id)


@router.delete("/{tier_id}", "resource_not_found", roles=PROGRAMME, status_code=204)
async def delete_tier(
    campaign_id: CampaignPath, tier_id: TierPath, caller: Calling, held: Held
) -> None:
    """End a tier. Referrals that wait under earlier versions still earn it."""

    def drop(tiers: Tiers, making: Making) -> Tiers:
        _find(tiers, tier_id)
        return tuple(tier for tier in tiers if tier.id != tier_id)

    await _edit(held, campaign_id, None, drop, caller)


async def _edit(
    held: Held, campaign_id: str, body: TierChangeIn | None, edit: Edit, caller: Caller
) -> None:
    async with held.database.transaction() as tx:
        campaign = await lock(tx, campaign_id)
        before = await terms_of(tx, campaign.id, campaign.version)
        making = await begin(tx, held.settings.currency, [body.reward] if body else [])
        tiers = edit(before.tiers, making)
        after = to_terms(dict(before) | {"tiers": tiers}, field="")
        await making.put_away(tx, held.vault)
        await revise(tx, campaign, before, after, {}, actor=caller.actor)


async def _all(held: Held, campaign_id: str) -> list[TierAnswer]:
    read = await held.database.read(reading.find, campaign_id)
    where = {"campaign_id": read.campaign.id, "version": read.campaign.version}
    return [TierAnswer(**dict(tier), **where) for tier in read.terms.tiers]


async def _one(held: Held, campaign_id: str, tier_id: str) -> TierAnswer:
    return _find(await _all(held, campaign_id), tier_id)


def _find(tiers: Iterable[AnyTier], tier_id: str) -> AnyTier:
    for tier in tiers:
        if tier.id == tier_id:
            return tier
    raise NotFound("tier", tier_id)
