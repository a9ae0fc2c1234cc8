"""Sign-ups, conversions, duplicates, refunds, rollbacks, edits and limits, in every order that
Hypothesis can think of, against a plain sequential model: grants, budget and counts are always
equal."""

from __future__ import annotations

import asyncio
import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from store.database import Database
from tests.proofs.machine import Referrals

EXAMPLES = int(os.environ.get("GUERDON_EXAMPLES", "12"))
PART = 50
"""Examples per database. Each check reads all books in the database, so more would be slow."""


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("first", range(1, EXAMPLES + 1, PART))
def test_the_store_does_what_the_model_does(first: int, database_url: str) -> None:
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        Referrals.database, Referrals.loop = Database(database_url, pool=4), loop
        run_state_machine_as_test(
            Referrals,
            settings=settings(
                max_examples=min(PART, EXAMPLES + 1 - first),
                stateful_step_count=30,
                deadline=None,
                derandomize=EXAMPLES <= PART,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
        loop.run_until_complete(Referrals.database.dispose())
