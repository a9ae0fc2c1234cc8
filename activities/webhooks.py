"""Delivers events to an outgoing webhook, in order; each is retried until the receiver
accepts it."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import timedelta
from typing import Any

from temporalio import activity

from activities.outbound import NoAnswer, Outbound, TargetRefused, signed
from activities.pulse import pulse
from store.access.vault import Vault
from store.database import Database
from store.events.feed import place_of
from store.webhooks import deliver as webhooks
from store.webhooks.deliver import Round

_LASTS = 600.0
"""Seconds that one activity follows the events; then the workflow starts another."""
_LOOK_EVERY = 1.0


class WebhookActivities:
    """Delivers at least once, under the event's id. `longest_pause`: after a failure."""

    def __init__(
        self, database: Database, vault: Vault, outbound: Outbound, longest_pause: timedelta
    ) -> None:
        self._database = database
        self._vault = vault
        self._outbound = outbound
        self._longest_pause = longest_pause.total_seconds()

    @activity.defn
    async def deliver(self, webhook_id: str) -> float | None:
        """Follow the events and send them.

        Returns the seconds to pause after a failure; None once the webhook is deleted or not
        active. If killed, it sends at most one event again."""
        ends = time.monotonic() + _LASTS
        await webhooks.take_up(self._database, webhook_id)
        async with pulse():
            while time.monotonic() < ends and not activity.is_worker_shutdown():
                round = await webhooks.next_round(self._database, webhook_id, self._vault)
                if round is None:
                    return None
                if failures := await self._send_all(webhook_id, round):
                    return self._pause(failures)
                if not round.followed.has_more:
                    await asyncio.sleep(_LOOK_EVERY)
        return 0.0

    async def _send_all(self, webhook_id: str, round: Round) -> int:
        """Return 0, or how often in a row the receiver has not accepted an event."""
        place = round.place
        for event, entry in zip(round.followed.events, round.bodies, strict=True):
            if failure := await self._send(round, entry):
                return await webhooks.record_failed(self._database, webhook_id, place, failure)
            if not await webhooks.record_taken(self._database, webhook_id, place, event):
                return 0
            place = place_of(event)
        if place != round.followed.place:
            await webhooks.move(self._database, webhook_id, place, round.followed.place)
        return 0

    async def _send(self, round: Round, entry: dict[str, Any]) -> str | None:
        """Return None, or why the event was not accepted: anything but a 2xx."""
        body = webhooks.body_of(entry)
        try:
            headers = signed(round.secret, entry["id"], body)
            status = await self._outbound.post(round.url, body, headers)
        except (TargetRefused, NoAnswer) as failure:
            return str(failure)
        return None if 200 <= status < 300 else f"HTTP {status}"

    def _pause(self, failures: int) -> float:
        wait: float = min(2 ** min(failures - 1, 12), self._longest_pause)
        return wait * random.uniform(0.8, 1.0)  # noqa: S311 - jitter, no secret
