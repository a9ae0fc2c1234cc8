"""What all activities of one provider share. A provider's task queue with its worker is called its
lane."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from domain.messages import Step
from domain.orders import OrderSnapshot
from providers.protocol import GiftCardProvider
from store.access.vault import Vault
from store.database import Database, Transaction
from store.orders.delivery import Pace, record_snapshot
from store.orders.hints_line import HintsLine


@dataclass(frozen=True)
class Timing:
    """Time limits. `attempt` < `claim` < the activity's time-out: an attempt that outlives its
    claim is cancelled before another one can begin."""

    attempt: timedelta
    claim: timedelta
    longest_delay: timedelta
    resume: timedelta
    """How soon a grant that waits for funds or credentials is tried again."""
    follow: timedelta = timedelta(0)
    """How long a placed order is followed at once, where the lane's rate allows it."""


@dataclass(frozen=True)
class ProviderLane:
    """One provider, and what its activities need. `hooks`: the public address for its webhooks;
    `hints`: where the worker hears of webhooks for the orders that it follows."""

    database: Database
    provider: GiftCardProvider
    vault: Vault
    timing: Timing
    pace: Pace
    hooks: str
    hints: HintsLine | None = None

    @property
    def carrier(self) -> str:
        """The id of the workflow that runs this activity. It now handles the grant."""
        return activity.info().workflow_id or ""

    @property
    def follows(self) -> bool:
        """Whether orders are followed for a moment after they are placed."""
        return self.hints is not None and self.timing.follow > timedelta(0)

    async def record(
        self,
        tx: Transaction,
        order_id: str,
        snapshot: OrderSnapshot,
        followed: timedelta | None = None,
    ) -> Step:
        """Record what the provider says of an order; return the next step. `followed`: how long the
        caller goes on following it."""
        return await record_snapshot(
            tx,
            order_id,
            snapshot,
            vault=self.vault,
            pace=self.pace,
            signals_delivery=self.provider.capabilities.signals_delivery,
            carrier=self.carrier,
            followed=followed,
        )

    def again(self, detail: str, wait: timedelta | None) -> ApplicationError:
        """Ask Temporal for another attempt.

        Exponential with jitter, so that the end of an outage does not cause a stampede. Benign, so
        it is not logged as an error."""
        backoff = timedelta(seconds=2 ** min(activity.info().attempt - 1, 12))
        wait = max(wait or backoff, self.provider.capabilities.pause)
        spread = min(wait, self.timing.longest_delay) * random.uniform(0.8, 1.2)  # noqa: S311 - jitter, no secret
        return ApplicationError(
            detail,
            type="TryAgain",
            next_retry_delay=min(spread, self.timing.longest_delay),
            category=ApplicationErrorCategory.BENIGN,
        )
