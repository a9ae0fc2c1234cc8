"""Invariant 7: no personal data and no bearer value in any history, nor in the worker's log."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest
import pytest_asyncio
from temporalio.testing import WorkflowEnvironment

from bench.proofs.saying import METADATA, everything
from domain.messages import STORY
from store.access.vault import Vault
from store.database import Database
from store.tables import ClaimLink, Order
from tests.builders import rows
from tests.worker_process import WorkerProcess, worker_process
from tests.workflows.persons import (
    ACCESS_TOKEN,
    KEYS,
    NEEDLES,
    badly_answered,
    broken,
    refused,
    small_ones,
    told_too_late,
)
from tests.workflows.provider import Hooks, Simulator
from tests.workflows.stage import Stage
from worker.settings import WorkerSettings


class Lives(NamedTuple):
    """Referrals of people who are easily found again, and what was said of each workflow."""

    stage: Stage
    worker: WorkerProcess
    said: dict[str, str]


async def told(stage: Stage, workflow_id: str) -> str:
    """Everything of one workflow, also what it answers when it is asked."""
    queries = [METADATA] if workflow_id.startswith("redrive") else [METADATA, STORY]
    return await everything(stage.client, stage.watch(workflow_id), *queries)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def lives(
    module_database: Database,
    temporal: WorkflowEnvironment,
    simulator_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Lives]:
    """Live them, over a worker process; then collect what Temporal keeps of them."""
    simulator, hooks = Simulator(simulator_url), Hooks()
    await hooks.open()
    settings = WorkerSettings(public_url=hooks.url, max_delay_seconds=1)
    stage = Stage(module_database, temporal, simulator, hooks, settings, Vault(KEYS))
    hooks.hear = stage.relay
    await simulator.reset()
    log: Path = tmp_path_factory.mktemp("worker") / "worker.log"
    async with worker_process(_environment(stage), log) as worker:
        cases = await badly_answered(stage)
        cases += [await live(stage) for live in (refused, broken, told_too_late)]
        ids = [case.handle.id for case in cases] + await small_ones(stage, cases[0])
        yield Lives(stage, worker, {id: await told(stage, id) for id in ids})
    await hooks.close()
    await simulator.close()


def _environment(stage: Stage) -> dict[str, str]:
    url = stage.database.engine.url.set(drivername="postgresql")
    return {
        "GUERDON_DATABASE_URL": url.render_as_string(hide_password=False),
        "GUERDON_ENCRYPTION_KEYS": KEYS,
        "GUERDON_PUBLIC_URL": stage.hooks.url,
        "GUERDON_MAX_DELAY_SECONDS": "1",
        "GUERDON_GIFTCARD_PARTNERS_URL": f"{stage.simulator.url}/giftcard-partners",
        "GUERDON_GIFTCARD_PARTNERS_EMAIL": "zyxqvut-buyer@example.com",
        "GUERDON_GIFTCARD_PARTNERS_ACCESS_TOKEN": ACCESS_TOKEN,
        "TEMPORAL_ADDRESS": stage.client.service_client.config.target_host,
    }


async def bearer_values(stage: Stage) -> set[str]:
    """Claim links, challenge answers, webhook addresses, the database's password."""
    values = {order.hook_token for order in await rows(stage.database, Order)}
    for claim in await rows(stage.database, ClaimLink):
        secret = json.loads(stage.vault.decrypt(claim.ciphertext, claim.order_id))
        values |= {secret["link"], secret["link"].rpartition("/")[2], secret["challenge_answer"]}
    values.add(str(stage.database.engine.url.password))
    return values


async def test_the_referrals_were_lived_through_failures(lives: Lives) -> None:
    """Else there would have been nothing to tell."""
    log, said = lives.worker.log(), "\n".join(lives.said.values())
    assert len(lives.said) == 7
    assert "unforeseen ValidationError" in said
    assert "activity.unforeseen" in log
    assert "lastFailure" in said
    orders = await rows(lives.stage.database, Order)
    assert {json.dumps(order.request) for order in orders if "zyxqvut" in json.dumps(order.request)}
    assert await rows(lives.stage.database, ClaimLink)


async def test_no_history_names_anybody(lives: Lives) -> None:
    found = {
        (workflow_id, needle)
        for workflow_id, said in lives.said.items()
        for needle in NEEDLES
        if needle in said.lower()
    }
    assert found == set()


async def test_no_history_holds_a_bearer_value(lives: Lives) -> None:
    values = await bearer_values(lives.stage)
    assert len(values) > 10
    said = "\n".join(lives.said.values())
    assert {value for value in values if value in said} == set()


async def test_the_worker_s_log_names_nobody(lives: Lives) -> None:
    log = lives.worker.log()
    assert "worker.started" in log
    assert {needle for needle in NEEDLES if needle in log.lower()} == set()
    assert {value for value in await bearer_values(lives.stage) if value in log} == set()


async def test_workflow_ids_and_order_keys_hold_nothing_of_the_callers(lives: Lives) -> None:
    said = "\n".join(
        [*lives.said, *(order.key for order in await rows(lives.stage.database, Order))]
    )
    assert {needle for needle in NEEDLES if needle in said.lower()} == set()


async def test_the_search_sees_what_histories_do_hold(lives: Lives) -> None:
    for workflow_id, said in lives.said.items():
        assert workflow_id in said
    said = "\n".join(lives.said.values())
    # A signal's payload, a summary, a search attribute, current details.
    for words in ("event_id", "Referral ref_", "GuerdonCampaign", "Ended: completed."):
        assert words in said
