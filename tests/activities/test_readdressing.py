"""Giftbit mails a reward to its first address only: for a corrected one the card is taken back, and
once that is certain another is ordered. The judge is the provider's book: one live card at most."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
import pytest_asyncio
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.lane import ProviderLane
from activities.staff import StaffActivities
from domain.grants import Attention, GrantStatus
from domain.messages import Next, StaffRequest, Step
from domain.orders import OrderState
from domain.refusals import InvalidPayload
from domain.staff import Action
from providers.giftbit import Giftbit, GiftbitSettings
from providers.registry import RESENDING
from store.database import Database
from store.staff import requests
from store.staff.requests import Asking
from store.tables import Customer, Event, Grant, Order
from tests.activities.lane_under_test import TIMING, LaneUnderTest, Provider
from tests.auditing import assert_books_agree
from tests.builders import add_grant, alter, gift_card, in_future, one, rows, words_of
from tests.ordering import PACE, VAULT

NAME, RIGHT = "giftbit", "right@example.com"


class Desk:
    """One provider's lane, and staff who ask for cards to be sent again."""

    def __init__(self, parts: ProviderLane, adapter: Giftbit, http: httpx.AsyncClient) -> None:
        self.lane, self.adapter, self._http = LaneUnderTest(parts.database, parts), adapter, http
        self.database, self._staff = parts.database, StaffActivities(parts)

    async def bounced(self, side: Provider) -> Grant:
        """A card that was mailed to an address that does not work."""
        await side.put("delivery", provider=NAME, seconds=0, outcome="bounced")
        card = gift_card(25_00, provider=NAME, product_id="amazonus")
        grant = await add_grant(self.database, card)
        await self.lane.place(grant.id)
        step = await self.lane.check_until(grant.id, GrantStatus.NEEDS_ATTENTION)
        assert step.attention is Attention.DELIVERY_FAILED
        await side.put("delivery", provider=NAME, seconds=0, outcome="delivered")
        return grant

    async def ask(self, grant: Grant, email: str | None) -> StaffRequest:
        asking = Asking(Action.RESEND, "app_staff", f"{email}", grant_id=grant.id, email=email)
        async with self.database.transaction() as tx:
            asked = await requests.ask(tx, asking, RESENDING)
        return StaffRequest(grant_id=grant.id, actor="app_staff", request_id=asked.id)

    async def resend(self, request: StaffRequest, attempt: int = 1) -> Step:
        environment = ActivityEnvironment()
        environment.info = replace(environment.info, attempt=attempt)
        return await environment.run(self._staff.resend, request)

    async def book(self) -> list[tuple[str, str]]:
        """(key, state) of every card ever made, oldest first."""
        cards = (await self._http.get("/_control/book", params={"provider": NAME})).json()
        return [(card["key"], card["state"]) for card in cards]

    async def ends_with_one_live_card(self, grant: Grant) -> None:
        """Carry it to its end, and have the judge look."""
        await self.lane.place(grant.id)
        await self.lane.check_until(grant.id, GrantStatus.DELIVERED)
        first, second = await rows(self.database, Order, grant_id=grant.id)
        assert (first.state, second.state) == (OrderState.CANCELLED, OrderState.ISSUED)
        assert await self.book() == [(first.key, "cancelled"), (second.key, "issued")]
        assert second.request is not None
        assert second.request["recipient"]["email"] == RIGHT
        await assert_books_agree(self.database)

    def lose_the_answer_to(self, method: str) -> None:
        """Once: the provider has done it, and the connection breaks."""

        async def broken(response: httpx.Response) -> None:
            if response.request.method == method:
                self.adapter._http.event_hooks = {}
                raise httpx.ReadError("broken", request=response.request)

        self.adapter._http.event_hooks = {"response": [broken]}


@pytest_asyncio.fixture
async def desk(database: Database, simulator_url: str, provider: Provider) -> AsyncIterator[Desk]:
    given: dict[str, Any] = {"url": f"{simulator_url}/giftbit/papi/v1", "token": "secret"}
    settings = GiftbitSettings.model_validate(given | {"max_per_second": 200})
    adapter = Giftbit(settings, within=TIMING.attempt.total_seconds())
    parts = ProviderLane(
        database=database,
        provider=adapter,
        vault=VAULT,
        timing=TIMING,
        pace=PACE,
        hooks="http://127.0.0.1:9",
    )
    async with httpx.AsyncClient(base_url=simulator_url, timeout=120) as http:
        yield Desk(parts, adapter, http)
    await adapter.close()


async def test_the_first_card_is_cancelled_and_one_is_ordered_to_the_right_address(
    desk: Desk, provider: Provider
) -> None:
    grant = await desk.bounced(provider)
    request = await desk.ask(grant, RIGHT)
    assert await desk.resend(request) == Step(next=Next.ORDER)
    stored = await one(desk.database, Grant, id=grant.id)
    assert (stored.status, stored.attention, stored.due_at) == ("ordering", None, None)
    (told,) = await rows(desk.database, Event, type="grant.readdressed")
    assert (told.source, told.actor) == ("staff", "app_staff")
    # Asked again, it has no second effect.
    assert (await desk.resend(request)).next is Next.ORDER
    await desk.ends_with_one_live_card(grant)
    assert (await desk.resend(request)).next is Next.REST
    assert len(await desk.book()) == 2


