"""Reversal in every state, whole and pro rata, against the table in reversal_table.py."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.campaigns import OnReversal, Tier
from domain.messages import Next, StaffRequest
from domain.orders import DeliveryState, OrderState
from domain.purchases import OrderIds
from domain.refusals import InvalidPayload, NotAllowedInState
from domain.rewards import CustomReward, DiscountCoupon
from store.codes import coupons
from store.database import Database
from store.grants import callouts, wallets
from store.orders import attempts as orders
from store.qualification import qualify as qualification
from store.reversals import carry_out as reversing
from store.reversals import take_back_card
from store.reversals.request import request_reversal
from store.staff import cancel as grants
from store.tables import (
    Budget,
    Coupon,
    Event,
    Grant,
    LedgerEntry,
    Order,
    Receivable,
    Referral,
    ReferrerProgress,
    Reversal,
    Voucher,
    WalletCredit,
)
from tests.auditing import assert_books_agree, balances
from tests.builders import (
    add_campaign,
    add_code,
    add_programme,
    alter,
    budget,
    convert,
    credits,
    every_friend,
    gift_card,
    in_past,
    many_friends,
    one,
    points,
    qualify,
    rows,
    sign_up,
    start_of,
    terms,
)
from tests.ordering import attempt, deliver, record, snapshot
from tests.store.reversals.reversal_table import ALL, BEFORE, TABLE, Before, Row, markdown

ORDER = 300_00


def refunded(refund: str) -> int | None:
    return None if refund == ALL else ORDER // 3


async def granted(database: Database, **changes: Any) -> Grant:
    """The friend's own grant of a campaign of the state's kind, converted by an order of 300.00.
    The referrer has the points of both milestones."""
    given: dict[str, Any] = {"tiers": MILESTONES, "limits": budget(600_00)}
    programme = await add_programme(database, terms(**given | changes))
    decision = await qualify(
        database, programme.code, orders=OrderIds(source_ids=("order-1",)), order_amount=ORDER
    )
    own, *milestones = decision.grants
    async with database.transaction() as tx:
        for task in milestones:
            await grants.credit_wallet(tx, task.grant_id)
    return await one(database, Grant, id=own.grant_id)


MILESTONES = tuple(
    many_friends(1, points(100), id=rule).model_copy(update={"on_reversal": rule})
    for rule in OnReversal
)
HELD = {"hold": timedelta(days=14)}


async def in_review(database: Database) -> Grant:
    grant = await granted(database)
    await alter(database, grant, status="in_review")
    referral = await one(database, Referral)
    await alter(database, referral, status="in_review")
    return grant


async def refused(database: Database) -> Grant:
    grant = await granted(database)
    claimed = await attempt(database, grant.id)
    async with database.transaction() as tx:
        await orders.record_refused(tx, claimed, "no such product")
        await grants.park(tx, grant.id, grants.Attention.ORDER_REJECTED, "no such product")
    return grant


async def without_funds(database: Database) -> Grant:
    grant = await granted(database)
    claimed = await attempt(database, grant.id)
    async with database.transaction() as tx:
        await orders.record_not_bought(tx, claimed, "deposit empty")
        await grants.park(tx, grant.id, grants.Attention.INSUFFICIENT_FUNDS, "deposit empty")
    return grant


async def unknown(database: Database) -> Grant:
    grant = await granted(database)
    await attempt(database, grant.id)
    return grant


async def said(database: Database, state: OrderState, **changes: Any) -> Grant:
    grant = await granted(database)
    claimed = await attempt(database, grant.id)
    await record(
        database, claimed.order_id, snapshot(claimed, state, **changes), signals_delivery=True
    )
    return grant


async def delivered(database: Database) -> Grant:
    grant = await granted(database)
    await deliver(database, grant.id)
    return grant


async def bounced(database: Database) -> Grant:
    return await said(database, OrderState.ISSUED, delivery=DeliveryState.FAILED_PERMANENT)


async def withdrawn(database: Database) -> Grant:
    grant = await granted(database)
    async with database.transaction() as tx:
        await grants.cancel(tx, StaffRequest(grant_id=grant.id, actor="app_staff"), "referral:x")
    return grant


async def credited(database: Database, reward: Any) -> Grant:
    grant = await granted(database, referee_reward=reward)
    async with database.transaction() as tx:
        await grants.credit_wallet(tx, grant.id)
    return grant


async def used(database: Database) -> Grant:
    grant = await credited(database, credits(15_00))
    async with database.transaction() as tx:
        await wallets.use(tx, grant.recipient_id, "USD", 12_00, "checkout-1")
    return grant


COUPON = DiscountCoupon.model_validate({"discount": {"type": "AMOUNT", "amount_off": 500}})
CALLOUT = CustomReward(name="mug", url="https://shop.example/mug", secret_id="sec_1")


async def minted(database: Database) -> Grant:
    grant = await granted(database, referee_reward=COUPON)
    async with database.transaction() as tx:
        await coupons.give(tx, grant.id)
    return grant


async def redeemed(database: Database) -> Grant:
    grant = await minted(database)
    coupon = await one(database, Coupon)
    voucher = await one(database, Voucher, id=coupon.voucher_id)
    async with database.transaction() as tx:
        await coupons.take(tx, voucher.code, grant.recipient_id)
    return grant


async def taken(database: Database) -> Grant:
    grant = await granted(database, referee_reward=CALLOUT)
    async with database.transaction() as tx:
        await callouts.record_delivered(tx, grant.id, 200, 1)
    return grant


STATES: dict[str, Callable[[Database], Awaitable[Grant]]] = {
    "held": lambda database: granted(database, **HELD),
    "held, fixed value": lambda database: granted(
        database, referee_reward=gift_card(fixed_value=True), **HELD
    ),
    "in review": in_review,
    "not ordered yet": granted,
    "order refused": refused,
    "waits for funds": without_funds,
    "outcome unknown": unknown,
    "order pending": lambda database: said(database, OrderState.PENDING),
    "issued": lambda database: said(database, OrderState.ISSUED),
    "delivered": delivered,
    "bounced": bounced,
    "cancelled by staff": withdrawn,
    "credits held": lambda database: granted(database, referee_reward=credits(15_00), **HELD),
    "credits": lambda database: credited(database, credits(15_00)),
    "credits, 12.00 used": used,
    "points": lambda database: credited(database, points(15_00)),
    "coupon, unused": minted,
    "coupon, used": redeemed,
    "callout held": lambda database: granted(database, referee_reward=CALLOUT, **HELD),
    "callout under way": lambda database: granted(database, referee_reward=CALLOUT),
    "callout taken": taken,
    "points held": lambda database: granted(database, referee_reward=points(15_00), **HELD),
}


async def build(database: Database, state: str) -> Grant:
    """The state, without what the provider will say to a cancellation."""
    known = state if state in STATES else state.partition(", ")[0]
    return await STATES[known](database)


async def ask(
    database: Database, referral_id: str, amount: int | None, identity: str = "refund-1"
) -> int:
    """A reversal, accepted; answers how many messages it makes."""
    async with database.transaction() as tx:
        accepted = await request_reversal(tx, referral_id, amount, "sent back", identity)
        return len(accepted.intake)


async def carry_out(database: Database, referral_id: str) -> list[str]:
    """As the workflow does; answers what is left to do."""
    async with database.transaction() as tx:
        answer = await reversing.carry_out(tx, referral_id)
    return [undoing.next for undoing in answer.undoings if undoing.next not in (None, Next.REST)]


async def reverse(
    database: Database, referral_id: str, amount: int | None, identity: str = "refund-1"
) -> list[str]:
    await ask(database, referral_id, amount, identity)
    return await carry_out(database, referral_id)


async def ask_provider(database: Database, grant_id: str, *, cancels: bool) -> None:
    """As the provider's activity does."""
    async with database.transaction() as tx:
        if cancels:
            await take_back_card.record_taken_back(tx, grant_id)
        else:
            await reversing.settle_grant(tx, grant_id, keeps=True)


