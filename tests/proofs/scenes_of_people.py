"""Scenes in which people change address or are erased. See scenes.py for what a scene is."""

from __future__ import annotations

import random
from datetime import timedelta

from domain.grants import GrantStatus
from domain.referrals import ReferralStatus
from store.database import Database
from store.tables import Customer, Event, Grant, Referral, ReferrerProgress
from tests.builders import (
    add_code,
    add_customer,
    add_friends,
    add_programme,
    budget,
    credits,
    every_friend,
    number,
    one,
    points,
    qualify,
    rows,
    sign_up,
    terms,
)
from tests.proofs.crew import PARTIES
from tests.proofs.deeds import Deed
from tests.proofs.scenes import Pool, Scene, expect, one_friend_counts


async def erasures(database: Database, pool: Pool, dice: random.Random) -> Scene:
    """Two friends buy, and the purchase of a third is reversed, in the moment in which they are
    erased, one of them by two people."""
    programme = await add_programme(
        database,
        terms(
            every_friend(credits(10_00)),
            referee_reward=credits(5_00),
            limits=budget(100_00),
            hold=timedelta(days=1),
        ),
    )
    campaign_id, people = programme.campaign_id, await add_friends(database, 3)
    for friend in people[:2]:
        await sign_up(database, programme.code, friend)
    await qualify(database, programme.code, people[2])
    refunded = await one(database, Referral, campaign_id=campaign_id, referee_id=people[2])
    deeds = [[Deed("refer", (programme.code, friend, f"event-{friend}"))] for friend in people[:2]]
    deeds += [[Deed("reverse", (refunded.id, f"refund-{n}"))] for n in range(2)]
    deeds += [[Deed("erase", (friend,))] for friend in (*people, people[2])]
    dice.shuffle(deeds)

    async def verdict() -> list[str]:
        wrong = []
        for friend in people:
            row = await one(database, Customer, id=friend)
            referral = await one(database, Referral, campaign_id=campaign_id, referee_id=friend)
            grants = await rows(database, Grant, recipient_id=friend)
            told = await rows(database, Event, customer_id=friend, type="customer.deleted")
            erased, rejected = bool(row.erased_at), referral.status == ReferralStatus.REJECTED
            given = [one for one in grants if one.status != GrantStatus.CANCELLED]
            wrong += expect(
                told=(len(told), int(erased)),
                judged=(referral.ordinal is None, rejected),
                given=(len(given), int(not erased and referral.reversed_at is None)),
            )
        counted = await rows(database, Referral, campaign_id=campaign_id, reversed_at=None)
        progress = await one(database, ReferrerProgress, campaign_id=campaign_id)
        friends = sum(one.ordinal is not None for one in counted)
        return wrong + expect(friends=(progress.unique_referees, friends))

    return Scene(deeds, verdict)


async def movers(database: Database, pool: Pool, dice: random.Random) -> Scene:
    """Eight friends of two codes buy. Some had one and the same e-mail address and take another one
    just before, the others take that address just before: the first of the eight counts."""
    programme = await add_programme(database, terms(every_friend(points(10)), referee_reward=None))
    codes = [programme.code, await add_code(database, programme.campaign_id, pool.friends[0])]
    shared, deeds = f"one{number()}@example.com", []
    for n in range(PARTIES):
        own = f"own{number()}@example.com"
        before, after = dice.choice([(shared, own), (own, shared)])
        friend = await add_customer(database, email=before)
        deeds.append(
            [Deed("move", (friend, after)), Deed("refer", (codes[n % 2], friend, f"e{n}"))]
        )

    return Scene(deeds, one_friend_counts(database, programme.campaign_id))


SCENES_OF_PEOPLE = (erasures, movers)
