"""Sends a message: claimed before, resolved after, each in a transaction of its own."""

from __future__ import annotations

from datetime import timedelta

from temporalio import activity

from activities.messages.senders import Senders
from activities.pulse import pulse
from domain.messages import MessageStep
from store.access.vault import Vault
from store.database import Database
from store.messages.claim import Attempt, Claimed, Later, claim
from store.messages.resolve import resolve

CLAIM = timedelta(seconds=90)
"""Longer than an exchange with a mail server or a gateway, shorter than the activity."""


class MessageActivities:
    """`public_url`: where short links and unsubscribe links lead. `longest_pause`: between
    attempts."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        senders: Senders,
        public_url: str,
        longest_pause: timedelta,
        claim: timedelta = CLAIM,
    ) -> None:
        self._database, self._vault, self._senders = database, vault, senders
        self._public_url, self._longest_pause, self._lifetime = public_url, longest_pause, claim

    @activity.defn
    async def send_message(self, message_id: str) -> MessageStep:
        """Send the message if it is due and still holds; return when to try again.

        Idempotent by the message's claim: while one attempt holds it no other sends. If the worker
        dies between claim and answer, the next call finds the claim run out, and the message is
        doubtful, or sent again where a repeat does no harm."""
        async with pulse():
            claimed = await self._claim(message_id)
            if isinstance(claimed, Later):
                return MessageStep(again_at=claimed.at)
            if not isinstance(claimed, Attempt):
                return MessageStep()
            outcome = await self._senders.send(claimed)
            async with self._database.transaction() as tx:
                again_at = await resolve(
                    tx,
                    claimed.message_id,
                    claimed.number,
                    outcome.result,
                    outcome.detail,
                    self._longest_pause,
                )
            return MessageStep(again_at=again_at)

    async def _claim(self, message_id: str) -> Claimed:
        async with self._database.transaction() as tx:
            return await claim(
                tx,
                message_id,
                vault=self._vault,
                public_url=self._public_url,
                lifetime=self._lifetime,
                longest_pause=self._longest_pause,
            )
