"""What must survive `kill -9`: the book, the settings, the money, the pending webhooks."""

import asyncio
import signal

import httpx
import pytest

from tests.simulator.simulator_process import SimulatorProcess, eventually, partners_order, token

ORDERS = "/giftcard-partners/v1/Orders"


@pytest.fixture
def mortal(tmp_path):
    process = SimulatorProcess(tmp_path)
    process.start()
    yield process
    process.end(signal.SIGKILL)


@pytest.fixture
async def connection(mortal):
    async with httpx.AsyncClient(base_url=mortal.url, timeout=120) as connection:
        connection.headers["authorization"] = f"Bearer {await token(connection)}"
        yield connection


def restart(mortal: SimulatorProcess) -> None:
    assert mortal.end(signal.SIGKILL) == -signal.SIGKILL
    mortal.start()


async def test_every_answered_order_is_in_the_book(mortal, connection):
    answered = []

    async def order(name: str) -> None:
        answer = await connection.post(ORDERS, json=partners_order(name))
        assert answer.status_code == 201
        answered.append(answer.json()["id"])
        if len(answered) == 40:
            mortal.end(signal.SIGKILL)

    await asyncio.gather(*(order(f"PO-{n}") for n in range(200)), return_exceptions=True)
    mortal.start()
    assert 40 <= len(answered) < 200
    rows = (await connection.get("/_control/book")).json()
    assert set(answered) <= {row["provider_order_id"] for row in rows}
    assert len({row["key"] for row in rows}) == len(rows)


async def test_settings_money_and_tokens(mortal, connection):
    provider = {"provider": "giftcard-partners"}
    await connection.put("/_control/funds", json=provider | {"amount": 2000})
    await connection.post(ORDERS, json=partners_order("PO-1"))
    await connection.put("/_control/delivery", json={"seconds": 9, "outcome": "never"})
    restart(mortal)
    again = await connection.post(ORDERS, json=partners_order("PO-1"))
    assert again.status_code == 409
    assert (await connection.post(ORDERS, json=partners_order("PO-2"))).status_code == 422
    await connection.put("/_control/faults", json={"seed": 1, "rates": {"error_before": 1}})
    restart(mortal)
    assert (await connection.post(ORDERS, json=partners_order("PO-3"))).status_code >= 500
    assert (await connection.get("/_control/book")).json()[0]["state"] == "pending"


async def test_the_sequence_of_faults_goes_on(mortal, connection):
    faults = {"seed": 11, "rates": {"error_before": 0.5}, "statuses": [503]}

    async def statuses(prefix: str, kill: bool) -> list[int]:
        await connection.put("/_control/faults", json=faults)
        found = []
        for n in range(20):
            if kill and n == 10:
                restart(mortal)
            answer = await connection.post(ORDERS, json=partners_order(f"{prefix}{n}"))
            found.append(answer.status_code)
        return found

    assert await statuses("A", kill=True) == await statuses("B", kill=False)


async def test_pending_deliveries_and_webhooks(mortal, connection, receiver):
    receiver.statuses = [500, 500]
    settings = {"FulfillmentComplete": receiver.url}
    await connection.put("/_control/delivery", json={"seconds": 0})
    await connection.post(ORDERS, json=partners_order("PO-1", WebhookSettings=settings))
    await eventually(lambda: len(receiver.received) == 1)
    await connection.put("/_control/delivery", json={"seconds": 2})
    await connection.post(ORDERS, json=partners_order("PO-2", WebhookSettings=settings))
    restart(mortal)
    await eventually(lambda: len({body["orderId"] for body in receiver.bodies}) == 2)


async def test_sigterm_ends_cleanly_with_a_request_held(tmp_path):
    process = SimulatorProcess(tmp_path)
    process.start()
    async with httpx.AsyncClient(base_url=process.url, timeout=120) as connection:
        connection.headers["authorization"] = f"Bearer {await token(connection)}"
        await connection.put("/_control/hold", json={"point": "committed"})
        held = asyncio.create_task(connection.post(ORDERS, json=partners_order("PO-1")))
        await asyncio.sleep(0.3)
        assert await asyncio.to_thread(process.end, signal.SIGTERM) == 0
        await asyncio.gather(held, return_exceptions=True)
