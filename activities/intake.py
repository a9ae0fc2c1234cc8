"""The redrive: sends what the API accepted but could not hand to Temporal, and restarts outgoing
webhooks and messages that no worker serves."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from temporalio import activity
from temporalio.client import Client

from activities.pulse import pulse
from store.customers.erase import purge_answers
from store.database import Database
from store.marks import changes
from store.messages.start import start_overdue
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
        idempotent answers."""
        async with pulse():
            return await send_what_waits(
                self._database, activity.client(), older_than=self._older_than
            )


async def send_what_waits(database: Database, client: Client, *, older_than: timedelta) -> int:
    """The same, outside of an activity."""
    async with database.transaction() as tx:
        await purge_answers(tx)
        await changes.purge(tx)
    await restart_actions(database, client, older_than)
    follow_up = partial(recover_referrals, database, client)
    sent = await redrive(database, client, older_than=older_than, follow_up=follow_up)
    await wake_unattended(database, client)
    await start_overdue(database, client)
    return sent
