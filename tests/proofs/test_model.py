"""Conversions, duplicates, reversals, edits and limits, in every order that Hypothesis can think
of, against a plain sequential model: grants, budget and counts are always equal."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from typing import Any

import asyncpg
import pytest
from auditing import assert_books_agree
from builders import (
    add_code,
    add_customer,
    add_friends,
    add_programme,
    budget,
    credits,
    every_friend,
    many_friends,
    one,
    points,
    rows,
    terms,
)
from deeds import limit, refer, reverse
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from said.gathering import gather_secrets
from sequential_model import COST, EACH, EVERY, FRIEND, Model

from store.database import Database
from store.tables import Budget, Grant, Referral, ReferrerProgress

EXAMPLES = int(os.environ.get("GUERDON_EXAMPLES", "12"))
_REFERRERS, _FRIENDS = st.integers(0, 1), st.integers(0, 7)
"""Few, so that they meet often."""
CAP, BUDGET = 5, 6 * COST + 1


class Referrals(RuleBasedStateMachine):
    """The product's store beside the model. Each run begins with a campaign of its own."""

    database: Database
    loop: asyncio.AbstractEventLoop

    def __init__(self) -> None:
        super().__init__()
        self.model = Model(CAP, BUDGET)
        self.run(self._begin())

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        self.loop.run_until_complete(work)

    async def _begin(self) -> None:
        tiers = [every_friend(credits(EACH)), many_friends(EVERY, points(500), repeat=True)]
        limits = budget(BUDGET, grants_per_referrer=CAP)
        of = terms(*tiers, referee_reward=credits(FRIEND), limits=limits)
        programme = await add_programme(self.database, of)
        other = await add_customer(self.database)
        self.campaign_id = programme.campaign_id
        self.referrers = [programme.referrer_id, other]
        self.codes = [programme.code, await add_code(self.database, self.campaign_id, other)]
        self.friends = await add_friends(self.database, 8)

    @rule(referrer=_REFERRERS, friend=_FRIENDS, event=st.sampled_from(["first", "second"]))
    def convert(self, referrer: int, friend: int, event: str) -> None:
        """A friend buys, perhaps for the second time, perhaps with another's code."""
        who, left = self.friends[friend], self.model.budget - self.model.reserved
        self.run(refer(self.database, self.codes[referrer], who, event))
        # What cannot fit is refused at the door, before there is a referral: the friend may
        # come again.
        if left >= COST:
            self.model.convert(self.referrers[referrer], who)

    @rule(friend=_FRIENDS, times=st.integers(1, 2))
    def refund(self, friend: int, times: int) -> None:
        """A purchase is refunded, perhaps told of twice."""
        who = self.friends[friend]
        if who not in self.model.judged:
            return
        for _ in range(times):
            self.run(self._refund(who))
        self.model.reverse(who)

    async def _refund(self, who: str) -> None:
        referral = await one(self.database, Referral, campaign_id=self.campaign_id, referee_id=who)
        await reverse(self.database, referral.id, f"refund of {referral.id}")

    @rule(cap=st.integers(2, 9))
    def edit(self, cap: int) -> None:
        """Another limit, from the next referral on."""
        self.run(limit(self.database, self.campaign_id, cap))
        self.model.cap = cap

    @invariant()
    def grants_are_equal(self) -> None:
        self.run(self._compare())

    async def _compare(self) -> None:
        of = {"campaign_id": self.campaign_id}
        grants = await rows(self.database, Grant, **of)
        made = {(g.recipient_id, g.reason, g.ordinal) for g in grants if g.role == "referrer"}
        assert made == self.model.grants
        assert {g.recipient_id for g in grants if g.role == "referee"} == set(self.model.judged)
        kept = await one(self.database, Budget, **of)
        assert (kept.reserved, kept.committed) == (self.model.reserved, 0)
        counts = await rows(self.database, ReferrerProgress, **of)
        friends = {row.referrer_id: row.unique_referees for row in counts if row.conversions}
        assert friends == self.model.friends

    def teardown(self) -> None:
        self.run(assert_books_agree(self.database))


@pytest.mark.timeout(3600)
def test_the_store_does_what_the_model_does(postgres_url: str) -> None:
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        url = loop.run_until_complete(_made(postgres_url))
        Referrals.database, Referrals.loop = Database(url, pool=4), loop
        run_state_machine_as_test(
            Referrals,
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=20,
                deadline=None,
                derandomize=EXAMPLES < 100,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
        loop.run_until_complete(Referrals.database.dispose())
        loop.run_until_complete(gather_secrets(url))


async def _made(postgres_url: str) -> str:
    """A migrated database of this test's own."""
    connection = await asyncpg.connect(postgres_url)
    await connection.execute("CREATE DATABASE model TEMPLATE migrated")
    await connection.close()
    return postgres_url.rpartition("/")[0] + "/model"
