"""Eight processes meet at every lock, thousands of times: what comes of it is what a plain
sequence would have given. And without any one lock or constraint, it is not.

`make proofs` plays 5,000 schedules and takes every lock away in turn; the suite plays some."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import text

from bench.proofs.rewriting import rewrite
from store.database import Database
from tests.auditing import assert_books_agree
from tests.proofs.backstops import admitted, evidence
from tests.proofs.crew import Crew
from tests.proofs.removals import REMOVALS as REMOVALS_OF_REFERRALS
from tests.proofs.removals import Removal
from tests.proofs.removals_of_codes import REMOVALS_OF_CODES
from tests.proofs.removals_of_returns import REMOVALS_OF_RETURNS
from tests.proofs.scenes import SCENES as SCENES_OF_REFERRALS
from tests.proofs.scenes import people
from tests.proofs.scenes_of_codes import SCENES_OF_CODES
from tests.proofs.scenes_of_people import SCENES_OF_PEOPLE
from tests.proofs.scenes_of_returns import SCENES_OF_RETURNS
from tests.proofs.scenes_of_rewards import SCENES_OF_REWARDS

REMOVALS = (*REMOVALS_OF_REFERRALS, *REMOVALS_OF_CODES, *REMOVALS_OF_RETURNS)
SCENES = (
    *SCENES_OF_REFERRALS,
    *SCENES_OF_CODES,
    *SCENES_OF_REWARDS,
    *SCENES_OF_RETURNS,
    *SCENES_OF_PEOPLE,
)
SCHEDULES = int(os.environ.get("GUERDON_SCHEDULES", "28"))
PART = 250
"""Schedules that are played in one database: more of them would fill it, and slow it down."""
WITHIN = 100
"""Schedules after which a lock that is taken away must have been missed."""
_SOME = ("the referrer's progress", "one referral a friend", "budgets.ck_budgets_ceiling")
TAKEN_AWAY = [
    removal
    for removal in REMOVALS
    if SCHEDULES >= 1000 or any(words in removal.what for words in _SOME)
]


class Stagehand:
    """Plays schedules with one crew."""

    def __init__(self, database: Database, crew: Crew) -> None:
        self._database, self._crew = database, crew

    async def play(self, schedules: range, scenes: Sequence[Any] = SCENES) -> tuple[int, list[str]]:
        """Play until something is wrong: the number of the last schedule, and what it was. While
        one is played, the next is prepared: each has a campaign of its own."""
        pool = await people(self._database)

        def prepare(number: int) -> asyncio.Task[Any]:
            scene = scenes[number % len(scenes)]
            return asyncio.create_task(scene(self._database, pool, random.Random(number)))

        prepared = prepare(schedules.start)
        for number in schedules:
            played, prepared = await prepared, prepare(number + 1)
            failures = await asyncio.to_thread(self._crew.play, played.deeds, number)
            if wrong := failures + await played.verdict():
                prepared.cancel()
                await asyncio.gather(prepared, return_exceptions=True)
                scene = scenes[number % len(scenes)].__name__
                return number, [f"{scene}: {sentence}" for sentence in wrong]
        await prepared
        return schedules[-1], []


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("first", range(1, SCHEDULES + 1, PART))
async def test_every_schedule_gives_the_result_of_a_sequence(
    first: int, database: Database, database_url: str, figure: Callable[[str], None]
) -> None:
    schedules = range(first, min(first + PART, SCHEDULES + 1))
    crew = Crew(database_url)
    try:
        last, wrong = await Stagehand(database, crew).play(schedules)
    finally:
        crew.dismiss()
    figure(f"{last - first + 1} schedules of 8 processes, {len(wrong)} wrong")
    assert wrong == []
    await assert_books_agree(database)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("removal", TAKEN_AWAY, ids=lambda removal: removal.what)
async def test_without_the_lock_or_constraint_some_schedule_goes_wrong(
    removal: Removal, database: Database, database_url: str, figure: Callable[[str], None]
) -> None:
    await evidence(database)
    assert await admitted(database) == []
    if removal.statement:
        async with database.transaction() as tx:
            await tx.session.execute(text(removal.statement))
    played, wrong = 1, await admitted(database) if not removal.rewrites else []
    if removal.rewrites:
        rewrite(*removal.rewrites, on=database.engine.sync_engine)
        scenes = [one for one in SCENES if one.__name__ in removal.scenes] or SCENES
        crew = Crew(database_url, removal.rewrites)
        try:
            played, wrong = await Stagehand(database, crew).play(range(1, WITHIN + 1), scenes)
        finally:
            crew.dismiss()
    figure(f"without {removal.what}: wrong at schedule {played}: {(wrong or ['nothing'])[0]}")
    assert wrong
