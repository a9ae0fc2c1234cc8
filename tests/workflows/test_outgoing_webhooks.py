"""Outgoing webhooks: a receiver over HTTP hears of every event, in order, whatever happens."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest_asyncio
from standardwebhooks.webhooks import Webhook

from domain.ids import webhook_workflow_id
from domain.messages import REDRIVE_WORKFLOW, WORKFLOW_QUEUE
from domain.roles import Role
from store.tables import Webhook as WebhookRow
from store.webhooks import deliver
from tests.builders import gift_card, one, terms
from tests.keeping import Keep
from tests.receiver import Receiver
from tests.workflows.case import eventually
from tests.workflows.frontdoor import FrontDoor, front_door
from tests.workflows.stage import Stage


class Hooked(NamedTuple):
    """A webhook, who receives it, and the door that it was asked for at."""

    id: str
    secret: str
    receiver: Receiver
    door: FrontDoor

    def heard(self) -> list[str]:
        """The types of what came, in turn; every request is signed and named like its event."""
        for received in self.receiver.received:
            Webhook(self.secret).verify(received.body, received.headers)
            assert received.headers["webhook-id"] == received.content["id"]
        return [received.content["type"] for received in self.receiver.received]

    async def once(self, count: int, seconds: float = 30) -> list[Any]:
        """So many different events, each the first time that it came."""

        async def enough() -> list[Any]:
            ids = {one.content["id"]: one.content for one in reversed(self.receiver.received)}
            first = sorted(ids, key=[one.content["id"] for one in self.receiver.received].index)
            return [ids[id] for id in first] if len(ids) >= count else []

        return await eventually(enough, seconds)

    async def standing(self) -> Any:
        return await self.door.get(f"/v1/webhooks/{self.id}")


@pytest_asyncio.fixture
async def hooked(stage: Stage) -> AsyncIterator[Hooked]:
    """A webhook of everything that tests tell, and of the lanes."""
    receiver = Receiver()
    await receiver.open()
    async with front_door(stage, Role.ADMIN) as door:
        body = {"url": receiver.url, "events": ["wallet.*", "lane.*"]}
        answer = await door.post("/v1/webhooks", **body)
        assert answer.status_code == 201, answer.text
        created = answer.json()
        handle = stage.watch(webhook_workflow_id(created["id"]))
        yield Hooked(created["id"], created["secret"], receiver, door)
        await door.delete(f"/v1/webhooks/{created['id']}")
        # It ends by itself once the webhook is gone.
        await asyncio.wait_for(handle.result(), 30)
    await receiver.close()


async def tell(stage: Stage, number: int) -> None:
    async with stage.database.transaction() as tx:
        tx.record("wallet.used", "Told", data={"number": number})
        await tx.write_facts()
        await asyncio.sleep(0.01 * (number % 4))
    async with stage.database.transaction() as tx:
        tx.record("tax.threshold_set", "Nobody asked for this")


class TestAReceiver:
    async def test_hears_all_that_it_asked_for_in_order(self, stage: Stage, hooked: Hooked) -> None:
        await asyncio.gather(*(tell(stage, number) for number in range(20)))
        contents = await hooked.once(20)
        assert hooked.heard() == ["wallet.used"] * 20
        log = (await hooked.door.get("/v1/event-log?type=wallet.*"))["data"]
        assert [content["data"] for content in contents] == [one["data"] | one for one in log]
        assert [content["timestamp"] for content in contents] == [one["at"] for one in log]

        async def caught_up() -> bool:
            return (await hooked.standing())["behind"] == 0

        await eventually(caught_up)
        assert (await hooked.standing())["last_success_at"]

    async def test_that_is_switched_off_hears_nothing_until_it_is_on_again(
        self, stage: Stage, hooked: Hooked
    ) -> None:
        path = f"/v1/webhooks/{hooked.id}"
        await hooked.door.put(path, active=False)
        await asyncio.wait_for(stage.watch(webhook_workflow_id(hooked.id)).result(), 30)
        await tell(stage, 1)
        assert hooked.heard() == []
        assert (await hooked.standing())["behind"] == 1
        await hooked.door.put(path, active=True)
        await hooked.once(1)
        assert hooked.heard() == ["wallet.used"]

    async def test_that_was_down_misses_nothing_and_keeps_the_order(
        self, stage: Stage, hooked: Hooked
    ) -> None:
        hooked.receiver.statuses = [503]
        for number in range(5):
            await tell(stage, number)

        async def failing() -> Any:
            standing = await hooked.standing()
            return standing if standing["failures"] >= 2 else None

        standing = await eventually(failing)
        assert standing["failing_since"] <= standing["last_attempt_at"]
        assert (standing["failure"], standing["behind"]) == ("HTTP 503", 5)
        assert "guerdon_webhooks_failing 1.0" in await hooked.door.metrics()
        # It comes back; one answer is lost on its way, and one is a redirect.
        hooked.receiver.statuses = [200, 0, 302, 200]
        contents = await hooked.once(5)
        log = (await hooked.door.get("/v1/event-log?type=wallet.*"))["data"]
        assert [content["data"] for content in contents] == [one["data"] | one for one in log[-5:]]
        ids = [received.content["id"] for received in hooked.receiver.received]
        assert ids == sorted(ids), "a repeat comes before anything new"
        by_id: dict[str, bytes] = {}
        for received in hooked.receiver.received:
            assert by_id.setdefault(received.content["id"], received.body) == received.body
        hooked.heard()

        async def well() -> bool:
            standing = await hooked.standing()
            return (standing["failing_since"], standing["behind"]) == (None, 0)

        await eventually(well)

    async def test_hears_that_a_lane_stopped_and_that_it_resumed(
        self, stage: Stage, hooked: Hooked
    ) -> None:
        await stage.simulator.funds(0)
        case = await stage.converted(terms(referee_reward=gift_card(), tiers=()))
        (stopped,) = await hooked.once(1)
        assert stopped["data"]["data"]["reason"] == "insufficient_funds"
        await stage.simulator.funds(1_000_00)
        assert await case.result() == "completed"
        await hooked.once(2)
        assert hooked.heard() == ["lane.stopped", "lane.reopened"]

    async def test_that_has_moved_is_told_at_its_new_address(
        self, stage: Stage, hooked: Hooked, keep: Keep
    ) -> None:
        await hooked.door.put(f"/v1/webhooks/{hooked.id}", url="http://127.0.0.1:9/gone")
        await tell(stage, 1)

        async def lost() -> bool:
            return "no connection" in ((await hooked.standing())["failure"] or "")

        await eventually(lost)
        await hooked.door.put(f"/v1/webhooks/{hooked.id}", url=hooked.receiver.url)
        await hooked.once(1)
        await keep("webhook", stage.watch(webhook_workflow_id(hooked.id)))


class TestTheRedrive:
    async def test_takes_up_a_webhook_that_temporal_never_heard_of(self, stage: Stage) -> None:
        receiver = Receiver()
        await receiver.open()
        secret = "whsec_" + base64.b64encode(b"s" * 32).decode()
        async with stage.database.transaction() as tx:
            webhook_id = await deliver.create(tx, receiver.url, ["wallet.*"], secret, stage.vault)
        await tell(stage, 1)
        for number in range(2):
            redriven = f"redrive-webhook-{number}"
            await stage.client.execute_workflow(
                REDRIVE_WORKFLOW, id=redriven, task_queue=WORKFLOW_QUEUE
            )
            handle = stage.watch(webhook_workflow_id(webhook_id))

            async def heard() -> bool:
                return len(receiver.received) == 1

            await eventually(heard)
        Webhook(secret).verify(receiver.received[0].body, receiver.received[0].headers)
        assert (await one(stage.database, WebhookRow, id=webhook_id)).read_at
        async with stage.database.transaction() as tx:
            await deliver.remove(tx, webhook_id)
        await asyncio.wait_for(handle.result(), 30)
        await receiver.close()
