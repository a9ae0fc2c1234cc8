"""Registers what Temporal needs before workers start: search attributes, schedules, and in
production the current deployment version. Part of `guerdon migrate`; safe to repeat."""

from __future__ import annotations

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.api.workflowservice.v1 import SetWorkerDeploymentCurrentVersionRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain.messages import (
    REDRIVE_SCHEDULE,
    SEAL_SCHEDULE,
    UPKEEP_SCHEDULE,
    WATCH_SCHEDULE,
)
from providers.registry import configured
from store.outbox.messages import SEARCH_ATTRIBUTES
from store.temporal.client import connect
from worker.deployment import DEPLOYMENT
from worker.finance import schedule_reconciliations
from worker.schedules import remove_schedule
from worker.settings import WorkerSettings


async def prepare() -> None:
    """Register everything with the Temporal that the environment names."""
    settings, client = WorkerSettings(), await connect()
    await register_search_attributes(client)
    for former in (REDRIVE_SCHEDULE, WATCH_SCHEDULE, SEAL_SCHEDULE, UPKEEP_SCHEDULE):
        await remove_schedule(client, former)
    await schedule_reconciliations(client, configured())
    if settings.build_id:
        await set_current_version(client, settings.build_id)


async def register_search_attributes(client: Client) -> None:
    """A referral's workflow cannot be started without them."""
    keyword = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
    try:
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(
                namespace=client.namespace,
                search_attributes={key.name: keyword for key in SEARCH_ATTRIBUTES},
            )
        )
    except RPCError as error:
        if error.status is not RPCStatusCode.ALREADY_EXISTS:
            raise


async def set_current_version(client: Client, build_id: str) -> None:
    """Make this build the current one: a versioned worker receives no tasks without a current
    version."""
    await client.workflow_service.set_worker_deployment_current_version(
        SetWorkerDeploymentCurrentVersionRequest(
            namespace=client.namespace,
            deployment_name=DEPLOYMENT,
            build_id=build_id,
            ignore_missing_task_queues=True,
            allow_no_pollers=True,
        )
    )
