"""The redrive: sends what the API accepted but could not hand to Temporal, and restarts outgoing
webhooks that no worker serves.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from temporalio import activity

from activities.pulse import pulse
from store.customers.erase import purge_answers
from store.database import Database
from store.marks import changes
from store.outbox.messages import redrive
from store.recovery.recover import recover_referrals
from store.webhooks.start import restart_actions, wake_unattended


class IntakeActivities:
    """Idempotent: a message sent twice is dropped by its workflow."""

    def __init__(self, database: Database, *, older_than: timedelta) -> None:
        self._database = database
        self._older_than = older_than

    @activity.defn
    async def redrive(self) -> int:
        """Send every accepted message that has waited too long; return how many. Also deletes old
        idempotent answers.
        """
        async with pulse():
            async with self._database.transaction() as tx:
                await purge_answers(tx)
                await changes.purge(tx)
            await restart_actions(self._database, activity.client(), self._older_than)
            sent = await redrive(
                self._database,
                activity.client(),
                older_than=self._older_than,
                follow_up=partial(recover_referrals, self._database, activity.client()),
            )
            await wake_unattended(self._database, activity.client())
            return sent
