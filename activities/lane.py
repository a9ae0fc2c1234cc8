"""What all activities of one provider share. A provider's task queue with its worker is called its
lane.
"""

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


@dataclass(frozen=True)
class Timing:
    """Time limits. `attempt` < `claim` < the activity's time-out: an attempt that outlives its
    claim is cancelled before another one can begin.
    """

    attempt: timedelta
    claim: timedelta
    longest_delay: timedelta
    resume: timedelta
    """Until a grant that waits for funds or credentials is tried again."""


@dataclass(frozen=True)
class ProviderLane:
    """One provider with its database, vault and timing. `hooks`: the public address for its
    webhooks.
    """

    database: Database
    provider: GiftCardProvider
    vault: Vault
    timing: Timing
    pace: Pace
    hooks: str

    @property
    def carrier(self) -> str:
        """The id of the workflow that runs this activity, which now handles the grant."""
        return activity.info().workflow_id or ""

    async def record(self, tx: Transaction, order_id: str, snapshot: OrderSnapshot) -> Step:
        """Record what the provider says of an order; return the grant's next step."""
        return await record_snapshot(
            tx,
            order_id,
            snapshot,
            vault=self.vault,
            pace=self.pace,
            signals_delivery=self.provider.capabilities.signals_delivery,
            carrier=self.carrier,
        )

    def again(self, detail: str, wait: timedelta | None) -> ApplicationError:
        """Ask Temporal for another attempt.

        Exponential with jitter, so that the end of an outage does not cause a stampede. Benign, so
        it is not logged as an error.
        """
        backoff = timedelta(seconds=2 ** min(activity.info().attempt - 1, 12))
        wait = max(wait or backoff, self.provider.capabilities.pause)
        spread = min(wait, self.timing.longest_delay) * random.uniform(0.8, 1.2)  # noqa: S311 - jitter, no secret
        return ApplicationError(
            detail,
            type="TryAgain",
            next_retry_delay=min(spread, self.timing.longest_delay),
            category=ApplicationErrorCategory.BENIGN,
        )
