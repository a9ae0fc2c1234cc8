"""Scenes in which codes are used, given out and given back. See scenes.py for what a scene is."""

from __future__ import annotations

import random
from collections import Counter

from domain.campaigns import CampaignType, Limits
from domain.rules.rule import Group, Rule
from store.campaigns import rules
from store.database import Database
from store.tables import (
    Campaign,
    CampaignVersion,
    Customer,
    Holder,
    Publication,
    Redemption,
    Referral,
    Reversal,
    Rollback,
    Voucher,
)
from tests.builders import (
    Programme,
    add_campaign,
    add_code,
    add_programme,
    budget,
    every_friend,
    number,
    one,
    points,
    qualify,
    redemption_terms,
    rows,
    terms,
)
from tests.proofs.crew import PARTIES
from tests.proofs.deeds import Deed
from tests.proofs.deeds_of_codes import redeem
from tests.proofs.scenes import Pool, Scene, expect


async def uses(database: Database, pool: Pool, dice: random.Random) -> Scene:
    """A code for two of four customers; another that one may use once, and asks for twice, and
    that one uses in a single order, which is sent twice."""
    of = redemption_terms(every_friend(points(10)), referee_reward=None, code_quantity=2)
    programme = await add_programme(database, of)
    other = await add_code(database, programme.campaign_id, pool.friends[0])
    four, (greedy, nervous) = dice.sample(pool.friends[1:7], 4), dice.sample(pool.friends[7:], 2)
    calls = [(programme.code, customer, "order") for customer in four]
    calls += [(other, greedy, "first"), (other, greedy, "second")]
    calls += [(other, nervous, "order"), (other, nervous, "order")]
    deeds = [[Deed("redeem", call)] for call in dice.sample(calls, PARTIES)]

    async def verdict() -> list[str]:
        counted = {v.code: v.redeemed_quantity for v in await _codes(database, programme)}
        made = await rows(database, Redemption, campaign_id=programme.campaign_id)
        by = Counter(redemption.customer_id for redemption in made)
        return expect(
            counted=(counted, {programme.code: 2, other: 2}),
            redeemed=(Counter(redemption.code for redemption in made), Counter(counted)),
            each_once=(set(by.values()), {1}),
        )

    return Scene(deeds, verdict)


async def velocity(database: Database, pool: Pool, dice: random.Random) -> Scene:
    """Eight customers of four codes, a rule for the day, and a limit for the campaign."""
    uses, most = dice.randint(4, 6), dice.randint(1, 3)
    limits = Limits(redemptions=most)
    of = redemption_terms(
        every_friend(points(10)),
        referee_reward=None,
        limits=limits,
        rules=await _rule_for_a_day(database, uses),
    )
    programme = await add_programme(database, of)
    campaign_id, others = programme.campaign_id, dice.sample(pool.friends, 3)
    codes = [programme.code, *[await add_code(database, campaign_id, other) for other in others]]
    friends = dice.sample([one for one in pool.friends if one not in others], PARTIES)
    deeds = [[Deed("redeem", (codes[n % 4], friend, None))] for n, friend in enumerate(friends)]

    async def verdict() -> list[str]:
        made = await rows(database, Redemption, campaign_id=campaign_id)
        referrals = await rows(database, Referral, campaign_id=campaign_id)
        return expect(
            accepted=(most <= len(made) <= uses, True),
            counted=(
                sum(v.redeemed_quantity for v in await _codes(database, programme)),
                len(made),
            ),
            qualified=(sum(r.ordinal is not None for r in referrals), most),
        )

    return Scene(deeds, verdict)


async def _rule_for_a_day(database: Database, uses: int) -> tuple[Rule, ...]:
    counted = {"name": "campaign.redemptions.count.daily", "conditions": {"$less_than": [uses + 1]}}
    async with database.transaction() as tx:
        id = await rules.create(
            tx,
            name="a day's uses",
            rules=Group.model_validate({"1": counted}),
            error=None,
            type="expression",
            context_type="global",
        )
        return await rules.named(tx, [id], "/rules")


