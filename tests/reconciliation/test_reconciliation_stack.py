"""Over the whole stack: asked for over HTTP and on the command line, killed half-way, repaired."""

from __future__ import annotations

import asyncio
import csv
import io
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Replayer

from bench.speed.engine import CARD, Engine
from cli.stack.stack import Stack
from domain.messages import SEAL_WORKFLOW, WORKFLOW_QUEUE
from domain.reconciliation import daily_schedule
from providers.registry import KNOWN
from store.temporal.client import guerdon_plugin
from tests.keeping import Keep
from tests.stacks import running_stack
from tests.worker_process import GUERDON
from worker.finance import WORKFLOWS

PROVIDER = "tremendous"
RECONCILE = ["reconcile", "--provider", PROVIDER]
TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
PERIOD = (TODAY - timedelta(days=1), TODAY + timedelta(days=2))


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


class Finance:
    """What finance sees of the stack, and the hand in the provider's book."""

    def __init__(self, stack: Stack, engine: Engine) -> None:
        self.stack, self.engine, self._http = stack, engine, engine.http

    async def tamper(self, **changes: Any) -> None:
        url = f"{self.stack.urls.simulator}/_control/tamper"
        answer = await self._http.post(url, json={"provider": PROVIDER} | changes)
        answer.raise_for_status()

    async def post(self, path: str, status: int, **body: Any) -> dict[str, Any]:
        answer = await self._http.post(f"/v1/reconciliations{path}", json=body)
        assert answer.status_code == status, answer.text
        content: dict[str, Any] = answer.json()
        return content

    async def get(self, path: str) -> dict[str, Any]:
        answer = await self._http.get(f"/v1/reconciliations{path}")
        assert answer.status_code == 200, answer.text
        content: dict[str, Any] = answer.json()
        return content

    async def begin(self) -> str:
        since, until = (at.isoformat() for at in PERIOD)
        begun = await self.post("", 202, provider=PROVIDER, **{"from": since, "to": until})
        assert begun["status"] == "running"
        return str(begun["id"])

    async def ended(self, id: str, seconds: float = 300) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while (run := await self.get(f"/{id}"))["status"] == "running":
            assert time.monotonic() < deadline, run
            await asyncio.sleep(0.2)
        return run

    async def rows(self, id: str) -> list[dict[str, str]]:
        """Every item, from the CSV."""
        headers = {"Accept": "text/csv"}
        answer = await self._http.get(f"/v1/reconciliations/{id}/items", headers=headers)
        return list(csv.DictReader(io.StringIO(answer.text)))


@pytest_asyncio.fixture
async def finance(stack: Stack) -> AsyncIterator[Finance]:
    engine = Engine(stack)
    yield Finance(stack, engine)
    await engine.http.aclose()


async def _ordered(finance: Finance, friends: int) -> None:
    """So many delivered cards of the provider."""
    body = {"provider": PROVIDER, "seconds": 0, "outcome": "delivered"}
    await finance.engine.http.put(f"{finance.stack.urls.simulator}/_control/delivery", json=body)
    card = CARD | {"provider": PROVIDER, "product_id": "OKMHM2X2OHYV"}
    tiers = [{"name": "every friend", "criterion": "each_unique_referee", "reward": card}]
    campaign_id, code = await finance.engine.code(tiers=tiers, referee_reward=None)
    await asyncio.gather(*(finance.engine.convert(code) for _ in range(friends)))
    await finance.engine.finished(campaign_id, friends)


