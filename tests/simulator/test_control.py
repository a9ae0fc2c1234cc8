"""Control: tampering, credentials, rates, emptying."""

import pytest

ORDERS = "/giftcard-partners/v1/Orders"
PROVIDER = "giftcard-partners"


class TestTamper:
    @pytest.fixture
    def tamper(self, client):
        async def post(**body):
            answer = await client.post("/_control/tamper", json={"provider": PROVIDER, **body})
            assert answer.status_code == 200
            return answer.json()

        return post

    async def test_changed_amount_shows_in_book_and_order(self, place, partners, book, tamper):
        order_id = (await place("PO-1")).json()["id"]
        await tamper(change=[{"key": "PO-1", "amount": 1600, "charged": 1601}])
        (row,) = await book(PROVIDER)
        assert (row["amount"], row["charged"]) == (1600, 1601)
        line = (await partners.get(f"{ORDERS}/{order_id}")).json()["lineItems"][0]
        assert (line["value"], line["cost"]) == (16.0, 16.01)

    async def test_changed_state(self, place, partners, book, tamper):
        await place("PO-1")
        await tamper(change=[{"key": "PO-1", "state": "failed"}])
        assert (await book(PROVIDER))[0]["state"] == "failed"
        order = (await partners.get(ORDERS)).json()["data"][0]
        assert order["status"] == "Failed"

    async def test_removed(self, place, partners, book, tamper):
        await place("PO-1")
        assert (await tamper(remove=["PO-1"]))["removed"] == 1
        assert await book(PROVIDER) == []
        assert (await partners.get(ORDERS)).json()["data"] == []

    async def test_added(self, place, partners, book, tamper):
        await place("PO-1")
        card = {"amount": 500, "currency": "USD"}
        await tamper(add=[{"key": "PO-1", **card}, {"key": "stranger", **card}])
        assert sorted(row["key"] for row in await book(PROVIDER)) == ["PO-1", "PO-1", "stranger"]
        orders = (await partners.get(ORDERS)).json()["data"]
        assert [order["poNumber"] for order in orders] == ["stranger", "PO-1", "PO-1"]
        assert orders[0]["status"] == "Completed"


class TestCredentials:
    async def test_refused(self, partners, client, control):
        await control("credentials", provider=PROVIDER, accept=False)
        assert (await partners.get(ORDERS)).status_code == 401
        headers = {"Email": "a@example.com", "AccessToken": "x"}
        answer = await client.post("/giftcard-partners/v1/Tokens", headers=headers)
        assert answer.status_code == 401
        await control("credentials", provider=PROVIDER, accept=False, status=403)
        assert (await partners.get(ORDERS)).status_code == 403
        await control("credentials", provider=PROVIDER, accept=True)
        assert (await partners.get(ORDERS)).status_code == 200


class TestRate:
    async def test_over_the_rate(self, partners, control, client):
        await control("rate", provider=PROVIDER, per_second=2)
        statuses = [(await partners.get(ORDERS)).status_code for _ in range(6)]
        assert statuses[:2] == [200, 200]
        assert 429 in statuses
        await control("rate", provider=PROVIDER, per_second=None)
        assert (await partners.get(ORDERS)).status_code == 200


class TestDelete:
    async def test_empties_everything(self, place, client, control, book, partners):
        await place("PO-1")
        await control("faults", seed=1, rates={"drop_before": 1})
        await control("funds", provider=PROVIDER, amount=0)
        assert (await client.delete("/_control")).status_code == 204
        assert await book(PROVIDER) == []
        assert (await partners.get(ORDERS)).status_code == 401
        stats = (await client.get("/_control/stats")).json()[PROVIDER]
        assert set(stats.values()) == {0}


class TestBadRequests:
    @pytest.mark.parametrize(
        ("name", "body"),
        [
            ("funds", {"provider": PROVIDER}),
            ("funds", {"amount": 5}),
            ("delivery", {"seconds": "soon"}),
            ("credentials", {"provider": PROVIDER}),
            ("rate", {"provider": "nobody", "per_second": 1}),
            ("delivery", []),
        ],
    )
    async def test_400(self, client, name, body):
        assert (await client.put(f"/_control/{name}", json=body)).status_code == 400

    async def test_book_of_an_unknown_provider(self, client):
        answer = await client.get("/_control/book", params={"provider": "nobody"})
        assert answer.status_code == 400
