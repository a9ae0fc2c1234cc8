"""Scenes in which rewards are spent, taken back, owed and kept back. See scenes.py for what a
scene is."""

from __future__ import annotations

import random

from bench.proofs.books import balances
from domain.ledger import wallet
from domain.rewards import DiscountCoupon
from store.database import Database
from store.reversals.request import request_reversal
from store.tables import (
    Coupon,
    Event,
    Grant,
    Receivable,
    Redemption,
    Voucher,
    WalletCredit,
)
from tests.builders import (
    add_code,
    add_customer,
    add_programme,
    alter,
    every_friend,
    in_past,
    number,
    one,
    points,
    qualify,
    rows,
    terms,
)
from tests.proofs.crew import PARTIES
from tests.proofs.deeds import Deed, credit, reverse
from tests.proofs.deeds_of_codes import mint, spend
from tests.proofs.scenes import Pool, Scene, attempts, card, expect, one_friend_counts

COUPON = DiscountCoupon.model_validate(
    {"discount": {"type": "AMOUNT", "amount_off": 500}, "uses": 2}
)


async def twins(database: Database, pool: Pool, dice: random.Random) -> Scene:
    """Eight friends of two codes who have one e-mail address: the first of them counts."""
    programme = await add_programme(database, terms(every_friend(points(10)), referee_reward=None))
    codes = [programme.code, await add_code(database, programme.campaign_id, pool.friends[0])]
    email = f"one{number()}@example.com"
    friends = [await add_customer(database, email=email) for _ in range(PARTIES)]
    deeds = [[Deed("refer", (codes[n % 2], friend, f"e{n}"))] for n, friend in enumerate(friends)]

    return Scene(deeds, one_friend_counts(database, programme.campaign_id))


async def spending(database: Database, pool: Pool, dice: random.Random) -> Scene:
    """A wallet of 60 points: five want 20 of it, one of them twice, while a third of it is
    reversed, which is told twice."""
    owner = await add_customer(database)
    referrals = [await _earned(database, owner, 20) for _ in range(3)]
    calls = [(owner, 20, f"use-{n}") for n in (0, 0, 1, 2, 3, 4)]
    deeds = [[Deed("spend", call)] for call in calls]
    deeds += [[Deed("reverse", (referrals[0], "refund"))]] * 2
    dice.shuffle(deeds)

    async def verdict() -> list[str]:
        left = sum(c.remaining for c in await rows(database, WalletCredit, customer_id=owner))
        used = await rows(database, Event, customer_id=owner, type="wallet.used")
        debts = [debt.balance for debt in await rows(database, Receivable, customer_id=owner)]
        return expect(
            used=(len(used) + (not sum(debts)), 3),
            left=(left, 0),
            owed=(sum(debts) in (0, 20), True),
            booked=((await balances(database))[wallet(owner), "POINTS"], 0),
        )

    return Scene(deeds, verdict)


async def lapsing(database: Database, pool: Pool, dice: random.Random) -> Scene:
    """Three credits have lapsed; eight processes book it."""
    owner = await add_customer(database)
    for _ in range(3):
        await _earned(database, owner, 20)
    for held in await rows(database, WalletCredit, customer_id=owner):
        await alter(database, held, expires_at=in_past(seconds=1))
    deeds = [[Deed("expire", ())] for _ in range(PARTIES)]

    async def verdict() -> list[str]:
        told = await rows(database, Event, customer_id=owner, type="wallet.expired")
        held = (await balances(database))[wallet(owner), "POINTS"]
        return expect(told=(len(told), 3), booked=(held, 0))

    return Scene(deeds, verdict)


async def debts(database: Database, pool: Pool, dice: random.Random) -> Scene:
    """Somebody owes 50 points, and earns 20 in each of four campaigns in the same moment, while
    another two are reversed that were spent as well."""
    owner = await add_customer(database)
    spent = [await _earned(database, owner, 50) for _ in range(3)]
    await spend(database, owner, 150, "all")
    await reverse(database, spent[0], "refund")
    codes = []
    for _ in range(4):
        programme = await add_programme(
            database, terms(every_friend(points(20)), referee_reward=None)
        )
        codes.append(await add_code(database, programme.campaign_id, owner))
    friends = dice.sample(pool.friends, 4)
    deeds = [[Deed("refer", (code, f, "now"))] for code, f in zip(codes, friends, strict=True)]
    deeds += [[Deed("reverse", (referral, "refund"))] for referral in spent[1:] * 2]
    dice.shuffle(deeds)

    async def verdict() -> list[str]:
        debt = await one(database, Receivable, customer_id=owner)
        netted = [grant.netted for grant in await rows(database, Grant, recipient_id=owner)]
        return expect(
            balance=(debt.balance, 150 - sum(netted)),
            kept_back=(50 <= sum(netted) <= 80, True),
        )

    return Scene(deeds, verdict)


