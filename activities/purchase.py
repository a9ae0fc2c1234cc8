"""One attempt at one order: from the claim to the recorded outcome."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

from activities.following import Following
from activities.lane import ProviderLane
from domain.grants import RESUMES_BY_ITSELF, Attention
from domain.messages import Step
from domain.orders import OrderRequest, OrderSnapshot
from domain.rewards import Delivery
from providers.outcomes import (
    FailedAnswer,
    InsufficientFunds,
    KeyAlreadyUsed,
    KeyConflict,
    NotSent,
    OrderRejected,
    OutcomeUnknown,
    ProviderError,
    ProviderMisconfigured,
    RateLimited,
)
from providers.protocol import Replay
from providers.resolver import NextRequest, next_request
from store.database import Transaction
from store.orders import attempts, prepare
from store.orders.attempts import Attempt, OpenOrder
from store.providers import lanes
from store.staff.cancel import park


class RefusedInDoubt(OutcomeUnknown):
    """Refused, while an earlier request under the same key is unanswered and cannot be found."""


class ProvenAbsent(OrderRejected):
    """The provider repeats a stored failure for this key, and no order was found under it for
    hours."""


class NotFoundAgain(ProviderError):
    """The key may not be sent any more, and no order is found under it: a person must decide."""


class DoubleOrder(KeyConflict):
    """More than one order exists under our key. `order_ids`: the provider's ids of them."""

    def __init__(self, order_ids: list[str]) -> None:
        super().__init__(f"{len(order_ids)} orders stand under one key.")
        self.order_ids = order_ids


_PROOF = 12
"""Counted in pauses between two searches: two hours in production."""
_ABSENT = "no order found under this key for hours, and all that it answers is: {}"
_QUEUED = "the provider takes orders, and holds them back until the deposit is funded"
_PARKED = {
    InsufficientFunds: (Attention.INSUFFICIENT_FUNDS, attempts.record_not_bought),
    ProviderMisconfigured: (Attention.PROVIDER_MISCONFIGURED, attempts.record_not_bought),
    KeyConflict: (Attention.KEY_CONFLICT, attempts.record_unknown),
    NotFoundAgain: (Attention.OUTCOME_UNKNOWN, attempts.record_unknown),
}


