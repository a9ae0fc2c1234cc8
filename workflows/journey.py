"""A grant's way from its hold to its delivery.

Each activity returns the step that the facts require next, and the journey carries it out. So the
rules stay with the facts, and a journey that resumes after a crash continues from them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy
from temporalio.exceptions import ActivityError

from activities.orders import OrderActivities
from activities.referrals import ReferralActivities
from activities.reversals import ReversalActivities, TakeBackActivities
from activities.staff import StaffActivities
from domain.grants import Attention, GrantStatus
from domain.messages import GrantTask, Next, Park, StaffRequest, Step, provider_queue
from domain.staff import Action, GrantSnapshot
from workflows.alarm import Alarm
from workflows.giving import give
from workflows.recording import Refused, record
from workflows.review import Review
from workflows.snapshot import snapshot_at

Argument = TypeVar("Argument")

_ORDERS_FIRST, _POLLS_LAST = Priority(priority_key=2), Priority(priority_key=4)
_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=5))
_SOON = timedelta(seconds=1)


class Journey:
    """One grant in progress. Handlers leave a hint or a request; `travel` acts on them."""

    def __init__(
        self, task: GrantTask, alarm: Alarm, review: Review, first: Next = Next.ORDER
    ) -> None:
        self.task = task
        self.step = task.step or Step(next=first)
        self._alarm = alarm
        self._review = review
        self.awaits_review = task.review
        self._waits_as = _first_wait(task)
        """Held or in review: its way has not begun."""
        self._hinted = self.step.next is Next.FOLLOW
        self._asked: tuple[Action, StaffRequest] | None = None
        self._heard: set[str] = set()
        self._resumed = False
        self._undoing: Next | None = None
        """What a reversal still has to do here; done first."""
        self._unsettled = False
        """A reversal waits until it is known whether a card exists."""

    def hint(self) -> None:
        """The provider may have news. A hint is never a fact: the order is read again. For a
        finished grant an aftercare workflow does that."""
        self._hinted = not self.at_rest

    def ask(self, action: Action, request: StaffRequest) -> None:
        """Carry out a person's request; once per request id."""
        if not self.knows(request):
            self._asked = (action, request)
            self._heard.add(request.request_id)

    def knows(self, request: StaffRequest) -> bool:
        return request.request_id != "" and request.request_id in self._heard

    def undo(self, left: Next) -> None:
        """A reversal affects this grant. `left`: what it still has to do."""
        self._undoing = left

    def resume(self) -> None:
        """The cause that stopped the grant is over: try it again, if it is parked."""
        self._resumed = self.step.next is Next.ATTEND

    @property
    def busy(self) -> bool:
        """Whether another request is being carried out."""
        return self._asked is not None

    @property
    def _disturbed(self) -> bool:
        return self._asked is not None or self._undoing is not None

    @property
    def at_rest(self) -> bool:
        return self.step.next is Next.REST and not self._disturbed and not self._unsettled

    @property
    def snapshot(self) -> GrantSnapshot:
        return snapshot_at(self.step, self._waits_as)

    async def travel(self, everybody_rests: Callable[[], bool]) -> None:
        """Follow the grant until it is finished, and resume it on request while other grants are
        open."""
        await self._hold()
        self._waits_as = None
        await self._await_review()
        while True:
            while not self.at_rest:
                self.step = await self._take_step()
                if self.step.provider:
                    self.task = self.task.model_copy(update={"provider": self.step.provider})
                if self._unsettled:
                    await self._settle()
            await workflow.wait_condition(lambda: not self.at_rest or everybody_rests())
            if self.at_rest:
                return

    async def _hold(self) -> None:
        until = self.task.hold_until
        while until is not None and until > workflow.now() and self.step.next is not Next.REST:
            self._waits_as = GrantStatus.HELD
            with suppress(TimeoutError):
                await workflow.wait_condition(
                    lambda: self._disturbed,
                    timeout=until - workflow.now(),
                    timeout_summary="hold",
                )
            self._waits_as = None
            if self._disturbed:
                self.step = await self._carry_out_requests()

    async def _await_review(self) -> None:
        """Wait until a person decides about all of the referral's grants at once, or cancels this
        one."""
        if self.awaits_review and self.step.next is not Next.REST:
            await self._stand_in_review()
        self.awaits_review = False

    async def _stand_in_review(self) -> None:
        if self.task.hold_until is not None:
            self.step = await record(ReferralActivities.begin_review, self.task.grant_id)
        await self._await_decision(0)

    async def _stand_in_late_review(self) -> Step:
        """Wait for a review that began late: the recipient turned out to share something with
        somebody else."""
        self.awaits_review = True
        await self._await_decision(self._review.reopen())
        self.awaits_review = False
        return Step(next=Next.ORDER) if self.step.next is Next.REVIEW else self.step

    async def _await_decision(self, round: int) -> None:
        while self._review.approved(round) is None and self.step.next is not Next.REST:
            self._waits_as = GrantStatus.IN_REVIEW
            await workflow.wait_condition(
                lambda: self._disturbed or self._review.approved(round) is not None
            )
            self._waits_as = None
            if self._disturbed:
                self.step = await self._carry_out_requests()
        if self._review.approved(round) is False:
            self.step = Step(next=Next.REST)

    async def _take_step(self) -> Step:
        if self._disturbed:
            return await self._carry_out_requests()
        match self.step.next:
            case Next.ORDER if self.task.provider is None:
                return await give(self.task)
            case Next.ORDER:
                return await self._at_provider(
                    OrderActivities.place_order, self.task.grant_id, _ORDERS_FIRST
                )
            case Next.ATTEND:
                return await self._attend()
            case Next.REVIEW:
                return await self._stand_in_late_review()
            case _:
                return await self._follow()

    async def _follow(self) -> Step:
        """Wait for a hint, a request or the next poll; then look at the order."""
        await self._alarm.wait(self.step.after or _SOON, lambda: self._hinted or self._disturbed)
        self._hinted = False
        if self._disturbed:
            return await self._carry_out_requests()
        return await self._at_provider(OrderActivities.check_order, self.task.grant_id, _POLLS_LAST)

    async def _attend(self) -> Step:
        """Wait while parked. A person decides, the provider has news of an order that may exist, or
        the cause passes and the order is tried again."""
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._disturbed or self._has_news or self._resumed,
                timeout=self.step.after,
                timeout_summary="parked",
            )
        self._resumed = False
        if self._disturbed:
            return await self._carry_out_requests()
        return Step(next=Next.FOLLOW if self._has_news else Next.ORDER)

    @property
    def _has_news(self) -> bool:
        return self._hinted and not self.step.cancellable

    async def _carry_out_requests(self) -> Step:
        """Carry out what was asked. Reversals go before staff requests, which they may make
        pointless."""
        if self._undoing is not None:
            left, self._undoing = self._undoing, None
            return await self._undo(left)
        return await self._carry_out(*self._asked) if self._asked else self.step

    async def _undo(self, left: Next) -> Step:
        match left:
            case Next.REST:
                return Step(next=Next.REST)
            case Next.TAKE_BACK:
                self._unsettled = False
                return await self._at_provider(
                    TakeBackActivities.take_back, self.task.grant_id, _ORDERS_FIRST
                )
            case _:
                self._unsettled = True
                return Step(next=left) if self.step.next is Next.REST else self.step

    async def _settle(self) -> None:
        """After each step: check whether it is known by now if there is a card to cancel."""
        undoing = await record(ReversalActivities.settle, self.task.grant_id)
        self._unsettled = undoing.next in (Next.ORDER, Next.FOLLOW)
        if undoing.next is not None and not self._unsettled:
            self._undoing = undoing.next

    async def _carry_out(self, action: Action, request: StaffRequest) -> Step:
        """Carry out a person's request.

        The database decides: the facts may have changed after the validator looked, and then the
        grant stays as they say."""
        try:
            match action:
                case Action.RETRY:
                    return await self._try_again(request)
                case Action.RESEND:
                    return await self._at_provider(StaffActivities.resend, request, _ORDERS_FIRST)
                case Action.RESOLVE:
                    return await self._at_provider(StaffActivities.resolve, request, _ORDERS_FIRST)
                case _:
                    return await record(ReferralActivities.cancel, request)
        except Refused:
            return self.step
        finally:
            self._asked = None

    async def _try_again(self, request: StaffRequest) -> Step:
        follows = self.step.next is Next.FOLLOW or self._has_news
        # Cleared while the retry is recorded too: nobody may cancel the grant now.
        self.step, self._hinted = Step(next=Next.FOLLOW if follows else Next.ORDER), follows
        # The timeline shows who asked for another try, whatever the result.
        await record(ReferralActivities.note_retry, request)
        return self.step

    async def _at_provider(
        self,
        activity: Callable[[Any, Argument], Awaitable[Step]],
        argument: Argument,
        priority: Priority,
    ) -> Step:
        """An activity on the provider's own queue. Its time-outs are days: an outage is waited out,
        and then the grant is parked for a person, never failed."""
        try:
            return await workflow.execute_activity_method(
                activity,
                argument,
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


def _first_wait(task: GrantTask) -> GrantStatus | None:
    if task.hold_until is not None:
        return GrantStatus.HELD
    return GrantStatus.IN_REVIEW if task.review else None
