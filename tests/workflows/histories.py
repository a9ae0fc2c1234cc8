"""Reading a workflow's history: as what it costs, as text, and by replaying it."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from store.temporal.client import guerdon_plugin
from tests.workflows.case import Case, eventually
from worker.build import WORKFLOWS


def kind(event: HistoryEvent) -> str:
    """An event's name, such as TIMER_STARTED."""
    return EventType.Name(event.event_type).removeprefix("EVENT_TYPE_")


async def events_of(case: Case) -> list[HistoryEvent]:
    return list((await case.handle.fetch_history()).events)


async def settled(case: Case, **expected: int) -> None:
    """Wait until the history holds so many events of these kinds, and no workflow task is open:
    what comes next then gets a task of its own."""

    async def still() -> bool:
        counts = Counter(kind(event) for event in await events_of(case))
        open_tasks = counts["WORKFLOW_TASK_SCHEDULED"] - counts["WORKFLOW_TASK_COMPLETED"]
        return open_tasks == 0 and all(counts[name] >= n for name, n in expected.items())

    await eventually(still)


def size(events: list[HistoryEvent]) -> int:
    """Bytes, as Temporal counts them against its limits."""
    return sum(event.ByteSize() for event in events)


def table(title: str, events: list[HistoryEvent]) -> str:
    """Where events and bytes go, the dearest kind first."""
    counts: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for event in events:
        counts[kind(event)] += 1
        sizes[kind(event)] += event.ByteSize()
    lines: list[Any] = [f"{title}: {len(events)} events, {size(events)} bytes"]
    lines += [
        f"  {counts[name]:3} {sizes[name]:6} {name.lower()}" for name, _ in sizes.most_common()
    ]
    return "\n".join(lines)


def readable(document: Any) -> str:
    """A history (or a part of its JSON) as one text, every payload decoded."""
    match document:
        case WorkflowHistory():
            return readable(json.loads(document.to_json()))
        case {"metadata": _, "data": str(data)}:
            return base64.b64decode(data).decode()
        case dict():
            return " ".join(map(readable, document.values()))
        case list():
            return " ".join(map(readable, document))
        case _:
            return str(document)


async def replay(histories: Sequence[WorkflowHistory]) -> None:
    """Run today's workflows over these histories, sandbox on; raises where they do otherwise."""
    replayer = Replayer(workflows=WORKFLOWS, plugins=[guerdon_plugin])
    for history in histories:
        # A run whose start is delayed has nothing to replay, and the replayer would wait for it.
        if any(kind(event) == "WORKFLOW_TASK_COMPLETED" for event in history.events):
            await replayer.replay_workflow(history)