async def posted_kinds(database: Database) -> set[tuple[str, str]]:
    return {(entry.kind, entry.subject) for entry in await rows(database, LedgerEntry)}


class TestEveryState:
    @pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.state}-{row.refund}")
    async def test_comes_out_as_the_table_says(self, database: Database, row: Row) -> None:
        grant = await build(database, row.state)
        before = await posted_kinds(database)
        left = await reverse(database, grant.referral_id, refunded(row.refund))
        if "taken back" in row.state:
            assert left == ["take_back"]
            await ask_provider(database, grant.id, cancels="not taken" not in row.state)
            left = []
        assert left == ([row.left] if row.left else [])
        new = await posted_kinds(database) - before
        undone = {
            id for id, status in (await milestones(database)).items() if status != "delivered"
        }
        of_milestones = {kind for kind, subject in new if subject.partition("/")[0] in undone}
        assert of_milestones == ({"debit", "unfulfil"} if row.refund == ALL else set())
        own = {kind for kind, subject in new if subject.partition("/")[0] not in undone}
        assert own == set(row.posted.split())
        assert await outcome(database, grant.id) == row._replace(posted="", left="")[2:]
        await assert_books_agree(database)
        assert await carry_out(database, grant.referral_id) == ([row.left] if row.left else [])
        assert await outcome(database, grant.id) == row._replace(posted="", left="")[2:]

    def test_is_in_the_documentation(self) -> None:
        page = Path(__file__).parents[3] / "docs" / "reversal.md"
        assert markdown() in page.read_text()


