"""Sign-ups, conversions, duplicates, refunds, rollbacks, edits and limits, in every order that
Hypothesis can think of, against a plain sequential model: grants, budget and counts are always
equal."""

from __future__ import annotations

import asyncio
import os

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from store.database import Database
from tests.proofs.machine import Referrals
from tests.said.gathering import gather_secrets

EXAMPLES = int(os.environ.get("GUERDON_EXAMPLES", "12"))


@pytest.mark.timeout(3600)
def test_the_store_does_what_the_model_does(postgres_url: str) -> None:
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        url = loop.run_until_complete(_made(postgres_url))
        Referrals.database, Referrals.loop = Database(url, pool=4), loop
        run_state_machine_as_test(
            Referrals,
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=25,
                deadline=None,
                derandomize=EXAMPLES < 100,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
        loop.run_until_complete(Referrals.database.dispose())
        loop.run_until_complete(gather_secrets(url))


async def _made(postgres_url: str) -> str:
    """A migrated database of this test's own."""
    connection = await asyncpg.connect(postgres_url)
    await connection.execute("CREATE DATABASE model TEMPLATE migrated")
    await connection.close()
    return postgres_url.rpartition("/")[0] + "/model"
