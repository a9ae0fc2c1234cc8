"""Carries out reversals and other changes of the facts that are signalled to a workflow."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from temporalio import workflow

from activities.reversals import ReversalActivities
from domain.messages import Reversed, Undoing
from workflows.recording import record


class Reversing:
    """The database knows what to undo; a message only says that there is something new. Repeats
    change nothing."""

    def __init__(self) -> None:
        self._heard: set[str] = set()
        self._done: set[str] = set()

    def ask(self, reversal_id: str) -> None:
        """Remember to carry this reversal out."""
        self._heard.add(reversal_id)

    def ask_again(self) -> None:
        """Remember to carry earlier reversals out for grants that were created after them."""
        self._done.clear()

    @property
    def busy(self) -> bool:
        return self._heard != self._done

    async def carry_out(self, referral_id: str) -> Reversed:
        """Carry everything out once that was requested so far."""
        heard = set(self._heard)
        answer = await record(ReversalActivities.carry_out, referral_id)
        self._done |= heard
        return answer

    async def conduct(
        self,
        referral_id: str,
        tell: Callable[[Undoing], None],
        resume: Callable[[str], None],
        judge_again: Callable[[], Awaitable[None]],
        everybody_rests: Callable[[], bool],
    ) -> None:
        """While grants are open, tell each what a reversal means for it.

        `resume` is called for those that were stopped and may go on; a reinstated referral is
        judged again."""
        while True:
            await workflow.wait_condition(lambda: self.busy or everybody_rests())
            if not self.busy:
                return
            answer = await self.carry_out(referral_id)
            for undoing in answer.undoings:
                tell(undoing)
            for grant_id in answer.resumed:
                resume(grant_id)
            if answer.judge:
                await judge_again()
