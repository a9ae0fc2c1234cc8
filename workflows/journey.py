"""A grant's way from its hold to its delivery.

Each activity answers with the step that the facts ask for next; the journey carries it out. So
the rules live with the facts, and a journey resumed after any crash goes on from them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy
from temporalio.exceptions import ActivityError

from activities.orders import OrderActivities
from activities.referrals import ReferralActivities
from domain.grants import Attention
from domain.messages import GrantTask, Next, Park, StaffRequest, Step, provider_queue
from workflows.alarm import Alarm
from workflows.recording import Refused, record

_ORDERS_FIRST, _POLLS_LAST = Priority(priority_key=2), Priority(priority_key=4)
_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=5))
_SOON = timedelta(seconds=1)


class Journey:
    """One grant under way. Handlers leave a hint or a request; `travel` acts on them."""

    def __init__(self, task: GrantTask, alarm: Alarm, first: Next = Next.ORDER) -> None:
        self.task = task
        self.step = Step(next=first)
        self.holding = False
        self._alarm = alarm
        self._hinted = first is Next.FOLLOW
        self._retry: StaffRequest | None = None
        self._cancel: StaffRequest | None = None

    def hint(self) -> None:
        """The provider may have news. A hint is never a fact: the order is read again."""
        self._hinted = True

    def retry(self, request: StaffRequest) -> None:
        self._retry = request

    def cancel(self, request: StaffRequest) -> None:
        self._cancel = request

    @property
    def can_retry(self) -> bool:
        return self.step.attention is not None and self._retry is None

    @property
    def can_cancel(self) -> bool:
        return (self.holding or self.step.cancellable) and self._cancel is None

    async def travel(self) -> None:
        """Carry the grant to rest."""
        await self._hold()
        while self.step.next is not Next.REST:
            self.step = await self._take_step()

    async def _hold(self) -> None:
        until = self.task.hold_until
        if until is None or until <= workflow.now():
            return
        self.holding = True
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._cancel is not None,
                timeout=until - workflow.now(),
                timeout_summary="hold",
            )
        self.holding = False
        if self._cancel:
            self.step = await self._withdraw(self._cancel)

    async def _take_step(self) -> Step:
        match self.step.next:
            case Next.ORDER if self.task.provider is None:
                return await record(ReferralActivities.credit_wallet, self.task.grant_id)
            case Next.ORDER:
                return await self._at_provider(OrderActivities.place_order, _ORDERS_FIRST)
            case Next.FOLLOW:
                await self._until_worth_a_look()
                return await self._at_provider(OrderActivities.check_order, _POLLS_LAST)
            case _:
                return await self._attend()

    async def _at_provider(
        self, activity: Callable[[Any, str], Awaitable[Step]], priority: Priority
    ) -> Step:
        """An activity on the provider's own queue. Its time-outs are days: an outage is waited
        out, and after that the grant is parked for a person, never failed."""
        try:
            return await workflow.execute_activity_method(
                activity,
                self.task.grant_id,
                task_queue=provider_queue(self.task.provider or ""),
                start_to_close_timeout=timedelta(seconds=60),
                heartbeat_timeout=timedelta(seconds=10),
                schedule_to_close_timeout=timedelta(days=3),
                retry_policy=_RETRY,
                priority=priority,
            )
        except ActivityError as error:
            detail = f"Gave up for now: {error.cause or error}"
            park = Park(grant_id=self.task.grant_id, attention=Attention.UNEXPECTED, detail=detail)
            return await record(ReferralActivities.park, park)

    async def _until_worth_a_look(self) -> None:
        """Until the provider hints, a person asks, or the poll is due."""
        await self._alarm.wait(
            self.step.after or _SOON, lambda: self._hinted or self._retry is not None
        )
        self._hinted = False
        await self._note_retry()

    async def _attend(self) -> Step:
        """Parked. A person decides, the provider has news of an order that may exist, or the
        cause passes and the order is tried again."""
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._retry is not None or self._cancel is not None or self._has_news,
                timeout=self.step.after,
                timeout_summary="parked",
            )
        if self._cancel:
            return await self._withdraw(self._cancel)
        # No longer parked, also while the retry is written down: nobody may cancel it now.
        self.step = Step(next=Next.FOLLOW if self._has_news else Next.ORDER)
        await self._note_retry()
        return self.step

    @property
    def _has_news(self) -> bool:
        return self._hinted and not self.step.cancellable

    async def _note_retry(self) -> None:
        """Who asked for another try belongs to the story, whatever comes of it."""
        request, self._retry = self._retry, None
        if request:
            await record(ReferralActivities.note_retry, request)

    async def _withdraw(self, request: StaffRequest) -> Step:
        self._cancel = None
        try:
            return await record(ReferralActivities.cancel, request)
        except Refused:
            # The facts had moved on after the validator looked.
            return self.step
