"""A workflow as somebody might change it without a thought of those that are under way."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.messages import REFERRAL_WORKFLOW, ReferralStart
    from domain.referrals import ReferralStatus
    from workflows.referral import ReferralWorkflow


@workflow.defn(name=REFERRAL_WORKFLOW)
class HastyReferralWorkflow(ReferralWorkflow):
    """Waits for a second longer before it begins."""

    @workflow.init
    def __init__(self, start: ReferralStart) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: ReferralStart) -> ReferralStatus:
        await workflow.sleep(timedelta(seconds=1))
        return await super().run(start)
