"""Sends a message: claimed before, resolved after, each in a transaction of its own."""

from __future__ import annotations

from datetime import timedelta

from temporalio import activity

from activities.messages.senders import Senders
from activities.pulse import pulse
from domain.messages import MessageStep
from store.access.vault import Vault
from store.database import Database
from store.messages.claim import Attempt, Later, claim
from store.messages.resolve import resolve

CLAIM = timedelta(seconds=90)
"""Longer than an exchange with a mail server or a gateway, shorter than the activity."""


class MessageActivities:
    """`public_url`: where short links and unsubscribe links lead."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        senders: Senders,
        public_url: str,
        claim: timedelta = CLAIM,
    ) -> None:
        self._database, self._vault, self._senders = database, vault, senders
        self._public_url, self._claim = public_url, claim

    @activity.defn
    async def send_message(self, message_id: str) -> MessageStep:
        """Send the message if it is due and still holds; return when to try again.

        Idempotent by the message's claim: while one attempt holds it no other sends. If the worker
        dies between claim and answer, the next call finds the claim run out, and the message is
        doubtful, or sent again where a repeat does no harm.
        """
        async with pulse():
            async with self._database.transaction() as tx:
                claimed = await claim(
                    tx,
                    message_id,
                    vault=self._vault,
                    public_url=self._public_url,
                    lifetime=self._claim,
                )
            if isinstance(claimed, Later):
                return MessageStep(again_at=claimed.at)
            if not isinstance(claimed, Attempt):
                return MessageStep()
            outcome = await self._senders.send(claimed)
            async with self._database.transaction() as tx:
                again_at = await resolve(
                    tx, claimed.message_id, claimed.number, outcome.result, outcome.detail
                )
            return MessageStep(again_at=again_at)
