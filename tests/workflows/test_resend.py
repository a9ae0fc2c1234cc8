"""A card that did not arrive is sent again: the same card, also to a corrected address."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import TypeVar

import pytest
import pytest_asyncio
from sqlmodel import delete

import tests.workflows.standings as standings
from domain.ids import aftercare_workflow_id
from domain.messages import StaffRequest
from domain.staff import Action
from providers.registry import RESENDING
from store.staff import requests
from store.staff.requests import Asking
from store.tables import Grant, IdempotentAnswer, Order, StaffAction
from tests.auditing import assert_books_agree
from tests.builders import gift_card, one
from tests.keeping import Keep
from tests.workflows.case import Case, Refused, eventually
from tests.workflows.frontdoor import FrontDoor, front_door
from tests.workflows.histories import readable
from tests.workflows.stage import Stage
from tests.workflows.standings import card, single

PROVIDERS = ["giftcard-partners", "tremendous"]
LONGEST_DELAY = 1.0
"""Tremendous tells by webhooks to its account's address; here polls find it."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def door(running: Stage) -> AsyncIterator[FrontDoor]:
    async with front_door(running) as door:
        yield door


async def told(door: FrontDoor, grant_id: str) -> list[str]:
    return [e["title"] for e in (await door.get(f"/v1/grants/{grant_id}/timeline"))["data"]]


async def followed(stage: Stage, grant_id: str) -> str:
    """The aftercare that carries the grant now."""

    async def taken_up() -> str:
        workflow_id = (await one(stage.database, Grant, id=grant_id)).workflow_id
        return workflow_id if workflow_id.startswith("aftercare") else ""

    return await eventually(taken_up)


class TestBounced:
    async def test_to_a_corrected_address_it_arrives_and_is_the_same_card(
        self, stage: Stage, door: FrontDoor, keep: Keep
    ) -> None:
        case, grant = await standings.bounced(stage)
        answer = await door.post(
            f"/v1/grants/{grant.id}/resend",
            email="right.address@example.com",
            reason="They spelt it for me",
        )
        assert answer.status_code == 200, answer.text
        assert await case.result() == "completed"
        (order,) = await case.orders()
        assert order.resent_to == "right.address@example.com"
        assert (order.generation, order.delivery_state) == (1, "delivered")
        assert len(await case.cards()) == 1
        timeline = (await door.get(f"/v1/grants/{grant.id}/timeline"))["data"]
        (sent,) = [each for each in timeline if each["title"] == "Sent again, as staff asked"]
        assert sent["detail"] == "to a corrected address: They spelt it for me"
        assert (sent["source"], sent["actor"], sent["attempt"]) == ("staff", door.app_id, 1)
        await assert_books_agree(stage.database)
        await keep("resent", case.handle)

    async def test_nothing_of_the_address_or_the_words_is_in_the_history(
        self, stage: Stage, door: FrontDoor
    ) -> None:
        case, grant = await standings.bounced(stage)
        await door.post(
            f"/v1/grants/{grant.id}/resend",
            key="my own key",
            email="zyxqvut@example.com",
            reason="Zyxqvut called",
        )
        await case.result()
        said = readable(await case.handle.fetch_history()).lower()
        assert "resend" in said
        for words in ("zyxqvut", "example.com", "my own key"):
            assert words not in said

    async def test_bounces_again_and_needs_attention_again(
        self, stage: Stage, door: FrontDoor
    ) -> None:
        case, grant = await standings.bounced(stage)
        await stage.simulator.put("delivery", seconds=0, outcome="bounced")
        await door.post(f"/v1/grants/{grant.id}/resend", email="also.wrong@example.com")

        async def twice() -> bool:
            return (await case.events()).count("grant.delivery_failed") == 2

        await eventually(twice)
        await case.parked("delivery_failed")
        await stage.simulator.put("delivery", seconds=0, outcome="delivered")
        await door.post(f"/v1/grants/{grant.id}/resend", email="right@example.com")
        assert await case.result() == "completed"
        assert len(await case.cards()) == 1

    @pytest.mark.parametrize("between", ["while it runs", "after the end"])
    async def test_asked_twice_under_one_key_it_is_sent_once(
        self, stage: Stage, door: FrontDoor, between: str
    ) -> None:
        """Also where the API has forgotten that it answered, as after a crash."""
        case, grant = await standings.bounced(stage)
        key = f"once-{grant.id}"
        if between == "while it runs":
            await stage.simulator.put("delivery", seconds=0, outcome="never")
        answer = await door.post(f"/v1/grants/{grant.id}/resend", key=key)
        assert answer.status_code == 200, answer.text
        await (case.result() if between == "after the end" else case.reaches("fulfilling"))
        async with stage.database.transaction() as tx:
            await tx.session.execute(delete(IdempotentAnswer))
        again = await door.post(f"/v1/grants/{grant.id}/resend", key=key)
        assert again.status_code == 200, again.text
        await stage.simulator.put("delivery", seconds=0, outcome="delivered")
        await case.result()
        assert (await told(door, grant.id)).count("Sent again, as staff asked") == 1

    async def test_told_twice_to_the_workflow_it_is_sent_once(
        self, stage: Stage, door: FrontDoor
    ) -> None:
        """Two updates with ids of their own carry one request."""
        case, grant = await standings.bounced(stage)
        asking = Asking(Action.RESEND, "app_staff", "1", grant_id=grant.id)
        async with stage.database.transaction() as tx:
            asked = await requests.ask(tx, asking, RESENDING)
        request = StaffRequest(grant_id=grant.id, actor="app_staff", request_id=asked.id)
        for _ in range(2):
            await case.handle.execute_update(Action.RESEND, request)
        await case.result()
        assert (await told(door, grant.id)).count("Sent again, as staff asked") == 1


