"""The floor: a bare workflow with the same durable steps as a referral, and no domain work.

A start with a signal, one local activity, two activities on another queue, two delivery signals.
`python -m bench.speed.floor` is its worker process."""

from __future__ import annotations

import asyncio
import signal
import sys
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.worker import PollerBehaviorAutoscaling, UnsandboxedWorkflowRunner, Worker

from store.temporal.client import connect

QUEUE, LANE = "bench", "bench-lane"
_LIMIT = timedelta(seconds=60)


@activity.defn
async def decide(number: int) -> int:
    """Stands for qualification."""
    return number


@activity.defn
async def order(number: int) -> int:
    """Stands for an order. Its webhook arrives as a signal, as the API would send it."""
    handle = activity.client().get_workflow_handle(activity.info().workflow_id or "")
    _signals.add(task := asyncio.create_task(handle.signal("delivered", number)))
    task.add_done_callback(_signals.discard)
    return number


_signals: set[asyncio.Task[None]] = set()


@workflow.defn(name="Floor")
class Floor:
    """The workflow with the bare steps."""

    @workflow.init
    def __init__(self) -> None:
        self._converted = False
        self._delivered: set[int] = set()

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: self._converted)
        await workflow.execute_local_activity(decide, 1, start_to_close_timeout=_LIMIT)
        await asyncio.gather(self._fulfil(1), self._fulfil(2))

    async def _fulfil(self, number: int) -> None:
        await workflow.execute_activity(
            order, number, task_queue=LANE, start_to_close_timeout=_LIMIT
        )
        await workflow.wait_condition(lambda: number in self._delivered)

    @workflow.signal
    def convert(self) -> None:
        self._converted = True

    @workflow.signal
    def delivered(self, number: int) -> None:
        self._delivered.add(number)


async def start(client: Client, id: str) -> None:
    """The bare client call that `POST /v1/events` is compared with."""
    await client.start_workflow(
        "Floor",
        id=id,
        task_queue=QUEUE,
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        start_signal="convert",
    )


async def _work() -> None:
    client = await connect()
    pollers = PollerBehaviorAutoscaling()
    bare = Worker(
        client,
        task_queue=QUEUE,
        workflows=[Floor],
        activities=[decide],
        workflow_runner=UnsandboxedWorkflowRunner(),
        workflow_task_poller_behavior=pollers,
    )
    lane = Worker(
        client,
        task_queue=LANE,
        activities=[order],
        activity_task_poller_behavior=pollers,
    )
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    async with bare, lane:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await told.wait()
    await asyncio.sleep(0.3)


if __name__ == "__main__":
    asyncio.run(_work())
