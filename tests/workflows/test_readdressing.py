"""A wrong address at a provider that mails a card to its first address only: the card is taken
back, and one is ordered to the corrected address."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from domain.ids import aftercare_workflow_id
from store.tables import Grant, StaffAction
from tests.auditing import assert_books_agree
from tests.builders import gift_card, one
from tests.keeping import Keep
from tests.workflows.case import Case
from tests.workflows.frontdoor import FrontDoor, front_door
from tests.workflows.histories import readable
from tests.workflows.stage import Stage
from tests.workflows.standings import single

PROVIDERS = ["giftbit"]
LONGEST_DELAY = 1.0
"""There are no webhooks: polls find everything."""
RIGHT = "zyxqvut@example.com"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def door(running: Stage) -> AsyncIterator[FrontDoor]:
    async with front_door(running) as door:
        yield door


async def bounced(stage: Stage) -> tuple[Case, Grant]:
    await stage.simulator.put("delivery", seconds=0, outcome="bounced")
    case = await stage.converted(single(gift_card(provider="giftbit", product_id="amazonus")))
    grant = await case.parked("delivery_failed")
    await stage.simulator.put("delivery", seconds=0, outcome="delivered")
    return case, grant


async def assert_one_live_card(case: Case) -> None:
    """The first is cancelled, the second went to the right address."""
    first, second = sorted(await case.orders(), key=lambda order: order.generation)
    assert (first.state, second.state, second.delivery_state) == (
        "cancelled",
        "issued",
        "delivered",
    )
    assert second.request is not None
    assert second.request["recipient"]["email"] == RIGHT
    found = {card["key"]: card["state"] for card in await case.cards()}
    assert found == {first.key: "cancelled", second.key: "issued"}
    await assert_books_agree(case.stage.database)


async def test_a_card_is_cancelled_and_ordered_to_the_corrected_address(
    stage: Stage, door: FrontDoor, keep: Keep
) -> None:
    case, grant = await bounced(stage)
    shown = {a["action"]: a["words"] for a in (await door.get(f"/v1/grants/{grant.id}"))["actions"]}
    assert "corrected address" in shown["resend"]
    answer = await door.post(f"/v1/grants/{grant.id}/resend", email=RIGHT, reason="They spelt it")
    assert answer.status_code == 200, answer.text
    assert await case.result() == "completed"
    await assert_one_live_card(case)
    timeline = (await door.get(f"/v1/grants/{grant.id}/timeline"))["data"]
    (told,) = [each for each in timeline if each["type"] == "grant.readdressed"]
    assert told["detail"].endswith("first address only: They spelt it")
    assert "zyxqvut" not in readable(await case.handle.fetch_history()).lower()
    await keep("readdressed", case.handle)


async def test_readdressing_works_after_the_referral_has_ended(
    stage: Stage, door: FrontDoor, keep: Keep
) -> None:
    case, grant = await bounced(stage)
    await case.handle.terminate()
    answer = await door.post(f"/v1/grants/{grant.id}/resend", email=RIGHT)
    assert answer.status_code == 200, answer.text
    asked = await one(stage.database, StaffAction, grant_id=grant.id)
    handle = stage.watch(aftercare_workflow_id(case.id, asked.id))
    await handle.result()
    await case.reaches("completed")
    await assert_one_live_card(case)
    await keep("aftercare_readdressed", handle)


async def test_a_delivered_card_goes_to_who_should_have_had_it(
    stage: Stage, door: FrontDoor
) -> None:
    """The address worked, and was somebody else's; the referral is long closed."""
    case = await stage.converted(single(gift_card(provider="giftbit", product_id="amazonus")))
    assert await case.result() == "completed"
    (grant,) = await case.grants()
    answer = await door.post(f"/v1/grants/{grant.id}/resend", email=RIGHT)
    assert answer.status_code == 200, answer.text
    asked = await one(stage.database, StaffAction, grant_id=grant.id)
    await stage.watch(aftercare_workflow_id(case.id, asked.id)).result()
    await case.reaches("completed")
    await assert_one_live_card(case)
