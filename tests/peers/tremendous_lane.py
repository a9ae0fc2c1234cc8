"""Tremendous over real HTTP: the simulator in its process, the adapter, the lane's activities."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from temporalio.testing import ActivityEnvironment

from activities.lane import ProviderLane, Timing
from activities.orders import OrderActivities
from cli.stack.child import Child
from cli.stack.ports import Ports
from domain.messages import Step
from domain.rewards import GiftCard
from providers.tremendous import Tremendous, TremendousSettings
from store.database import Database
from tests.ordering import PACE, VAULT

TIMING = Timing(
    attempt=timedelta(seconds=15),
    claim=timedelta(seconds=90),
    longest_delay=timedelta(seconds=10),
    resume=timedelta(minutes=1),
)
CARD = GiftCard(provider="tremendous", product_id="OKMHM2X2OHYV", amount=15_00, currency="USD")


class TremendousLane:
    """Places and follows orders as a worker does, one call an attempt."""

    def __init__(self, database: Database, adapter: Tremendous, http: httpx.AsyncClient) -> None:
        lane = ProviderLane(
            database=database,
            provider=adapter,
            vault=VAULT,
            timing=TIMING,
            pace=PACE,
            hooks="http://127.0.0.1:9",
        )
        self._activities, self._http = OrderActivities(lane), http

    async def place(self, grant_id: str) -> Step:
        """One attempt. Raises ApplicationError when it asks for another one."""
        return await ActivityEnvironment().run(self._activities.place_order, grant_id)

    async def check(self, grant_id: str) -> Step:
        return await ActivityEnvironment().run(self._activities.check_order, grant_id)

    async def put(self, setting: str, **values: Any) -> None:
        """Change how the provider behaves."""
        answer = await self._http.put(f"/_control/{setting}", json=values)
        assert answer.is_success, answer.text

    async def book(self) -> list[dict[str, Any]]:
        """Every card that it really issued, or promised."""
        cards: list[dict[str, Any]] = (await self._http.get("/_control/book")).json()
        return cards

    async def asked(self) -> int:
        """How many order-creating requests have reached it."""
        stats = (await self._http.get("/_control/stats")).json()
        return int(stats["tremendous"]["attempted"])


@asynccontextmanager
async def tremendous_lane(database: Database, home: Path) -> AsyncIterator[TremendousLane]:
    """The lane over a fresh simulator."""
    port = Ports.free().resolve().simulator
    program = str(Path(sys.executable).with_name("guerdon"))
    argv = [program, "simulator", "--port", str(port), "--state", str(home / "state")]
    process, url = Child("simulator", argv, {}, home / "simulator.log"), f"http://127.0.0.1:{port}"
    process.start()
    settings = TremendousSettings.model_validate({"url": f"{url}/tremendous", "api_key": "secret"})
    adapter = Tremendous(settings, within=TIMING.attempt.total_seconds())
    async with httpx.AsyncClient(base_url=url, timeout=120) as http:
        await _answering(http, process.running)
        yield TremendousLane(database, adapter, http)
    await adapter.close()
    process.send(process.stop_signal)
    process.wait()


async def _answering(http: httpx.AsyncClient, running: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 180
    while True:
        try:
            if (await http.get("/_control/stats")).is_success:
                return
        except httpx.TransportError:
            assert running()
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
