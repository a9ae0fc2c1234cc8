"""One chaos run: prepare, refer during kills and faults, wait for rest, judge."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
from temporalio.client import Client

from bench.proofs.chaos.callers import Callers
from bench.proofs.chaos.finance import reconcile
from bench.proofs.chaos.judge import Due, Verdict, judge
from bench.proofs.chaos.killer import KINDS, MOMENT, Killer
from bench.proofs.chaos.loss import lose_temporal, recover
from bench.proofs.chaos.mischief import Mischief
from bench.proofs.chaos.outside import Outside, rest
from bench.proofs.chaos.people import People
from bench.proofs.chaos.programme import (
    FRIENDS_PER_CODE,
    PLANS,
    Friend,
    Plan,
    Refund,
    befriend,
    campaign_body,
    friends_of,
    person,
    terms_of,
)
from bench.proofs.chaos.replays import replay
from bench.proofs.chaos.secrets import Search, needles_of, search
from cli.stack.stack import Stack
from domain.campaigns import CampaignTerms
from store.database import Database

LINGER = 30
"""Seconds without any change after which the faults end, however much is open."""
AT_ONCE = 40
"""Friends under way at the same time."""


@dataclass(frozen=True)
class Order:
    """The options of a run."""

    seed: int
    referrals: int = 1000
    kills: int = 30
    kinds: tuple[str, ...] = KINDS
    """The kinds of processes to kill."""
    hurry: bool = False
    """Kills follow one another at once, without waiting for orders in flight."""
    lose_temporal: bool = False
    """Half-way Temporal's state is deleted, and rebuilt by `guerdon recover`."""
    settle: float = 200
    """Seconds without any change after which parked grants count as final: if a provider repeats
    its own failure, proving absence takes two minutes of searching."""
    still: float = 90
    """Seconds without any change after which what is open counts as lost."""


@dataclass
class Report:
    """What the run did, and its result."""

    order: Order
    verdict: Verdict
    searched: Search
    kills: dict[str, int]
    amid_many: int
    forged: int
    troubles: int
    answers: dict[str, int]
    people: dict[str, int]
    """The number of refunds, changed repeats, edits and pauses."""
    providers: dict[str, dict[str, int]]
    seconds: float
    home: Path


