"""GiftCard Partners as its public pages describe it."""

import asyncio

import pytest

from tests.simulator.simulator_process import eventually

TOKENS = "/giftcard-partners/v1/Tokens"
PRODUCTS = "/giftcard-partners/v1/Products"
ORDERS = "/giftcard-partners/v1/Orders"
ADDRESS = {
    "ShippingMethodId": "USPS-FIRST",
    "CarrierId": "PLAIN",
    "Name": "Ann Lee",
    "AddressLine1": "1 Main St",
    "City": "Boston",
    "State": "MA",
    "Zip": "02101",
    "Country": "US",
}


class TestTokens:
    async def test_well_formed_credential(self, client):
        headers = {"Email": "a@example.com", "AccessToken": "anything"}
        answer = await client.post(TOKENS, headers=headers)
        assert answer.status_code == 200
        assert set(answer.json()) == {"Value", "ExpiresIn"}
        assert answer.json()["ExpiresIn"] == 3600

    @pytest.mark.parametrize(
        "headers", [{}, {"Email": "a@example.com"}, {"Email": "nobody", "AccessToken": "x"}]
    )
    async def test_malformed_credential(self, client, headers):
        assert (await client.post(TOKENS, headers=headers)).status_code == 401

    async def test_unknown_token(self, client):
        for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic eA=="}):
            assert (await client.get(PRODUCTS, headers=headers)).status_code == 401

    async def test_expired_token(self, client, control):
        await control("tokens", provider="giftcard-partners", seconds=0)
        headers = {"Email": "a@example.com", "AccessToken": "x"}
        value = (await client.post(TOKENS, headers=headers)).json()["Value"]
        answer = await client.get(PRODUCTS, headers={"Authorization": f"Bearer {value}"})
        assert answer.status_code == 401

    async def test_revoked_token(self, partners, control):
        assert (await partners.get(PRODUCTS)).status_code == 200
        await control("tokens", revoke=True)
        assert (await partners.get(PRODUCTS)).status_code == 401


class TestProducts:
    async def test_lists_an_open_value_usd_email_product_first(self, partners):
        page = (await partners.get(PRODUCTS)).json()
        first = page["Data"][0]
        assert page["TotalCount"] == len(page["Data"])
        assert (first["Id"], first["CurrencyCode"]) == ("CVS", "USD")
        assert first["DenominationType"] == "Variable"
        assert first["Denominations"] == [1.0, 500.0]
        assert "DigitalDelivery" in first["AvailableDeliveryTypes"]

    async def test_has_fixed_links_physical_and_euro_products(self, partners):
        products = (await partners.get(PRODUCTS)).json()["Data"]
        assert any(product["DenominationType"] == "Fixed" for product in products)
        assert any(product["AvailableDeliveryTypes"] == ["Links"] for product in products)
        assert any("PhysicalShipment" in product["AvailableDeliveryTypes"] for product in products)
        assert any(product["CurrencyCode"] == "EUR" for product in products)

    async def test_pages(self, partners):
        query = {"pageIndex": 2, "pageSize": 1}
        page = (await partners.get(PRODUCTS, params=query)).json()
        assert (page["Page"], page["PageSize"], len(page["Data"])) == (2, 1, 1)
        assert page["Data"][0]["Id"] != "CVS"

    async def test_malformed_paging(self, partners):
        for query in ({"pageIndex": 0}, {"pageSize": "many"}, {"pageSize": 101}):
            assert (await partners.get(PRODUCTS, params=query)).status_code == 400

    async def test_shipping_methods(self, partners):
        methods = (await partners.get("/giftcard-partners/v1/ShippingMethods")).json()
        assert methods[0]["Id"] == "USPS-FIRST"


