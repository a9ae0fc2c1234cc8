"""A search that finds nothing proves something only if it would find it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.api.history.v1 import HistoryEvent

from bench.proofs.saying import text_of


@pytest.mark.parametrize(
    "field",
    [
        "workflow_execution_started_event_attributes.input.payloads",
        "workflow_execution_signaled_event_attributes.input.payloads",
        "activity_task_completed_event_attributes.result.payloads",
    ],
)
def test_sees_into_lists_of_payloads(field: str) -> None:
    event = HistoryEvent()
    target: Any = event
    for name in field.split("."):
        target = getattr(target, name)
    target.append(_secret())
    assert "Zyxqvüt" in text_of(event)


def test_sees_into_maps_failures_and_summaries() -> None:
    events = [HistoryEvent() for _ in range(5)]
    events[0].user_metadata.summary.CopyFrom(_secret())
    started = events[1].workflow_execution_started_event_attributes
    started.memo.fields["note"].CopyFrom(_secret())
    events[2].marker_recorded_event_attributes.details["data"].payloads.append(_secret())
    failure = events[3].activity_task_started_event_attributes.last_failure
    failure.cause.application_failure_info.details.payloads.append(_secret())
    events[4].activity_task_started_event_attributes.last_failure.cause.message = "Zyxqvüt"
    assert all("Zyxqvüt" in text_of(event) for event in events)


def _secret() -> Payload:
    data = json.dumps("Zyxqvüt").encode()
    return Payload(metadata={"encoding": b"json/plain"}, data=data)
