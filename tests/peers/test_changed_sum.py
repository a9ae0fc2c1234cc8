"""Peers' defect 5 (Dub): the order's key is made of invoice and partner, its amount is the sum of
whatever is unpaid by then. A retry after more was earned sends the old key with a new sum, which
the provider answers with 409, for ever.

Here one key stands for one grant, and what it buys is frozen with it before the first byte is sent.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError

from domain.messages import Next
from domain.orders import OrderRequest
from store.database import Database
from store.tables import Customer, Grant, Order
from tests.auditing import assert_books_agree
from tests.builders import add_programme, alter, every_friend, one, qualify, rows, terms
from tests.peers.tremendous_lane import CARD, tremendous_lane


async def test_a_retry_after_more_was_earned_is_the_same_order(
    database: Database, tmp_path: Path
) -> None:
    programme = await add_programme(database, terms(every_friend(CARD), referee_reward=None))
    async with tremendous_lane(database, tmp_path) as lane:
        await lane.put("faults", seed=1, rates={"drop_after": 1})
        first = (await qualify(database, programme.code)).grants[0].grant_id
        with pytest.raises(ApplicationError):
            await lane.place(first)
        sent = await one(database, Order)

        # Before the retry the referrer earns more, moves, and the reward itself becomes larger.
        second = (await qualify(database, programme.code)).grants[0].grant_id
        referrer = await one(database, Customer, id=programme.referrer_id)
        await alter(database, referrer, name="Another Name", email="moved@example.com")
        grant = await one(database, Grant, id=first)
        larger = CARD.model_copy(update={"amount": 40_00})
        await alter(database, grant, reward=larger.model_dump(mode="json"))

        await lane.put("faults", seed=1, rates={})
        for grant_id in (first, second):
            assert (await lane.place(grant_id)).next in (Next.FOLLOW, Next.REST)
        cards = {card["key"]: card["amount"] for card in await lane.book()}
        stored = await rows(database, Order)
        assert cards == {order.key: 15_00 for order in stored}
        assert len(cards) == 2
        again = await one(database, Order, id=sent.id)
        assert again.attempt == 2
        assert OrderRequest.model_validate(again.request).fingerprint() == sent.fingerprint
        assert not [grant for grant in await rows(database, Grant) if grant.attention]
        await alter(database, grant, reward=CARD.model_dump(mode="json"))
    await assert_books_agree(database)