async def test_the_answer_to_the_cancellation_is_lost(desk: Desk, provider: Provider) -> None:
    grant = await desk.bounced(provider)
    request = await desk.ask(grant, RIGHT)
    desk.lose_the_answer_to("DELETE")
    with pytest.raises(ApplicationError) as again:
        await desk.resend(request)
    assert again.value.type == "TryAgain"
    assert [state for _, state in await desk.book()] == ["cancelled"]
    # Nothing is known here yet, so nothing may be ordered.
    assert (await desk.lane.order(grant.id)).state == OrderState.ISSUED
    assert await desk.lane.place(grant.id) == Step(next=Next.FOLLOW)
    assert await desk.resend(request, attempt=2) == Step(next=Next.ORDER)
    await desk.ends_with_one_live_card(grant)


async def test_the_worker_dies_between_the_cancellation_and_its_record(
    desk: Desk, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant = await desk.bounced(provider)
    request = await desk.ask(grant, RIGHT)
    with monkeypatch.context() as dying:
        dying.setattr("store.staff.readdress.record_taken_back", _die)
        with pytest.raises(Died):
            await desk.resend(request)
    assert [state for _, state in await desk.book()] == ["cancelled"]
    assert await desk.resend(request, attempt=2) == Step(next=Next.ORDER)
    await desk.ends_with_one_live_card(grant)


async def test_found_cancelled_by_a_look_it_is_ordered_to_the_right_address_all_the_same(
    desk: Desk, provider: Provider
) -> None:
    """The answers to all attempts were lost, and staff have asked for another look."""
    grant = await desk.bounced(provider)
    request = await desk.ask(grant, RIGHT)
    desk.lose_the_answer_to("DELETE")
    parked = await desk.resend(request, attempt=8)
    assert (parked.next, parked.attention) == (Next.ATTEND, Attention.DELIVERY_FAILED)
    assert (await desk.lane.check(grant.id)).attention is Attention.ORDER_LOST
    await desk.ends_with_one_live_card(grant)


async def test_a_card_in_use_stays_and_the_timeline_says_so(desk: Desk, provider: Provider) -> None:
    grant = await desk.bounced(provider)
    order = await desk.lane.order(grant.id)
    change = [{"key": order.key, "card": "REDEEMED"}]
    await desk._http.post("/_control/tamper", json={"provider": NAME, "change": change})
    step = await desk.resend(await desk.ask(grant, RIGHT))
    assert (step.next, step.attention) == (Next.ATTEND, Attention.DELIVERY_FAILED)
    (told,) = await rows(desk.database, Event, type="grant.not_resent")
    assert "does not take it back" in (await words_of(desk.database, told) or "")
    assert [state for _, state in await desk.book()] == ["issued"]
    assert len(await rows(desk.database, Order, grant_id=grant.id)) == 1


@pytest.mark.parametrize("email", [None, "the same"])
async def test_to_the_same_address_it_is_the_same_card(
    desk: Desk, provider: Provider, email: str | None
) -> None:
    grant = await desk.bounced(provider)
    person = await one(desk.database, Customer, id=grant.recipient_id)
    assert person.email is not None
    request = await desk.ask(grant, person.email.upper() if email else None)
    assert (await desk.resend(request)).next is Next.FOLLOW
    await desk.lane.check_until(grant.id, GrantStatus.DELIVERED)
    assert len(await desk.book()) == 1


async def test_where_no_other_address_can_be_reached_none_is_taken(
    desk: Desk, provider: Provider
) -> None:
    grant = await desk.bounced(provider)
    asking = Asking(Action.RESEND, "app_staff", "1", grant_id=grant.id, email=RIGHT)
    with pytest.raises(InvalidPayload) as refused:
        async with desk.database.transaction() as tx:
            await requests.ask(tx, asking, {NAME: False})
    assert refused.value.field == "/email"


async def test_refused_at_the_right_address_too_the_customers_own_counts_once_corrected(
    desk: Desk, provider: Provider
) -> None:
    grant = await desk.bounced(provider)
    await desk.resend(await desk.ask(grant, RIGHT))
    await desk.lane.place(grant.id)
    second = await desk.lane.order(grant.id)
    await alter(desk.database, second, state=OrderState.FAILED, provider_order_id=None)
    await desk.lane.place(grant.id)
    third = await desk.lane.order(grant.id)
    assert (third.generation, _address(third)) == (3, RIGHT)
    await alter(desk.database, third, state=OrderState.FAILED, provider_order_id=None)
    person = await one(desk.database, Customer, id=grant.recipient_id)
    await alter(desk.database, person, email="own@example.com", updated_at=in_future(minutes=1))
    await desk.lane.place(grant.id)
    assert _address(await desk.lane.order(grant.id)) == "own@example.com"


def _address(order: Order) -> str:
    assert order.request is not None
    return str(order.request["recipient"]["email"])


class Died(Exception):
    """What is left of an attempt whose process ended."""


async def _die(*_: object) -> Step:
    raise Died