class TestCreateOrder:
    async def test_takes_the_seeds_request(self, place, book):
        answer = await place("PROMO-4001")
        order = answer.json()
        assert answer.status_code == 201
        assert (order["type"], order["status"]) == ("DigitalDelivery", "Pending")
        line = order["lineItems"][0]
        assert (line["productId"], line["value"], line["quantity"]) == ("CVS", 15.0, 1)
        # 15.00 less 2 % plus a fee of 0.50.
        assert line["cost"] == 15.2
        (row,) = await book("giftcard-partners")
        assert row["key"] == "PROMO-4001"
        assert row["provider_order_id"] == order["id"]
        assert (row["amount"], row["currency"], row["state"]) == (1500, "USD", "pending")
        assert row["charged"] == 1520

    async def test_names_match_in_any_case(self, partners):
        order = {
            "type": "Links",
            "poNumber": "camel",
            "lineItems": [{"productId": "CVS", "value": 1.01, "quantity": 1}],
        }
        assert (await partners.post(ORDERS, json=order)).status_code == 201

    async def test_one_book_row_a_card(self, place, book):
        await place("bulk", Type="Links", Quantity=3)
        assert [row["amount"] for row in await book("giftcard-partners")] == [1500] * 3

    async def test_duplicate_po_number(self, place, book):
        first = await place("PO-1")
        again = await place("PO-1", Value=20)
        assert again.status_code == 409
        assert again.json()["previousOrderIds"] == [first.json()["id"]]
        assert len(await book("giftcard-partners")) == 1

    async def test_one_of_many_at_once_creates(self, place, book, client):
        answers = await asyncio.gather(*(place("PO-1") for _ in range(50)))
        statuses = sorted(answer.status_code for answer in answers)
        assert statuses == [201] + [409] * 49
        created = next(answer.json()["id"] for answer in answers if answer.status_code == 201)
        previous = [a.json()["previousOrderIds"] for a in answers if a.status_code == 409]
        assert previous == [[created]] * 49
        assert len(await book("giftcard-partners")) == 1
        stats = (await client.get("/_control/stats")).json()["giftcard-partners"]
        assert (stats["attempted"], stats["created"], stats["duplicates"]) == (50, 1, 49)

    async def test_insufficient_funds(self, place, book, control):
        await control("funds", provider="giftcard-partners", amount=1519)
        assert (await place("PO-1")).status_code == 422
        assert await book("giftcard-partners") == []
        await control("funds", provider="giftcard-partners", amount=1520)
        assert (await place("PO-1")).status_code == 201
        assert (await place("PO-2", Value=1)).status_code == 422

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"Type": "Pigeon"}, "Type"),
            ({"ProductId": "NOPE"}, "ProductId"),
            ({"ProductId": "CHOICE"}, "ProductId"),
            ({"Value": 0.99}, "Value"),
            ({"Value": 500.01}, "Value"),
            ({"Value": 15.005}, "Value"),
            ({"Value": "15"}, "Value"),
            ({"Value": -15}, "Value"),
            ({"ProductId": "AMAZON", "Value": 15}, "Value"),
            ({"Quantity": 0}, "Quantity"),
            ({"Quantity": 1.5}, "Quantity"),
            ({"Quantity": None}, "Quantity"),
            ({"DigitalDeliveryAddress": None}, "DigitalDeliveryAddress"),
            ({"DigitalDeliveryAddress": {"Email": "nobody"}}, "Email"),
            ({"DigitalDeliveryAddress": {"Sms": "555"}}, "Sms"),
            ({"Type": "PhysicalShipment", "ProductId": "VISA-PLASTIC", "Value": 25},
             "PhysicalDeliveryAddress"),
            ({"WebhookSettings": {"FulfillmentComplete": "nonsense"}}, "FulfillmentComplete"),
        ],
    )  # fmt: skip
    async def test_invalid(self, place, book, changes, field):
        answer = await place("PO-1", **changes)
        assert answer.status_code == 400
        assert answer.json()["field"].endswith(field)
        assert await book("giftcard-partners") == []

    @pytest.mark.parametrize("po_number", [None, "", "  ", 7])
    async def test_missing_po_number(self, place, po_number):
        assert (await place(po_number)).status_code == 400

    async def test_unreadable_body(self, partners):
        assert (await partners.post(ORDERS, content=b"{")).status_code == 400
        assert (await partners.post(ORDERS, json=[])).status_code == 400

    async def test_sms(self, place):
        address = {"Sms": "+16175550123"}
        assert (await place("PO-1", DigitalDeliveryAddress=address)).status_code == 201


