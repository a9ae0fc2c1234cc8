"""`kill -9` of the worker while it tells a webhook of events."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest
from standardwebhooks.webhooks import Webhook

from cli.stack.stack import Stack
from tests.failure.judge import Judge
from tests.receiver import Receiver

PERSONS = 30


@pytest.mark.timeout(900)
async def test_nothing_is_lost_the_order_is_kept_and_repeats_are_the_same(
    stack: Stack, judge: Judge, figure: Callable[[str], None]
) -> None:
    receiver, http = Receiver(), judge.engine.http
    await receiver.open()
    # Slow, so that a kill finds a request that is sent, and not written down as taken.
    receiver.seconds = 0.3
    body = {"url": receiver.url, "events": ["customer.*"]}
    created = (await http.post("/v1/webhooks", json=body)).raise_for_status().json()
    for number in range(PERSONS):
        answer = await http.post("/v1/customers", json={"source_id": f"told-{number}"})
        answer.raise_for_status()
        if number in (PERSONS // 3, 2 * PERSONS // 3):
            begun = len(receiver.received)

            async def under_way(begun: int = begun) -> bool:
                return len(receiver.received) > begun + 2

            await judge.eventually(under_way, "events are being delivered", seconds=300)
            stack.kill("worker", signal.SIGKILL)
    log = (await http.get("/v1/event-log?type=customer.*")).raise_for_status().json()["data"]
    assert len(log) == PERSONS

    async def told() -> bool:
        return len({one.content["id"] for one in receiver.received}) == PERSONS

    await judge.eventually(told, "every event was delivered", seconds=300)
    assert (await http.delete(f"/v1/webhooks/{created['id']}")).status_code == 204
    await receiver.close()
    ids = [one.content["id"] for one in receiver.received]
    assert ids == sorted(ids), "a repeat comes before anything new"
    for one in receiver.received:
        Webhook(created["secret"]).verify(one.body, one.headers)
    assert [event["id"] for event in log] == list(dict.fromkeys(ids))
    repeats = len(ids) - PERSONS
    assert repeats <= 2, "one event for each kill at most"
    assert len({one.body for one in receiver.received}) == PERSONS
    figure(f"2 kills, {PERSONS} events, {repeats} repeated")