class Purchase:
    """One attempt. `began`: the monotonic time just before the claim was asked for. `following`:
    follows the order after it is accepted."""

    def __init__(
        self,
        lane: ProviderLane,
        attempt: Attempt,
        began: float,
        following: Following | None = None,
    ) -> None:
        self._lane = lane
        self._attempt = attempt
        self._began = began
        self._following = following

    async def run(self) -> Step:
        """Find the order or send it, and record the outcome. Raises to ask for another attempt."""
        try:
            snapshot = await self._order()
        except ProvenAbsent as outcome:
            return await self._order_anew(outcome)
        except OrderRejected as outcome:
            return await self._refused(outcome)
        except tuple(_PARKED) as outcome:
            return await self._park(outcome)
        except ProviderError as outcome:
            return await self._retry(outcome)
        if self._following is None:
            return await self._accept(snapshot)
        order = self._open_order(snapshot.provider_order_id)
        snapshot = await self._following.first(order, snapshot)
        return await self._following.rest(order, await self._accept(snapshot))

    async def _accept(self, snapshot: OrderSnapshot) -> Step:
        lane = self._lane
        # Longer than the order is followed: the last look ends the wait.
        followed = 2 * lane.timing.follow if self._following else None
        async with lane.database.transaction() as tx:
            await self._judge_lane(tx, snapshot)
            return await lane.record(tx, self._attempt.order_id, snapshot, followed)

    def _open_order(self, provider_order_id: str) -> OpenOrder:
        request, name = self._attempt.request, self._lane.provider.name
        by_link, currency = request.delivery is Delivery.LINK, request.face.currency
        return OpenOrder(self._attempt.order_id, name, provider_order_id, currency, by_link)

    async def _judge_lane(self, tx: Transaction, snapshot: OrderSnapshot) -> None:
        """Open or stop the provider's lane.

        An order that got through opens a stopped lane. One that was accepted but waits for funds
        stops it: the next orders would only wait too."""
        name, resume = self._lane.provider.name, self._lane.timing.resume
        if snapshot.awaits_funds:
            await lanes.stop(tx, name, Attention.INSUFFICIENT_FUNDS, _QUEUED, resume)
        elif self._attempt.probes:
            await lanes.reopen(tx, name)

    async def _order(self) -> OrderSnapshot:
        snapshot = await (self._send() if self._may_send() else self._look_up())
        _same(self._attempt.request, snapshot)
        return snapshot

    def _may_send(self) -> bool:
        attempt = self._attempt
        move = next_request(
            self._lane.provider.capabilities,
            in_doubt=attempt.in_doubt,
            repeats=attempt.repeats,
            age=attempt.age,
        )
        return move is NextRequest.SEND or self._proves_absence

    @property
    def _proves_absence(self) -> bool:
        """Whether the order has been absent for so long that one more failure under its key proves
        that it will never exist. The failure is then the provider's stored answer for the key."""
        absent, capabilities = self._attempt.absent_for, self._lane.provider.capabilities
        if absent is None or not self._caches:
            return False
        alive = capabilities.key_life is None or self._attempt.age < capabilities.key_life / 2
        return alive and absent >= _PROOF * self._lane.timing.resume

    async def _send(self) -> OrderSnapshot:
        """Send one request, while the claim certainly holds."""
        timing, provider = self._lane.timing, self._lane.provider
        if time.monotonic() - self._began > (timing.claim - timing.attempt).total_seconds():
            raise NotSent("the claim had almost lapsed before the request could be sent")
        limit = timing.attempt.total_seconds()
        try:
            async with asyncio.timeout(limit):
                return await provider.place_order(self._attempt.request)
        except TimeoutError as error:
            raise OutcomeUnknown(f"no answer within {limit:g} s") from error
        except KeyAlreadyUsed as used:
            return await self._adopt(used.provider_order_id)
        except FailedAnswer as failure:
            if not self._proves_absence:
                raise
            return await self._bought_before(ProvenAbsent(_ABSENT.format(failure.detail)))
        except OrderRejected as refusal:
            if not self._attempt.in_doubt:
                raise
            return await self._bought_before(refusal)

    async def _bought_before(self, refusal: OrderRejected) -> OrderSnapshot:
        """Whether an earlier, unanswered request bought the card that is refused now.

        Two searches without a result prove that it did not. They are further apart than a request
        may take, because until then it could still arrive."""
        if earlier := await self._find():
            return earlier
        waited = self._attempt.absent_for
        if waited is None or waited < self._spacing:
            raise RefusedInDoubt(refusal.detail, retry_after=self._spacing)
        raise refusal

    @property
    def _spacing(self) -> timedelta:
        return self._lane.timing.claim

    async def _adopt(self, provider_order_id: str | None) -> OrderSnapshot:
        """Adopt the order that exists under our key: the provider named it, or it is
        searched for."""
        currency = self._attempt.request.face.currency
        if provider_order_id is None:
            found = await self._find()
        else:
            try:
                found = await self._lane.provider.get_order(provider_order_id, currency)
            except ProviderError as error:
                raise OutcomeUnknown(f"the existing order: {error.detail}") from error
        if found is None:
            raise OutcomeUnknown("the key is taken, and its order cannot be found")
        return found

    async def _look_up(self) -> OrderSnapshot:
        found = await self._find()
        if found is None:
            raise NotFoundAgain("sent, never answered, and not to be found under its key")
        return found

    async def _find(self) -> OrderSnapshot | None:
        request = self._attempt.request
        try:
            found = await self._lane.provider.find_order(
                request.key, request.face.currency, not_before=self._attempt.first_sent_at
            )
        except ProviderError as error:
            raise OutcomeUnknown(f"the search by key: {error.detail}") from error
        if len(found) > 1:
            raise DoubleOrder([order.provider_order_id for order in found])
        return found[0] if found else None

    async def _refused(self, outcome: OrderRejected) -> Step:
        async with self._lane.database.transaction() as tx:
            if not await attempts.record_refused(tx, self._attempt, outcome.detail):
                raise self._lane.again("a later attempt took over", None)
            grant_id = self._attempt.grant_id
            if elsewhere := await prepare.take_next(tx, grant_id, outcome.detail):
                return elsewhere
            return await park(tx, grant_id, Attention.ORDER_REJECTED, outcome.detail)

    async def _order_anew(self, outcome: OrderRejected) -> Step:
        """Move on to the next generation: the key is used up, and the provider did not refuse the
        order."""
        async with self._lane.database.transaction() as tx:
            await attempts.record_refused(tx, self._attempt, outcome.detail)
        raise self._lane.again(outcome.detail, None) from outcome

    async def _park(self, outcome: ProviderError) -> Step:
        """Park the grant. A cause that concerns every order also stops the provider's lane."""
        lane, attempt = self._lane, self._attempt
        attention, record = next(
            found for kind, found in _PARKED.items() if isinstance(outcome, kind)
        )
        if isinstance(outcome, NotFoundAgain) and self._caches:
            record = attempts.record_doubted
        if attention is Attention.INSUFFICIENT_FUNDS and self._caches:
            # The provider would repeat this answer for the key's lifetime: the key cannot buy any
            # more.
            record = attempts.record_refused
        async with lane.database.transaction() as tx:
            if not await record(tx, attempt, outcome.detail):
                raise lane.again("a later attempt took over", None)
            if attention in RESUMES_BY_ITSELF:
                resume = lane.timing.resume
                await lanes.stop(tx, lane.provider.name, attention, outcome.detail, resume)
            if isinstance(outcome, DoubleOrder):
                return await attempts.record_double(tx, attempt, outcome.order_ids, outcome.detail)
            step = await park(tx, attempt.grant_id, attention, outcome.detail)
        looks_again = attention is not Attention.KEY_CONFLICT
        return step.model_copy(update={"after": lane.timing.resume if looks_again else None})

    @property
    def _caches(self) -> bool:
        return self._lane.provider.capabilities.replay is Replay.CACHES

    async def _retry(self, outcome: ProviderError) -> Step:
        match outcome:
            case NotSent() | RateLimited():
                record = attempts.record_not_bought
            case RefusedInDoubt():
                record = attempts.record_doubted
            case _:
                record = attempts.record_unknown
        async with self._lane.database.transaction() as tx:
            await record(tx, self._attempt, outcome.detail)
        raise self._lane.again(outcome.detail, outcome.retry_after) from outcome


def _same(request: OrderRequest, snapshot: OrderSnapshot) -> None:
    """Whether the returned order equals the frozen request.

    Not every provider compares them, and a silent replay of another order looks like success.
    Members that the provider does not show are not compared; the recipient is compared by the
    adapters that get it back."""
    if snapshot.face is not None and snapshot.face != request.face:
        raise KeyConflict(f"the order under our key is for {snapshot.face}, not {request.face}")
    told = snapshot.product_id
    if told is not None and told.casefold() != request.product_id.casefold():
        raise KeyConflict(f"the order under our key is for {told}, not {request.product_id}")
    if snapshot.key is not None and snapshot.key != request.key:
        raise KeyConflict("the provider named an order of another key")