class TestPhysicalShipment:
    @pytest.mark.parametrize("missing", [name for name in ADDRESS if name != "CarrierId"])
    async def test_incomplete_address(self, place, missing):
        address = {name: value for name, value in ADDRESS.items() if name != missing}
        changes = {"Type": "PhysicalShipment", "ProductId": "VISA-PLASTIC", "Value": 25}
        answer = await place("PO-1", **changes, PhysicalDeliveryAddress=address)
        assert answer.status_code == 400

    async def test_carrier_only_where_the_product_needs_one(self, place):
        address = {name: value for name, value in ADDRESS.items() if name != "CarrierId"}
        order = {"Type": "PhysicalShipment", "Value": 25, "PhysicalDeliveryAddress": address}
        assert (await place("PO-1", ProductId="VISA-PLASTIC", **order)).status_code == 201
        assert (await place("PO-2", ProductId="FOLDER-CARD", **order)).status_code == 400
        order["PhysicalDeliveryAddress"] = ADDRESS
        assert (await place("PO-2", ProductId="FOLDER-CARD", **order)).status_code == 201


class TestDelivery:
    async def test_completes_after_the_delay(self, place, partners, control):
        await control("delivery", seconds=1.5)
        order_id = (await place("PO-1")).json()["id"]
        assert (await partners.get(f"{ORDERS}/{order_id}")).json()["status"] == "Pending"

        async def completed():
            order = (await partners.get(f"{ORDERS}/{order_id}")).json()
            return order if order["status"] == "Completed" else None

        order = await eventually(completed)
        assert order["lineItems"][0]["status"] == "Completed"
        assert order["lineItems"][0]["claimData"] == []

    async def test_links_come_with_completion(self, place, partners, control):
        await control("delivery", seconds=0)
        order = (await place("PO-1", Type="Links", Quantity=2)).json()
        assert order["lineItems"][0]["claimData"] == []

        async def claims():
            order_now = (await partners.get(f"{ORDERS}/{order['id']}")).json()
            return order_now["lineItems"][0]["claimData"]

        first, second = await eventually(claims)
        assert first["claimLink"] != second["claimLink"]
        assert first["claimLinkChallengeAnswer"]

    async def test_never_leaves_pending_until_told_otherwise(self, place, book, control):
        await control("delivery", seconds=0, outcome="never")
        await place("PO-1")
        await asyncio.sleep(0.3)
        assert (await book("giftcard-partners"))[0]["state"] == "pending"
        await control("delivery", seconds=0)

        async def issued():
            return (await book("giftcard-partners"))[0]["state"] == "issued"

        await eventually(issued)

    async def test_failure_returns_the_money_and_issues_nothing(self, place, book, control):
        await control("funds", provider="giftcard-partners", amount=1520)
        await control("delivery", seconds=0, outcome="failed")
        await place("PO-1")

        async def failed():
            rows = await book("giftcard-partners", all="true")
            return rows[0]["status"] == "Failed"

        await eventually(failed)
        assert await book("giftcard-partners") == []
        assert (await place("PO-2")).status_code == 201

    async def test_any_other_word_is_shown_as_the_status(self, place, book, control):
        await control("delivery", seconds=0, outcome="Backordered")
        await place("PO-1")

        async def status():
            return (await book("giftcard-partners"))[0]["status"] == "Backordered"

        await eventually(status)
        await control("delivery", seconds=0)

        async def issued():
            return (await book("giftcard-partners"))[0]["state"] == "issued"

        await eventually(issued)


class TestReadOrders:
    async def test_lists_newest_first_in_pages(self, place, partners):
        for n in range(3):
            await place(f"PO-{n}")
        page = (await partners.get(ORDERS, params={"pageSize": 2})).json()
        assert [order["poNumber"] for order in page["data"]] == ["PO-2", "PO-1"]
        assert page["totalCount"] == 3
        rest = (await partners.get(ORDERS, params={"pageSize": 2, "pageIndex": 2})).json()
        assert [order["poNumber"] for order in rest["data"]] == ["PO-0"]

    async def test_unknown_order(self, partners):
        assert (await partners.get(f"{ORDERS}/nope")).status_code == 404
