"""The API as the outside meets it, over the stage's database and Temporal."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from api.settings import ApiSettings
from domain.roles import Role
from store.access.api_keys import create_key
from store.settings import StoreSettings
from tests.applications import application
from tests.workflows.stage import Stage

_BASE = "http://guerdon.test"
_METRICS_TOKEN = "prometheus-of-the-tests"


class FrontDoor:
    """Calls of providers and of staff."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self.app_id = http.headers["X-App-Id"]

    async def receive(self, token: str) -> None:
        """A webhook of the provider, passed on as the API does."""
        answer = await self._http.post(f"/hooks/giftcard-partners/{token}", json={"orderId": "?"})
        assert answer.status_code == 202, answer.text

    async def take(self, path: str, headers: dict[str, str], body: bytes) -> None:
        """The same for one that goes to the account's address: passed on whole."""
        answer = await self._http.post(path, content=body, headers=headers)
        assert answer.status_code == 202, answer.text

    async def get(self, path: str) -> Any:
        """What the API answers there."""
        answer = await self._http.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def metrics(self) -> list[str]:
        """The lines that Prometheus reads."""
        headers = {"Authorization": f"Bearer {_METRICS_TOKEN}"}
        answer = await self._http.get("/metrics", headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.text.splitlines()

    async def post(self, path: str, key: str | None = None, **body: Any) -> httpx.Response:
        """Staff's request, answered whatever comes of it. `key`: its Idempotency-Key."""
        headers = {"Idempotency-Key": key} if key else {}
        return await self._http.post(path, json=body, headers=headers)

    async def put(self, path: str, **body: Any) -> None:
        """A change, which has to be taken."""
        answer = await self._http.put(path, json=body)
        assert answer.status_code == 200, answer.text

    async def delete(self, path: str) -> None:
        answer = await self._http.delete(path)
        assert answer.status_code == 204, answer.text

    async def ask(self, action: str, grant_id: str, reason: str = "mended") -> None:
        """Staff's `retry` or `cancel`."""
        answer = await self._http.post(f"/v1/grants/{grant_id}/{action}", json={"reason": reason})
        assert answer.status_code == 200, answer.text


@asynccontextmanager
async def front_door(stage: Stage, role: Role = Role.SUPPORT) -> AsyncIterator[FrontDoor]:
    """The application, with credentials of that role."""
    settings = ApiSettings.model_validate({"public_url": _BASE, "metrics_token": _METRICS_TOKEN})
    store = StoreSettings.model_validate(
        {
            "database_url": stage.database.engine.url.set(drivername="postgresql").render_as_string(
                hide_password=False
            ),
            "encryption_keys": f"k1:{base64.b64encode(bytes(32)).decode()}",
        }
    )
    async with stage.database.transaction() as tx:
        app_id, token = await create_key(tx, role)
    headers = {"X-App-Id": app_id, "X-App-Token": token}
    app = application(settings, store)
    with pytest.MonkeyPatch.context() as environment:
        address = stage.client.service_client.config.target_host
        environment.setenv("TEMPORAL_ADDRESS", address)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(
                transport=httpx.ASGITransport(app=app), base_url=_BASE, headers=headers
            ) as http,
        ):
            yield FrontDoor(http)
