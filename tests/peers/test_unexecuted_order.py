"""Peers' defect 4 (Dub): an order that comes back unexecuted, waiting for an approval, is logged
and forgotten. Its payouts look unpaid, so the partner's next invoice orders the same money again
under another key, and when the first order is approved after all it is paid twice.

Here the order is on file from before it is sent: it is followed, never ordered again."""

from __future__ import annotations

from pathlib import Path

from domain.messages import Next
from store.database import Database
from store.tables import Grant, Order
from tests.auditing import assert_books_agree
from tests.builders import add_programme, every_friend, one, qualify, rows, terms
from tests.peers.tremendous_lane import CARD, tremendous_lane


async def test_an_order_that_waits_for_approval_is_followed_and_not_ordered_again(
    database: Database, tmp_path: Path
) -> None:
    programme = await add_programme(database, terms(every_friend(CARD), referee_reward=None))
    async with tremendous_lane(database, tmp_path) as lane:
        await lane.put("delivery", seconds=0, outcome="PENDING APPROVAL")
        first = (await qualify(database, programme.code)).grants[0].grant_id
        assert (await lane.place(first)).next is Next.FOLLOW
        order = await one(database, Order)
        assert (order.state, order.raw_status) == ("pending", "PENDING APPROVAL/PENDING")
        assert order.provider_order_id is not None

        # The next invoice: the same referrer earns again, and everything is tried once more.
        second = (await qualify(database, programme.code)).grants[0].grant_id
        for grant_id in (first, second, first, second):
            assert (await lane.place(grant_id)).next is Next.FOLLOW
        assert await lane.asked() == 2
        assert len({order.key for order in await rows(database, Order)}) == 2

        await lane.put("delivery", seconds=0, outcome="delivered")
        while [grant.status for grant in await rows(database, Grant)] != ["delivered"] * 2:
            for grant_id in (first, second):
                await lane.check(grant_id)
        cards = await lane.book()
        assert sorted(card["key"] for card in cards) == sorted(
            order.key for order in await rows(database, Order)
        )
        assert [card["amount"] for card in cards] == [15_00, 15_00]
    await assert_books_agree(database)
