"""Scenes in which something comes back: what a wallet was used for, a referral that was undone, a
campaign that was paused. See scenes.py for what a scene is."""

from __future__ import annotations

import random

from bench.proofs.books import balances
from domain.ledger import wallet
from domain.purchases import OrderIds
from domain.referrals import held_by
from store.database import Database
from store.reversals.request import request_reversal
from store.tables import (
    Event,
    Grant,
    LedgerEntry,
    Referral,
    ReferrerProgress,
    Reversal,
    WalletCredit,
    WalletUse,
)
from tests.builders import (
    add_code,
    add_customer,
    add_programme,
    every_friend,
    many_friends,
    one,
    points,
    qualify,
    rows,
    sign_up,
    terms,
)
from tests.proofs.deeds import Deed, credit, look_again
from tests.proofs.deeds_of_codes import spend
from tests.proofs.deeds_of_returns import refund_order, switch_campaign, switch_code
from tests.proofs.scenes import Pool, Scene, expect


async def returns(database: Database, pool: Pool, dice: random.Random) -> Scene:
    """Of 90 points 60 are used. Four processes give 10 of them back, twice each, while four more
    use what there is."""
    owner = await add_customer(database)
    of = terms(every_friend(points(30)), referee_reward=None)
    programme = await add_programme(database, of)
    code = await add_code(database, programme.campaign_id, owner)
    for friend in dice.sample(pool.friends, 3):
        await credit(database, (await qualify(database, code, friend)).grants[0].grant_id)
    await spend(database, owner, 60, "before")
    names = [f"back-{n}" for n in (0, 0, 1, 2, 3, 4, 5, 6)]
    deeds = [
        [Deed("give_back", (owner, "before", 10, name)) for name in names[n : n + 2]]
        for n in range(0, 8, 2)
    ]
    deeds += [[Deed("spend", (owner, 10, f"use-{n}-{m}")) for m in range(2)] for n in range(4)]
    dice.shuffle(deeds)

    async def verdict() -> list[str]:
        uses = await rows(database, WalletUse, customer_id=owner)
        (first,) = [use for use in uses if use.amount == 60]
        back = await rows(database, LedgerEntry, account=wallet(owner), kind="unuse")
        left = sum(c.remaining for c in await rows(database, WalletCredit, customer_id=owner))
        spent = sum(use.amount for use in uses if use is not first)
        return expect(
            returned=(first.returned, 60),
            booked_back=(abs(sum(entry.amount for entry in back)), 60),
            left=(left, 90 - spent),
            booked=(abs((await balances(database))[wallet(owner), "POINTS"]), left),
        )

    return Scene(deeds, verdict)


async def reinstatements(database: Database, pool: Pool, dice: random.Random) -> Scene:
    """A referral is to be undone, or is. Three of staff bring it back, the friend buys again, and
    a second refund comes twice, while its rewards come to rest."""
    tiers = [every_friend(points(10)), many_friends(1, points(30))]
    programme = await add_programme(database, terms(*tiers, referee_reward=points(5)))
    campaign_id, friend = programme.campaign_id, dice.choice(pool.friends)
    order = OrderIds.of_keys([f"source_id:{campaign_id}"])
    decision = await qualify(
        database, programme.code, friend, event_id=f"{campaign_id} first", orders=order
    )
    referral_id = (await one(database, Referral, campaign_id=campaign_id)).id
    async with database.transaction() as tx:
        await request_reversal(tx, referral_id, None, "refund", "before")
    if dice.random() < 0.5:
        await look_again(database, referral_id)
    deeds = [[Deed("reinstate", (referral_id,))] for _ in range(3)]
    deeds += [[Deed("refer", (programme.code, friend, "second", *order.keys))]]
    deeds += [[Deed("reverse", (referral_id, "after"))]] * 2
    # Other work delays them, for a referral is reinstated in several steps.
    nothing = Deed("redeem", ("no such code", friend, None))
    deeds += [
        [*[nothing] * dice.randint(0, 5), Deed("credit", (task.grant_id,))]
        for task in decision.grants[:2]
    ]
    dice.shuffle(deeds)

    async def verdict() -> list[str]:
        await look_again(database, referral_id)
        referral = await one(database, Referral, id=referral_id)
        told = [one.type for one in await rows(database, Event, referral_id=referral_id)]
        asked = told.count("referral.reinstatement_asked")
        progress = await one(database, ReferrerProgress, campaign_id=campaign_id)
        grants = await rows(database, Grant, campaign_id=campaign_id, reason="tier_every")
        stands = referral.reversed_at is None
        return expect(
            rounds=(referral.round, asked),
            applied=(told.count("referral.reinstated"), asked),
            # Refunded before it is judged, it is rejected, and keeps its number.
            number=(referral.ordinal or referral.earlier_ordinal, 1),
            friends=(progress.unique_referees, int(stands)),
            grants=([grant.status != "cancelled" for grant in grants], [stands]),
        )

    return Scene(deeds, verdict)


