"""What is played: people, a campaign, deeds that meet at one lock, and what must be true after.

Each scene has a campaign of its own. Its verdict is a list of sentences; an empty one is right."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from bench.proofs.sequential import sequential
from domain.campaigns import Limits
from store.database import Database
from store.tables import Budget, Event, Grant, Order, Referral, ReferrerProgress, WalletCredit
from tests.builders import (
    add_code,
    add_friends,
    add_programme,
    alter,
    budget,
    every_friend,
    gift_card,
    in_past,
    many_friends,
    one,
    points,
    qualify,
    rows,
    sign_up,
    terms,
)
from tests.proofs.crew import PARTIES
from tests.proofs.deeds import RIGHT_TO_SEND, Deed, claim

Verdict = Callable[[], Awaitable[list[str]]]


class Scene(NamedTuple):
    """Deeds, one list a process, and the judge."""

    deeds: list[list[Deed]]
    verdict: Verdict


class Pool(NamedTuple):
    """People, who may take part in every campaign."""

    friends: list[str]


async def people(database: Database) -> Pool:
    return Pool(await add_friends(database, 12))


def expect(**pairs: tuple[object, object]) -> list[str]:
    """A sentence for each pair that differs."""
    return [f"{what} is {is_}, not {due}" for what, (is_, due) in pairs.items() if is_ != due]


def one_friend_counts(database: Database, campaign_id: str) -> Callable[[], Awaitable[list[str]]]:
    """The verdict on a scene whose friends are one person: one qualifies, the rest are rejected."""

    async def verdict() -> list[str]:
        referrals = await rows(database, Referral, campaign_id=campaign_id)
        return expect(
            qualified=(sum(r.ordinal is not None for r in referrals), 1),
            rejected=(sum(r.status == "rejected" for r in referrals), PARTIES - 1),
        )

    return verdict


async def _referrers(database: Database, campaign_id: str) -> list[tuple[str, int]]:
    grants = await rows(database, Grant, campaign_id=campaign_id, role="referrer")
    return sorted((grant.reason, grant.ordinal) for grant in grants)


async def _told(database: Database, campaign_id: str, *types: str) -> list[Event]:
    events = await rows(database, Event, campaign_id=campaign_id)
    return sorted((e for e in events if e.type in types), key=lambda event: event.seq or 0)


async def milestones(database: Database, pool: Pool, dice: random.Random) -> Scene:
    """Six friends of one code in the same moment, two of them twice; one of those had signed up,
    the other repeats the same event or tells of another one."""
    tiers = [many_friends(2, points(20), repeat=True), many_friends(3, points(30), id="tier_3")]
    if dice.random() < 0.5:
        tiers.append(every_friend(points(10)))
    of = terms(*tiers, referee_reward=points(5))
    programme = await add_programme(database, of)
    friends = dice.sample(pool.friends, 6)
    await sign_up(database, programme.code, friends[1])
    calls = [(friend, f"event-{n}") for n, friend in enumerate(friends)]
    calls += [dice.choice([calls[0], (friends[0], "again")]), (friends[1], "another")]
    dice.shuffle(calls)
    deeds = [[Deed("refer", (programme.code, *call))] for call in calls]

    async def verdict() -> list[str]:
        referrals = await rows(database, Referral, campaign_id=programme.campaign_id)
        told = await _told(database, programme.campaign_id, "referral.converted")
        grants = await rows(database, Grant, campaign_id=programme.campaign_id, role="referee")
        return expect(
            referrals=(Counter(r.referee_id for r in referrals), Counter(friends)),
            numbers=(sorted(r.ordinal or 0 for r in referrals), [1, 2, 3, 4, 5, 6]),
            grants=(await _referrers(database, programme.campaign_id), sequential(of, 6)),
            friends_grants=(len(grants), 6),
            conversions=(len(told), 6),
        )

    return Scene(deeds, verdict)


async def ceiling(database: Database, pool: Pool, dice: random.Random) -> Scene:
    """Eight friends of two codes, and a budget for some of them."""
    fit = dice.randint(1, 5)
    of = terms(limits=budget(fit * 30_00 + 29_99))
    programme = await add_programme(database, of)
    codes = [programme.code, await add_code(database, programme.campaign_id, pool.friends[0])]
    friends = dice.sample(pool.friends[1:], PARTIES)
    for number, friend in enumerate(friends):
        await sign_up(database, codes[number % 2], friend)
    deeds = [[Deed("refer", (codes[n % 2], friend, f"e{n}"))] for n, friend in enumerate(friends)]

    async def verdict() -> list[str]:
        referrals = await rows(database, Referral, campaign_id=programme.campaign_id)
        kept = await one(database, Budget, campaign_id=programme.campaign_id)
        return expect(
            qualified=(sum(r.ordinal is not None for r in referrals), fit),
            rejected=(sum(r.status == "rejected" for r in referrals), PARTIES - fit),
            reserved=(kept.reserved, fit * 30_00),
        )

    return Scene(deeds, verdict)


async def cap(database: Database, pool: Pool, dice: random.Random) -> Scene:
    """Seven friends of one code, a limit a referrer, and an edit that raises it meanwhile."""
    caps = {1: 3, 2: 5}
    of = terms(every_friend(points(10)), referee_reward=None, limits=Limits(grants_per_referrer=3))
    programme = await add_programme(database, of)
    friends = dice.sample(pool.friends, PARTIES - 1)
    deeds = [[Deed("refer", (programme.code, f, f"event-{n}"))] for n, f in enumerate(friends)]
    deeds.insert(dice.randrange(PARTIES), [Deed("limit", (programme.campaign_id, caps[2]))])

    async def verdict() -> list[str]:
        campaign_id, granted, wrong = programme.campaign_id, 0, []
        referrals = {r.id: r for r in await rows(database, Referral, campaign_id=campaign_id)}
        for event in await _told(database, campaign_id, "referral.qualified", "referral.rejected"):
            referral = referrals[event.referral_id or ""]
            fits = granted < caps[referral.campaign_version]
            granted += fits
            wrong += expect(fits=(referral.ordinal is not None, fits))
        progress = await one(database, ReferrerProgress, campaign_id=campaign_id)
        made = await _referrers(database, campaign_id)
        due = [("tier_every", ordinal) for ordinal in range(1, granted + 1)]
        return wrong + expect(grants=(made, due), counter=(progress.grants, granted))

    return Scene(deeds, verdict)


async def same_order(database: Database, pool: Pool, dice: random.Random) -> Scene:
    """Eight customers bring one order, under its two ids and under codes of two referrers."""
    programme = await add_programme(database, terms(every_friend(points(10)), referee_reward=None))
    campaign_id, people = programme.campaign_id, dice.sample(pool.friends, 9)
    codes = [programme.code, await add_code(database, campaign_id, people.pop())]
    own, other = f"source_id:{campaign_id}", f"id:{campaign_id}"
    named = [(own,), (own, other), (own, other), (own,)] * 2
    deeds = [
        [Deed("refer", (dice.choice(codes), friend, f"{campaign_id} {friend}", *keys))]
        for friend, keys in zip(people, named, strict=True)
    ]
    dice.shuffle(deeds)

    async def verdict() -> list[str]:
        referrals = await rows(database, Referral, campaign_id=campaign_id)
        granted = await rows(database, Grant, campaign_id=campaign_id)
        return expect(accepted=(len(referrals), 1), grants=(len(granted), 1))

    return Scene(deeds, verdict)


async def wallets(database: Database, pool: Pool, dice: random.Random) -> Scene:
    """Four grants of one referral come to rest in the same moment, each twice."""
    tiers = [many_friends(1, points(n), id=f"tier_{n}") for n in (20, 30)]
    of = terms(every_friend(points(10)), *tiers, referee_reward=points(5))
    programme = await add_programme(database, of)
    decision = await qualify(database, programme.code, dice.choice(pool.friends))
    ids = [task.grant_id for task in decision.grants]
    deeds = [[Deed("credit", (id,))] for id in dice.sample([*ids, *ids], PARTIES)]

    async def verdict() -> list[str]:
        grants = await rows(database, Grant, campaign_id=programme.campaign_id)
        referral = await one(database, Referral, campaign_id=programme.campaign_id)
        credits = [c for c in await rows(database, WalletCredit) if c.grant_id in ids]
        told = await _told(database, programme.campaign_id, "grant.delivered")
        return expect(
            statuses=({grant.status for grant in grants}, {"delivered"}),
            referral=(referral.status, "completed"),
            credited=(sorted(credit.amount for credit in credits), [5, 10, 20, 30]),
            told=(len(told), 4),
        )

    return Scene(deeds, verdict)


async def claims(database: Database, pool: Pool, dice: random.Random) -> Scene:
    """Eight attempts at one order, new or left behind by a worker that died; some come again after
    they were answered, when another's claim is committed and holds."""
    grant_id = await card(database, pool, dice)
    if dice.random() < 0.5:
        await claim(database, grant_id)
        order = await one(database, Order, grant_id=grant_id)
        await alter(database, order, claimed_until=in_past(seconds=1))
    before = await attempts(database, grant_id)
    deeds = [[Deed("claim", (grant_id,))] * dice.randint(1, 2) for _ in range(PARTIES)]

    async def verdict() -> list[str]:
        order = await one(database, Order, grant_id=grant_id)
        rights = await attempts(database, grant_id)
        return expect(rights=(rights, before + 1), attempts=(order.attempt, rights))

    return Scene(deeds, verdict)