async def milestones(database: Database) -> dict[str, str]:
    """The status of each of the referrer's grants, by its id."""
    return {grant.id: grant.status for grant in await rows(database, Grant, role="referrer")}


async def told_of_milestones(database: Database, referrer_id: str) -> str:
    """As the table's column says it: what became of them, and the points that are left."""
    made = await rows(database, Grant, role="referrer")
    standing = sorted(grant.reason for grant in made if grant.status == "delivered")
    gone = sorted(grant.reason for grant in made if grant.status == "cancelled")
    left = (await balances(database))[f"wallet/{referrer_id}", "POINTS"]
    if standing == ["keep", "undo"]:
        return f"both stand ({left} points)"
    return f"{' '.join(standing)} stands ({left} points), {' '.join(gone)} is cancelled"


async def outcome(database: Database, grant_id: str) -> tuple[Any, ...]:
    """The columns of a table's row, as the facts have them; nothing posted, nothing left."""
    grant = await one(database, Grant, id=grant_id)
    counter = await one(database, Budget)
    held, unit = await balances(database), grant.unit or ""
    progress = await one(database, ReferrerProgress)
    referral = await one(database, Referral, id=grant.referral_id)
    return (
        grant.status,
        grant.amount,
        counter.reserved,
        counter.committed,
        held[f"receivable/{grant.recipient_id}", unit],
        held[f"wallet/{grant.recipient_id}", unit],
        "",
        progress.unique_referees,
        await told_of_milestones(database, referral.referrer_id),
        referral.status,
        "",
    )


class TestWithoutGrants:
    @pytest.mark.parametrize("row", BEFORE, ids=lambda row: f"{row.state}-{row.refund}")
    async def test_comes_out_as_the_table_says(self, database: Database, row: Before) -> None:
        programme = await add_programme(database)
        if row.state == "converted":
            converted = await convert(database, programme.code, order_amount=ORDER)
            referral = converted.referrals[0]
        else:
            referral = await sign_up(database, programme.code)
            await alter(database, referral, status=row.state, order_amount=ORDER)
        if row.refused:
            with pytest.raises(NotAllowedInState):
                await ask(database, referral.id, refunded(row.refund))
            assert await rows(database, Reversal) == []
        else:
            await reverse(database, referral.id, refunded(row.refund))
        assert (await one(database, Referral)).status == row.referral
        # Never counted: no milestone was reached, and none is lost.
        assert await rows(database, Grant) == []
        counts = await rows(database, ReferrerProgress)
        assert sum(progress.unique_referees for progress in counts) == 0
        await assert_books_agree(database)


