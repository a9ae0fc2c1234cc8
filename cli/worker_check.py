"""`guerdon worker --check`: asks Temporal whether a worker on this host takes tasks."""

import socket
import sys
from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import PollerInfo, TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.service import RPCError

from cli.surroundings import run_and_leave
from domain.messages import WORKFLOW_QUEUE
from store.temporal.client import address, connect

RECENT = timedelta(minutes=3)
"""A poll lasts a minute and is counted at its start; Temporal forgets pollers after five."""


def check() -> None:
    """Return if one does; else print what is wrong and exit 1, for a container's health check."""
    try:
        pollers = run_and_leave(_pollers())
    except (RuntimeError, RPCError, TimeoutError):
        # The SDK's own message is several lines of library internals.
        sys.exit(f"Temporal does not answer at {address()}: is it running, and reachable there?")
    if not any(_is_ours(poller) for poller in pollers):
        sys.exit(f"no worker of {socket.gethostname()} polls {WORKFLOW_QUEUE}")


async def _pollers() -> list[PollerInfo]:
    client = await connect()
    answer = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=WORKFLOW_QUEUE),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        )
    )
    return list(answer.pollers)


def _is_ours(poller: PollerInfo) -> bool:
    # The SDK names a worker after its process and host: 17@a1b2c3.
    seen = poller.last_access_time.ToDatetime(tzinfo=UTC)
    host = poller.identity.partition("@")[2]
    return host == socket.gethostname() and datetime.now(UTC) - seen < RECENT
