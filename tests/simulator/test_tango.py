"""Tango: 201 and 200 the other way round, the silent original, 409.002, no webhooks."""

import asyncio

import pytest

from tests.simulator.simulator_process import eventually

BASE = "/tango/raas/v2"


def body(reference="rf1g1", **changes):
    return {
        "externalRefID": reference,
        "customerIdentifier": "customer",
        "accountIdentifier": "main",
        "utid": "U000001",
        "amount": 20.0,
        "sendEmail": True,
        "recipient": {"email": "ann@example.com", "firstName": "Ann", "lastName": "Lee"},
    } | changes


@pytest.fixture
def api(client):
    client.auth = ("platform", "key")
    return client


@pytest.fixture
def order(api):
    async def post(reference="rf1g1", **changes):
        return await api.post(f"{BASE}/orders", json=body(reference, **changes))

    return post


class TestCreate:
    async def test_new(self, order, book):
        answer = await order()
        shown = answer.json()
        assert answer.status_code == 201
        assert (shown["status"], shown["externalRefID"]) == ("COMPLETE", "rf1g1")
        assert shown["amountCharged"]["total"] == 20.0
        assert shown["reward"]["credentialList"][0]["value"]
        (row,) = await book("tango")
        assert (row["key"], row["amount"], row["state"]) == ("rf1g1", 2000, "issued")

    async def test_repeated_answers_200_and_the_original_whatever_the_body(self, order, book):
        first, again = await order(), await order(amount=50, utid="U000001")
        assert again.status_code == 200
        assert again.json()["referenceOrderID"] == first.json()["referenceOrderID"]
        assert again.json()["denomination"]["value"] == 20.0
        assert len(await book("tango")) == 1

    async def test_a_reference_belongs_to_its_account(self, order, book):
        await order()
        assert (await order(accountIdentifier="other")).status_code == 201
        assert len(await book("tango")) == 2

    async def test_in_process(self, order, control, client, book):
        await control("hold", provider="tango", point="committed", count=1)
        first = asyncio.create_task(order())

        async def held():
            return (await client.get("/_control/hold")).json()["holding"] == 1

        await eventually(held)
        busy = await order()
        assert busy.status_code == 409
        assert busy.json()["i18nKey"] == "409.002"
        await control("hold", point=None)
        assert (await first).status_code == 201
        assert (await order()).status_code == 200
        assert len(await book("tango")) == 1

    async def test_forgotten_references_order_again(self, order, control, book):
        await control("keys", provider="tango", seconds=0.05)
        await order()
        await asyncio.sleep(0.1)
        assert (await order()).status_code == 201
        assert len(await book("tango")) == 2

    async def test_insufficient_funds(self, order, control):
        await control("funds", provider="tango", amount=1999)
        answer = await order()
        assert answer.status_code == 402
        assert answer.json()["i18nKey"] == "402.001"

    @pytest.mark.parametrize(
        ("changes", "key"),
        [
            ({"utid": "NOPE"}, "422.024"),
            ({"amount": 501}, "422.025"),
            ({"amount": "20"}, "422.014"),
            ({"utid": "U000025", "amount": 20}, "422.027"),
            ({"recipient": {"email": "nobody"}}, "422.009"),
            ({"recipient": None}, "422.029"),
            ({"accountIdentifier": None}, "422.007"),
            ({"sendEmail": None}, "422.007"),
            ({"externalRefID": "x" * 101}, "422.006"),
            ({"externalRefID": "with-dash"}, "422.006"),
            ({"deliveryMethod": "ADDRESS"}, "422.028"),
        ],
    )
    async def test_invalid(self, order, book, changes, key):
        answer = await order(**changes)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["i18nKey"] == key
        assert await book("tango") == []

    async def test_missing_credential(self, client):
        assert (await client.get(f"{BASE}/orders")).status_code == 401