class TestPartialRefunds:
    async def test_accumulate_to_what_one_of_their_sum_would_have_been(
        self, database: Database
    ) -> None:
        """15.00 of 300.00: three refunds of 0.33 %, each of which alone would round to 0.05."""
        grant = await granted(database, **HELD)
        for number in range(3):
            await reverse(database, grant.referral_id, 99, f"refund-{number}")
        assert (await one(database, Grant, role="referee")).amount == 15_00 - 15
        await assert_books_agree(database)

    async def test_up_to_the_whole_order_undo_it_all(self, database: Database) -> None:
        grant = await granted(database, **HELD)
        for number, amount in enumerate((100_00, 150_00, 50_00)):
            await reverse(database, grant.referral_id, amount, f"refund-{number}")
        assert (await one(database, Referral)).status == "reversed"
        assert (await one(database, Grant, role="referee")).status == "cancelled"
        assert (await one(database, ReferrerProgress)).unique_referees == 0
        await assert_books_agree(database)

    async def test_never_exceed_the_order(self, database: Database) -> None:
        grant = await granted(database, **HELD)
        await reverse(database, grant.referral_id, 200_00, "refund-1")
        with pytest.raises(InvalidPayload) as refusal:
            await ask(database, grant.referral_id, 103_01, "refund-2")
        assert refusal.value.field == "/amount"
        assert refusal.value.details == {"order_amount": ORDER, "refunded": 200_00}
        assert len(await rows(database, Reversal)) == 1

    async def test_need_the_order_s_amount(self, database: Database) -> None:
        grant = await granted(database, **HELD)
        await alter(database, await one(database, Referral), order_amount=None, paid_amount=None)
        with pytest.raises(InvalidPayload) as refusal:
            await ask(database, grant.referral_id, 100_00)
        assert refusal.value.field == "/order_amount"

    async def test_a_card_taken_back_is_owed_for_no_more(self, database: Database) -> None:
        """A third was booked as owed; then the provider took the card back after all."""
        grant = await delivered(database)
        await reverse(database, grant.referral_id, 100_00, "refund-1")
        assert await reverse(database, grant.referral_id, 200_00, "refund-2") == ["take_back"]
        await ask_provider(database, grant.id, cancels=True)
        held = await balances(database)
        assert held[f"receivable/{grant.recipient_id}", "USD"] == 0
        await assert_books_agree(database)