def _guerdon(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if "GUERDON" not in name}
    environment = kept | {"GUERDON_HOME": str(stack.home)}
    return subprocess.run(
        [GUERDON, *arguments], env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.timeout(900)
async def test_killed_half_way_it_ends_as_if_nothing_had_happened(
    stack: Stack, finance: Finance, tmp_path: Path
) -> None:
    await _ordered(finance, 6)
    days = ["--from", f"{PERIOD[0]:%Y-%m-%d}", "--to", f"{PERIOD[1]:%Y-%m-%d}"]
    clean = await asyncio.to_thread(_guerdon, stack, *RECONCILE, *days)
    assert clean.returncode == 0, clean.stdout + clean.stderr

    strangers = [{"key": f"gdx{n}g1", "amount": 500, "currency": "USD"} for n in range(1200)]
    await finance.tamper(add=strangers)
    undisturbed = await finance.ended(await finance.begin())

    id = await finance.begin()
    while not 0 < (await finance.get(f"/{id}"))["progress"]["lines"] < 1200:
        assert (await finance.get(f"/{id}"))["status"] == "running"
        await asyncio.sleep(0.05)
    stack.kill("worker", signal.SIGKILL)
    killed = await finance.ended(id)

    assert killed["totals"] == undisturbed["totals"]
    assert (killed["totals"]["matched"], killed["differences"]) == (6, 1200)
    first, second = await finance.rows(undisturbed["id"]), await finance.rows(id)
    assert {row["key"] for row in first} == {row["key"] for row in second}

    listed = tmp_path / "differences.csv"
    differing = await asyncio.to_thread(_guerdon, stack, *RECONCILE, *days, "--csv", str(listed))
    assert differing.returncode == 1, differing.stdout + differing.stderr
    assert len(listed.read_text().splitlines()) == 1201


@pytest.mark.timeout(900)
async def test_one_call_repairs_and_is_recorded(stack: Stack, finance: Finance, keep: Keep) -> None:
    await finance.tamper(remove=[f"gdx{n}g1" for n in range(1200)])
    await _ordered(finance, 1)
    key = next(
        order["key"]
        for order in (await finance.engine.http.get("/v1/gift-card-orders")).json()["data"]
    )
    await finance.tamper(change=[{"key": key, "charged": 1777}])
    run = await finance.ended(await finance.begin())
    assert run["differences"] == run["totals"]["fee_mismatch"] == 1
    (item,) = (await finance.get(f"/{run['id']}/items"))["data"]
    assert (item["repair"], item["theirs"]["charged"]) == ("book_correction", 1777)

    repaired = await finance.post(
        f"/{run['id']}/items/{item['id']}/repair", 200, reason="Their fee of November."
    )
    assert repaired["status"] == "repaired", repaired
    assert "corrected" in repaired["outcome"]
    again = await finance.ended(await finance.begin())
    assert again["differences"] == 0
    for kind, id in (("reconciliation", run["id"]), ("repair", item["id"])):
        await keep(kind, await _replayed(stack, f"{kind}:{id}"))
    timeline = await finance.engine.http.get(f"/v1/grants/{item['grant_id']}/timeline")
    assert "Their fee of November." in timeline.text


async def _replayed(stack: Stack, workflow_id: str) -> WorkflowHandle[Any, Any]:
    """Its history replays on today's code, and has no staff's words in it."""
    client = await Client.connect(stack.urls.temporal, plugins=[guerdon_plugin])
    handle = client.get_workflow_handle(workflow_id)
    history = await handle.fetch_history()
    await Replayer(workflows=WORKFLOWS, plugins=[guerdon_plugin]).replay_workflow(history)
    assert "November" not in history.to_json()
    return handle


@pytest.mark.timeout(900)
async def test_schedules_reconcile_every_provider_and_the_ledger_is_sealed(
    stack: Stack, finance: Finance
) -> None:
    client = await Client.connect(stack.urls.temporal, plugins=[guerdon_plugin])
    for provider in KNOWN:
        await client.get_schedule_handle(daily_schedule(provider)).trigger()
    await client.execute_workflow(SEAL_WORKFLOW, id="seal", task_queue=WORKFLOW_QUEUE)
    deadline = time.monotonic() + 180
    while True:
        runs = (await finance.get("?status=completed&limit=100"))["data"]
        nightly = [run for run in runs if run["to"] == f"{TODAY:%Y-%m-%dT%H:%M:%SZ}"]
        verified = await asyncio.to_thread(_guerdon, stack, "ledger", "verify")
        if {run["provider"] for run in nightly} == KNOWN and "0 blocks" not in verified.stdout:
            break
        assert time.monotonic() < deadline, (nightly, verified.stdout, verified.stderr)
        await asyncio.sleep(0.5)
    assert verified.returncode == 0
    assert {run["from"] for run in nightly} == {f"{TODAY - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"}


@pytest.mark.timeout(900)
async def test_a_failed_reconciliation_exits_2(stack: Stack) -> None:
    day = ["--from", "2026-10-01", "--to", "2026-10-02"]
    for arguments in (
        [*day, "--statement", "nowhere.csv"],
        ["--from", "2026-10-02", "--to", "2026-10-01"],
        ["--from", "yesterday", "--to", "2026-10-01"],
    ):
        ended = await asyncio.to_thread(_guerdon, stack, *RECONCILE, *arguments)
        assert ended.returncode == 2, ended.stdout
        assert ended.stderr.startswith("guerdon: ")
