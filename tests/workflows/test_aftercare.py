"""After a referral's workflow has ended: an aftercare takes a grant up by the same rules."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from temporalio.service import RPCError

from domain.campaigns import CampaignTerms
from domain.ids import aftercare_workflow_id
from domain.messages import AFTERCARE_WORKFLOW, WORKFLOW_QUEUE, AftercareStart, GrantTask, Next
from store.tables import Grant
from tests.auditing import assert_books_agree
from tests.builders import add_customer, gift_card, one, terms
from tests.keeping import Keep
from tests.workflows.case import Case, eventually
from tests.workflows.frontdoor import FrontDoor, front_door
from tests.workflows.stage import Stage

LONGEST_DELAY = 60.0
"""The first poll comes after half of it: what happens sooner, a webhook has done."""


@pytest_asyncio.fixture
async def door(stage: Stage) -> AsyncIterator[FrontDoor]:
    """Webhooks and staff's requests go through the API."""
    async with front_door(stage) as door:
        stage.hooks.hear = door.receive
        yield door


def single(**changes: object) -> CampaignTerms:
    """One gift card, the referee's."""
    return terms(tiers=(), **{"referee_reward": gift_card()} | changes)


async def ended(case: Case) -> Grant:
    """An operator ended the workflow in Temporal: its grant is left behind."""
    await case.handle.terminate()
    return (await case.grants())[0]


async def begin(stage: Stage, grant: Grant, next: Next) -> str:
    """Start an aftercare as whoever asks for one does; answers its id."""
    workflow_id = aftercare_workflow_id(grant.referral_id, "req_1")
    task = GrantTask(grant_id=grant.id, provider=grant.reward["provider"])
    await stage.client.start_workflow(
        AFTERCARE_WORKFLOW,
        AftercareStart(referral_id=grant.referral_id, task=task, next=next),
        id=workflow_id,
        task_queue=WORKFLOW_QUEUE,
    )
    stage.watch(workflow_id)
    return workflow_id


class TestLateWebhook:
    async def test_is_followed_to_the_delivery(
        self, stage: Stage, door: FrontDoor, keep: Keep
    ) -> None:
        await stage.simulator.put("delivery", seconds=0, outcome="never")
        case = await stage.converted(single())
        await eventually(lambda: case.grants(status="ordered"))
        grant = await ended(case)
        await stage.simulator.put("delivery", seconds=0, outcome="delivered")
        await case.reaches("completed")
        (order,) = await case.orders()
        workflow_id = aftercare_workflow_id(case.id, f"hook-{order.id}")
        carried = await one(stage.database, Grant, id=grant.id)
        assert (carried.status, carried.workflow_id) == ("delivered", workflow_id)
        handle = stage.watch(workflow_id)
        await handle.result()
        assert len(await case.cards()) == 1
        await assert_books_agree(stage.database)
        await keep("aftercare", handle)

    async def test_a_late_webhook_for_a_finished_order_starts_nothing(
        self, stage: Stage, door: FrontDoor
    ) -> None:
        case = await stage.converted(single())
        assert await case.result() == "completed"
        (order,) = await case.orders()
        await door.receive(order.hook_token)
        handle = stage.client.get_workflow_handle(
            aftercare_workflow_id(case.id, f"hook-{order.id}")
        )
        with pytest.raises(RPCError, match="not found"):
            await handle.describe()

    async def test_without_news_goes_on_following(self, stage: Stage, door: FrontDoor) -> None:
        await stage.simulator.put("delivery", seconds=0, outcome="never")
        case = await stage.converted(single())
        await eventually(lambda: case.grants(status="ordered"))
        await ended(case)
        (order,) = await case.orders()
        # Two webhooks, one aftercare.
        await door.receive(order.hook_token)
        await door.receive(order.hook_token)
        workflow_id = aftercare_workflow_id(case.id, f"hook-{order.id}")

        async def taken_up() -> bool:
            return (await case.grants())[0].workflow_id == workflow_id

        await eventually(taken_up)
        stage.hooks.keep()
        await stage.simulator.put("delivery", seconds=0, outcome="delivered")
        await stage.temporal.fast_forward(stage.watch(workflow_id), timedelta(seconds=40))
        await case.reaches("completed")


class TestParked:
    async def test_a_grant_that_parks_there_is_retried_there(
        self, stage: Stage, door: FrontDoor
    ) -> None:
        friend = await add_customer(stage.database, phone="call me")
        texted = gift_card(delivery="sms")
        case = await stage.converted(single(referee_reward=texted, hold=timedelta(days=1)), friend)
        await case.reaches("on_hold")
        grant = await ended(case)
        workflow_id = await begin(stage, grant, Next.ORDER)
        assert (await case.parked("order_rejected")).workflow_id == workflow_id
        await stage.correct(friend, phone="+15550001111")
        await door.ask("retry", grant.id)
        await stage.watch(workflow_id).result()
        assert (await case.referral()).status == "completed"
        assert [order.generation for order in await case.orders()] == [1, 2]
        assert len(await case.cards()) == 1

    async def test_a_parked_grant_can_be_cancelled_in_aftercare(
        self, stage: Stage, door: FrontDoor
    ) -> None:
        dear = single(referee_reward=gift_card(600_00), hold=timedelta(days=1))
        case = await stage.converted(dear)
        await case.reaches("on_hold")
        grant = await ended(case)
        workflow_id = await begin(stage, grant, Next.ORDER)
        await case.parked("order_rejected")
        await door.ask("cancel", grant.id)
        await stage.watch(workflow_id).result()
        assert [grant.status for grant in await case.grants()] == ["cancelled"]
        assert await case.cards() == []
        await assert_books_agree(stage.database)