class TestOnce:
    async def test_the_same_refund_again_changes_nothing(self, database: Database) -> None:
        grant = await granted(database, **HELD)
        assert await ask(database, grant.referral_id, 100_00) == 1
        assert await ask(database, grant.referral_id, 100_00) == 0
        await carry_out(database, grant.referral_id)
        await carry_out(database, grant.referral_id)
        assert (await one(database, Grant, role="referee")).amount == 10_00
        await assert_books_agree(database)

    async def test_all_of_it_again_changes_nothing(self, database: Database) -> None:
        grant = await granted(database, **HELD)
        await reverse(database, grant.referral_id, None, "refund-1")
        assert await ask(database, grant.referral_id, None, "refund-2") == 0
        with pytest.raises(NotAllowedInState):
            await ask(database, grant.referral_id, 1, "refund-3")

    async def test_ten_at_once_exceed_nothing(self, database: Database) -> None:
        grant = await granted(database, **HELD)
        asked = [ask(database, grant.referral_id, 100_00, f"refund-{n}") for n in range(10)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert sum(answer == 1 for answer in answers) == 3
        carried = [carry_out(database, grant.referral_id) for _ in range(4)]
        await asyncio.gather(*carried)
        assert (await one(database, Referral)).status == "reversed"
        assert (await one(database, ReferrerProgress)).unique_referees == 0
        await assert_books_agree(database)


class TestShareBeforeQualification:
    async def test_is_taken_off_once_there_are_grants(self, database: Database) -> None:
        programme = await add_programme(database, terms(tiers=(), limits=budget(600_00), **HELD))
        converted = await convert(database, programme.code, order_amount=ORDER)
        referral = converted.referrals[0]
        await reverse(database, referral.id, 100_00)
        await qualification.qualify(database, start_of(referral))
        await carry_out(database, referral.id)
        assert (await one(database, Grant, role="referee")).amount == 10_00
        await assert_books_agree(database)


async def friends_of(database: Database, tier: Tier, count: int) -> tuple[str, list[str]]:
    """A code, and the referrals of so many friends who qualified with it."""
    of = terms(tier, referee_reward=None, limits=budget(600_00))
    code = (await add_programme(database, of)).code
    return code, [await friend(database, code) for _ in range(count)]


async def friend(database: Database, code: str) -> str:
    converted = await convert(database, code, order_amount=ORDER)
    referral = converted.referrals[0]
    await qualification.qualify(database, start_of(referral))
    return referral.id


class TestMilestones:
    async def test_kept_it_stays_and_is_never_granted_again(self, database: Database) -> None:
        tier = many_friends(2, gift_card())
        code, (first, _) = await friends_of(database, tier, 2)
        await reverse(database, first, None)
        assert (await one(database, Grant)).status == "ordering"
        await friend(database, code)
        assert len(await rows(database, Grant)) == 1
        assert (await one(database, ReferrerProgress)).unique_referees == 2
        await assert_books_agree(database)

    async def test_kept_it_stays_though_its_own_friend_is_reversed(
        self, database: Database
    ) -> None:
        _, (_, second) = await friends_of(database, many_friends(2, gift_card()), 2)
        await reverse(database, second, None)
        assert (await one(database, Grant)).status == "ordering"

    async def test_undone_it_is_cancelled_whichever_friend_is_reversed(
        self, database: Database
    ) -> None:
        _, (first, _) = await friends_of(database, undoable(), 2)
        await reverse(database, first, None)
        assert (await one(database, Grant)).status == "cancelled"
        assert (await one(database, Budget)).reserved == 0
        await assert_books_agree(database)

    async def test_reached_again_the_same_grant_is_reopened(self, database: Database) -> None:
        code, (first, _) = await friends_of(database, undoable(), 2)
        grant = await one(database, Grant)
        await deliver(database, grant.id)
        assert await reverse(database, first, None) == ["take_back"]
        await ask_provider(database, grant.id, cancels=True)
        third = await friend(database, code)
        again = await one(database, Grant)
        assert (again.id, again.status, again.referral_id) == (grant.id, "ordering", third)
        await deliver(database, grant.id)
        orders = await rows(database, Order)
        assert sorted((order.generation, order.state) for order in orders) == [
            (1, "cancelled"),
            (2, "issued"),
        ]
        await assert_books_agree(database)

    async def test_reached_again_a_reward_that_was_not_taken_back_is_not_owed(
        self, database: Database
    ) -> None:
        code, (first, _) = await friends_of(database, undoable(), 2)
        grant = await one(database, Grant)
        await deliver(database, grant.id)
        await reverse(database, first, None)
        await ask_provider(database, grant.id, cancels=False)
        assert (await one(database, Receivable)).balance == 15_00
        await friend(database, code)
        assert (await one(database, Receivable)).balance == 0
        assert (await one(database, Grant)).status == "delivered"
        assert len(await rows(database, Order)) == 1
        await assert_books_agree(database)

    async def test_reached_again_before_the_provider_answered_calls_the_cancellation_off(
        self, database: Database
    ) -> None:
        code, (first, _) = await friends_of(database, undoable(), 2)
        grant = await one(database, Grant)
        await deliver(database, grant.id)
        await reverse(database, first, None)
        await friend(database, code)
        async with database.transaction() as tx:
            assert await take_back_card.card_to_cancel(tx, grant.id) is None
        await assert_books_agree(database)

    async def test_reached_again_after_the_provider_was_asked_is_ordered_anew(
        self, database: Database
    ) -> None:
        code, (first, _) = await friends_of(database, undoable(), 2)
        grant = await one(database, Grant)
        await deliver(database, grant.id)
        await reverse(database, first, None)
        await friend(database, code)
        await ask_provider(database, grant.id, cancels=True)
        await deliver(database, grant.id)
        assert (await one(database, Grant)).status == "delivered"
        await assert_books_agree(database)

    async def test_each_friend_s_number_is_never_used_again(self, database: Database) -> None:
        code, (first, _) = await friends_of(database, every_friend(), 2)
        await reverse(database, first, None)
        await friend(database, code)
        grants = await rows(database, Grant)
        assert sorted((grant.ordinal, grant.status) for grant in grants) == [
            (1, "cancelled"),
            (2, "ordering"),
            (3, "ordering"),
        ]


def undoable() -> Tier:
    return many_friends(2, gift_card()).model_copy(update={"on_reversal": OnReversal.UNDO})


async def indebted(database: Database) -> str:
    """A referrer who owes 15.00 USD: for a card that was not taken back."""
    _, (first,) = await friends_of(database, every_friend(), 1)
    grant = await one(database, Grant)
    await deliver(database, grant.id)
    await reverse(database, first, None)
    await ask_provider(database, grant.id, cancels=False)
    return grant.recipient_id


async def earn(database: Database, person: str, reward: Any) -> Grant:
    """The same person earns `reward` in another campaign."""
    other = await add_campaign(database, terms(every_friend(reward), referee_reward=None))
    referral = await friend(database, await add_code(database, other, person))
    return await one(database, Grant, referral_id=referral)


class TestNetting:
    @pytest.mark.parametrize(
        ("reward", "status", "amount", "debt"),
        [
            (gift_card(40_00), "ordering", 25_00, 0),
            (gift_card(10_00), "cancelled", 10_00, 5_00),
            (gift_card(15_00), "cancelled", 15_00, 0),
            (gift_card(40_00, fixed_value=True), "ordering", 40_00, 15_00),
            (gift_card(10_00, fixed_value=True), "cancelled", 10_00, 5_00),
            (credits(20_00), "ordering", 5_00, 0),
            (credits(20_00, "EUR"), "ordering", 20_00, 15_00),
            (points(20_00), "ordering", 20_00, 15_00),
        ],
        ids=[
            "smaller card",
            "no card",
            "no card, to the cent",
            "fixed card",
            "no fixed card",
            "credits",
            "other currency",
            "points",
        ],
    )
    async def test_the_next_grant_pays_the_debt_off(
        self, database: Database, reward: Any, status: str, amount: int, debt: int
    ) -> None:
        grant = await earn(database, await indebted(database), reward)
        assert (grant.status, grant.amount) == (status, amount)
        assert (await one(database, Receivable)).balance == debt
        told = await rows(database, Event, type="grant.netted")
        assert [event.grant_id for event in told] == ([grant.id] if grant.netted else [])
        await assert_books_agree(database)

    async def test_reversed_itself_it_brings_the_debt_back(self, database: Database) -> None:
        grant = await earn(database, await indebted(database), gift_card(40_00))
        await reverse(database, grant.referral_id, None)
        assert (await one(database, Receivable)).balance == 15_00
        assert (await one(database, Grant, id=grant.id)).status == "cancelled"
        await assert_books_agree(database)

    async def test_reversed_by_a_share_the_reward_shrinks_first(self, database: Database) -> None:
        grant = await earn(database, await indebted(database), gift_card(40_00))
        await reverse(database, grant.referral_id, 100_00)
        shrunk = await one(database, Grant, id=grant.id)
        assert (shrunk.amount, shrunk.netted) == (25_00 - 13_33, 15_00)
        assert (await one(database, Receivable)).balance == 0
        await assert_books_agree(database)

    async def test_ten_grants_at_once_pay_it_off_once(self, database: Database) -> None:
        person = await indebted(database)
        earned = await asyncio.gather(*(earn(database, person, credits(4_00)) for _ in range(6)))
        assert sum(grant.netted for grant in earned) == 15_00
        assert (await one(database, Receivable)).balance == 0
        await assert_books_agree(database)


class TestWallets:
    async def test_hold_no_less_than_is_used(self, database: Database) -> None:
        grant = await credited(database, credits(15_00))

        async def use(n: int) -> None:
            async with database.transaction() as tx:
                await wallets.use(tx, grant.recipient_id, "USD", 4_00, f"checkout-{n}")

        used = await asyncio.gather(*(use(n) for n in range(6)), return_exceptions=True)
        assert sum(answer is None for answer in used) == 3
        await use(next(n for n, answer in enumerate(used) if answer is None))
        assert (await balances(database))[f"wallet/{grant.recipient_id}", "USD"] == 3_00
        await assert_books_agree(database)

    async def test_what_has_expired_is_breakage_and_not_usable(self, database: Database) -> None:
        grant = await credited(database, credits(15_00).model_copy(update=LASTS_A_DAY))
        credit = await one(database, WalletCredit, grant_id=grant.id)
        assert credit.expires_at == credit.created_at + timedelta(days=1)
        await alter(database, credit, expires_at=in_past(seconds=1))
        with pytest.raises(NotAllowedInState):
            async with database.transaction() as tx:
                await wallets.use(tx, grant.recipient_id, "USD", 1, "too-late")
        async with database.transaction() as tx:
            assert await wallets.expire(tx) == 1
        assert (await balances(database))["wallets/breakage", "USD"] == 15_00
        await assert_books_agree(database)


LASTS_A_DAY = {"valid_for": timedelta(days=1)}
