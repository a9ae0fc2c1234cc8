"""The product's store beside the plain model: each rule does the same to both, and after each they
must be equal."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
)
from sqlalchemy import select

from domain import customers
from domain.campaigns import CampaignTerms, OnReversal
from domain.fraud import FraudChecks, Response
from domain.refusals import Refusal
from store.campaigns import switch
from store.campaigns.revise import lock, revise
from store.customers.erase import erase
from store.customers.upsert import upsert
from store.database import Database
from store.outbox.messages import Outgoing
from store.reversals.by_order import reverse_order
from store.reversals.early import reinstate
from store.reversals.order_refund import OrderRefund
from store.reversals.request import clear_up, request_reversal
from store.tables import Budget, Customer, Grant, Redemption, Referral, ReferrerProgress
from store.terms import terms_of
from tests.auditing import assert_books_agree
from tests.builders import (
    Row,
    add_code,
    add_customer,
    add_friends,
    add_programme,
    budget,
    credits,
    every_friend,
    many_friends,
    number,
    one,
    redemption_terms,
    rows,
    sign_up,
    terms,
)
from tests.proofs.deeds import look_again, refer
from tests.proofs.deeds_of_codes import redeem, roll_back
from tests.proofs.sequential_model import FRIEND, MANY, ORDER, Model, Person, Terms

_REFERRERS, _FRIENDS = st.integers(0, 1), st.integers(0, 7)
"""Few, so that they meet often."""
_EACH, _CAPS, _USES = st.sampled_from((8_00, 10_00)), st.integers(2, 9), st.integers(3, 8)
_AMOUNTS = st.sampled_from((None, ORDER, ORDER // 3, 20_00, ORDER + 20, ORDER + 51))
_ORDERS = st.sampled_from((None, "shared", "own"))
_PEOPLE = st.integers(0, 9)
"""The friends, then the referrers."""
_SHARED = "source_id:shared"
_MOSTLY = st.sampled_from((True, True, True, False))


def stored(of: Terms, kind: Any, *, undo: bool) -> CampaignTerms:
    """The model's terms as the product has them."""
    becomes = OnReversal.UNDO if undo else OnReversal.KEEP
    each = every_friend(credits(of.each), id="each")
    many = many_friends(of.many, credits(MANY), repeat=of.repeat, id="many")
    limits = budget(of.budget, grants_per_referrer=of.cap, redemptions=of.uses)
    tiers = (
        each.model_copy(update={"max_grants_per_referrer": of.each_cap}),
        many.model_copy(update={"max_grants": of.many_cap, "on_reversal": becomes}),
    )
    made: CampaignTerms = kind(
        *tiers,
        referee_reward=credits(FRIEND),
        limits=limits,
        hold=timedelta(days=1),
        fraud=FraudChecks(same_phone=Response.REFUSE),
    )
    return made


