"""Composes activities and workflows into Temporal workers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.worker import (
    PollerBehaviorAutoscaling,
    UnsandboxedWorkflowRunner,
    Worker,
)
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from activities.actions import ActionActivities
from activities.callouts import CalloutActivities
from activities.hooks import HookActivities
from activities.intake import IntakeActivities
from activities.messages.send import MessageActivities
from activities.messages.senders import Senders
from activities.referrals import ReferralActivities
from activities.reversals import ReversalActivities
from activities.watch import WatchActivities
from activities.webhooks import WebhookActivities
from domain.messages import CALLOUT_QUEUE, MESSAGE_QUEUE, WEBHOOK_QUEUE, WORKFLOW_QUEUE
from providers.registry import Opened
from store.access.vault import Vault
from store.database import Database
from store.orders.hints_line import HintsLine
from store.temporal.faults import Faults
from worker import finance
from worker.deployment import deployment
from worker.lanes import provider_worker
from worker.settings import WorkerSettings
from workflows.action import ActionWorkflow
from workflows.aftercare import AftercareWorkflow
from workflows.catalogue import CatalogueWorkflow
from workflows.hook import HookWorkflow
from workflows.message import MessageWorkflow
from workflows.redrive import RedriveWorkflow
from workflows.referral import ReferralWorkflow
from workflows.watch import WatchWorkflow
from workflows.webhook import WebhookWorkflow

WORKFLOWS = [
    ReferralWorkflow,
    AftercareWorkflow,
    RedriveWorkflow,
    WatchWorkflow,
    HookWorkflow,
    CatalogueWorkflow,
    ActionWorkflow,
    WebhookWorkflow,
    MessageWorkflow,
    *finance.WORKFLOWS,
]
AT_ONCE = 16


def build_workers(
    client: Client,
    database: Database,
    vault: Vault,
    providers: dict[str, Opened],
    settings: WorkerSettings,
    hints: HintsLine | None = None,
    senders: Senders | None = None,
) -> list[Worker]:
    """One worker for workflows and their local activities, and one for each provider: each
    provider's queue has its own rate limit, so that a slow provider delays no other. `hints`: tells
    the workers that follow an order of its webhooks. `senders`: how messages leave; without them
    only HTTP calls do."""
    lanes = [
        provider_worker(client, database, vault, opened, settings, hints)
        for opened in providers.values()
    ]
    return [
        _workflow_worker(client, database, settings),
        *_outbound_workers(client, database, vault, settings, senders),
        *lanes,
    ]


def _workflow_worker(client: Client, database: Database, settings: WorkerSettings) -> Worker:
    referrals = ReferralActivities(database)
    hooks, reversals = HookActivities(database), ReversalActivities(database)
    intake = IntakeActivities(database, older_than=settings.redrive_every)
    return Worker(
        client,
        task_queue=WORKFLOW_QUEUE,
        workflows=WORKFLOWS,
        activities=[
            referrals.qualify,
            referrals.judge_again,
            referrals.expire,
            referrals.attend_to_pause,
            referrals.credit_wallet,
            referrals.mint_coupon,
            referrals.begin_review,
            referrals.approve,
            referrals.deny,
            referrals.cancel,
            referrals.note_retry,
            referrals.park,
            reversals.carry_out,
            reversals.settle,
            intake.redrive,
            WatchActivities(database).watch_progress,
            ActionActivities(database).work_off,
            hooks.pass_on_hook,
            hooks.note_unmatched,
            *finance.activities(database),
        ],
        workflow_runner=(
            SandboxedWorkflowRunner() if settings.sandbox else UnsandboxedWorkflowRunner()
        ),
        workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
        activity_task_poller_behavior=PollerBehaviorAutoscaling(),
        # A process uses one core. With more tasks at once they would only wait, for the database or
        # a busy referrer's row, inside their workflow tasks instead of in Temporal's queue.
        max_concurrent_workflow_tasks=AT_ONCE,
        max_concurrent_local_activities=AT_ONCE,
        graceful_shutdown_timeout=settings.timing.claim,
        deployment_config=deployment(settings),
        interceptors=[Faults(database)],
    )


def _outbound_workers(
    client: Client,
    database: Database,
    vault: Vault,
    settings: WorkerSettings,
    senders: Senders | None,
) -> list[Worker]:
    """Callouts end after one exchange; webhook activities run on, and would leave no slots for
    callouts on a shared queue."""
    outbound = settings.outbound
    senders = senders or Senders(outbound, None, None)
    pause = min(settings.longest_delay, timedelta(hours=1))
    activities: dict[str, Callable[..., Any]] = {
        CALLOUT_QUEUE: CalloutActivities(database, vault, outbound, pause).call_out,
        WEBHOOK_QUEUE: WebhookActivities(database, vault, outbound, pause).deliver,
        MESSAGE_QUEUE: MessageActivities(
            database, vault, senders, settings.hooks, pause
        ).send_message,
    }
    return [
        Worker(
            client,
            task_queue=queue,
            activities=[activity],
            activity_task_poller_behavior=PollerBehaviorAutoscaling(),
            graceful_shutdown_timeout=settings.timing.claim,
            deployment_config=deployment(settings),
            interceptors=[Faults(database)],
        )
        for queue, activity in activities.items()
    ]
