"""The per-order webhook of GiftCard Partners, its retries and its faults."""

import asyncio

import pytest

from tests.simulator.simulator_process import Receiver, eventually


@pytest.fixture
def hooked(place, receiver: Receiver):
    """Place an order whose webhook the receiver takes."""

    async def post(po_number: str, path: str = ""):
        settings = {"FulfillmentComplete": receiver.url + path}
        answer = await place(po_number, WebhookSettings=settings)
        assert answer.status_code == 201
        return answer.json()["id"]

    return post


async def stats(client) -> dict[str, int]:
    return (await client.get("/_control/stats")).json()["giftcard-partners"]


async def test_completion_posts_the_order_id_only(hooked, receiver, control, client):
    await control("delivery", seconds=0.1)
    order_id = await hooked("PO-1")
    await eventually(lambda: receiver.received)
    assert receiver.bodies == [{"orderId": order_id}]

    async def counted():
        return (await stats(client))["webhooks_sent"] == 1

    await eventually(counted)


async def test_retried_until_a_2xx(hooked, receiver, control):
    receiver.statuses = [500, 404]
    await control("delivery", seconds=0)
    await hooked("PO-1")
    await eventually(lambda: len(receiver.received) == 3)
    await asyncio.sleep(0.2)
    assert len(receiver.received) == 3


async def test_an_address_that_nobody_answers_is_retried(place, control, client):
    await control("delivery", seconds=0)
    await place("PO-1", WebhookSettings={"FulfillmentComplete": "http://127.0.0.1:9/x"})

    async def retried():
        return (await stats(client))["webhooks_retried"]

    await eventually(retried)


async def test_lost(hooked, receiver, control, client, book):
    await control("faults", seed=1, rates={"webhook_lost": 1})
    await control("delivery", seconds=0)
    await hooked("PO-1")

    async def lost():
        return (await stats(client))["webhooks_lost"] == 1

    await eventually(lost)
    assert (await book("giftcard-partners"))[0]["state"] == "issued"
    assert receiver.received == []


async def test_duplicate(hooked, receiver, control):
    await control("faults", seed=1, rates={"webhook_duplicate": 1})
    await control("delivery", seconds=0)
    await hooked("PO-1")
    await eventually(lambda: len(receiver.received) == 2)
    first, second = receiver.bodies
    assert first == second


async def test_reorder_lets_later_ones_overtake(hooked, receiver, control):
    await control("faults", seed=5, rates={"webhook_reorder": 0.5})
    await control("delivery", seconds=0)
    placed = []
    for n in range(8):
        placed.append(await hooked(f"PO-{n}"))
        await asyncio.sleep(0.05)
    await eventually(lambda: len(receiver.received) == 8)
    arrived = [body["orderId"] for body in receiver.bodies]
    assert sorted(arrived) == sorted(placed)
    assert arrived != placed


async def test_early_comes_before_the_answer(hooked, receiver, control):
    await control("faults", seed=1, rates={"webhook_early": 1})
    await control("delivery", seconds=30)
    order_id = await hooked("PO-1")
    assert receiver.bodies == [{"orderId": order_id}]


async def test_early_even_when_the_answer_is_dropped(place, receiver, control):
    await control("faults", seed=1, rates={"webhook_early": 1, "drop_after": 1})
    settings = {"FulfillmentComplete": receiver.url}
    await asyncio.gather(place("PO-1", WebhookSettings=settings), return_exceptions=True)
    assert len(receiver.received) == 1


async def test_many_at_once(hooked, receiver, control):
    await control("delivery", seconds=0)
    placed = await asyncio.gather(*(hooked(f"PO-{n}") for n in range(60)))
    await eventually(lambda: len(receiver.received) == 60)
    assert sorted(body["orderId"] for body in receiver.bodies) == sorted(placed)
