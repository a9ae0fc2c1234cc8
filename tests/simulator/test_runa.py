"""Runa: a key that remembers every answer, no look-up by key, Svix webhooks."""

import asyncio
import base64
import hashlib
import hmac

import pytest

from simulator.runa_replies import signature
from tests.simulator.simulator_process import eventually

BASE = "/runa/v2"


def body(**changes):
    item = {
        "face_value": 20,
        "distribution_method": {"type": "EMAIL", "email_address": "ann@example.com"},
        "products": {"type": "SINGLE", "value": "AMZ-US"},
    }
    payment = {"type": "ACCOUNT_BALANCE", "currency": "USD"}
    outer = {name: changes.pop(name) for name in ("description", "items") if name in changes}
    return {"payment_method": payment, "items": [item | changes], "description": "rf1g1"} | outer


@pytest.fixture
def api(client):
    client.headers["x-api-key"] = "XXkey"
    client.headers["x-api-version"] = "2024-02-05"
    return client


@pytest.fixture
def order(api):
    async def post(key="rf1g1", mode="async", **changes):
        headers = {"X-Idempotency-Key": key, "X-Execution-Mode": mode}
        return await api.post(f"{BASE}/order", json=body(**changes), headers=headers)

    return post


class TestCreate:
    async def test_async(self, order, book):
        answer = await order()
        assert answer.status_code == 202
        assert set(answer.json()) == {"id", "status"}
        assert answer.json()["status"] == "PROCESSING"
        (row,) = await book("runa")
        assert (row["key"], row["amount"], row["charged"]) == ("rf1g1", 2000, 1970)

    async def test_sync(self, order):
        answer = await order(mode="sync")
        shown = answer.json()
        assert (answer.status_code, shown["status"]) == (200, "COMPLETED")
        assert (shown["items"][0]["face_value"], shown["total_price"]) == ("20.00", "19.70")
        assert shown["items"][0]["payout"]["url"]

    async def test_repeated_answers_the_stored_reply(self, order, book, control):
        await control("delivery", seconds=0)
        first = await order()

        async def issued():
            return (await book("runa"))[0]["state"] == "issued"

        await eventually(issued)
        again = await order()
        assert (again.status_code, again.json()) == (202, first.json())
        assert len(await book("runa")) == 1

    async def test_another_body(self, order, book):
        await order()
        answer = await order(face_value=21)
        assert answer.status_code == 400
        assert answer.json()["type"] == "idempotency_validation_error"
        assert len(await book("runa")) == 1

    async def test_in_progress(self, order, control, client):
        await control("hold", provider="runa", point="committed", count=1)
        first = asyncio.create_task(order())

        async def held():
            return (await client.get("/_control/hold")).json()["holding"] == 1

        await eventually(held)
        assert (await order()).json()["type"] == "idempotency_in_progress"
        await control("hold", point=None)
        assert (await first).status_code == 202

    async def test_a_refusal_is_remembered(self, order, control):
        await control("funds", provider="runa", amount=0)
        refused = await order()
        assert (refused.status_code, refused.json()["type"]) == (400, "insufficient_funds")
        await control("funds", provider="runa", amount=100000)
        assert (await order()).json()["type"] == "insufficient_funds"
        assert (await order("rf1g2")).status_code == 202

    async def test_a_5xx_after_the_commit_is_remembered(self, order, control, book):
        await control("faults", seed=1, rates={"error_after": 1}, statuses=[500])
        assert (await order()).status_code == 500
        await control("faults", seed=1, rates={})
        again = await order()
        assert (again.status_code, again.json()["type"]) == (500, "internal_server_error")
        assert len(await book("runa")) == 1

    async def test_a_forgotten_key_buys_again(self, order, control, book):
        await control("keys", provider="runa", seconds=0.05)
        await order()
        await asyncio.sleep(0.1)
        assert (await order()).status_code == 202
        assert len(await book("runa")) == 2

    @pytest.mark.parametrize(
        ("changes", "status", "kind"),
        [
            ({"face_value": "20"}, 422, "validation_error"),
            ({"items": []}, 422, "validation_error"),
            ({"description": "x" * 129}, 422, "validation_error"),
            ({"distribution_method": {"type": "EMAIL"}}, 422, "validation_error"),
            ({"products": {"type": "MULTIPLE", "values": ["AMZ-US"]}}, 422, "validation_error"),
            ({"products": {"type": "SINGLE", "value": "X"}}, 400, "product_validation_error"),
            ({"face_value": 501}, 400, "product_validation_error"),
            ({"products": {"type": "SINGLE", "value": "ZAL-DE"}}, 400, "currency_mismatch"),
        ],
    )
    async def test_invalid(self, order, book, changes, status, kind):
        answer = await order(**changes)
        assert (answer.status_code, answer.json()["type"]) == (status, kind)
        assert await book("runa") == []

    async def test_headers(self, client, api):
        without_key = await api.post(f"{BASE}/order", json=body())
        assert without_key.status_code == 422
        old = await api.get(f"{BASE}/balance", headers={"X-Api-Version": "2020-01-01"})
        assert old.status_code == 410
        trigger = {"X-Trigger-Error": "insufficient_funds", "X-Idempotency-Key": "k"}
        forced = await api.post(f"{BASE}/order", json=body(), headers=trigger)
        assert forced.json()["type"] == "insufficient_funds"
        client.headers.pop("x-api-key")
        assert (await client.get(f"{BASE}/balance")).status_code == 401


