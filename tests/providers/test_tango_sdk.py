"""Tango's official SDK (`raas` 2.2.0, for tests only) as an oracle. It drives the simulator, so the
simulator speaks as Tango does; and its models take what our adapter sends, so the adapter asks as
Tango wants to be asked. It is from 2018: delivery methods and line items came later."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from raas.api_helper import APIHelper
from raas.configuration import Configuration
from raas.controllers.accounts_controller import AccountsController
from raas.controllers.catalog_controller import CatalogController
from raas.controllers.orders_controller import OrdersController
from raas.exceptions.api_exception import APIException
from raas.exceptions.raas_client_exception import RaasClientException
from raas.exceptions.raas_generic_exception import RaasGenericException
from raas.exceptions.raas_server_exception import RaasServerException
from raas.http.http_call_back import HttpCallBack
from raas.http.requests_client import RequestsClient
from raas.models.create_order_request_model import CreateOrderRequestModel

from domain.money import Money
from domain.orders import OrderState
from domain.rewards import Delivery
from providers.tango_messages import order_body
from tests.providers.test_tango import opened
from tests.simulator.simulator_process import eventually


class Statuses(HttpCallBack):
    """The HTTP statuses that the SDK met; its models do not show them."""

    def __init__(self):
        self.seen = []

    def on_before_request(self, request):
        """Nothing to do."""

    def on_after_response(self, context):
        self.seen.append(context.response.status_code)


class Sdk:
    """The SDK against one server, off the event loop, since it blocks."""

    def __init__(self, http):
        self.statuses = Statuses()
        self._parts = {"client": http, "call_back": self.statuses}

    async def create(self, **changes):
        return await self._call(OrdersController, "create_order", model(**changes))

    async def order(self, reference):
        return await self._call(OrdersController, "get_order", reference)

    async def orders(self, **options):
        return await self._call(OrdersController, "get_orders", options)

    async def resend(self, reference):
        return await self._call(OrdersController, "create_resend_order", reference)

    async def account(self, identifier):
        return await self._call(AccountsController, "get_account", identifier)

    async def catalog(self):
        return await self._call(CatalogController, "get_catalog")

    async def _call(self, controller, name, *args):
        return await asyncio.to_thread(getattr(controller(**self._parts), name), *args)


def model(**changes):
    """The order of `asked`, in the SDK's own words."""
    body = {
        "externalRefID": "gd1g1",
        "customerIdentifier": "customer",
        "accountIdentifier": "rewards",
        "utid": "U000001",
        "amount": 20.0,
        "sendEmail": True,
        "recipient": {"email": "ann@example.com", "firstName": "Ann", "lastName": "Lee"},
    } | changes
    return CreateOrderRequestModel.from_dictionary(body)


@pytest.fixture
def sdk(simulator, outside, monkeypatch):
    base = {Configuration.Server.DEFAULT: f"{simulator.url}/tango/raas/v2"}
    monkeypatch.setattr(Configuration, "environments", {Configuration.Environment.SANDBOX: base})
    http = RequestsClient(timeout=120)
    yield Sdk(http)
    http.session.close()


@pytest.fixture
async def tango(simulator, outside):
    beside = opened(f"{simulator.url}/tango/raas/v2")
    yield beside
    await beside.close()


@pytest.fixture
def asked(request_for):
    def build(key="gd1g1", **changes):
        return request_for(key, **({"product_id": "U000001"} | changes))

    return build


