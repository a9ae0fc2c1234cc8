"""The gate that all of a referral's grants in review wait at."""

from __future__ import annotations

from collections.abc import Callable

from temporalio import workflow

from activities.referrals import ReferralActivities
from domain.messages import ReviewRequest
from domain.staff import Action
from workflows.recording import Refused, record
from workflows.reversing import Reversing


class Review:
    """One decision for the whole referral, written down in one transaction."""

    def __init__(self, reversing: Reversing) -> None:
        self._reversing = reversing
        self.approved: bool | None = None
        """None while nobody has decided."""
        self._asked: tuple[Action, ReviewRequest] | None = None
        self._heard: set[str] = set()

    def ask(self, action: Action, request: ReviewRequest) -> None:
        """Decide so; once, however often it is asked under one id."""
        if not self.knows(request):
            self._asked = (action, request)
            self._heard.add(request.request_id)

    def knows(self, request: ReviewRequest) -> bool:
        return request.request_id in self._heard

    @property
    def busy(self) -> bool:
        return self._asked is not None

    async def conduct(self, nobody_waits: Callable[[], bool]) -> None:
        """Until somebody has decided, or no grant is left to decide about."""
        while self.approved is None:
            await workflow.wait_condition(lambda: self.busy or nobody_waits())
            if self._asked is None:
                return
            await self._decide(*self._asked)

    async def _decide(self, action: Action, request: ReviewRequest) -> None:
        approves = action is Action.APPROVE
        try:
            if approves:
                await record(ReferralActivities.approve, request)
            else:
                await record(ReferralActivities.deny, request)
                # A denied friend no longer counts, and may take a milestone along.
                self._reversing.ask(request.request_id)
            self.approved = approves
        except Refused:
            # The facts had moved on after the validator looked.
            pass
        finally:
            self._asked = None