class TestDelivered:
    async def test_a_refused_resend_is_reported_and_changes_nothing(
        self, stage: Stage, door: FrontDoor
    ) -> None:
        """Tremendous sends again only what it could not deliver."""
        _, grant = await standings.delivered(stage)
        assert (await door.post(f"/v1/grants/{grant.id}/resend")).status_code == 200

        async def answered() -> bool:
            asked = await one(stage.database, StaffAction, grant_id=grant.id)
            return asked.done_at is not None

        await eventually(answered)
        assert "that was not possible" in (await told(door, grant.id))[-1]
        after = await one(stage.database, Grant, id=grant.id)
        assert (after.status, after.attention) == ("delivered", None)
        await assert_books_agree(stage.database)


class TestAfterTheEnd:
    async def test_an_aftercare_sends_it_and_follows_it(
        self, stage: Stage, door: FrontDoor, keep: Keep
    ) -> None:
        case, grant = await bounced_after_the_end(stage)
        answer = await door.post(
            f"/v1/grants/{grant.id}/resend", key=f"late-{grant.id}", email="late@example.com"
        )
        assert answer.status_code == 200, answer.text
        asked = await one(stage.database, StaffAction, grant_id=grant.id)
        handle = stage.watch(aftercare_workflow_id(case.id, asked.id))
        await handle.result()
        await case.reaches("completed")
        assert len(await case.cards()) == 1
        assert (await one(stage.database, Order, grant_id=grant.id)).resent_to == "late@example.com"
        assert (await told(door, grant.id)).count("Sent again, as staff asked") == 1
        await assert_books_agree(stage.database)
        await keep("aftercare_resent", handle)

    async def test_the_validator_holds_there_as_well(self, stage: Stage, door: FrontDoor) -> None:
        """The facts are looked at first; this asks the workflow itself."""
        case, grant = await bounced_after_the_end(stage)
        await stage.simulator.put("delivery", seconds=0, outcome="never")
        await door.post(f"/v1/grants/{grant.id}/resend")
        workflow_id = await followed(stage, grant.id)
        await refuse_cancel(case, workflow_id, grant.id)
        await stage.simulator.put("delivery", seconds=0, outcome="delivered")
        await stage.watch(workflow_id).result()


async def bounced_after_the_end(stage: Stage) -> tuple[Case, Grant]:
    """An operator ended the workflow while the bounce was waiting for staff."""
    case, grant = await standings.bounced(stage)
    await case.handle.terminate()
    return case, grant


async def refuse_cancel(case: Case, workflow_id: str, grant_id: str) -> None:
    there = Case(case.stage, await case.referral(), case.code)
    there.handle = case.stage.watch(workflow_id)
    with pytest.raises(Refused, match="Only a held grant"):
        await there.cancel(grant_id)


class TestElsewhere:
    async def test_a_provider_that_cannot_says_so(self, stage: Stage, door: FrontDoor) -> None:
        case = await stage.converted(single())
        await case.result()
        (grant,) = await case.grants()
        refused = await door.post(f"/v1/grants/{grant.id}/resend")
        assert refused.json()["key"] == "not_allowed_in_state"
        assert "This provider cannot send a card again" in refused.json()["detail"]

    async def test_a_link_is_handed_out_instead(self, stage: Stage, door: FrontDoor) -> None:
        case = await stage.converted(single(gift_card(delivery="link")))
        await case.result()
        (grant,) = await case.grants()
        refused = await door.post(f"/v1/grants/{grant.id}/resend")
        assert "GET /v1/grants/{id}/claim" in refused.json()["detail"]

    async def test_a_text_message_has_no_address_to_correct(
        self, stage: Stage, door: FrontDoor
    ) -> None:
        await stage.simulator.put("delivery", seconds=0, outcome="bounced")
        case = await stage.converted(single(card(delivery="sms")))
        grant = await case.parked("delivery_failed")
        refused = await door.post(f"/v1/grants/{grant.id}/resend", email="a@example.com")
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, "/email")
        await stage.simulator.put("delivery", seconds=0, outcome="delivered")
        assert (await door.post(f"/v1/grants/{grant.id}/resend")).status_code == 200
        assert await case.result() == "completed"


Answer = TypeVar("Answer")


async def after(seconds: float, doing: Awaitable[Answer]) -> Answer:
    await asyncio.sleep(seconds)
    return await doing


class TestRacingTheEnd:
    async def test_a_resend_that_races_the_end_happens_once(
        self, stage: Stage, door: FrontDoor
    ) -> None:
        """The request comes while the workflow closes: there, or in an aftercare, it has one
        effect."""
        for delay in (0.0, 0.05, 0.15):
            await stage.simulator.put("delivery", seconds=0, outcome="never")
            case = await stage.converted(single(card()))
            grant = await standings.first(case, status="ordered")
            await stage.simulator.put("delivery", seconds=0, outcome="delivered")
            answer, _ = await asyncio.gather(
                after(delay, door.post(f"/v1/grants/{grant.id}/resend")), case.skip(seconds=2)
            )
            assert answer.status_code == 200, answer.text
            asked = await one(stage.database, StaffAction, grant_id=grant.id)

            async def done(id: str = asked.id) -> bool:
                return (await one(stage.database, StaffAction, id=id)).done_at is not None

            await eventually(done)
            await case.reaches("completed")
            titles = await told(door, grant.id)
            assert sum("sent again" in title.lower() for title in titles) == 1
            assert len(await case.cards()) == 1
        await assert_books_agree(stage.database)
