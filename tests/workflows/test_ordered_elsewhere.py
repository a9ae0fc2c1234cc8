"""A refused card is ordered at another provider, by the same journey on that provider's queue."""

from __future__ import annotations

from domain.rewards import Alternative
from tests.auditing import assert_books_agree
from tests.builders import gift_card, terms
from tests.workflows.stage import Stage

PROVIDERS = ["giftcard-partners", "tremendous"]


async def test_the_journey_goes_on_at_the_other_provider(stage: Stage) -> None:
    other = Alternative(provider="tremendous", product_id="OKMHM2X2OHYV")
    card = gift_card(product_id="NO-SUCH", alternatives=[other])
    case = await stage.converted(terms(referee_reward=card, tiers=()))
    assert await case.result() == "completed"
    orders = sorted(await case.orders(), key=lambda order: order.generation)
    assert [order.provider for order in orders] == PROVIDERS
    (book,) = await case.cards()
    assert (book["provider"], book["key"]) == ("tremendous", orders[1].key)
    await assert_books_agree(stage.database)
