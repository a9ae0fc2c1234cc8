"""Three books of one provider: filled by the product's own activities, tampered with, compared."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.lane import ProviderLane
from activities.orders import OrderActivities
from activities.reconciliation import BookActivities, ComparisonActivities
from activities.repairs import RepairActivities
from domain.reconciliation import DIFFERENCES, Filed
from providers.registry import Opened, open_configured
from store.database import now
from store.reconciliation import repairs, runs
from store.tables import Grant, Order, Reconciliation, ReconciliationItem
from tests.builders import add_grant, gift_card, one, rows

PRODUCTS = {
    "giftcard-partners": "CVS",
    "tremendous": "OKMHM2X2OHYV",
    "tango": "U000001",
    "giftbit": "amazonus",
    "runa": "AMZ-US",
}
_SECTIONS = {
    "GIFTCARD_PARTNERS": ("/giftcard-partners", {"EMAIL": "b@example.com", "ACCESS_TOKEN": "t"}),
    "TREMENDOUS": ("/tremendous", {"API_KEY": "t"}),
    "TANGO": (
        "/tango/raas/v2",
        {
            "PLATFORM_NAME": "p",
            "PLATFORM_KEY": "k",
            "CUSTOMER_IDENTIFIER": "customer",
            "ACCOUNT_IDENTIFIER": "account",
        },
    ),
    "GIFTBIT": ("/giftbit/papi/v1", {"TOKEN": "t"}),
    "RUNA": ("/runa", {"API_KEY": "t"}),
}


def section_of(simulator_url: str) -> dict[str, str]:
    """The environment of all five providers."""
    return {
        f"GUERDON_{section}_{name}": value
        for section, (path, members) in _SECTIONS.items()
        # The simulator limits nothing unless told to.
        for name, value in {
            "URL": simulator_url + path,
            "MAX_PER_SECOND": "500",
            **members,
        }.items()
    }


def configured(simulator_url: str) -> dict[str, Opened]:
    """The five adapters, from the environment as in production."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in section_of(simulator_url).items():
            environment.setenv(name, value)
        return open_configured(within=15)


class Books:
    """Grants and orders, ledger, and the provider's book in the simulator."""

    def __init__(self, lane: ProviderLane, control: httpx.AsyncClient) -> None:
        self.lane, self.database, self.provider = lane, lane.database, lane.provider.name
        self._control = control
        self._orders = OrderActivities(lane)
        self._book = BookActivities(lane, 500)
        self._comparison = ComparisonActivities(lane.database)
        self._repairs = RepairActivities(lane)

    async def order(self, count: int, amount: int = 2000) -> list[Order]:
        """So many grants, each carried to its delivered card."""
        product = PRODUCTS[self.provider]
        reward = gift_card(amount, provider=self.provider, product_id=product)
        grants = [await add_grant(self.database, reward) for _ in range(count)]
        for grant in grants:
            await self._run(self._orders.place_order, grant.id)
        return [await self._delivered(grant.id) for grant in grants]

    async def _delivered(self, grant_id: str) -> Order:
        async with asyncio.timeout(120):
            while (await one(self.database, Grant, id=grant_id)).status != "delivered":
                await self._run(self._orders.check_order, grant_id)
                await asyncio.sleep(0.02)
        return await one(self.database, Order, grant_id=grant_id)

    async def tamper(self, **changes: Any) -> None:
        body = {"provider": self.provider} | changes
        answer = await self._control.post("/_control/tamper", json=body)
        assert answer.is_success, answer.text

    async def new_run(self, since: datetime | None = None, until: datetime | None = None) -> str:
        """Write a run over the last day, whose end lies ahead."""
        period = since or now() - timedelta(days=1), until or now() + timedelta(hours=1)
        async with self.database.transaction() as tx:
            return runs.create(tx, runs.NewRun(self.provider, *period, actor="app_finance")).id

    async def stage(self, run_id: str) -> int:
        return int(await self._run(self._book.stage_orders, run_id))

    async def compare(self, run_id: str) -> dict[str, int]:
        totals: dict[str, int] = await self._run(self._comparison.compare_books, run_id)
        return totals

    async def reconcile(self, **period: datetime) -> Reconciliation:
        """A whole run."""
        run_id = await self.new_run(**period)
        await self.stage(run_id)
        await self.compare(run_id)
        return await one(self.database, Reconciliation, id=run_id)

    async def items(self, run: Reconciliation) -> list[ReconciliationItem]:
        return await rows(self.database, ReconciliationItem, reconciliation_id=run.id)

    async def repair_all(self, run: Reconciliation) -> list[str]:
        """Repair every difference of the run; the outcomes."""
        found = [item for item in await self.items(run) if item.filed in DIFFERENCES]
        return [await self.repair(item) for item in found]

    async def repair(self, item: ReconciliationItem) -> str:
        async with self.database.transaction() as tx:
            await repairs.ask(
                tx, item.reconciliation_id, item.id, actor="app_finance", reason="confirmed"
            )
        return str(await self._run(self._repairs.repair, item.id))

    async def _run(self, activity: Any, argument: str) -> Any:
        """What the activity gives, tried again where it asks for that, as Temporal would."""
        async with asyncio.timeout(120):
            while True:
                try:
                    return await ActivityEnvironment().run(activity, argument)
                except ApplicationError as error:
                    if error.type != "TryAgain":
                        raise
                    await asyncio.sleep(0.1)


def found(run: Reconciliation) -> Counter[str]:
    """What a run filed, matched ones left out."""
    return Counter({word: n for word, n in run.totals.items() if n and word != Filed.MATCHED})