class Referrals(RuleBasedStateMachine):
    """The product's store beside the model. Each run begins with a campaign of its own."""

    database: Database
    loop: asyncio.AbstractEventLoop

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        self.loop.run_until_complete(work)

    @initialize(
        redemption=st.booleans(),
        undo=st.booleans(),
        each_cap=st.sampled_from((4, 99)),
        many_cap=st.sampled_from((1, 2)),
        uses=_USES,
        spent=st.sampled_from((61_00, 130_00)),
    )
    def begin(
        self, redemption: bool, undo: bool, each_cap: int, many_cap: int, uses: int, spent: int
    ) -> None:
        """A campaign that converts on an event, or on redemption, and two who share its codes."""
        self.kind = redemption_terms if redemption else terms
        self.model = Model(Terms(10_00, 9, each_cap, many_cap, uses, spent), undo)
        self.run(self._begin())

    async def _begin(self) -> None:
        of = stored(self.model.terms, self.kind, undo=self.model.undo)
        programme = await add_programme(self.database, of)
        other = await add_customer(self.database)
        self.campaign_id = programme.campaign_id
        self.referrers = [programme.referrer_id, other]
        self.codes = [programme.code, await add_code(self.database, self.campaign_id, other)]
        self.friends = await add_friends(self.database, 8)
        for id in (*self.friends, *self.referrers):
            row = await one(self.database, Customer, id=id)
            self.model.people[id] = Person({"email": row.email or "", "phone": row.phone or ""})

    @rule(referrer=_REFERRERS, friend=_FRIENDS)
    def begin_to_wait(self, referrer: int, friend: int) -> None:
        """A friend signs up, perhaps again, perhaps with another's code."""
        self.run(self._sign_up(self.codes[referrer], self.friends[friend]))
        self.model.sign_up(self.referrers[referrer], self.friends[friend])

    async def _sign_up(self, code: str, who: str) -> None:
        with suppress(Refusal):
            await sign_up(self.database, code, who)

    @rule(
        referrer=_REFERRERS,
        friend=_FRIENDS,
        event=st.sampled_from(["first", "second", "third"]),
        order=_ORDERS,
    )
    def convert(self, referrer: int, friend: int, event: str, order: str | None) -> None:
        """A friend buys, perhaps for the second time, perhaps with another's code; or brings an
        order that others bring too, perhaps under an event's id that named none before."""
        order = self._order(order, friend)
        code, who = self.codes[referrer], self.friends[friend]
        redeems = self.kind is redemption_terms
        if redeems:
            order = None
            self.run(redeem(self.database, code, who, event))
        else:
            named = [order] if order else []
            self.run(refer(self.database, code, who, f"{event} of {who}", *named))
        self.model.convert(self.referrers[referrer], who, event, order, redeems=redeems)

    @rule(referrer=_REFERRERS)
    def convert_another(self, referrer: int) -> None:
        """Somebody new buys, so that runs get far enough."""
        new = [number for number, who in enumerate(self.friends) if who not in self.model.came]
        if new:
            self.convert(referrer, new[0], "first", None)

    @rule(friend=_FRIENDS)
    def send_all_back(self, friend: int) -> None:
        """A whole purchase is refunded."""
        self.refund(friend, f"all {number()}", None)

    @rule(friend=_FRIENDS, name=st.sampled_from("abcd"), amount=_AMOUNTS)
    def refund(self, friend: int, name: str, amount: int | None) -> None:
        """A purchase is refunded in part or as a whole, perhaps told of twice."""
        who = self.friends[friend]
        came = self.model.came.get(who)
        if came is None or (came.state == "waiting" and amount is not None):
            return  # there is no purchase yet of which this could be a part
        self.run(self._refund(who, name, amount))
        self.model.reverse(who, name, amount)

    async def _refund(self, who: str, name: str, amount: int | None) -> None:
        referral = await one(self.database, Referral, campaign_id=self.campaign_id, referee_id=who)
        with suppress(Refusal):
            async with self.database.transaction() as tx:
                await request_reversal(tx, referral.id, amount, "refund", name, order_amount=ORDER)
        await look_again(self.database, referral.id)

    def _order(self, order: str | None, friend: int) -> str | None:
        """The key of an order that friends share, or of the friend's own."""
        return f"source_id:{self.friends[friend]}" if order == "own" else order and _SHARED

    @rule(
        order=_ORDERS,
        friend=_FRIENDS,
        name=st.sampled_from(("order a", "order b", "order c")),
        amount=_AMOUNTS,
    )
    def refund_order(self, order: str | None, friend: int, name: str, amount: int | None) -> None:
        """An order is refunded, perhaps before it is bought."""
        key = self._order(order or "own", friend) or _SHARED
        if self.kind is not redemption_terms:
            self.run(self._refund_order(key, name, amount))
            self.model.refund_order(key, name, amount)

    @rule(referrer=_REFERRERS, amounts=st.lists(_AMOUNTS, min_size=1, max_size=2))
    def buy_what_was_refunded(self, referrer: int, amounts: list[int | None]) -> None:
        """Somebody new buys, and the refunds were faster."""
        new = [number for number, who in enumerate(self.friends) if who not in self.model.came]
        for name, amount in zip(("order a", "order b"), amounts if new else [], strict=False):
            self.refund_order("own", new[0], name, amount)
        if new:
            self.convert(referrer, new[0], "first", "own")

    async def _refund_order(self, key: str, name: str, amount: int | None) -> None:
        refund = OrderRefund(
            order_id=key.partition(":")[2],
            campaign_id=self.campaign_id,
            refunded=amount,
            reason="refund",
            identity=name,
            order_amount=ORDER,
        )
        accepted = []
        with suppress(Refusal):
            async with self.database.transaction() as tx:
                accepted = await reverse_order(tx, refund)
        for each in accepted:
            await look_again(self.database, each.referral_id)

    @rule(friend=_FRIENDS, stands=st.booleans())
    def clear_up(self, friend: int, stands: bool) -> None:
        """A person says whether a purchase was refunded, where that is not clear."""
        who = self.friends[friend]
        if who in self.model.came:
            self.run(self._clear_up(who, stands))
            self.model.clear_up(who, stands=stands)

    async def _clear_up(self, who: str, stands: bool) -> None:
        referral = await one(self.database, Referral, campaign_id=self.campaign_id, referee_id=who)
        async with self.database.transaction() as tx:
            told = await clear_up(tx, referral.id, stands, "app_proof", None)
        if told:
            await look_again(self.database, referral.id)

    @rule(friend=_FRIENDS)
    def roll_back(self, friend: int) -> None:
        """The redemption by which a friend converted is rolled back, perhaps again."""
        who = self.friends[friend]
        came = self.model.came.get(who)
        if self.kind is redemption_terms and came is not None and came.state != "waiting":
            self.run(self._roll_back(who))
            self.model.roll_back(who)

    async def _roll_back(self, who: str) -> None:
        of = {"campaign_id": self.campaign_id, "customer_id": who}
        for used in sorted(await rows(self.database, Redemption, **of), key=_when)[:1]:
            await roll_back(self.database, used.id)
            await look_again(self.database, used.referral_id or "")

    @rule(friend=_FRIENDS)
    def reinstate(self, friend: int) -> None:
        """Staff bring back what was undone, or try to."""
        who = self.friends[friend]
        if who in self.model.came:
            self.run(self._reinstate(who))
            self.model.reinstate(who)

    async def _reinstate(self, who: str) -> None:
        referral = await one(self.database, Referral, campaign_id=self.campaign_id, referee_id=who)
        with suppress(Refusal):
            async with self.database.transaction() as tx:
                await reinstate(tx, referral.id, "They kept it.", actor="app_proof")
        await look_again(self.database, referral.id)

    @rule(referrer=_REFERRERS)
    def take_an_order_over(self, referrer: int) -> None:
        """What somebody new bought and sent back is another's purchase now; and staff bring the
        first one back."""
        new = [number for number, who in enumerate(self.friends) if who not in self.model.came]
        if len(new) > 1:
            self.convert(referrer, new[0], "first", "shared")
            self.send_all_back(new[0])
            self.convert(1 - referrer, new[1], "first", "shared")
            self.reinstate(new[0])

    @rule(on=_MOSTLY)
    def switch_campaign(self, on: bool) -> None:
        """The campaign is paused or resumed, perhaps again."""
        self.run(self._switch(self.model.pause(paused=not on), None, active=on))

    @rule(referrer=_REFERRERS, on=_MOSTLY, reject=st.booleans())
    def switch_code(self, referrer: int, on: bool, reject: bool) -> None:
        """A code is disabled or enabled, perhaps again; what it holds may be rejected."""
        rejects = reject and not on
        due = self.model.switch_code(self.referrers[referrer], on=on, reject=rejects)
        self.run(self._switch(due, self.codes[referrer], active=on, reject=rejects))

    async def _switch(
        self, due: set[str], code: str | None, *, active: bool, reject: bool = False
    ) -> None:
        """What goes on is judged, in the order of its ids; it is what the model says."""
        async with self.database.transaction() as tx:
            if code is None:
                switched = await switch.set_active(
                    tx, self.campaign_id, active=active, actor="app_proof"
                )
            else:
                switched = await switch.set_code_active(
                    tx, code, active=active, actor="app_proof", reject_held=reject
                )
        of = {"campaign_id": self.campaign_id}
        people = {row.id: row.referee_id for row in await rows(self.database, Referral, **of)}
        told = [each.start.referral_id for each in switched.intake]
        assert due <= {people[id] for id in told}
        self.model.judge_held(people[id] for id in sorted(told) if people[id] in due)
        for id in sorted(told):
            await look_again(self.database, id)

    @rule(
        person=_PEOPLE,
        like=st.one_of(st.none(), _PEOPLE),
        kind=st.sampled_from(("email", "phone")),
        corrects=st.booleans(),
    )
    def change_address(self, person: int, like: int | None, kind: str, corrects: bool) -> None:
        """Somebody has a new e-mail address or phone, perhaps another's; or staff correct it."""
        everybody = [*self.friends, *self.referrers]
        who, new = everybody[person], f"new{number()}@example.com"
        if kind == "phone":
            new = f"+1777{number():07}"
        if like is not None:
            new = self.model.people[everybody[like]].now[kind]
        self.run(self._change_address(customers.Person(id=who, **{kind: new}), corrects))
        self.model.take_on(who, (kind, new), corrects=corrects)

    async def _change_address(self, person: customers.Person, corrects: bool) -> None:
        async with self.database.transaction() as tx:
            await upsert(tx, person, corrects=corrects)

    @rule(friend=_FRIENDS)
    def erase(self, friend: int) -> None:
        """A friend is erased, and registers again."""
        who = self.friends[friend]
        now = dict(self.model.people[who].now)
        self.run(self._erase(friend, now))
        self.model.erase(who)
        self.model.people[self.friends[friend]] = Person(now)

    async def _erase(self, friend: int, now: dict[str, str]) -> None:
        async with self.database.transaction() as tx:
            intake: list[Outgoing] = (await erase(tx, self.friends[friend])).intake
        for each in intake:
            await look_again(self.database, each.start.referral_id)
        self.friends[friend] = await add_customer(self.database, **now)

    @rule(each=_EACH, cap=_CAPS, uses=_USES, many=st.integers(1, 4), repeat=st.booleans())
    def edit(self, each: int, cap: int, uses: int, many: int, repeat: bool) -> None:
        """Another reward, other limits and another threshold, from the next referral on."""
        terms = self.model.terms._replace(each=each, cap=cap, uses=uses)
        self.model.terms = terms._replace(many=many, repeat=repeat)
        self.run(self._edit(stored(self.model.terms, self.kind, undo=self.model.undo)))

    async def _edit(self, after: CampaignTerms) -> None:
        async with self.database.transaction() as tx:
            campaign = await lock(tx, self.campaign_id)
            before = await terms_of(tx, self.campaign_id, campaign.version)
            await revise(tx, campaign, before, after, {}, actor="app_proof")

    @invariant()
    def all_is_equal(self) -> None:
        self.run(self._compare())

    async def _compare(self) -> None:
        async with self.database.reading() as session:

            async def stored(table: type[Row]) -> list[Row]:
                return list(
                    await session.scalars(select(table).filter_by(campaign_id=self.campaign_id))
                )

            grants = {_key(grant): _worth(grant) for grant in await stored(Grant)}
            assert grants == self.model.grants
            (kept,) = await stored(Budget)
            assert (kept.reserved, kept.committed) == (sum(self.model.grants.values()), 0)
            counts = await stored(ReferrerProgress)
            friends = {row.referrer_id: row.unique_referees for row in counts if row.conversions}
            assert friends == self.model.friends
            came = {row.referee_id: _state(row) for row in await stored(Referral)}
            assert came == {who: friend.state for who, friend in self.model.came.items()}

    def teardown(self) -> None:
        self.run(assert_books_agree(self.database))


def _key(grant: Grant) -> tuple[str, str, int]:
    return grant.recipient_id, grant.reason, grant.ordinal


def _worth(grant: Grant) -> int:
    return 0 if grant.status == "cancelled" else grant.amount


def _when(used: Redemption) -> Any:
    return used.created_at


def _state(referral: Referral) -> str:
    if referral.status in ("waiting", "rejected"):
        return referral.status
    if referral.ordinal is None:
        return "unclear" if referral.reason == "refund_unclear" else "held"
    return "reversed" if referral.reversed_at else "counted"
