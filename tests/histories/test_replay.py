"""Invariant 8: every recorded history replays on today's code, sandbox on."""

from __future__ import annotations

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from store.temporal.client import guerdon_plugin
from tests.histories.changed import HastyReferralWorkflow
from tests.histories.record import HERE, PATHS
from worker.build import WORKFLOWS

FILES = sorted(HERE.glob("*.json"))
NAMES = [file.stem for file in FILES]
OTHERS = ("aftercare", "webhook", "reconciliation", "repair", "action")
REFERRALS = [name for name in NAMES if not name.startswith(OTHERS)]


def history_of(name: str) -> WorkflowHistory:
    return WorkflowHistory.from_json(name, (HERE / f"{name}.json").read_text())


def test_each_path_is_recorded() -> None:
    assert set(PATHS) <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
async def test_replays(name: str) -> None:
    replayer = Replayer(workflows=WORKFLOWS, plugins=[guerdon_plugin])
    await replayer.replay_workflow(history_of(name))


@pytest.mark.parametrize("name", REFERRALS)
async def test_does_not_replay_on_a_hasty_change(name: str) -> None:
    replayer = Replayer(workflows=[HastyReferralWorkflow], plugins=[guerdon_plugin])
    with pytest.raises(NondeterminismError):
        await replayer.replay_workflow(history_of(name))


@pytest.mark.parametrize("name", NAMES)
def test_tells_nothing_of_the_machine_that_recorded_it(name: str) -> None:
    text = (HERE / f"{name}.json").read_text()
    for words in ("stackTrace", "identity", "/site-packages/", "127.0.0.1", str(HERE.parent)):
        assert words not in text
