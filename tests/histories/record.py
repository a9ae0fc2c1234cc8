"""Records the histories that `test_replay.py` replays: `python tests/histories/record.py`.

Runs the tests that keep one, and writes the files anew. Do it for a path that is new or was
changed behind `workflow.patched()`, and commit the new file beside the old one under another
name: an old history stands for the workflows that were begun under the old code."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowHistory

HERE = Path(__file__).parent
PATHS = (
    "completed_double_sided",
    "signed_up_then_converted",
    "expired",
    "rejected",
    "on_hold_completed",
    "parked_and_retried",
    "cancelled",
    "aftercare",
    "approved",
    "denied",
    "recipient_approved",
    "recipient_denied",
    "resent",
    "aftercare_resent",
    "readdressed",
    "aftercare_readdressed",
    "resolved_issued",
    "resolved_not_issued",
    "coupon",
    "callout",
    "tax_form_missing",
    "webhook",
    "reconciliation",
    "repair",
    "action",
    "held_while_paused",
    "stopped_then_given",
)
"""A referral's ways, a webhook's and finance's, and where a test keeps the history of each."""
TESTS = ("workflows", "reconciliation/test_reconciliation_stack.py", "api/test_api_actions.py")

_MACHINES_OWN = {"identity", "stackTrace", "historySizeBytes"}


class Recorder:
    """What the `keep` fixture of `tests/conftest.py` looks for by its name."""

    __name__ = "recorder"

    def __init__(self) -> None:
        self.written: set[str] = set()

    def write(self, name: str, history: WorkflowHistory) -> None:
        """Write a history, without what only this machine knows."""
        text = json.dumps(_without(json.loads(history.to_json()), _MACHINES_OWN), indent=1)
        (HERE / f"{name}.json").write_text(f"{text}\n")
        self.written.add(name)


def _without(value: Any, names: set[str]) -> Any:
    if isinstance(value, dict):
        return {k: _without(v, names) for k, v in value.items() if k not in names}
    return [_without(each, names) for each in value] if isinstance(value, list) else value


def main() -> int:
    """Exit 1 when a test failed, or a path was not kept."""
    recorder = Recorder()
    tests = [str(HERE.parent / path) for path in TESTS]
    status = pytest.main([*tests, "-q", "-p", "no:cacheprovider"], plugins=[recorder])
    for name in sorted(set(PATHS) - recorder.written):
        sys.stderr.write(f"not recorded: {name}\n")
    return int(status) or int(recorder.written != set(PATHS))


if __name__ == "__main__":
    sys.exit(main())
