"""Tremendous' official SDK 6.0.0 as the oracle: it drives the simulator, it accepts what our
adapter sends, and what it placed our adapter reads.

The SDK's traps: no subclass of ApiException for 402 and 429, and no default time-out."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import tremendous
from tremendous import ApiException, TremendousApi
from tremendous.exceptions import BadRequestException, ConflictException, NotFoundException
from tremendous.models.create_order200_response import CreateOrder200Response
from tremendous.models.create_order_request import CreateOrderRequest
from tremendous.models.resend_reward_request import ResendRewardRequest

from domain.money import Money
from domain.orders import OrderRequest, OrderState
from domain.rewards import Delivery, Personalization
from providers.tremendous import Tremendous, TremendousSettings
from providers.tremendous_messages import order_body
from tests.simulator.simulator_process import SimulatorProcess, eventually

AMAZON = "OKMHM2X2OHYV"


@pytest.fixture
def sdk(simulator: SimulatorProcess, outside: httpx.AsyncClient) -> Iterator[TremendousApi]:
    where = tremendous.Configuration(
        host=f"{simulator.url}/tremendous/api/v2", access_token="TEST_key"
    )
    with tremendous.ApiClient(where) as client:
        yield TremendousApi(client)


@pytest.fixture
async def adapter(simulator: SimulatorProcess) -> AsyncIterator[Tremendous]:
    settings = TremendousSettings(url=f"{simulator.url}/tremendous", api_key="TEST_key")
    made = Tremendous(settings, within=2)
    yield made
    await made.close()


@pytest.fixture
def ours(request_for: Callable[..., OrderRequest]) -> Callable[..., CreateOrderRequest]:
    """What our adapter sends, read by the SDK's own model."""

    def build(key: str = "gd1g1", **changes: Any) -> CreateOrderRequest:
        request = request_for(key, **({"product_id": AMAZON} | changes))
        return CreateOrderRequest.from_dict(order_body(request, "BALANCE"))

    return build


class TestTheSimulator:
    def test_new_then_replayed(self, sdk, ours):
        first = sdk.create_order_with_http_info(ours(), _request_timeout=120)
        again = sdk.create_order_with_http_info(ours(), _request_timeout=120)
        assert (first.status_code, again.status_code) == (200, 201)
        assert self._order(again)["id"] == self._order(first)["id"]

    def test_mismatch(self, sdk, ours):
        sdk.create_order(ours())
        with pytest.raises(ConflictException):
            sdk.create_order(ours(face=Money(amount=2100, currency="USD")))

    def test_found_by_external_id_and_by_id(self, sdk, ours):
        order_id = self._order(sdk.create_order_with_http_info(ours()))["id"]
        assert sdk.get_order("gd1g1").order.id == order_id
        assert sdk.get_order(order_id).order.external_id == "gd1g1"
        with pytest.raises(NotFoundException):
            sdk.get_order("gd2g1")

    def test_listed(self, sdk, ours):
        for n in range(3):
            sdk.create_order(ours(f"gd{n}g1"))
        page = sdk.list_orders(limit=2)
        assert page.total_count == 3
        assert [order.external_id for order in page.orders] == ["gd2g1", "gd1g1"]
        (one,) = sdk.list_orders(external_id="gd0g1").orders
        assert one.external_id == "gd0g1"
        now = datetime.now(UTC).isoformat()
        assert len(sdk.list_orders(created_at_lte=now).orders) == 3
        assert sdk.list_orders(created_at_gte=now).orders == []

    async def test_unfunded(self, sdk, ours, control):
        await control("funds", provider="tremendous", amount=0)
        with pytest.raises(ApiException) as raised:
            sdk.create_order(ours())
        assert raised.value.status == 402

    async def test_too_many_requests(self, sdk, control):
        await control("rate", provider="tremendous", per_second=1)
        statuses = [self._status(sdk) for _ in range(4)]
        assert statuses[-1] == 429

    def test_invalid(self, sdk, ours):
        with pytest.raises(BadRequestException):
            sdk.create_order(ours(product_id="NOPE"))

    async def test_resend_and_cancel(self, sdk, ours, control):
        await control("delivery", seconds=0, outcome="failed")
        reward_id = self._order(sdk.create_order_with_http_info(ours()))["rewards"][0]["id"]
        await eventually(lambda: self._failed(sdk, reward_id))
        sdk.resend_reward(reward_id, ResendRewardRequest(updated_email="new@example.com"))
        await eventually(lambda: self._failed(sdk, reward_id))
        sdk.cancel_reward(reward_id)
        assert sdk.get_order("gd1g1").order.status == "CANCELED"

    def test_a_fresh_link(self, sdk, ours):
        answer = self._order(sdk.create_order_with_http_info(ours(delivery=Delivery.LINK)))
        fresh = sdk.generate_reward_link(answer["rewards"][0]["id"])
        assert fresh.reward.link not in (None, answer["rewards"][0]["delivery"]["link"])

    def test_products(self, sdk):
        products = sdk.list_products().products
        assert products[0].id == AMAZON
        assert products[0].skus[0].max == 500

    def _order(self, answer: Any) -> dict[str, Any]:
        """The model accepts the simulator's answer."""
        CreateOrder200Response.from_json(answer.raw_data.decode())
        return json.loads(answer.raw_data)["order"]

    def _failed(self, sdk: TremendousApi, reward_id: str) -> bool:
        return sdk.get_reward(reward_id).reward.delivery.status == "FAILED"

    def _status(self, sdk: TremendousApi) -> int:
        try:
            return sdk.list_orders_with_http_info().status_code
        except ApiException as error:
            return error.status


class TestOurAdapter:
    @pytest.mark.parametrize("delivery", [Delivery.EMAIL, Delivery.SMS, Delivery.LINK])
    @pytest.mark.parametrize(
        "personal", [Personalization(), Personalization(from_name="Acme", message="Hi")]
    )
    def test_our_order_passes_the_sdk_s_model_unchanged(self, request_for, delivery, personal):
        body = order_body(
            request_for(delivery=delivery, product_id=AMAZON, personalization=personal), "BALANCE"
        )
        read = CreateOrderRequest.from_dict(body).to_dict()
        assert read["reward"].pop("campaign_id") is None
        assert read == body

    async def test_reads_what_the_sdk_placed(self, sdk, ours, adapter):
        sdk.create_order(ours())
        (found,) = await adapter.find_order("gd1g1", "USD", not_before=datetime.now(UTC))
        assert found.state is OrderState.ISSUED
        assert found.face == found.charged == Money(amount=2000, currency="USD")
        assert found == await adapter.get_order(found.provider_order_id, "USD")

    async def test_the_sdk_reads_an_order_that_we_placed(self, sdk, adapter, request_for):
        placed = await adapter.place_order(request_for(product_id=AMAZON))
        seen = sdk.get_order("gd1g1").order
        assert (seen.id, seen.status) == (placed.provider_order_id, "EXECUTED")
        assert seen.rewards[0].value.denomination == 20
