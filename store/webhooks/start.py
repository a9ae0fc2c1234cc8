"""Starts the workflow of an asynchronous action or of a webhook: right after its commit, or by the
redrive."""

from __future__ import annotations

from datetime import timedelta

from temporalio.client import Client

from domain.ids import webhook_workflow_id
from domain.messages import ACTION_WORKFLOW, WAKE, WEBHOOK_WORKFLOW
from store.database import Database
from store.imports.jobs import unfinished
from store.temporal.start import or_later, start
from store.webhooks import deliver


async def start_action(client: Client, action_id: str, *, within: timedelta) -> None:
    """Start the action's workflow. Started twice, it runs once; run twice, the second finds nothing
    left."""
    await start(client, ACTION_WORKFLOW, action_id, id=f"action:{action_id}", within=within)


async def try_to_start(client: Client, action_id: str) -> None:
    """The same, behind an answer that does not depend on it: the redrive starts what this
    cannot."""
    with or_later("action.not_started", action_id=action_id):
        await start_action(client, action_id, within=timedelta(seconds=2))


async def restart_actions(database: Database, client: Client, older_than: timedelta) -> None:
    """Start what was accepted while Temporal was down."""
    for action_id in await unfinished(database, older_than):
        await start_action(client, action_id, within=timedelta(seconds=10))


async def wake_webhook(client: Client, webhook_id: str, *, within: timedelta) -> None:
    """Start the webhook's workflow, and make it retry at once if it pauses after a failure."""
    id = webhook_workflow_id(webhook_id)
    await start(client, WEBHOOK_WORKFLOW, webhook_id, id=id, within=within, start_signal=WAKE)


async def try_to_wake(client: Client, webhook_id: str) -> None:
    """The same, behind an answer that does not depend on it, like `try_to_start`."""
    with or_later("webhook.not_woken", webhook_id=webhook_id):
        await wake_webhook(client, webhook_id, within=timedelta(seconds=2))


async def wake_unattended(database: Database, client: Client) -> None:
    """Start the workflows of webhooks that no worker serves."""
    for webhook_id in await deliver.unattended(database):
        await wake_webhook(client, webhook_id, within=timedelta(seconds=10))
