"""A peer takes the same purchase in again whenever it is sent again, and pays again: ten times at
once, ten times the reward. Here an order converts once, however often it is reported."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from api.settings import ApiSettings
from domain.roles import Role
from store.access.api_keys import create_key
from store.database import Database
from store.qualification.qualify import qualify
from store.settings import StoreSettings
from store.tables import Grant, Redemption, Referral
from tests.applications import application
from tests.auditing import assert_books_agree
from tests.builders import EVENT, add_programme, redemption_terms, rows, start_of

TIMES = 10
KEY = "k1:" + "MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA="


@pytest_asyncio.fixture
async def client(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx.AsyncClient]:
    """A backend service of the API, while Temporal is away."""
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    store = StoreSettings.model_validate({"database_url": database_url, "encryption_keys": KEY})
    app = application(ApiSettings.model_validate({"public_url": "http://guerdon.test"}), store)
    async with database.transaction() as tx:
        app_id, token = await create_key(tx, Role.SERVICE)
    headers = {"X-App-Id": app_id, "X-App-Token": token}
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=transport, base_url="http://guerdon.test", headers=headers
        ) as opened,
    ):
        yield opened


async def sent_at_once(client: httpx.AsyncClient, path: str, body: Any) -> list[dict[str, Any]]:
    """The answers to the same request, sent so many times at once."""
    sent = await asyncio.gather(*(client.post(path, json=body) for _ in range(TIMES)))
    assert [response.status_code for response in sent] == [200] * TIMES
    return [response.json() for response in sent]


class TestTheSamePurchase:
    @pytest.mark.parametrize(
        "metadata", [{"event_id": "evt-1", "order_id": "order-1"}, {"order_id": "order-1"}]
    )
    async def test_as_an_event_is_rewarded_once(
        self, client: httpx.AsyncClient, database: Database, metadata: dict[str, str]
    ) -> None:
        programme = await add_programme(database)
        body = {
            "event": EVENT,
            "customer": {"source_id": "friend-1"},
            "referral": {"code": programme.code},
            "order": {"source_id": "order-1", "amount": 7500},
            "metadata": metadata,
        }
        answers = await sent_at_once(client, "/v1/events", body)
        assert len({answer["referral"]["id"] for answer in answers}) == 1
        await self._rewarded_once(database)

    async def test_as_a_redemption_is_rewarded_once(
        self, client: httpx.AsyncClient, database: Database
    ) -> None:
        programme = await add_programme(database, redemption_terms())
        body = {
            "redeemables": [{"object": "voucher", "id": programme.code}],
            "customer": {"source_id": "friend-1"},
            "order": {"source_id": "order-1", "amount": 7500},
        }
        answers = await sent_at_once(client, "/v1/redemptions", body)
        assert len({answer["redemptions"][0]["id"] for answer in answers}) == 1
        assert len(await rows(database, Redemption)) == 1
        await self._rewarded_once(database)

    async def _rewarded_once(self, database: Database) -> None:
        (referral,) = await rows(database, Referral)
        assert referral.order_amount == 7500
        await asyncio.gather(*(qualify(database, start_of(referral)) for _ in range(3)))
        roles = sorted(grant.role for grant in await rows(database, Grant))
        assert roles == ["referee", "referrer"]
        await assert_books_agree(database)