class Run:
    """A run over one stack that has just been started."""

    def __init__(self, stack: Stack, order: Order, say: Callable[[str], None]) -> None:
        info = stack.info
        self.stack, self.order, self.say = stack, order, say
        self.http = httpx.AsyncClient(
            base_url=stack.urls.api,
            headers={"X-App-Id": info.app_id, "X-App-Token": info.app_token},
            timeout=20,
            limits=httpx.Limits(max_connections=100),
        )
        self.dice = random.Random(order.seed)
        self.callers = Callers(self.http)
        self.people = People(self.callers, self.http)
        self.mischief = Mischief(stack, self.http)
        dice = random.Random(order.seed + 1)
        self.killer = Killer(stack, order.kills, order.kinds, dice, say, hurry=order.hurry)
        if order.lose_temporal:
            self.killer.at_half = self._lose_temporal
        self.terms: dict[str, CampaignTerms] = {}
        self.fit: dict[str, int] = {}
        """The number of friends that each campaign rewards, by its id."""
        self.refunds: dict[int, Refund] = {}
        """The friends' refunds, by their number."""

    async def run(self) -> Report:
        """Everything, from the campaigns to the verdict."""
        began = time.monotonic()
        friends = await self._prepare()
        outside = Outside(self.stack, self.http)
        await self.mischief.begin(self.order.seed)
        await self._under_fire(friends, outside)
        await self.mischief.end()
        await rest(outside, self.say, still=self.order.still, settle=self.order.settle)
        self.say("judging")
        verdict, searched = await self._judge(outside)
        report = Report(
            order=self.order,
            verdict=verdict,
            searched=searched,
            kills=dict(self.killer.done),
            amid_many=self.killer.amid_many,
            forged=self.mischief.forged,
            troubles=self.mischief.troubles,
            answers=dict(self.callers.ledger.answers),
            people=dict(self.people.done),
            providers=await outside.stats(),
            seconds=time.monotonic() - began,
            home=self.stack.home,
        )
        await self.http.aclose()
        return report

    async def _judge(self, outside: Outside) -> tuple[Verdict, Search]:
        """What was lost or doubled, which histories do not replay, and which secrets leaked."""
        client = await Client.connect(self.stack.urls.temporal)
        database = Database(self.stack.urls.database, pool=2)
        due = Due(self.terms, self.fit, self.refunds)
        verdict = await judge(outside, self.callers.ledger, due, database)
        verdict.reconciled, differences = await reconcile(outside)
        verdict.books += differences
        verdict.replayed, wrong = await replay(client)
        needles = await needles_of(self.stack, database)
        searched = await search(self.stack, client, self.callers.ledger.problems, needles)
        verdict.others += [*wrong, *searched.leaks, *self.killer.too_tame()]
        await database.dispose()
        return verdict, searched

    def _lose_temporal(self) -> None:
        self.say("Temporal's state is deleted")
        lose_temporal(self.stack)
        self.say(recover(self.stack))

    async def _prepare(self) -> list[Friend]:
        """Create the campaigns and publish the codes, before anything goes wrong."""
        codes: dict[str, list[str]] = {}
        ids: dict[str, str] = {}
        per_plan = -(-self.order.referrals // len(PLANS))
        for plan in PLANS:
            friends = friends_of(plan, self.order.referrals)
            answer = await self.callers.post("/v1/campaigns", campaign_body(plan, friends))
            ids[plan.name] = answer["id"]
            self.fit[answer["id"]] = plan.fit(friends)
            self.terms[answer["id"]] = terms_of(answer)
            count = 1 if plan.hot else -(-per_plan // FRIENDS_PER_CODE)
            codes[plan.name] = [await self._publish(plan, n) for n in range(count)]
        all_of_them = [self._friend(n, ids, codes) for n in range(self.order.referrals)]
        self.refunds = {friend.number: friend.refund for friend in all_of_them if friend.refund}
        return all_of_them

    async def _publish(self, plan: Plan, number: int) -> str:
        owner = person(self.order.seed, 5000 + PLANS.index(plan) * 1000 + number, "referrer")
        body = {"campaign": {"name": plan.name, "count": 1}, "customer": owner}
        published = await self.callers.post("/v1/publications", body)
        return str(published["voucher"]["code"])

    def _friend(self, number: int, ids: dict[str, str], codes: dict[str, list[str]]) -> Friend:
        plan, turn = PLANS[number % len(PLANS)], number // len(PLANS)
        own = codes[plan.name]
        code = own[turn % len(own)]
        return befriend(self.order.seed, number, plan, ids[plan.name], code, self.dice)

    async def _under_fire(self, friends: list[Friend], outside: Outside) -> None:
        """Refer all friends during the kills, an equal share of them per kill. The providers keep
        failing until most orders are done."""
        dice = random.Random(self.order.seed + 2)
        managed = next(friend.campaign_id for friend in friends if friend.plan.returns)
        mischief = asyncio.gather(
            self.mischief.forge(),
            self.mischief.trouble(dice),
            self.people.manage(managed, random.Random(self.order.seed + 3)),
        )
        queue = iter(friends)
        await asyncio.gather(self.killer.run(), *(self._lane(queue) for _ in range(AT_ONCE)))
        await rest(outside, self.say, open_ones=self.order.referrals // 10, still=LINGER)
        mischief.cancel()
        with suppress(asyncio.CancelledError):
            await mischief

    async def _lane(self, queue: Iterator[Friend]) -> None:
        """Friends come during the kills: half of them at the moment of a kill."""
        for friend in queue:
            await self.killer.about_to(self._turn(friend.number))
            await asyncio.sleep(self.dice.choice((MOMENT, 5.0)) * self.dice.random())
            await self.people.before(friend)
            await self.callers.refer(friend)
            await self.people.after(friend)

    def _turn(self, number: int) -> int:
        """The number of the kill that a friend comes with; some come before the first."""
        return number * (self.order.kills + 1) // self.order.referrals