class TestTheSdkDrivesTheSimulator:
    async def test_create_and_replay(self, sdk, book):
        first = await sdk.create()
        again = await sdk.create(amount=50.0)
        assert sdk.statuses.seen == [201, 200]
        assert first.reference_order_id == again.reference_order_id
        assert (again.denomination.value, again.denomination.currency_code) == (20.0, "USD")
        assert (first.status, first.external_ref_id) == ("COMPLETE", "gd1g1")
        assert first.send_email is True
        assert first.amount_charged.total == 20.0
        assert datetime.now(UTC) - first.created_at.datetime < timedelta(minutes=1)
        assert first.reward.credential_list[0].value.startswith("https://")
        assert len(await book("tango")) == 1

    async def test_look_up(self, sdk):
        placed = await sdk.create()
        await sdk.create(externalRefID="gd2g1")
        shown = await sdk.order(placed.reference_order_id)
        assert vars(shown).keys() == vars(placed).keys()
        assert shown.external_ref_id == "gd1g1"
        found = await sdk.orders(external_ref_id="gd1g1", account_identifier="rewards")
        assert [row.reference_order_id for row in found.orders] == [placed.reference_order_id]
        assert found.page.total_count == 1
        assert (await sdk.orders(external_ref_id="nobody")).orders == []

    async def test_list(self, sdk):
        for n in range(5):
            await sdk.create(externalRefID=f"k{n}")
        page = await sdk.orders(elements_per_block=2, page=1)
        assert (page.page.number, page.page.elements_per_block) == (1, 2)
        assert (page.page.result_count, page.page.total_count) == (2, 5)
        now = datetime.now(UTC)
        since, until = now - timedelta(hours=1), now + timedelta(hours=1)
        assert (await sdk.orders(start_date=since, end_date=until)).page.total_count == 5
        assert (await sdk.orders(start_date=until)).page.total_count == 0

    async def test_resend(self, sdk):
        placed = await sdk.create()
        assert (await sdk.resend(placed.reference_order_id)).created_at is not None
        with pytest.raises(RaasClientException) as raised:
            await sdk.resend(placed.reference_order_id)
        assert raised.value.response_code == 403

    async def test_account_and_catalogue(self, sdk, control):
        await control("funds", provider="tango", amount=10000)
        account = await sdk.account("rewards")
        assert (account.current_balance, account.currency_code) == (100.0, "USD")
        catalogue = await sdk.catalog()
        items = {item.utid: item for brand in catalogue.brands for item in brand.items}
        assert (items["U000001"].min_value, items["U000025"].face_value) == (1.0, 25.0)

    async def test_unfunded(self, sdk, control):
        await control("funds", provider="tango", amount=1)
        with pytest.raises(APIException) as raised:
            await sdk.create()
        assert raised.value.response_code == 402

    @pytest.mark.parametrize(
        ("changes", "path"),
        [
            ({"utid": "U404"}, "utid"),
            ({"amount": 9999.0}, "amount"),
            ({"recipient": {"email": "nobody"}}, "recipient.email"),
        ],
    )
    async def test_a_field_is_refused(self, sdk, changes, path):
        with pytest.raises(APIException) as raised:
            await sdk.create(**changes)
        assert raised.value.response_code == 422
        body = APIHelper.json_deserialize(raised.value.context.response.raw_body)
        assert body["errors"][0]["path"] == path

    async def test_malformed(self, sdk):
        with pytest.raises(RaasClientException) as raised:
            await sdk.orders(elements_per_block=1000, page=1000)
        assert (raised.value.response_code, raised.value.http_phrase) == (400, "Bad Request")

    async def test_in_process(self, sdk, control, outside):
        await control("hold", provider="tango", point="committed", count=1)
        first = asyncio.create_task(sdk.create())

        async def held():
            return (await outside.get("/_control/hold")).json()["holding"] == 1

        await eventually(held)
        with pytest.raises(RaasClientException) as raised:
            await sdk.create()
        assert (raised.value.response_code, raised.value.http_phrase) == (409, "Conflict")
        await control("hold", point=None)
        await first

    async def test_credentials_and_unknown_orders(self, sdk, control):
        with pytest.raises(RaasGenericException) as raised:
            await sdk.order("RA404")
        assert (raised.value.response_code, raised.value.http_code) == (404, 404)
        await control("credentials", provider="tango", accept=False)
        with pytest.raises(RaasGenericException) as raised:
            await sdk.order("RA404")
        assert raised.value.response_code == 401

    @pytest.mark.parametrize("status", [500, 503])
    async def test_server_errors_after_which_the_order_stands(self, sdk, control, status, book):
        await control("faults", provider="tango", rates={"error_after": 1}, statuses=[status])
        with pytest.raises(RaasServerException) as raised:
            await sdk.create()
        assert raised.value.response_code == status
        await control("faults", provider="tango", rates={})
        await sdk.create()
        assert sdk.statuses.seen == [status, 200]
        assert len(await book("tango")) == 1


class TestOurAdapterBesideIt:
    @pytest.mark.parametrize("delivery", [Delivery.EMAIL, Delivery.LINK, Delivery.SMS])
    def test_our_order_passes_the_sdk_s_model_unchanged(self, asked, delivery):
        body = order_body(asked(delivery=delivery), customer="customer", account="rewards")
        taken = _given(APIHelper.to_dictionary(CreateOrderRequestModel.from_dictionary(body)))
        assert body.pop("deliveryMethod")  # came in 2025, as did numbers of mobile phones
        if delivery is Delivery.SMS:
            assert body["recipient"].pop("mobileNumber")
        assert taken == body

    async def test_its_order_is_ours(self, sdk, tango, asked, book):
        theirs, ours = await sdk.create(), await tango.place_order(asked())
        assert ours.provider_order_id == theirs.reference_order_id
        assert (ours.state, ours.key) == (OrderState.ISSUED, theirs.external_ref_id)
        assert ours.face == Money.from_major(theirs.denomination.value, "USD")
        assert ours.created_at == theirs.created_at.datetime
        assert len(await book("tango")) == 1

    async def test_our_order_is_its(self, sdk, tango, asked):
        ours = await tango.place_order(asked(delivery=Delivery.LINK))
        theirs = await sdk.order(ours.provider_order_id)
        assert (theirs.external_ref_id, theirs.utid) == ("gd1g1", "U000001")
        assert theirs.send_email is False
        assert ours.secret is not None
        assert theirs.reward.credential_list[0].value == ours.secret.link
        found = await sdk.orders(external_ref_id="gd1g1")
        assert [row.reference_order_id for row in found.orders] == [ours.provider_order_id]


def _given(value):
    """The SDK shows members that were not given as null."""
    if not isinstance(value, dict):
        return value
    return {name: _given(member) for name, member in value.items() if member is not None}
