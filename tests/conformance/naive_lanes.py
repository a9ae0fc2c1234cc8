"""Three implementations that look right until something breaks. Each replaces one part of the
product's own and leaves the rest as it is; the suite has to catch every one of them."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from activities.lane import ProviderLane
from activities.orders import OrderActivities
from domain.messages import Step
from domain.orders import OrderRequest, OrderSnapshot
from providers.outcomes import OrderRejected, OutcomeUnknown, ProviderError
from providers.protocol import GiftCardProvider
from store.database import Transaction
from store.orders import attempts
from store.orders.attempts import Attempt, Busy
from tests.conformance.scene import Variant


class _Over:
    """An adapter over another one."""

    def __init__(self, adapter: GiftCardProvider) -> None:
        self._adapter: Any = adapter

    def __getattr__(self, name: str) -> Any:
        return getattr(self._adapter, name)


class FreshKey(_Over):
    """A key of its own for each attempt, as if a key only had to be unique."""

    async def place_order(self, request: OrderRequest) -> OrderSnapshot:
        fresh = request.model_copy(update={"key": f"gd{uuid4().hex}g1"})
        snapshot: OrderSnapshot = await self._adapter.place_order(fresh)
        return snapshot.model_copy(update={"key": None})


class UnknownIsRefusal(_Over):
    """A time-out or a 5xx counts as a no, so that the grant is ordered anew."""

    async def place_order(self, request: OrderRequest) -> OrderSnapshot:
        try:
            snapshot: OrderSnapshot = await self._adapter.place_order(request)
        except OutcomeUnknown as unknown:
            raise OrderRejected(unknown.detail) from unknown
        return snapshot


class SendsFirst(OrderActivities):
    """The order goes out under its right key, and is written down once there is an answer."""

    def __init__(self, lane: ProviderLane) -> None:
        super().__init__(lane)
        self._parts = lane

    async def place_order(self, grant_id: str) -> Step:
        match await self._unwritten(grant_id):
            case Attempt() as attempt:
                pass
            case Busy(wait=wait):
                raise self._parts.again("another attempt holds the order", wait)
            case step:
                return step
        try:
            snapshot = await self._parts.provider.place_order(attempt.request)
        except ProviderError as error:
            raise self._parts.again(error.detail, None) from error
        async with self._parts.database.transaction() as tx:
            written = await self._claim_in(tx, grant_id)
            assert isinstance(written, Attempt)
            return await self._parts.record(tx, written.order_id, snapshot)

    async def _unwritten(self, grant_id: str) -> Attempt | Busy | Step:
        """What a claim would answer, without a trace."""
        async with self._parts.database.transaction() as tx:
            answered = await self._claim_in(tx, grant_id)
            await tx.session.rollback()
        return answered

    async def _claim_in(self, tx: Transaction, grant_id: str) -> Attempt | Busy | Step:
        lane = self._parts
        return await attempts.claim(
            tx,
            lane.provider.name,
            grant_id,
            lifetime=lane.timing.claim,
            probe_every=lane.timing.resume,
            hooks=lane.hooks,
            carrier="test",
        )


NAIVE = {
    "fresh key each attempt": Variant(adapter=FreshKey),
    "order before record": Variant(activities=SendsFirst),
    "unknown taken for refusal": Variant(adapter=UnknownIsRefusal),
}
