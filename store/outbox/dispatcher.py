"""Sends messages to Temporal from the API, right after the commit; referrers take turns."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import structlog
from temporalio.client import Client

from domain.round_robin import RoundRobin
from store.database import Database
from store.outbox.messages import Outgoing, RunClosed, mark_sent, send
from store.outbox.throttle import PATIENCE, ReferrerThrottle

log = structlog.get_logger(__name__)


class Dispatcher:
    """Sends messages in the background of the API.

    A few are sent at a time, so that a burst of requests is answered before it is processed; and in
    fair shares, so that a hot code delays no other code. What does not fit, or fails, is sent by
    the redrive."""

    def __init__(
        self,
        database: Database,
        client: Client,
        *,
        senders: int = 4,
        backlog: int = 10_000,
        patience: float = PATIENCE,
    ) -> None:
        self._database = database
        self._client = client
        self._backlog = backlog
        self._waiting: RoundRobin[Outgoing] = RoundRobin()
        self._throttle = ReferrerThrottle(database, patience=patience)
        self._news = asyncio.Event()
        """A message was added, or an earlier one may be done."""
        self._held, self._look_now = asyncio.Event(), asyncio.Event()
        """All waiting messages are held by the throttle; one of them is new there."""
        self._sent: list[str] = []
        self._tasks = [asyncio.create_task(self._send_forever()) for _ in range(senders)]
        self._tasks.append(asyncio.create_task(self._mark_forever()))
        self._tasks.append(asyncio.create_task(self._look_forever()))

    def wake(self, messages: list[Outgoing]) -> None:
        """Send these soon. Call it after the commit that wrote them."""
        for message in messages:
            if len(self._waiting) >= self._backlog:
                log.warning("dispatch.backlog_full", intake_id=message.id)
                return
            line = message.start.referrer_id if message.is_work else message.id
            if line not in self._waiting and not self._throttle.admits(line):
                self._look_now.set()  # usually the one before it was done long ago
            self._waiting.add(line, message)
            self._news.set()

    async def close(self) -> None:
        """Stop sending. What is left stays in the intake table."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._mark()

    async def _send_forever(self) -> None:
        while True:
            message = await self._next()
            await self._after_you()
            try:
                await send(self._client, message)
            except RunClosed:
                # The redrive finds out from the facts whether it still has to be sent.
                self._leave(message)
            except Exception as error:
                # Any error: the sender must continue, and the redrive sends this message.
                log.warning("dispatch.failed", intake_id=message.id, error=type(error).__name__)
                self._leave(message)
                # During an outage every attempt fails; more attempts would only cost CPU.
                await asyncio.sleep(0.5)
            else:
                self._sent.append(message.id)

    async def _next(self) -> Outgoing:
        while (taken := self._waiting.take(self._throttle.admits)) is None:
            if self._waiting:
                self._held.set()
            self._news.clear()
            await self._news.wait()
        message = taken[1]
        if message.is_work:
            self._throttle.enter(message.start.referrer_id, message.start.referral_id)
        return message

    def _leave(self, message: Outgoing) -> None:
        self._throttle.leave(message.start.referrer_id, message.start.referral_id)

    async def _look_forever(self, pause: float = 0.05) -> None:
        while True:
            await self._held.wait()
            self._held.clear()
            self._look_now.clear()
            try:
                await self._throttle.look(self._waiting.keys())
            except Exception as error:
                # The throttle admits the next one after a while by itself.
                log.warning("dispatch.check_failed", error=type(error).__name__)
            self._news.set()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._look_now.wait(), pause)

    async def _after_you(self, patience: float = 1.0, pause: float = 0.02) -> None:
        """Let requests that are being accepted go first, for at most `patience` seconds."""
        while self._database.in_use > 2 and patience > 0:
            await asyncio.sleep(pause)
            patience -= pause

    async def _mark_forever(self, pause: float = 0.05) -> None:
        while True:
            await asyncio.sleep(pause)
            try:
                await self._mark()
            except Exception as error:
                # The redrive sends them again; the workflows drop the repeats.
                log.warning("dispatch.mark_failed", error=type(error).__name__)

    async def _mark(self) -> None:
        ids, self._sent = self._sent, []
        if ids:
            await mark_sent(self._database, ids)
