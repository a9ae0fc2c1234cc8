"""The worker's process: how it starts, waits and ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from temporalio.testing import WorkflowEnvironment

from cli.stack import temporal as temporal_server
from cli.stack.ports import LOOPBACK, Ports
from tests.worker_process import WorkerProcess
from worker.main import run

KEYS = "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
SETTINGS = {
    "GUERDON_DATABASE_URL": "postgresql://guerdon:s3cret@127.0.0.1:1/guerdon",
    "GUERDON_ENCRYPTION_KEYS": KEYS,
    "GUERDON_PUBLIC_URL": "http://guerdon.test",
}
WRONG: dict[str, dict[str, str]] = {
    "GUERDON_PUBLIC_URL": {"GUERDON_PUBLIC_URL": "s3cret"},
    "GUERDON_DATABASE_URL": {"GUERDON_DATABASE_URL": "mysql://guerdon:s3cret@127.0.0.1/guerdon"},
    "GUERDON_ENCRYPTION_KEYS": {"GUERDON_ENCRYPTION_KEYS": "k1:s3cret"},
    "GUERDON_GIFTCARD_PARTNERS_EMAIL": {
        "GUERDON_GIFTCARD_PARTNERS_URL": "https://provider.test",
        "GUERDON_GIFTCARD_PARTNERS_ACCESS_TOKEN": "s3cret",
    },
}
"""The setting that must be named, and what is wrong with it (or what it is missing beside)."""


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_setting_is_named_in_one_line_and_not_quoted(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for setting, value in (SETTINGS | WRONG[name]).items():
        monkeypatch.setenv(setting, value)
    with pytest.raises(SystemExit) as left:
        run()
    said = capsys.readouterr().err
    assert left.value.code == 2
    assert said.startswith(f"guerdon worker: {name}: ")
    assert said.count("\n") == 1
    assert "s3cret" not in said


async def test_waits_for_temporal_and_ends_cleanly_when_it_is_told_to(tmp_path: Path) -> None:
    port = Ports.free().resolve().temporal
    worker = WorkerProcess(
        SETTINGS | {"TEMPORAL_ADDRESS": f"{LOOPBACK}:{port}"}, tmp_path / "worker.log"
    )
    try:
        await worker.says("worker.temporal_unreachable")
        async with await WorkflowEnvironment.start_local(
            ip=LOOPBACK, port=port, dev_server_existing_path=str(temporal_server.binary())
        ):
            await worker.says("worker.started")
            assert await worker.stop() == 0
    finally:
        worker.process.kill()
    assert "worker.stopping" in worker.log()
    assert "Fatal Python error" not in worker.log()
    assert "s3cret" not in worker.log()
