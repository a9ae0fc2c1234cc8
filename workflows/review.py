"""The review of a referral's grants by a person."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from temporalio import workflow

from activities.referrals import ReferralActivities
from domain.messages import ReviewRequest
from domain.staff import Action
from workflows.recording import Refused, record
from workflows.reversing import Reversing


class Review:
    """Decisions about the whole referral, each recorded in one transaction: one about its
    conversion, and more if a recipient changes later."""

    def __init__(self, reversing: Reversing, nobody_waits: Callable[[], bool]) -> None:
        self._reversing = reversing
        self._nobody_waits = nobody_waits
        self._decisions: list[bool] = []
        self._conducted = False
        self.late: list[asyncio.Task[None]] = []
        self._asked: tuple[Action, ReviewRequest] | None = None
        self._heard: set[str] = set()

    def ask(self, action: Action, request: ReviewRequest) -> None:
        """Decide; once per request id."""
        if not self.knows(request):
            self._asked = (action, request)
            self._heard.add(request.request_id)

    def knows(self, request: ReviewRequest) -> bool:
        return request.request_id in self._heard

    @property
    def busy(self) -> bool:
        return self._asked is not None

    def approved(self, round: int) -> bool | None:
        """The decision of that round, counted from 0; None while there is none."""
        return self._decisions[round] if round < len(self._decisions) else None

    def reopen(self) -> int:
        """A grant needs review after all. Returns the round that decides about it."""
        if not self._conducted:
            self.late.append(asyncio.create_task(self.conduct()))
        return len(self._decisions)

    async def conduct(self) -> None:
        """Wait until a person has decided, or no grant is left to decide about."""
        self._conducted, round = True, len(self._decisions)
        while self.approved(round) is None:
            await workflow.wait_condition(lambda: self.busy or self._nobody_waits())
            if self._asked is None:
                break
            await self._decide(*self._asked)
        self._conducted = False

    async def _decide(self, action: Action, request: ReviewRequest) -> None:
        approves = action is Action.APPROVE
        try:
            if approves:
                await record(ReferralActivities.approve, request)
            else:
                await record(ReferralActivities.deny, request)
                # A denied friend no longer counts, so a milestone may be lost too.
                self._reversing.ask(request.request_id)
            self._decisions.append(approves)
        except Refused:
            # The facts have changed since the validator looked.
            pass
        finally:
            self._asked = None
