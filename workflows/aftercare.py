"""Handles what comes after a referral has ended: a late webhook, or a staff request."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.messages import AFTERCARE_WORKFLOW, AftercareStart
    from domain.staff import refusal
    from workflows.carrier import GrantCarrier


@workflow.defn(name=AFTERCARE_WORKFLOW)
class AftercareWorkflow(GrantCarrier):
    """Resumes finished grants with the same activities and rules, until they are finished again."""

    @workflow.init
    def __init__(self, start: AftercareStart) -> None:
        super().__init__(start.referral_id)
        # Here instead of in `run`: an update-with-start is validated before `run` begins.
        self._take_up([*([start.task] if start.task else []), *start.more], start.next)

    @workflow.run
    async def run(self, start: AftercareStart) -> None:
        """Carry out the staff request, or look at the grant again; follow it until it is
        finished."""
        about = f"grant {start.task.grant_id}" if start.task else f"referral {start.referral_id}"
        self._set_details("aftercare", f"Looking again at {about}.")
        self._begin(start)
        await self._carry()

    def _begin(self, start: AftercareStart) -> None:
        """The request is also part of the start, so that it is not lost with an update that got no
        answer. If the update came first, the request is known already."""
        if start.action and start.request:
            journey = self._journeys[start.request.grant_id]
            if not refusal(start.action, journey.snapshot):
                journey.ask(start.action, start.request)
        if start.action and start.review:
            self._review.ask(start.action, start.review)
        if start.reversal_id:
            self._reversing.ask(start.reversal_id)
