"""Reversal in every state, whole and pro rata, against the table in reversal_table.py."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from auditing import assert_books_agree, balances
from builders import (
    add_programme,
    alter,
    budget,
    convert,
    credits,
    gift_card,
    one,
    points,
    qualify,
    rows,
    sign_up,
    terms,
)
from ordering import attempt, deliver, record, snapshot
from reversal_table import ALL, BEFORE, TABLE, Before, Row, markdown

from domain.messages import Next, StaffRequest
from domain.orders import DeliveryState, OrderState
from domain.refusals import NotAllowedInState
from store import grants, orders, reversing, taking_back, wallets
from store.database import Database
from store.reversals import request_reversal
from store.tables import Budget, Grant, LedgerEntry, Referral, ReferrerProgress, Reversal
from store.worth import unit_of

ORDER = 300_00


def refunded(refund: str) -> int | None:
    return None if refund == ALL else ORDER // 3


async def granted(database: Database, **changes: Any) -> Grant:
    """The friend's own grant of a campaign of the state's kind, converted by an order of 300.00."""
    given: dict[str, Any] = {"tiers": (), "limits": budget(600_00)}
    programme = await add_programme(database, terms(**given | changes))
    decision = await qualify(
        database, programme.code, order_source_id="order-1", order_amount=ORDER
    )
    return await one(database, Grant, id=decision.grants[0].grant_id)


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
            await taking_back.record_taken_back(tx, grant_id)
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
        new = {kind for kind, _ in await posted_kinds(database) - before}
        assert new == set(row.posted.split())
        assert await outcome(database, grant.id) == row._replace(posted="", left="")[2:]
        await assert_books_agree(database)
        assert await carry_out(database, grant.referral_id) == ([row.left] if row.left else [])
        assert await outcome(database, grant.id) == row._replace(posted="", left="")[2:]

    def test_is_in_the_documentation(self) -> None:
        page = Path(__file__).parents[2] / "docs" / "reversal.md"
        assert markdown() in page.read_text()


async def outcome(database: Database, grant_id: str) -> tuple[Any, ...]:
    """The columns of a table's row, as the facts have them; nothing posted, nothing left."""
    grant = await one(database, Grant, id=grant_id)
    counter = await one(database, Budget)
    held, unit = await balances(database), unit_of(grant) or ""
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
        await assert_books_agree(database)
