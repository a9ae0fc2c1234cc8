"""Invariant 8: the run's histories replay on today's code."""

from __future__ import annotations

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from domain.messages import REFERRAL_WORKFLOW
from store.temporal.client import guerdon_plugin
from worker.build import WORKFLOWS

_TASK_DONE = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
MOST = 100
"""Histories that are replayed: those with the most events."""


async def replay(client: Client) -> tuple[int, list[str]]:
    """Replay the longest histories of referrals: return their number, and a sentence for each that
    differs."""
    found = client.list_workflows(f"WorkflowType = '{REFERRAL_WORKFLOW}'")
    executions = sorted([e async for e in found], key=lambda e: -e.history_length)[:MOST]
    replayer = Replayer(
        workflows=WORKFLOWS,
        plugins=[guerdon_plugin],
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    replayed, wrong = 0, []
    for execution in executions:
        handle = client.get_workflow_handle(execution.id, run_id=execution.run_id)
        history = await handle.fetch_history()
        if not any(event.event_type == _TASK_DONE for event in history.events):
            continue  # The history of a waiting sign-up is empty, and the replayer would wait too.
        replayed += 1
        outcome = await replayer.replay_workflow(history, raise_on_replay_failure=False)
        if outcome.replay_failure:
            wrong.append(f"the history of {execution.id} does not replay")
    return replayed, wrong