class TestRead:
    async def test_list_and_pages(self, order, api):
        for n in range(3):
            await order(f"k{n}")
        page = (await api.get(f"{BASE}/orders", params={"elementsPerBlock": 2, "page": 1})).json()
        assert page["page"] == {
            "number": 1, "elementsPerBlock": 2, "resultCount": 1, "totalCount": 3,
        }  # fmt: skip
        assert page["orders"][0]["externalRefID"] == "k0"
        assert "reward" not in page["orders"][0]
        one = (await api.get(f"{BASE}/orders", params={"externalRefID": "k1"})).json()
        assert one["page"]["totalCount"] == 1
        since = {"startDate": one["orders"][0]["createdAt"]}
        assert (await api.get(f"{BASE}/orders", params=since)).json()["page"]["totalCount"] == 2
        far = {"page": 1000, "elementsPerBlock": 100}
        assert (await api.get(f"{BASE}/orders", params=far)).status_code == 400

    async def test_one_shows_the_secret(self, order, api):
        reference = (await order()).json()["referenceOrderID"]
        assert (await api.get(f"{BASE}/orders/{reference}")).json()["reward"]
        assert (await api.get(f"{BASE}/orders/nope")).status_code == 404

    async def test_account_and_catalog(self, api, order, control):
        await control("funds", provider="tango", amount=10000)
        await order()
        account = (await api.get(f"{BASE}/accounts/main")).json()
        assert (account["currentBalance"], account["currencyCode"]) == (80.0, "USD")
        catalog = (await api.get(f"{BASE}/catalogs", params={"verbose": "true"})).json()
        first = catalog["brands"][0]["items"][0]
        assert (first["valueType"], first["minValue"]) == ("VARIABLE_VALUE", 1.0)


class TestDelivery:
    @pytest.mark.parametrize(
        ("outcome", "status"), [("delivered", "DELIVERED"), ("bounced", "BOUNCE"), ("ODD", "ODD")]
    )
    async def test_email_status(self, order, api, control, outcome, status):
        await control("delivery", seconds=0, outcome=outcome)
        await order()

        async def shown():
            lines = (await api.get(f"{BASE}/lineItems", params={"externalRefID": "rf1g1"})).json()
            return lines["lineItems"][0]["emailStatus"] == status

        await eventually(shown)

    async def test_failed_order_gives_the_money_back_and_its_reference_replays(
        self, order, api, control
    ):
        await control("funds", provider="tango", amount=2000)
        await control("delivery", seconds=0, outcome="failed")
        first = await order()
        assert (first.status_code, first.json()["status"]) == (201, "PENDING")
        assert first.json()["reward"] is None

        async def failed():
            return (await order()).json()["status"] == "FAILED"

        await eventually(failed)
        await control("delivery", seconds=0)
        assert (await order()).status_code == 200
        assert (await order("rf1g2")).status_code == 201

    async def test_resend(self, order, api):
        reference = (await order()).json()["referenceOrderID"]
        path = f"{BASE}/orders/{reference}/resends"
        assert (await api.post(path, json={"newEmail": "new@example.com"})).status_code == 201
        again = await api.post(path, json={})
        assert (again.status_code, again.json()["i18nKey"]) == (403, "403.005")
        silent = (await order("rf2g1", sendEmail=False)).json()["referenceOrderID"]
        answer = await api.post(f"{BASE}/orders/{silent}/resends", json={})
        assert answer.json()["i18nKey"] == "403.003"

    async def test_only_a_choice_product_can_be_cancelled(self, order, api, book):
        await order("fixed")
        await order("choice", utid="U999999")
        lines = (await api.get(f"{BASE}/lineItems")).json()["lineItems"]
        codes = {}
        for line in lines:
            path = f"{BASE}/lineItems/{line['referenceLineItemID']}/cancel"
            answer = await api.post(path, json={"reasonCode": "CUSTOMER_REQUESTED"})
            codes[line["externalRefID"]] = answer.status_code
        assert codes == {"choice": 202, "fixed": 403}
        states = {row["key"]: row["state"] for row in await book("tango")}
        assert states == {"choice": "cancelled", "fixed": "issued"}
