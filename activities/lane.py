"""What every activity of one provider's lane works with."""

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
    """How long things may take. `attempt` < `claim` < the activity's time-out: an attempt that
    outlives its claim is cut off before another one can begin."""

    attempt: timedelta
    claim: timedelta
    longest_delay: timedelta
    resume: timedelta
    """How soon a grant that waits for funds or credentials tries again."""


@dataclass(frozen=True)
class ProviderLane:
    """One provider with its surroundings. `hooks`: the public address for its webhooks."""

    database: Database
    provider: GiftCardProvider
    vault: Vault
    timing: Timing
    pace: Pace
    hooks: str

    @property
    def carrier(self) -> str:
        """The workflow that the running activity belongs to: it carries the grant now."""
        return activity.info().workflow_id or ""

    async def record(self, tx: Transaction, order_id: str, snapshot: OrderSnapshot) -> Step:
        """Write down what the provider says of an order; answers what comes next."""
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
        """Ask Temporal for another attempt. Exponential, with jitter, so that an outage does not
        end in a stampede; expected, so it is not logged as an error."""
        backoff = timedelta(seconds=2 ** min(activity.info().attempt - 1, 12))
        wait = max(wait or backoff, self.provider.capabilities.pause)
        spread = min(wait, self.timing.longest_delay) * random.uniform(0.8, 1.2)  # noqa: S311 - jitter, no secret
        return ApplicationError(
            detail,
            type="TryAgain",
            next_retry_delay=min(spread, self.timing.longest_delay),
            category=ApplicationErrorCategory.BENIGN,
        )
