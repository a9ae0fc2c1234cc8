"""Starts workflows by name. A second start of a running workflow returns that one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import structlog
from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from domain.messages import WORKFLOW_QUEUE
from store.temporal.client import AWAY

log = structlog.get_logger(__name__)


async def start(
    client: Client,
    workflow: str,
    argument: Any,
    *,
    id: str,
    once: bool = False,
    only_if_closed: bool = False,
    summary: str | None = None,
    within: timedelta | None = timedelta(seconds=10),
    **options: Any,
) -> WorkflowHandle[Any, Any]:
    """`once`: not again after it has closed; `only_if_closed`: not while it runs. Either raises
    WorkflowAlreadyStartedError then. `within`: how long Temporal may take to answer."""
    conflict, reuse = WorkflowIDConflictPolicy, WorkflowIDReusePolicy
    return await client.start_workflow(
        workflow,
        argument,
        id=id,
        task_queue=WORKFLOW_QUEUE,
        id_reuse_policy=reuse.REJECT_DUPLICATE if once else reuse.ALLOW_DUPLICATE,
        id_conflict_policy=conflict.FAIL if only_if_closed else conflict.USE_EXISTING,
        static_summary=summary,
        rpc_timeout=within,
        **options,
    )


@contextmanager
def or_later(event: str, **ids: str) -> Iterator[None]:
    """Log that Temporal is down, and continue: a redrive or a poll does it later."""
    try:
        yield
    except AWAY as error:
        log.warning(event, error=type(error).__name__, **ids)
