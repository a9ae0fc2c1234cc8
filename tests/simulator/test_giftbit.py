"""Giftbit: always 200, orders that wait for funds, cancellable gifts, dates in Pacific time."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.simulator.simulator_process import eventually

BASE = "/giftbit/papi/v1"


def body(order_id="rf1g1", **changes):
    return {
        "id": order_id,
        "contacts": [{"email": "ann@example.com", "firstname": "Ann", "lastname": "Lee"}],
        "price_in_cents": 2000,
        "brand_codes": ["amazonus"],
    } | changes


@pytest.fixture
def api(client):
    client.headers["authorization"] = "Bearer token"
    return client


@pytest.fixture
def order(api):
    async def post(order_id="rf1g1", path="campaign", **changes):
        return await api.post(f"{BASE}/{path}", json=body(order_id, **changes))

    return post


@pytest.fixture
def gift(api):
    """The only gift of an order, once there is one."""

    async def read(order_id="rf1g1"):
        async def found():
            answer = await api.get(f"{BASE}/gifts", params={"campaign_id": order_id})
            return answer.json()["gifts"]

        return (await eventually(found))[0]

    return read


class TestCreate:
    async def test_new(self, order, book):
        answer = await order()
        shown = answer.json()
        assert answer.status_code == 200
        assert shown["info"]["code"] == "INFO_CAMPAIGN_CREATED"
        assert shown["campaign"]["status"] == "API_CREATING"
        assert shown["campaign"]["contacts"][0]["added_succesfully"] is True
        assert shown["campaign"]["fees"]["total_in_cents"] == 2025
        (row,) = await book("giftbit")
        assert (row["key"], row["amount"], row["charged"]) == ("rf1g1", 2000, 2025)

    async def test_repeated_answers_the_original_whatever_the_body(self, order, book):
        first, again = await order(), await order(price_in_cents=5000)
        assert again.status_code == 200
        assert again.json()["campaign"]["uuid"] == first.json()["campaign"]["uuid"]
        assert again.json()["campaign"]["price_in_cents"] == 2000
        assert len(await book("giftbit")) == 1

    @pytest.mark.parametrize(
        ("changes", "status"),
        [
            ({"id": None}, 400),
            ({"price_in_cents": 20.5}, 400),
            ({"brand_codes": ["nope"]}, 422),
            ({"price_in_cents": 50100}, 422),
            ({"brand_codes": ["starbucksus"], "price_in_cents": 700}, 422),
            ({"contacts": []}, 422),
            ({"contacts": [{"email": "nobody"}]}, 422),
            ({"delivery_type": "PIGEON"}, 422),
        ],
    )
    async def test_invalid(self, order, book, changes, status):
        answer = await order(**changes)
        assert answer.status_code == status
        assert answer.json()["error"]["code"]
        assert await book("giftbit") == []

    async def test_region_instead_of_brands(self, order):
        answer = await order(brand_codes=None, region="USA")
        assert answer.json()["campaign"]["region"] == "USA"

    async def test_missing_credential_and_forced_rate_limit(self, client, api):
        client.headers.pop("authorization")
        assert (await client.get(f"{BASE}/ping")).status_code == 401
        headers = {"authorization": "Bearer t", "SIMULATE-RATELIMIT": "true"}
        assert (await client.get(f"{BASE}/ping", headers=headers)).status_code == 429


class TestFunds:
    async def test_an_unfunded_order_is_a_200_that_waits(self, order, control, book, gift, api):
        await control("funds", provider="giftbit", amount=2000)
        await control("delivery", seconds=0)
        answer = await order()
        assert answer.status_code == 200
        assert answer.json()["campaign"]["status"] == "AWAITING_FUNDS"
        assert answer.json()["info"]["code"] == "INFO_CAMPAIGN_FUNDS_REQUIRED"
        assert await book("giftbit") == []
        put = await control("funds", provider="giftbit", amount=2025)
        assert put["released"] == 1
        assert (await gift())["status"] == "SENT_AND_REDEEMABLE"
        assert len(await book("giftbit")) == 1
        funds = (await api.get(f"{BASE}/funds")).json()["fundsbycurrency"]
        assert funds["USD"]["available_in_cents"] == 0

    async def test_credit_card_top_up_releases_too(self, order, control, book, api):
        await control("funds", provider="giftbit", amount=0)
        await order()
        top_up = {"currencyisocode": "USD", "fund_amount_in_cents": 25000, "id": "t1"}
        assert (await api.post(f"{BASE}/funds", json=top_up)).status_code == 200
        assert len(await book("giftbit")) == 1


class TestRead:
    async def test_by_client_id_and_by_uuid(self, order, api):
        uuid = (await order()).json()["campaign"]["uuid"]
        for name in ("rf1g1", uuid):
            answer = await api.get(f"{BASE}/campaign/{name}")
            assert answer.json()["campaign"]["uuid"] == uuid
        assert (await api.get(f"{BASE}/campaign/nope")).status_code == 422

    async def test_dates_are_pacific_without_offset(self, order, gift, api, control):
        await control("delivery", seconds=0)
        await order()
        created = (await gift())["created_date"]
        zone = ZoneInfo("America/Los_Angeles")
        at = datetime.strptime(created, "%Y-%m-%d %H:%M:%S").replace(tzinfo=zone)
        assert abs((datetime.now(UTC) - at).total_seconds()) < 10
        later = (at + timedelta(seconds=30)).strftime("%Y-%m-%d %H:%M:%S")
        before = {"created_date_less_than": later}
        after = {"created_date_greater_than": later}
        assert (await api.get(f"{BASE}/gifts", params=before)).json()["total_count"] == 1
        assert (await api.get(f"{BASE}/gifts", params=after)).json()["total_count"] == 0

    async def test_brands(self, api):
        first = (await api.get(f"{BASE}/brands")).json()["brands"][0]["brand_code"]
        brand = (await api.get(f"{BASE}/brands/{first}")).json()["brand"]
        assert (brand["min_price_in_cents"], brand["max_price_in_cents"]) == (100, 50000)
        fixed = (await api.get(f"{BASE}/brands/starbucksus")).json()["brand"]
        assert fixed["allowed_prices_in_cents"] == [500, 1000, 2500]
        assert (await api.get(f"{BASE}/brands/nope")).status_code == 422


class TestLinks:
    async def test_direct_links_come_at_once(self, order):
        answer = await order(path="direct_links", link_count=2)
        assert len(answer.json()["direct_links"]) == 2

    async def test_shortlinks_come_later(self, order, api, control):
        await control("delivery", seconds=1.5)
        await order(delivery_type="SHORTLINK", link_count=1)
        early = (await api.get(f"{BASE}/links/rf1g1")).json()
        assert early["info"]["code"] == "INFO_LINKS_GENERATION_IN_PROGRESS"

        async def links():
            return (await api.get(f"{BASE}/links/rf1g1")).json().get("shortlinks")

        assert (await eventually(links))[0]["shortlink"]

    async def test_embedded_cannot_be_cancelled(self, order, gift, api, control):
        await control("delivery", seconds=0)
        answer = await order(path="embedded", brand_code="amazonus")
        assert answer.json()["gift_link"]
        uuid = (await gift())["uuid"]
        assert (await api.delete(f"{BASE}/gifts/{uuid}")).status_code == 422


class TestDelivery:
    @pytest.mark.parametrize(
        ("outcome", "status"),
        [("delivered", "DELIVERED"), ("bounced", "UNDELIVERABLE"), ("COMPLAINT", "COMPLAINT")],
    )
    async def test_outcome(self, order, gift, control, outcome, status):
        await control("delivery", seconds=0, outcome=outcome)
        await order()
        assert (await gift())["delivery_status"] == status

    async def test_failed_is_an_order_without_a_reward(self, order, api, control, book):
        await control("delivery", seconds=0, outcome="failed")
        await order()

        async def failed():
            shown = (await api.get(f"{BASE}/campaign/rf1g1")).json()["campaign"]
            return shown if shown["contacts_failure_count"] else None

        shown = await eventually(failed)
        assert (shown["status"], shown["contacts_success_count"]) == ("CAMPAIGN_CREATED", 0)
        assert await book("giftbit") == []

    async def test_resend(self, order, gift, api, control):
        await control("delivery", seconds=0, outcome="bounced")
        await order()
        uuid = (await gift())["uuid"]
        await control("delivery", seconds=0)
        resent = await api.put(f"{BASE}/gifts/{uuid}", json={"resend": True})
        assert resent.json()["gift"]["redelivery_count"] == 1

        async def delivered():
            return (await gift())["delivery_status"] == "DELIVERED"

        await eventually(delivered)

    async def test_cancel_returns_the_money(self, order, gift, api, control, book):
        await control("funds", provider="giftbit", amount=2025)
        await control("delivery", seconds=0)
        await order()
        uuid = (await gift())["uuid"]
        answer = await api.delete(f"{BASE}/gifts/{uuid}")
        assert answer.json()["gift"]["status"] == "GIVER_CANCELLED"
        assert (await api.delete(f"{BASE}/gifts/{uuid}")).status_code == 422
        assert (await book("giftbit"))[0]["state"] == "cancelled"
        funds = (await api.get(f"{BASE}/funds")).json()["fundsbycurrency"]
        assert funds["USD"]["available_in_cents"] == 2025
