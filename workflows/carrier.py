"""The signals, updates and queries shared by all workflows that handle grants."""

from __future__ import annotations

import asyncio

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from activities.referrals import ReferralActivities
from domain.grants import GrantStatus
from domain.messages import (
    BUSY,
    DELIVERY_HINT,
    REVERSE,
    STORY,
    Decision,
    GrantTask,
    Next,
    ReviewRequest,
    StaffRequest,
    Story,
    Undoing,
)
from domain.staff import Action, refusal, words
from workflows.alarm import Alarm
from workflows.journey import Journey
from workflows.recording import record
from workflows.reversing import Reversing
from workflows.review import Review


class GrantCarrier:
    """Handlers check, set state and return; the work happens in the journeys."""

    def __init__(self, referral_id: str) -> None:
        self._referral_id = referral_id
        self._status = "waiting"
        self._journeys: dict[str, Journey] = {}
        self._early: set[str] = set()
        self._alarm = Alarm()
        self._reversing = Reversing()
        self._review = Review(self._reversing, self._nobody_awaits_review)
        self._late: list[asyncio.Task[None]] = []

    def _take_up(self, tasks: list[GrantTask], first: Next = Next.ORDER) -> None:
        """From now on this workflow handles these grants."""
        self._journeys = {
            task.grant_id: Journey(task, self._alarm, self._review, first) for task in tasks
        }
        for grant_id in self._early & set(self._journeys):
            self._journeys[grant_id].hint()

    async def _carry(self) -> None:
        """Fulfil the grants in parallel: a parked one does not block the others."""
        travels = [journey.travel(self._everybody_rests) for journey in self._journeys.values()]
        if any(journey.task.review for journey in self._journeys.values()):
            travels.append(self._review.conduct())
        travels.append(
            self._reversing.conduct(
                self._referral_id,
                self._undo,
                self._resume,
                self._judge_again,
                self._everybody_rests,
            )
        )
        await asyncio.gather(*travels)
        await asyncio.gather(*self._late)
        await asyncio.gather(*self._review.late)

    def _everybody_rests(self) -> bool:
        rest = all(journey.at_rest for journey in self._journeys.values())
        return rest and not self._reversing.busy

    def _undo(self, undoing: Undoing) -> None:
        """A reversal affects a grant: one of ours, or one that another workflow had handled."""
        grant_id = undoing.task.grant_id
        if grant_id not in self._journeys and undoing.next not in (None, Next.REST):
            self._carry_late(Journey(undoing.task, self._alarm, self._review, Next.REST))
        if grant_id in self._journeys and undoing.next is not None:
            self._journeys[grant_id].undo(undoing.next)

    def _resume(self, grant_id: str) -> None:
        if grant_id in self._journeys:
            self._journeys[grant_id].resume()

    async def _refunded_before(self, decision: Decision) -> list[Undoing]:
        """Refunds from before the decision are carried out before anything is ordered."""
        if decision.reversal_id is None:
            return []
        self._reversing.ask(decision.reversal_id)
        return (await self._reversing.carry_out(self._referral_id)).undoings

    async def _judge_again(self) -> None:
        """The referral was reinstated: also fulfil what it has earned now."""
        decision = await record(ReferralActivities.judge_again, self._referral_id)
        undoings = await self._refunded_before(decision)
        reviewed = any(task.review for task in decision.grants)
        if reviewed:
            # Decisions from before the referral was undone do not count any more.
            self._late += self._review.late
            self._review = Review(self._reversing, self._nobody_awaits_review)
        for task in decision.grants:
            self._carry_late(Journey(task, self._alarm, self._review))
        for undoing in undoings:
            self._undo(undoing)
        if reviewed:
            self._late.append(asyncio.create_task(self._review.conduct()))

    def _carry_late(self, journey: Journey) -> None:
        self._journeys[journey.task.grant_id] = journey
        self._late.append(asyncio.create_task(journey.travel(self._everybody_rests)))

    def _nobody_awaits_review(self) -> bool:
        return not any(journey.awaits_review for journey in self._journeys.values())

    def _set_details(self, status: str, words: str) -> None:
        """Set what Temporal's own UI shows of this run."""
        self._status = status
        workflow.set_current_details(words)

    @workflow.signal(name=DELIVERY_HINT)
    def delivery_hint(self, grant_id: str) -> None:
        """A provider's webhook named this grant's order."""
        if grant_id in self._journeys:
            self._journeys[grant_id].hint()
        else:
            self._early.add(grant_id)

    @workflow.signal(name=REVERSE)
    def reverse(self, reversal_id: str) -> None:
        """Facts have changed: a refund or a finding, or the end of a hold or pause. The database
        says what to do. Repeats change nothing."""
        self._reversing.ask(reversal_id)

    @workflow.update(name=Action.RETRY)
    def retry(self, request: StaffRequest) -> None:
        """A person asks to try a parked grant again now."""
        self._journeys[request.grant_id].ask(Action.RETRY, request)

    @retry.validator
    def _may_retry(self, request: StaffRequest) -> None:
        self._must_allow(Action.RETRY, request)

    @workflow.update(name=Action.CANCEL)
    def cancel(self, request: StaffRequest) -> None:
        """A person cancels a grant without a card."""
        self._journeys[request.grant_id].ask(Action.CANCEL, request)

    @cancel.validator
    def _may_cancel(self, request: StaffRequest) -> None:
        self._must_allow(Action.CANCEL, request)

    @workflow.update(name=Action.RESEND)
    def resend(self, request: StaffRequest) -> None:
        """A person asks to send an issued card again."""
        self._journeys[request.grant_id].ask(Action.RESEND, request)

    @resend.validator
    def _may_resend(self, request: StaffRequest) -> None:
        self._must_allow(Action.RESEND, request)

    @workflow.update(name=Action.RESOLVE)
    def resolve(self, request: StaffRequest) -> None:
        """A person has found out whether a card was issued."""
        self._journeys[request.grant_id].ask(Action.RESOLVE, request)

    @resolve.validator
    def _may_resolve(self, request: StaffRequest) -> None:
        self._must_allow(Action.RESOLVE, request)

    @workflow.update(name=Action.APPROVE)
    def approve(self, request: ReviewRequest) -> None:
        """A person approves everything that is in review."""
        self._review.ask(Action.APPROVE, request)

    @approve.validator
    def _may_approve(self, request: ReviewRequest) -> None:
        self._must_be_in_review(Action.APPROVE, request)

    @workflow.update(name=Action.DENY)
    def deny(self, request: ReviewRequest) -> None:
        """A person denies everything that is in review."""
        self._review.ask(Action.DENY, request)

    @deny.validator
    def _may_deny(self, request: ReviewRequest) -> None:
        self._must_be_in_review(Action.DENY, request)

    @workflow.query(name=STORY)
    def story(self) -> Story:
        """This workflow's own state; the API serves the status from PostgreSQL instead."""
        return Story(
            status=self._status,
            grants={grant_id: journey.step for grant_id, journey in self._journeys.items()},
        )

    def _must_allow(self, action: Action, request: StaffRequest) -> None:
        """Raise if the request is not allowed. One that was accepted before is accepted again, and
        changes nothing."""
        journey = self._journeys.get(request.grant_id)
        if journey is None:
            raise _not_allowed("This workflow does not carry that grant now.")
        if journey.knows(request):
            return
        if refused := refusal(action, journey.snapshot):
            raise _not_allowed(f"{refused} {words(journey.snapshot)}")
        if journey.busy:
            raise _busy()

    def _must_be_in_review(self, action: Action, request: ReviewRequest) -> None:
        if self._review.knows(request):
            return
        journeys = self._journeys.values()
        if not any(each.snapshot.status is GrantStatus.IN_REVIEW for each in journeys):
            raise _not_allowed(f"Nothing is in review here: {action} is not possible.")
        if self._review.busy or any(each.busy for each in journeys):
            raise _busy()


def _not_allowed(detail: str) -> ApplicationError:
    return ApplicationError(detail, type="NotAllowedInState", non_retryable=True)


def _busy() -> ApplicationError:
    detail = "Another request is being carried out. Try again in a moment."
    return ApplicationError(detail, type=BUSY, non_retryable=True)