async def withdrawal(database: Database, pool: Pool, dice: random.Random) -> Scene:
    """Staff cancel a grant in the moment in which it is ordered."""
    grant_id = await card(database, pool, dice)
    deeds = [[Deed(dice.choice(("claim", "cancel")), (grant_id,))] for _ in range(PARTIES)]

    async def verdict() -> list[str]:
        grant, rights = await one(database, Grant, id=grant_id), await attempts(database, grant_id)
        both = grant.status == "cancelled" and rights > 0
        return expect(cancelled_and_ordered=(both, False), rights=(rights <= 1, True))

    return Scene(deeds, verdict)


async def card(database: Database, pool: Pool, dice: random.Random) -> str:
    """A grant of a gift card that is about to be ordered."""
    of = terms(every_friend(gift_card()), referee_reward=None)
    programme = await add_programme(database, of)
    decision = await qualify(database, programme.code, dice.choice(pool.friends))
    return decision.grants[0].grant_id


async def attempts(database: Database, grant_id: str) -> int:
    """How many were given the right to send its order."""
    events = await rows(database, Event, grant_id=grant_id)
    return sum(event.type == RIGHT_TO_SEND for event in events)


async def reversals(database: Database, pool: Pool, dice: random.Random) -> Scene:
    """Three refunds, one of them told twice, while four more friends of the same code convert."""
    tiers = [every_friend(points(10)), many_friends(3, points(30), repeat=True)]
    programme = await add_programme(database, terms(*tiers, referee_reward=None))
    campaign_id, people = programme.campaign_id, dice.sample(pool.friends, 8)
    for friend in people[:4]:
        await qualify(database, programme.code, friend)
    begun = [r.id for r in await rows(database, Referral, campaign_id=campaign_id)]
    deeds = [[Deed("refer", (programme.code, f, f"event-{f}"))] for f in people[4:]]
    deeds += [[Deed("reverse", (id, f"refund-{id}"))] for id in (*begun[:3], begun[0])]
    dice.shuffle(deeds)

    async def verdict() -> list[str]:
        told = await _told(
            database, campaign_id, "referral.qualified", "referral.reversal_carried_out"
        )
        due, count = in_turn([event.type == "referral.qualified" for event in told])
        progress = await one(database, ReferrerProgress, campaign_id=campaign_id)
        return expect(
            told=(len(told), 11),
            friends=(progress.unique_referees, count),
            conversions=(progress.conversions, 8),
            grants=(await _referrers(database, campaign_id), due),
        )

    return Scene(deeds, verdict)


def in_turn(story: list[bool]) -> tuple[list[tuple[str, int]], int]:
    """One after another, True a conversion and False a reversal: the grants, and the friends that
    count in the end. A milestone is granted when it is first reached, and never again."""
    friends, number, grants, highest = 0, 0, set[tuple[str, int]](), 0
    for converted in story:
        friends += 1 if converted else -1
        number += converted
        if converted:
            grants.add(("tier_every", number))
        if converted and friends % 3 == 0 and friends > highest:
            highest = friends
            grants.add(("tier_many", friends // 3))
    return sorted(grants), friends


SCENES = (milestones, ceiling, cap, same_order, wallets, claims, withdrawal, reversals)
