"""A peer's defect (RefRef): the event is stored, its rewards are worked out behind the caller's
back, and a crash in between loses them for good; 17 to 27 of 70 in each crash measured. Here the
API is killed in the middle of a burst, and whatever it had accepted is rewarded, once."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest_asyncio
from temporalio.testing import WorkflowEnvironment

from domain.referrals import ReferralStatus
from domain.roles import Role
from store.access.api_keys import create_key
from store.access.vault import Vault
from store.database import Database
from store.outbox.messages import redrive
from store.tables import Customer, Grant, Referral
from tests.builders import EVENT, add_programme, every_friend, points, rows, terms
from tests.said.notes import NOTES
from worker.build import build_workers
from worker.settings import WorkerSettings

FRIENDS = 40
KEY = "k1:MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA="
BOTH_SIDES = terms(every_friend(points()), referee_reward=points())


class Api(NamedTuple):
    """`guerdon api` as a process of its own, with Temporal out of its reach."""

    process: subprocess.Popen[bytes]
    client: httpx.AsyncClient


@pytest_asyncio.fixture
async def api(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GUERDON_")}
    log = tmp_path / "api.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [Path(sys.executable).with_name("guerdon"), "api", "--port", str(port)],
            env=kept
            | {
                "GUERDON_DATABASE_URL": database_url,
                "GUERDON_ENCRYPTION_KEYS": KEY,
                "GUERDON_PUBLIC_URL": "http://guerdon.test",
                "TEMPORAL_ADDRESS": "127.0.0.1:1",
            },
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    async with database.transaction() as tx:
        app_id, token = await create_key(tx, Role.SERVICE)
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}",
        headers={"X-App-Id": app_id, "X-App-Token": token},
        timeout=120,
    ) as client:
        yield Api(process, client)
    process.kill()
    process.wait()
    NOTES.log(log)


async def _ready(api: Api) -> None:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        assert api.process.poll() is None
        try:
            await api.client.get("/healthz")
            return
        except httpx.TransportError:
            await asyncio.sleep(0.1)


async def _accepted(api: Api, code: str) -> set[str]:
    """Friends whose event was answered with 200 before the API was killed, half-way."""
    accepted: set[str] = set()

    async def convert(friend: str) -> None:
        body = {"event": EVENT, "customer": {"source_id": friend}, "referral": {"code": code}}
        try:
            answer = await api.client.post("/v1/events", json=body)
        except httpx.TransportError:
            return
        assert answer.status_code == 200, answer.text
        accepted.add(friend)
        if len(accepted) >= FRIENDS // 2:
            api.process.kill()

    await asyncio.gather(*(convert(f"friend-{number}") for number in range(FRIENDS)))
    return accepted


async def _at_rest(database: Database) -> list[Referral]:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        referrals = await rows(database, Referral)
        if all(referral.status == ReferralStatus.COMPLETED for referral in referrals):
            return referrals
        await asyncio.sleep(0.2)
    raise AssertionError([referral.status for referral in await rows(database, Referral)])


async def test_a_crash_between_intake_and_processing_loses_no_reward(
    api: Api,
    database: Database,
    temporal: WorkflowEnvironment,
    figure: Callable[[str], None],
) -> None:
    programme = await add_programme(database, BOTH_SIDES)
    await _ready(api)
    accepted = await _accepted(api, programme.code)
    assert api.process.wait(30) < 0
    assert await rows(database, Grant) == []

    async with AsyncExitStack() as running:
        settings = WorkerSettings(public_url="http://guerdon.test", max_delay_seconds=1)
        for worker in build_workers(temporal.client, database, Vault(KEY), {}, settings):
            await running.enter_async_context(worker)
        # Once more than needed: what was told before is not rewarded again.
        for _ in range(2):
            await redrive(database, temporal.client, older_than=timedelta(0))
        referrals = await _at_rest(database)
        await redrive(database, temporal.client, older_than=timedelta(0))

    named = {customer.id: customer.source_id for customer in await rows(database, Customer)}
    assert accepted <= {named[referral.referee_id] for referral in referrals}
    grants = await rows(database, Grant)
    assert len(grants) == 2 * len(referrals)
    for referral in referrals:
        roles = [grant.role for grant in grants if grant.referral_id == referral.id]
        assert sorted(roles) == ["referee", "referrer"]
    assert sorted(grant.ordinal for grant in grants if grant.role == "referrer") == list(
        range(1, len(referrals) + 1)
    )
    figure(f"{len(accepted)} answered 200 before kill -9: {len(referrals)} rewarded, 0 lost")
