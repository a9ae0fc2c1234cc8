"""What every workflow that carries grants can be told and asked."""

from __future__ import annotations

import asyncio

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from domain.messages import (
    CANCEL,
    DELIVERY_HINT,
    RETRY,
    STORY,
    GrantTask,
    Next,
    StaffRequest,
    Story,
)
from workflows.alarm import Alarm
from workflows.journey import Journey


class GrantCarrier:
    """Handlers guard, set state, return; the work happens in the journeys."""

    def __init__(self) -> None:
        self._status = "waiting"
        self._journeys: dict[str, Journey] = {}
        self._early: set[str] = set()
        self._alarm = Alarm()

    async def _carry(self, tasks: list[GrantTask], first: Next = Next.ORDER) -> None:
        """Carry grants to rest, side by side: one that is parked holds no other back."""
        self._journeys = {task.grant_id: Journey(task, self._alarm, first) for task in tasks}
        for grant_id in self._early & set(self._journeys):
            self._journeys[grant_id].hint()
        await asyncio.gather(*(journey.travel() for journey in self._journeys.values()))

    def _tell(self, status: str, words: str) -> None:
        """What Temporal's own UI shows of this run."""
        self._status = status
        workflow.set_current_details(words)

    @workflow.signal(name=DELIVERY_HINT)
    def delivery_hint(self, grant_id: str) -> None:
        """A provider's webhook spoke of this grant's order."""
        if grant_id in self._journeys:
            self._journeys[grant_id].hint()
        else:
            self._early.add(grant_id)

    @workflow.update(name=RETRY)
    def retry(self, request: StaffRequest) -> None:
        """A person wants a parked grant tried again now."""
        self._journeys[request.grant_id].retry(request)

    @retry.validator
    def _may_retry(self, request: StaffRequest) -> None:
        if not self._known(request).can_retry:
            raise _not_allowed("Only a grant that needs attention can be retried.")

    @workflow.update(name=CANCEL)
    def cancel(self, request: StaffRequest) -> None:
        """A person withdraws a grant for which no card exists."""
        self._journeys[request.grant_id].cancel(request)

    @cancel.validator
    def _may_cancel(self, request: StaffRequest) -> None:
        if not self._known(request).can_cancel:
            raise _not_allowed("Only a held grant, or a parked one with no card, can be cancelled.")

    @workflow.query(name=STORY)
    def story(self) -> Story:
        """This workflow's own view; the API serves status from PostgreSQL instead."""
        return Story(
            status=self._status,
            grants={grant_id: journey.step for grant_id, journey in self._journeys.items()},
        )

    def _known(self, request: StaffRequest) -> Journey:
        journey = self._journeys.get(request.grant_id)
        if journey is None:
            raise _not_allowed("This workflow does not carry that grant now.")
        return journey


def _not_allowed(detail: str) -> ApplicationError:
    return ApplicationError(detail, type="NotAllowedInState", non_retryable=True)