async def pauses(database: Database, pool: Pool, dice: random.Random) -> Scene:
    """Four friends who wait under two codes buy while campaign and code are off, and are switched
    on by one, and off and on by another: in the end all are judged."""
    programme = await add_programme(database, terms(every_friend(points(10)), referee_reward=None))
    campaign_id, people = programme.campaign_id, dice.sample(pool.friends, 5)
    codes = [programme.code, await add_code(database, campaign_id, people.pop())]
    deeds = []
    for number, friend in enumerate(people):
        await sign_up(database, codes[number % 2], friend)
        deeds.append([Deed("refer", (codes[number % 2], friend, f"event-{number}"))])
    await switch_campaign(database, campaign_id, False)
    await switch_code(database, codes[0], False)
    for turns in ((True,), (False, True)):
        deeds.append([Deed("switch_campaign", (campaign_id, on)) for on in turns])
        deeds.append([Deed("switch_code", (codes[0], on)) for on in turns])
    dice.shuffle(deeds)

    async def verdict() -> list[str]:
        referrals = await rows(database, Referral, campaign_id=campaign_id)
        grants = await rows(database, Grant, campaign_id=campaign_id)
        held = [one for one in referrals if held_by(one.status, one.reason)]
        return expect(
            held=(len(held), 0),
            judged=(sum(one.ordinal is not None for one in referrals), 4),
            grants=(len(grants), 4),
        )

    return Scene(deeds, verdict)


async def early_refunds(database: Database, pool: Pool, dice: random.Random) -> Scene:
    """Two orders are bought and refunded in the same moment. Two more were refunded before; each is
    bought in two campaigns at once, whose shops name it by other ids: it is for one of them."""
    of = terms(every_friend(points(10)), referee_reward=None)
    first, second = await add_programme(database, of), await add_programme(database, of)
    friends = dice.sample(pool.friends, 4)
    orders = [f"{first.campaign_id} {n}" for n in range(4)]
    deeds = []
    for order, friend in zip(orders[:2], friends, strict=False):
        deeds += [
            [Deed("refer", (first.code, friend, order, f"source_id:{order}"))],
            [Deed("refund_order", (order, first.campaign_id, f"all of {order}"))],
        ]
    for order, friend in zip(orders[2:], friends[2:], strict=True):
        await refund_order(database, order, None, f"all of {order}")
        deeds += [
            [Deed("refer", (first.code, friend, order, f"source_id:{order}"))],
            [Deed("refer", (second.code, friend, order, f"id:{order}"))],
        ]
    dice.shuffle(deeds)

    async def verdict() -> list[str]:
        wrong = []
        for number, order in enumerate(orders):
            bought = await rows(database, Referral, order_source_id=order)
            undone = [one for one in bought if one.reversed_at is not None]
            unclear = [one for one in bought if one.reason == "refund_unclear"]
            asked = [
                x for one in bought for x in await rows(database, Reversal, referral_id=one.id)
            ]
            wrong += expect(
                undone=(len(undone), 1), asked=(len(asked), 1), unclear=(len(unclear), number // 2)
            )
        return wrong

    return Scene(deeds, verdict)


SCENES_OF_RETURNS = (returns, reinstatements, pauses, early_refunds)