async def publications(database: Database, pool: Pool, dice: random.Random) -> Scene:
    """Four codes for five people: one asks three times under one name, and one twice under none.
    Most of them are new to us."""
    campaign_id = await add_campaign(database, type=CampaignType.STATIC, vouchers_count=4)
    people, where = [f"caller-{number()}" for _ in range(4)], {"campaign": campaign_id}
    twice = dice.choice(pool.friends)
    calls = [(people[0], where, f"welcome-{people[0]}")] * 3 + [(twice, where, None, True)] * 2
    calls += [(person, where, None) for person in people[1:]]
    deeds = [[Deed("publish", call)] for call in dice.sample(calls, PARTIES)]

    async def verdict() -> list[str]:
        made = await rows(database, Publication, campaign_id=campaign_id)
        holders = await rows(database, Holder, campaign_id=campaign_id)
        known = [c.source_id for c in await rows(database, Customer) if c.source_id in people]
        return expect(
            customers_twice=(max(Counter(known).values()), 1),
            publications=(len(made), 4),
            codes=(len({publication.voucher_id for publication in made}), 4),
            people=(len({publication.customer_id for publication in made}), 4),
            holders=(len(holders), 4),
        )

    return Scene(deeds, verdict)


async def sharing(database: Database, pool: Pool, dice: random.Random) -> Scene:
    """Eight people are given the very same code: one owns it, the rest share it."""
    campaign_id = await add_campaign(database)
    (voucher,) = await rows(database, Voucher, campaign_id=campaign_id)
    people = [f"caller-{number()}" for _ in range(PARTIES)]
    deeds = [[Deed("publish", (person, {"code": voucher.code}, None))] for person in people]

    async def verdict() -> list[str]:
        roles = Counter(h.role for h in await rows(database, Holder, campaign_id=campaign_id))
        return expect(roles=(roles, Counter(OWNER=1, REFERRER=PARTIES - 1)))

    return Scene(deeds, verdict)


async def rollbacks(database: Database, pool: Pool, dice: random.Random) -> Scene:
    """One redemption is rolled back by four processes, while four more customers want the one use
    that is left, or the one that is given back."""
    of = redemption_terms(every_friend(points(10)), referee_reward=None, code_quantity=3)
    programme = await add_programme(database, of)
    friends = dice.sample(pool.friends, 6)
    for friend in friends[:2]:
        await redeem(database, programme.code, friend, "before")
    used = dice.choice(await rows(database, Redemption, campaign_id=programme.campaign_id))
    deeds = [[Deed("roll_back", (used.id,))]] * 4
    deeds += [[Deed("redeem", (programme.code, friend, "now"))] for friend in friends[2:]]
    dice.shuffle(deeds)

    async def verdict() -> list[str]:
        made = await rows(database, Redemption, campaign_id=programme.campaign_id)
        counts = sum(redemption.counts for redemption in made)
        undone = await rows(database, Rollback, redemption_id=used.id)
        reversed = await rows(database, Reversal, referral_id=used.referral_id)
        return expect(
            rollbacks=(len(undone), 1),
            reversals=(len(reversed), 1),
            given_back=(len(made) - counts, 1),
            counted=([v.redeemed_quantity for v in await _codes(database, programme)], [counts]),
            fits=(2 <= counts <= 3, True),
        )

    return Scene(deeds, verdict)


async def refunds(database: Database, pool: Pool, dice: random.Random) -> Scene:
    """Eight refunds of one order, which comes to three of them."""
    programme = await add_programme(database, terms(limits=budget(100_00)))
    await qualify(database, programme.code, dice.choice(pool.friends))
    referral = await one(database, Referral, campaign_id=programme.campaign_id)
    deeds = [[Deed("refund", (referral.id, 30_00, f"refund-{n}"))] for n in range(PARTIES)]

    async def verdict() -> list[str]:
        accepted = await rows(database, Reversal, referral_id=referral.id)
        return expect(accepted=(len(accepted), 3))

    return Scene(deeds, verdict)


async def revisions(database: Database, pool: Pool, dice: random.Random) -> Scene:
    """Eight edits of one campaign."""
    campaign_id = await add_campaign(database)
    deeds = [[Deed("limit", (campaign_id, n + 1))] for n in range(PARTIES)]

    async def verdict() -> list[str]:
        made = await rows(database, CampaignVersion, campaign_id=campaign_id)
        latest = await one(database, Campaign, id=campaign_id)
        versions = [version.version for version in made]
        return expect(latest=(latest.version, 9), versions=(versions, list(range(1, 10))))

    return Scene(deeds, verdict)


async def _codes(database: Database, programme: Programme) -> list[Voucher]:
    return await rows(database, Voucher, campaign_id=programme.campaign_id, published=True)


SCENES_OF_CODES = (uses, velocity, publications, sharing, rollbacks, refunds, revisions)
