"""Starting the workflows of reconciliation, by name."""

from __future__ import annotations

from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from domain.messages import WORKFLOW_QUEUE
from domain.reconciliation import (
    RECONCILIATION_WORKFLOW,
    REPAIR_WORKFLOW,
    ReconciliationStart,
    RepairStart,
    reconciliation_workflow_id,
    repair_workflow_id,
)


async def start_run(client: Client, start: ReconciliationStart) -> WorkflowHandle[None, object]:
    """The run's workflow; a repeat finds the same one."""
    return await client.start_workflow(
        RECONCILIATION_WORKFLOW,
        start,
        id=reconciliation_workflow_id(start.reconciliation_id),
        task_queue=WORKFLOW_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        static_summary=f"Reconciliation with {start.provider}",
    )


async def start_repair(client: Client, start: RepairStart) -> WorkflowHandle[None, str]:
    """The repair's workflow. One that ended without a repair may run again."""
    handle: WorkflowHandle[None, str] = await client.start_workflow(
        REPAIR_WORKFLOW,
        start,
        id=repair_workflow_id(start.item_id),
        task_queue=WORKFLOW_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        static_summary=f"Repair at {start.provider}",
        result_type=str,
    )
    return handle
