"""Tremendous: 200, 201, 409; one signed webhook address; delivery apart from the order."""

import hashlib
import hmac

import pytest

from tests.simulator.simulator_process import eventually

BASE = "/tremendous/api/v2"


def body(external_id="rf1g1", **changes):
    reward = {
        "products": ["OKMHM2X2OHYV"],
        "value": {"denomination": 20.0, "currency_code": "USD"},
        "recipient": {"name": "Ann", "email": "ann@example.com"},
        "delivery": {"method": "EMAIL"},
    }
    payment = {"funding_source_id": "BALANCE"}
    return {"external_id": external_id, "payment": payment, "reward": reward | changes}


@pytest.fixture
def api(client):
    client.headers["authorization"] = "Bearer TEST_key"
    return client


@pytest.fixture
def order(api):
    async def post(external_id="rf1g1", **changes):
        return await api.post(f"{BASE}/orders", json=body(external_id, **changes))

    return post


class TestCreate:
    async def test_new(self, order, book):
        answer = await order()
        shown = answer.json()["order"]
        assert answer.status_code == 200
        assert (shown["status"], shown["external_id"]) == ("EXECUTED", "rf1g1")
        assert shown["payment"]["total"] == 20.0
        assert shown["rewards"][0]["delivery"] == {"method": "EMAIL", "status": "PENDING"}
        (row,) = await book("tremendous")
        assert (row["key"], row["amount"], row["state"]) == ("rf1g1", 2000, "issued")

    async def test_same_body_answers_201_and_the_first_order(self, order, book):
        first, again = await order(), await order()
        assert again.status_code == 201
        assert again.json()["order"]["id"] == first.json()["order"]["id"]
        assert len(await book("tremendous")) == 1

    async def test_another_body_answers_409(self, order, book):
        await order()
        answer = await order(value={"denomination": 21, "currency_code": "USD"})
        assert answer.status_code == 409
        assert len(await book("tremendous")) == 1

    async def test_without_a_key_every_call_orders(self, order, book):
        await order(None)
        await order(None)
        assert len(await book("tremendous")) == 2

    async def test_insufficient_funds(self, order, control):
        await control("funds", provider="tremendous", amount=1999)
        assert (await order()).status_code == 402

    @pytest.mark.parametrize(
        "changes",
        [
            {"products": ["NOPE"]},
            {"products": None},
            {"value": {"denomination": "20"}},
            {"value": {"denomination": 0.5}},
            {"recipient": {"email": "nobody"}},
            {"delivery": {"method": "PIGEON"}},
        ],
    )
    async def test_invalid(self, order, book, changes):
        answer = await order(**changes)
        assert answer.status_code == 400
        assert answer.json()["errors"]["payload"]
        assert await book("tremendous") == []

    async def test_missing_credential(self, client):
        assert (await client.get(f"{BASE}/orders")).status_code == 401

    async def test_link_is_only_in_the_first_answer(self, order, api):
        first = await order(delivery={"method": "LINK"}, recipient={"name": "Ann"})
        reward = first.json()["order"]["rewards"][0]
        assert reward["delivery"]["link"]
        again = await order(delivery={"method": "LINK"}, recipient={"name": "Ann"})
        assert "link" not in again.json()["order"]["rewards"][0]["delivery"]
        fresh = await api.post(f"{BASE}/rewards/{reward['id']}/generate_link")
        assert fresh.json()["reward"]["link"]

    async def test_no_link_for_an_email(self, order, api):
        reward = (await order()).json()["order"]["rewards"][0]["id"]
        assert (await api.post(f"{BASE}/rewards/{reward}/generate_link")).status_code == 403

    async def test_a_foreign_reward_is_charged_in_dollars(self, order, book):
        value = {"denomination": 10, "currency_code": "EUR"}
        answer = await order(products=["ZALANDODE001"], value=value)
        assert answer.json()["order"]["payment"]["currency_code"] == "USD"
        assert answer.json()["order"]["payment"]["total"] == 11.0
        (row,) = await book("tremendous")
        assert (row["amount"], row["currency"]) == (1000, "EUR")
        assert (row["charged"], row["charged_currency"]) == (1100, "USD")

    async def test_approval_keeps_an_order_pending(self, order, control, book):
        await control("delivery", outcome="PENDING APPROVAL", seconds=0)
        shown = (await order()).json()["order"]
        assert shown["status"] == "PENDING APPROVAL"
        assert "payment" not in shown
        await control("delivery", seconds=0)

        async def issued():
            return (await book("tremendous"))[0]["delivery"] == "SUCCEEDED"

        await eventually(issued)


