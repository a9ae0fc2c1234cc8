"""What comes after a referral's end: a late webhook, a change at the provider."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.messages import AFTERCARE_WORKFLOW, AftercareStart
    from workflows.carrier import GrantCarrier


@workflow.defn(name=AFTERCARE_WORKFLOW)
class AftercareWorkflow(GrantCarrier):
    """Takes one grant up again, by the same activities and rules, and carries it to rest."""

    @workflow.init
    def __init__(self, start: AftercareStart) -> None:
        super().__init__()

    @workflow.run
    async def run(self, start: AftercareStart) -> None:
        """Look at the grant again and follow it until it is at rest."""
        self._tell("aftercare", f"Looking again at grant {start.task.grant_id}.")
        await self._carry([start.task], start.next)
