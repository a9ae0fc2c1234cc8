"""Custom rewards: signed HTTP callouts, on their own task queue.

Delivery is at least once: an answer may be lost, and then the same grant is sent again under the
same `webhook-id`, which the receiver uses to drop repeats."""

from __future__ import annotations

import random
from datetime import timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.outbound import NoAnswer, Outbound, TargetRefused, signed
from activities.pulse import pulse
from domain.messages import Step
from store.access.vault import Vault
from store.database import Database
from store.grants import callouts
from store.grants.callouts import Callout

_PASSES = frozenset({408, 425, 429})
"""Statuses that a later attempt may not meet."""


class CalloutActivities:
    """`longest_delay`: the longest wait between two attempts."""

    def __init__(
        self, database: Database, vault: Vault, outbound: Outbound, longest_delay: timedelta
    ) -> None:
        self._database = database
        self._vault = vault
        self._outbound = outbound
        self._longest_delay = longest_delay

    @activity.defn
    async def call_out(self, grant_id: str) -> Step:
        """Send the grant to the address that fulfils its reward.

        Idempotent for the receiver by the grant's id; a finished grant is not sent again. A 2xx
        means delivered. A definite refusal, by the receiver or by the rule about addresses, parks
        the grant; anything else is retried."""
        info = activity.info()
        async with pulse():
            async with self._database.transaction() as tx:
                begun = await callouts.begin(tx, grant_id, self._vault, info.workflow_id or "")
            if isinstance(begun, Step):
                return begun
            return await self._send(begun, info.attempt)

    async def _send(self, callout: Callout, attempt: int) -> Step:
        try:
            status = await self._outbound.post(
                callout.url, callout.body, signed(callout.secret, callout.message_id, callout.body)
            )
        except TargetRefused as refused:
            return await self._refused(callout, str(refused), attempt)
        except NoAnswer as lost:
            raise await self._again(callout, str(lost), attempt) from lost
        if 200 <= status < 300:
            async with self._database.transaction() as tx:
                return await callouts.record_delivered(tx, callout.grant_id, status, attempt)
        if 300 <= status < 500 and status not in _PASSES:
            followed = "; redirects are not followed" if status < 400 else ""
            return await self._refused(callout, f"HTTP {status}{followed}", attempt)
        raise await self._again(callout, f"HTTP {status}", attempt)

    async def _refused(self, callout: Callout, detail: str, attempt: int) -> Step:
        async with self._database.transaction() as tx:
            return await callouts.record_refused(tx, callout.grant_id, detail, attempt)

    async def _again(self, callout: Callout, detail: str, attempt: int) -> ApplicationError:
        """Ask Temporal for another attempt. Jitter keeps many attempts from arriving at once."""
        async with self._database.transaction() as tx:
            await callouts.record_failed(tx, callout.grant_id, detail, attempt)
        wait = min(timedelta(seconds=2 ** min(attempt - 1, 12)), self._longest_delay)
        return ApplicationError(
            detail,
            type="TryAgain",
            next_retry_delay=wait * random.uniform(0.8, 1.0),  # noqa: S311 - jitter, no secret
            category=ApplicationErrorCategory.BENIGN,
        )
