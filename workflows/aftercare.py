"""What comes after a referral's end: a late webhook, or what staff ask for."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.messages import AFTERCARE_WORKFLOW, AftercareStart
    from domain.staff import refusal
    from workflows.carrier import GrantCarrier


@workflow.defn(name=AFTERCARE_WORKFLOW)
class AftercareWorkflow(GrantCarrier):
    """Takes grants up again, by the same activities and rules, and carries them to rest."""

    @workflow.init
    def __init__(self, start: AftercareStart) -> None:
        super().__init__(start.referral_id)
        # Here, for the update that it was started with is judged before `run` begins.
        self._take_up([*([start.task] if start.task else []), *start.more], start.next)

    @workflow.run
    async def run(self, start: AftercareStart) -> None:
        """Do what staff asked for, or look at the grant again; follow it until it is at rest."""
        about = f"grant {start.task.grant_id}" if start.task else f"referral {start.referral_id}"
        self._tell("aftercare", f"Looking again at {about}.")
        self._begin(start)
        await self._carry()

    def _begin(self, start: AftercareStart) -> None:
        """The request is part of the start, so that it is not lost with an update that got no
        answer. Where that update came first, it is known already."""
        if start.action and start.request:
            journey = self._journeys[start.request.grant_id]
            if not refusal(start.action, journey.snapshot):
                journey.ask(start.action, start.request)
        if start.action and start.review:
            self._review.ask(start.action, start.review)
        if start.reversal_id:
            self._reversing.ask(start.reversal_id)
