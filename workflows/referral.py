"""A referral, from attribution to delivered rewards."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.referrals import ReferralActivities
    from domain.messages import CONVERT, REFERRAL_WORKFLOW, Conversion, Decision, ReferralStart
    from domain.referrals import HELD_FOR, Pause, ReferralStatus
    from workflows.carrier import GrantCarrier
    from workflows.recording import record


@workflow.defn(name=REFERRAL_WORKFLOW)
class ReferralWorkflow(GrantCarrier):
    """One friend, one campaign, once."""

    @workflow.init
    def __init__(self, start: ReferralStart) -> None:
        super().__init__(start.referral_id)
        self._start = start
        self._conversion = start.conversion
        self._reminded = False
        """Staff were told that the conversion is held."""
        self._undone = False
        """A reversal came before any grant existed."""
        if start.reversal_id:
            self._reversing.ask(start.reversal_id)

    @workflow.run
    async def run(self, start: ReferralStart) -> ReferralStatus:
        """Wait for the conversion event, check that it qualifies, grant both sides' rewards, and
        follow each one until it is delivered."""
        if not await self._conversion_within_window():
            return self._end(ReferralStatus.REJECTED if self._undone else ReferralStatus.EXPIRED)
        decision = await self._qualify()
        if not decision.qualified:
            return self._end(ReferralStatus.REJECTED)
        undoings = await self._refunded_before(decision)
        self._take_up(decision.grants)
        for undoing in undoings:
            self._undo(undoing)
        await self._carry()
        return self._end(ReferralStatus.COMPLETED)

    @workflow.signal(name=CONVERT)
    def convert(self, conversion: Conversion) -> None:
        """The conversion event. The first one counts; repeats change nothing."""
        if self._conversion is None:
            self._conversion = conversion

    async def _conversion_within_window(self) -> bool:
        self._set_details(ReferralStatus.WAITING, "Waiting for the friend's conversion event.")
        while not self._undone:
            await self._until_converted_or_over()
            if self._reversing.busy:
                self._undone = (await self._reversing.carry_out(self._referral_id)).ended
                continue
            if self._conversion is None:
                # A conversion accepted in time may still be on its way here; the database knows.
                expiry = await record(ReferralActivities.expire, self._start)
                self._conversion = expiry.conversion or self._late_conversion()
            return self._conversion is not None
        return False

    def _late_conversion(self) -> Conversion | None:
        """A conversion that arrived while the expiry was recorded, and reopened the referral."""
        came = self._conversion
        return came if came is not None and workflow.patched("late-conversion") else None

    async def _until_converted_or_over(self) -> None:
        """Wait for the conversion, a reversal, or the end of the attribution window."""
        left = self._start.expires_at - workflow.now()
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._conversion is not None or self._reversing.busy,
                timeout=max(left, timedelta(0)),
                timeout_summary="attribution window",
            )

    async def _qualify(self) -> Decision:
        decision = await record(ReferralActivities.qualify, self._start)
        while decision.paused:
            await self._sit_out(decision.paused)
            decision = await record(ReferralActivities.qualify, self._start)
        self._reversing.ask_again()
        self._set_details(
            ReferralStatus.FULFILLING, f"Qualified: {len(decision.grants)} rewards under way."
        )
        return decision

    async def _sit_out(self, pause: Pause) -> None:
        """Hold the conversion until its cause is over, or a person rejects the referral."""
        self._set_details(ReferralStatus.CONVERTED, f"Held: {pause.words}.")
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._reversing.busy,
                timeout=None if self._reminded else HELD_FOR,
                timeout_summary="held",
            )
        if self._reversing.busy:
            await self._reversing.carry_out(self._referral_id)
        else:
            await record(ReferralActivities.attend_to_pause, self._start)
            self._reminded = True

    def _end(self, status: ReferralStatus) -> ReferralStatus:
        self._set_details(status, f"Ended: {status}.")
        return status