class TestRead:
    async def test_pages_newest_first_until_an_empty_one(self, order, api, control):
        await control("delivery", outcome="never")
        for n in range(3):
            await order(f"k{n}", mode="sync", description=f"k{n}")
        await order("k3", description="k3")
        seen, after = [], None
        for _ in range(5):
            query = {"limit": 2} | ({"after": after} if after else {})
            page = (await api.get(f"{BASE}/order", params=query)).json()
            if not page["items"]:
                break
            seen += [row.get("description") for row in page["items"]]
            after = page["pagination"]["cursors"]["after"]
        # An order that is not complete shows neither description nor date.
        assert seen == [None, "k2", "k1", "k0"]
        query = {"limit": 2, "before": after}
        newer = (await api.get(f"{BASE}/order", params=query)).json()
        assert [row.get("description") for row in newer["items"]] == ["k2", "k1"]

    async def test_one(self, order, api):
        order_id = (await order()).json()["id"]
        shown = (await api.get(f"{BASE}/order/{order_id}")).json()
        assert set(shown) == {"id", "status", "message"}
        assert (await api.get(f"{BASE}/order/nope")).status_code == 404

    async def test_balance_changes_its_shape(self, api, control):
        await control("funds", provider="runa", amount=1050)
        one = (await api.get(f"{BASE}/balance", params={"currency": "USD"})).json()
        assert one == {"balance": "10.50", "currency": "USD"}
        assert isinstance((await api.get(f"{BASE}/balance")).json(), list)

    async def test_products_and_estimate(self, api):
        first = (await api.get(f"{BASE}/product")).json()["catalog"][0]
        assert first["gift_card"]["denominations"]["minimum_value"] == "1.00"
        estimate = (await api.post(f"{BASE}/order/estimate", json=body())).json()
        assert estimate["total_price"] == 19.7


class TestWebhook:
    @pytest.mark.parametrize(
        ("outcome", "status"), [("delivered", "COMPLETED"), ("failed", "FAILED")]
    )
    async def test_completion_is_signed(self, order, receiver, control, outcome, status):
        setting = await control("webhook", provider="runa", url=receiver.url)
        await control("delivery", seconds=0, outcome=outcome)
        order_id = (await order()).json()["id"]
        await eventually(lambda: receiver.received)
        ((headers, raw),) = receiver.received
        (event,) = receiver.bodies
        assert (event["id"], event["status"]) == (order_id, status)
        assert ("description" in event) == (status == "COMPLETED")
        key = base64.b64decode(setting["secret"].removeprefix("whsec_"))
        signed = f"{headers['svix-id']}.{headers['svix-timestamp']}.".encode() + raw
        mark = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        assert headers["svix-signature"] == f"v1,{mark}"

    def test_svix_published_vector(self):
        secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
        mark = signature(
            secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
        )
        assert mark == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