async def coupons(database: Database, pool: Pool, dice: random.Random) -> Scene:
    """A grant's coupon is minted eight times over."""
    owner = await add_customer(database)
    grant = await _coupon(database, owner, dice.choice(pool.friends))
    deeds = [[Deed("mint", (grant.id,))] for _ in range(PARTIES)]

    async def verdict() -> list[str]:
        minted = await rows(database, Coupon, customer_id=owner)
        told = await rows(database, Event, grant_id=grant.id, type="grant.delivered")
        return expect(minted=(len(minted), 1), told=(len(told), 1))

    return Scene(deeds, verdict)


async def clipping(database: Database, pool: Pool, dice: random.Random) -> Scene:
    """Four coupons for two uses are taken back in the moment in which they are used, each of them
    three times; other work delays those who use them, each a little longer."""
    vouchers, deeds = dict[str, Voucher](), list[list[Deed]]()
    nothing = Deed("redeem", ("no such code", dice.choice(pool.friends), None))
    for delay in range(1, 5):
        owner = await add_customer(database)
        grant = await _coupon(database, owner, dice.choice(pool.friends))
        voucher = vouchers[grant.id] = await _minted(database, grant)
        await _refund(database, grant.referral_id)
        deeds.append([Deed("carry_out", (grant.referral_id,))])
        deeds.append([*[nothing] * delay, *[Deed("redeem", (voucher.code, owner, None))] * 3])
    dice.shuffle(deeds)

    async def verdict() -> list[str]:
        return [
            wrong
            for grant_id, voucher in vouchers.items()
            for wrong in await _clipped(database, grant_id, voucher.id)
        ]

    return Scene(deeds, verdict)


async def _clipped(database: Database, grant_id: str, voucher_id: str) -> list[str]:
    """A coupon is worth something if and only if it was used, which is twice at most."""
    after = await one(database, Voucher, id=voucher_id)
    uses = len(await rows(database, Redemption, voucher_id=voucher_id))
    status = (await one(database, Grant, id=grant_id)).status
    return expect(
        counted=(after.redeemed_quantity, uses),
        too_often=(uses > 2, False),
        disabled=(status == "cancelled", uses == 0),
        active=(after.active, uses > 0),
    )


async def recall(database: Database, pool: Pool, dice: random.Random) -> Scene:
    """A card is ordered, and points are credited three times, in the moment in which what earned
    them is reversed; other work delays it."""
    cards = [await card(database, pool, dice) for _ in range(2)]
    owner = await add_customer(database)
    earned = [await _granted(database, owner, 20) for _ in range(3)]
    arrivals = [Deed("claim", (cards[0],)), *[Deed("credit", (id,)) for id in earned]]
    other, deeds = Deed("claim", (cards[1],)), list[list[Deed]]()
    for arrival in arrivals:
        grant = await one(database, Grant, id=arrival.about[0])
        await _refund(database, grant.referral_id)
        deeds += [[Deed("carry_out", (grant.referral_id,))]]
        deeds += [[*[other] * dice.randint(0, 2), arrival]]
    dice.shuffle(deeds)

    async def verdict() -> list[str]:
        ordered = await one(database, Grant, id=cards[0])
        left = [c.remaining for c in await rows(database, WalletCredit, customer_id=owner)]
        states = {grant.status for grant in await rows(database, Grant, recipient_id=owner)}
        return expect(
            cancelled=(ordered.status == "cancelled", await attempts(database, cards[0]) == 0),
            points=(sum(left), 0),
            states=(states, {"cancelled"}),
        )

    return Scene(deeds, verdict)


async def _refund(database: Database, referral_id: str) -> None:
    """All of it is to be undone; who carries it out comes later."""
    async with database.transaction() as tx:
        await request_reversal(tx, referral_id, None, "refund", "refund")


async def _minted(database: Database, grant: Grant) -> Voucher:
    await mint(database, grant.id)
    coupon = await one(database, Coupon, grant_id=grant.id)
    return await one(database, Voucher, id=coupon.voucher_id)


async def _earned(database: Database, owner: str, amount: int) -> str:
    """The owner has so many points in the wallet; answers the referral that earned them."""
    grant_id = await _granted(database, owner, amount)
    await credit(database, grant_id)
    return (await one(database, Grant, id=grant_id)).referral_id


async def _granted(database: Database, owner: str, amount: int) -> str:
    """A grant of so many points that is about to be credited to the owner."""
    of = terms(every_friend(points(amount)), referee_reward=None)
    programme = await add_programme(database, of)
    code = await add_code(database, programme.campaign_id, owner)
    return (await qualify(database, code)).grants[0].grant_id


async def _coupon(database: Database, owner: str, friend: str) -> Grant:
    programme = await add_programme(database, terms(every_friend(COUPON), referee_reward=None))
    code = await add_code(database, programme.campaign_id, owner)
    decision = await qualify(database, code, friend)
    return await one(database, Grant, id=decision.grants[0].grant_id)


SCENES_OF_REWARDS = (twins, spending, lapsing, debts, coupons, clipping, recall)
