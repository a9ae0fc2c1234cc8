"""Reversals, and other changes of the facts, that a workflow was told of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from temporalio import workflow

from activities.reversals import ReversalActivities
from domain.messages import Reversed, Undoing
from workflows.recording import record


class Reversing:
    """The database knows what is to be undone; each message only says that there is something
    new. Carried out twice, it changes nothing more."""

    def __init__(self) -> None:
        self._heard: set[str] = set()
        self._done: set[str] = set()

    def ask(self, reversal_id: str) -> None:
        """Carry this reversal out."""
        self._heard.add(reversal_id)

    def ask_again(self) -> None:
        """There are grants now that earlier reversals have a share in."""
        self._done.clear()

    @property
    def busy(self) -> bool:
        return self._heard != self._done

    async def carry_out(self, referral_id: str) -> Reversed:
        """Once for all that was heard so far."""
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
        """As long as grants are under way, tell each what a reversal means for it; `resume` those
        that were stopped and may go on; a referral that was reinstated is judged again."""
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
