"""Gift-card orders at one provider. Registered on that provider's own task queue.

`place_order` sends exactly one order-creating request an attempt, under a claim; Temporal's
retries are the only retries. What a retry may do follows from the outcome: the same key again,
never another one.
"""

from __future__ import annotations

import asyncio
import random
import time
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.pulse import pulse
from domain.grants import RESUMES_BY_ITSELF, Attention
from domain.messages import Next, Step
from domain.orders import OrderRequest, OrderSnapshot
from providers.outcomes import (
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
from providers.protocol import GiftCardProvider
from providers.resolver import Move, next_move
from store import grants, lanes, orders
from store.crypto import Vault
from store.database import Database, Transaction
from store.delivery import Pace, record_snapshot
from store.orders import Attempt, Busy


class Timing(NamedTuple):
    """How long things may take. `attempt` < `claim` < the activity's time-out: an attempt that
    outlives its claim is cut off before another one can begin."""

    attempt: timedelta
    claim: timedelta
    longest_delay: timedelta
    resume: timedelta
    """How soon a grant that waits for funds or credentials tries again."""


class NotFoundAgain(ProviderError):
    """The key may not be sent any more, and no order is found under it: a person decides."""


class OrderActivities:
    """Placing and following orders at `provider`."""

    def __init__(
        self,
        database: Database,
        provider: GiftCardProvider,
        *,
        vault: Vault,
        timing: Timing,
        pace: Pace,
        hooks: str,
    ) -> None:
        self._database = database
        self._provider = provider
        self._vault = vault
        self._timing = timing
        self._pace = pace
        self._hooks = hooks

    @activity.defn
    async def place_order(self, grant_id: str) -> Step:
        """Order the grant's gift card. Idempotent: the key is the grant's own, the order's row is
        claimed before sending, and an order that exists is adopted."""
        async with pulse():
            began = time.monotonic()
            claimed = await self._claim(grant_id)
            match claimed:
                case Step():
                    return claimed
                case Busy(wait=wait):
                    raise self._again("another attempt holds the order", wait)
                case Attempt():
                    return await self._attempt(claimed, began)

    @activity.defn
    async def check_order(self, grant_id: str) -> Step:
        """Read the order at the provider and record what it says. A read: safe to repeat."""
        async with pulse():
            order = await orders.open_order(self._database, grant_id)
            if order is None:
                return Step(next=Next.ORDER)
            try:
                snapshot = await self._provider.get_order(order.provider_order_id, order.currency)
            except ProviderError as error:
                raise self._again(error.detail, error.retry_after) from error
            async with self._database.transaction() as tx:
                return await self._record(tx, order.id, snapshot)

    async def _claim(self, grant_id: str) -> Attempt | Busy | Step:
        async with self._database.transaction() as tx:
            return await orders.claim(
                tx,
                self._provider.name,
                grant_id,
                lifetime=self._timing.claim,
                probe_every=self._timing.resume,
                hooks=self._hooks,
            )

    async def _attempt(self, attempt: Attempt, began: float) -> Step:
        try:
            snapshot = await self._find_or_send(attempt, began)
        except OrderRejected as outcome:
            return await self._refused(attempt, outcome)
        except (InsufficientFunds, ProviderMisconfigured, KeyConflict, NotFoundAgain) as outcome:
            return await self._park(attempt, outcome)
        except ProviderError as outcome:
            return await self._retry(attempt, outcome)
        async with self._database.transaction() as tx:
            if attempt.probes:
                await lanes.reopen(tx, self._provider.name)
            return await self._record(tx, attempt.order_id, snapshot)

    async def _find_or_send(self, attempt: Attempt, began: float) -> OrderSnapshot:
        move = next_move(
            self._provider.capabilities,
            in_doubt=attempt.in_doubt,
            repeats=attempt.repeats,
            age=datetime.now(UTC) - attempt.first_sent_at,
        )
        if move is Move.SEND:
            return await self._send(attempt, began)
        found = await self._existing(attempt, None)
        if found is None:
            raise NotFoundAgain("sent, never answered, and not to be found under its key")
        _same(attempt.request, found)
        return found

    async def _send(self, attempt: Attempt, began: float) -> OrderSnapshot:
        """One request, while the claim certainly holds; a key already used is our own order."""
        limit = self._timing.attempt.total_seconds()
        if time.monotonic() - began > (self._timing.claim - self._timing.attempt).total_seconds():
            raise NotSent("the claim had almost lapsed before the request could be sent")
        try:
            async with asyncio.timeout(limit):
                return await self._provider.place_order(attempt.request)
        except TimeoutError as error:
            raise OutcomeUnknown(f"no answer within {limit:g} s") from error
        except KeyAlreadyUsed as used:
            return await self._adopt(attempt, used.provider_order_id)

    async def _adopt(self, attempt: Attempt, provider_order_id: str | None) -> OrderSnapshot:
        """Take the order that stands under our key, if it is the one that we asked for."""
        request = attempt.request
        try:
            snapshot = await self._existing(attempt, provider_order_id)
        except ProviderError as error:
            raise OutcomeUnknown(f"the existing order: {error.detail}") from error
        if snapshot is None:
            raise OutcomeUnknown("the key is taken, and its order cannot be found")
        _same(request, snapshot)
        return snapshot

    async def _existing(
        self, attempt: Attempt, provider_order_id: str | None
    ) -> OrderSnapshot | None:
        currency = attempt.request.face.currency
        if provider_order_id:
            return await self._provider.get_order(provider_order_id, currency)
        found = await self._provider.find_order(
            attempt.request.key, currency, not_before=attempt.first_sent_at
        )
        if len(found) > 1:
            raise KeyConflict(f"{len(found)} orders stand under one key")
        return found[0] if found else None

    async def _record(self, tx: Transaction, order_id: str, snapshot: OrderSnapshot) -> Step:
        return await record_snapshot(
            tx,
            order_id,
            snapshot,
            vault=self._vault,
            pace=self._pace,
            signals_delivery=self._provider.capabilities.signals_delivery,
        )

    async def _refused(self, attempt: Attempt, outcome: OrderRejected) -> Step:
        """A refusal is final only if no earlier, unanswered attempt bought the card."""
        if attempt.in_doubt:
            try:
                existing = await self._existing(attempt, None)
            except ProviderError as error:
                return await self._retry(attempt, OutcomeUnknown(error.detail))
            if existing is not None:
                async with self._database.transaction() as tx:
                    return await self._record(tx, attempt.order_id, existing)
        async with self._database.transaction() as tx:
            if not await orders.record_refused(tx, attempt, outcome.detail):
                raise self._again("a later attempt took over", None)
            return await grants.park(tx, attempt.grant_id, Attention.ORDER_REJECTED, outcome.detail)

    async def _park(self, attempt: Attempt, outcome: ProviderError) -> Step:
        """Set the grant aside. A cause that concerns every order stops the provider's lane."""
        attention, record = _PARKED[type(outcome)]
        async with self._database.transaction() as tx:
            if not await record(tx, attempt, outcome.detail):
                raise self._again("a later attempt took over", None)
            if attention in RESUMES_BY_ITSELF:
                await lanes.stop(
                    tx, self._provider.name, attention, outcome.detail, self._timing.resume
                )
            step = await grants.park(tx, attempt.grant_id, attention, outcome.detail)
        looks_again = attention is not Attention.KEY_CONFLICT
        return step.model_copy(update={"after": self._timing.resume if looks_again else None})

    async def _retry(self, attempt: Attempt, outcome: ProviderError) -> Step:
        unbought = isinstance(outcome, NotSent | RateLimited)
        record = orders.record_not_bought if unbought else orders.record_unknown
        async with self._database.transaction() as tx:
            await record(tx, attempt, outcome.detail)
        raise self._again(outcome.detail, outcome.retry_after) from outcome

    def _again(self, detail: str, wait: timedelta | None) -> ApplicationError:
        """Ask Temporal for another attempt. Exponential, with jitter, so that an outage does not
        end in a stampede; expected, so it is not logged as an error."""
        backoff = timedelta(seconds=2 ** min(activity.info().attempt - 1, 12))
        wait = max(wait or backoff, self._provider.capabilities.pause)
        delay = min(wait, self._timing.longest_delay) * random.uniform(0.8, 1.2)  # noqa: S311 - jitter, no secret
        return ApplicationError(
            detail,
            type="TryAgain",
            next_retry_delay=min(delay, self._timing.longest_delay),
            category=ApplicationErrorCategory.BENIGN,
        )


_PARKED = {
    InsufficientFunds: (Attention.INSUFFICIENT_FUNDS, orders.record_not_bought),
    ProviderMisconfigured: (Attention.PROVIDER_MISCONFIGURED, orders.record_not_bought),
    KeyConflict: (Attention.KEY_CONFLICT, orders.record_unknown),
    NotFoundAgain: (Attention.OUTCOME_UNKNOWN, orders.record_unknown),
}


def _same(request: OrderRequest, snapshot: OrderSnapshot) -> None:
    """Compare an adopted order with the frozen request: providers differ in whether they do."""
    if snapshot.face is not None and snapshot.face != request.face:
        raise KeyConflict(f"the order under our key is for {snapshot.face}, not {request.face}")
    if snapshot.key is not None and snapshot.key != request.key:
        raise KeyConflict("the provider named an order of another key")