class TestRead:
    async def test_by_id_and_by_external_id(self, order, api):
        order_id = (await order()).json()["order"]["id"]
        for name in (order_id, "rf1g1"):
            answer = await api.get(f"{BASE}/orders/{name}")
            assert answer.json()["order"]["id"] == order_id
        assert (await api.get(f"{BASE}/orders/nope")).status_code == 404

    async def test_list(self, order, api):
        for n in range(12):
            await order(f"k{n}")
        page = (await api.get(f"{BASE}/orders")).json()
        assert (len(page["orders"]), page["total_count"]) == (10, 12)
        assert page["orders"][0]["external_id"] == "k11"
        one = (await api.get(f"{BASE}/orders", params={"external_id": "k3"})).json()
        assert one["total_count"] == 1
        at = page["orders"][4]["created_at"]
        older = (await api.get(f"{BASE}/orders", params={"created_at[lte]": at})).json()
        newer = (await api.get(f"{BASE}/orders", params={"created_at[gte]": at})).json()
        assert older["total_count"] >= 8
        assert newer["total_count"] >= 5
        assert (await api.get(f"{BASE}/orders", params={"limit": 501})).status_code == 400

    async def test_balance_and_its_transactions(self, order, api, control):
        await control("funds", provider="tremendous", amount=10000)
        await order("a")
        await order("b", value={"denomination": 5})
        source = (await api.get(f"{BASE}/funding_sources/BALANCE")).json()["funding_source"]
        assert source["meta"]["available_cents"] == 7500
        rows = (await api.get(f"{BASE}/balance_transactions")).json()["transactions"]
        assert [row["amount"] for row in rows] == [-5.0, -20.0]
        assert [row["balance"] for row in rows] == [75.0, 80.0]
        assert rows[1]["order"]["external_id"] == "a"

    async def test_products(self, api):
        first = (await api.get(f"{BASE}/products")).json()["products"][0]
        assert first["skus"] == [{"min": 1.0, "max": 500.0, "currency_code": "USD"}]


class TestDelivery:
    @pytest.fixture
    async def hook(self, api, receiver):
        answer = await api.post(f"{BASE}/webhooks", json={"url": receiver.url})
        return answer.json()["webhook"]

    async def test_events_are_thin_and_signed(self, order, hook, receiver, control):
        await control("delivery", seconds=0.1)
        reward = (await order()).json()["order"]["rewards"][0]["id"]
        await eventually(lambda: len(receiver.received) == 2)
        by_event = {event["event"]: event for event in receiver.bodies}
        delivered = by_event["REWARDS.DELIVERY.SUCCEEDED"]
        assert delivered["payload"]["resource"] == {"id": reward, "type": "rewards"}
        assert delivered["created_utc"].endswith("-04:00")
        assert "ORDERS.CREATED" in by_event
        for headers, raw in receiver.received:
            mark = hmac.new(hook["private_key"].encode(), raw, hashlib.sha256).hexdigest()
            assert headers["tremendous-webhook-signature"] == f"sha256={mark}"

    async def test_failure_resend_success(self, order, api, control, hook, receiver, book):
        await control("delivery", seconds=0, outcome="bounced")
        reward = (await order()).json()["order"]["rewards"][0]["id"]
        await eventually(lambda: len(receiver.received) == 2)
        failed = next(b for b in receiver.bodies if b["event"] == "REWARDS.DELIVERY.FAILED")
        assert failed["payload"]["meta"]["retryable"] is False
        await control("delivery", seconds=0)
        resent = await api.post(
            f"{BASE}/rewards/{reward}/resend", json={"updated_email": "new@example.com"}
        )
        assert resent.status_code == 200
        await eventually(lambda: len(receiver.received) == 3)
        shown = (await api.get(f"{BASE}/rewards/{reward}")).json()["reward"]
        assert shown["delivery"]["status"] == "SUCCEEDED"
        assert shown["recipient"]["email"] == "new@example.com"
        assert (await api.post(f"{BASE}/rewards/{reward}/resend", json={})).status_code == 422
        assert (await api.post(f"{BASE}/rewards/{reward}/cancel")).status_code == 422
        assert len(await book("tremendous")) == 1

    async def test_cancel_after_a_failure_refunds(self, order, api, control, book):
        await control("funds", provider="tremendous", amount=2000)
        await control("delivery", seconds=0, outcome="failed")
        reward = (await order()).json()["order"]["rewards"][0]["id"]

        async def failed():
            return (await book("tremendous"))[0]["delivery"] == "FAILED"

        await eventually(failed)
        assert (await api.post(f"{BASE}/rewards/{reward}/cancel")).status_code == 200
        assert (await book("tremendous"))[0]["state"] == "cancelled"
        rows = (await api.get(f"{BASE}/balance_transactions")).json()["transactions"]
        assert [row["amount"] for row in rows] == [20.0, -20.0]
        assert rows[0]["balance"] == 20.0

    async def test_rate_limit_has_its_own_body(self, api, control):
        await control("rate", provider="tremendous", per_second=1)
        answers = [await api.get(f"{BASE}/orders") for _ in range(3)]
        assert answers[-1].status_code == 429
        assert "error" in answers[-1].json()
