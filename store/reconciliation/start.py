"""Starts the workflows of reconciliation, by name."""

from __future__ import annotations

from temporalio.client import Client, WorkflowHandle

from domain.reconciliation import (
    RECONCILIATION_WORKFLOW,
    REPAIR_WORKFLOW,
    ReconciliationStart,
    RepairStart,
    reconciliation_workflow_id,
    repair_workflow_id,
)
from store.temporal.start import start as start_workflow


async def start_run(client: Client, start: ReconciliationStart) -> WorkflowHandle[None, object]:
    """Start the run's workflow; a repeat finds the same one."""
    return await start_workflow(
        client,
        RECONCILIATION_WORKFLOW,
        start,
        id=reconciliation_workflow_id(start.reconciliation_id),
        once=True,
        summary=f"Reconciliation with {start.provider}",
        within=None,
    )


async def start_repair(client: Client, start: RepairStart) -> WorkflowHandle[None, str]:
    """Start the repair's workflow. One that ended without a repair may run again."""
    return await start_workflow(
        client,
        REPAIR_WORKFLOW,
        start,
        id=repair_workflow_id(start.item_id),
        summary=f"Repair at {start.provider}",
        within=None,
        result_type=str,
    )
