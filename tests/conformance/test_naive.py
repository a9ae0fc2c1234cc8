"""The suite itself under test: implementations that are wrong in a known way are caught by it, at
every archetype of provider."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

import tests.conformance.fault_scenarios as faults
from providers.protocol import Replay
from tests.conformance.adapters_under_test import ARCHETYPES
from tests.conformance.naive_lanes import NAIVE
from tests.conformance.order_judge import DELIVERED, objections
from tests.conformance.scene import Scene

_LOST_ANSWERS = (faults.drop_after_commit, faults.error_after_commit)
_FITTING = {
    "fresh key each attempt": _LOST_ANSWERS,
    "order before record": (faults.cancelled_while_in_doubt,),
    "unknown taken for refusal": _LOST_ANSWERS,
}


@pytest.mark.parametrize("archetype", Replay)
@pytest.mark.parametrize("naive", NAIVE)
async def test_the_judge_objects(
    naive: str,
    archetype: Replay,
    scene_of: Callable[[str], Awaitable[Scene]],
    figure: Callable[[str], None],
) -> None:
    providers = [name for name, replay in ARCHETYPES.items() if replay is archetype]
    verdicts: Counter[str] = Counter()
    for provider in providers:
        for play in _FITTING[naive]:
            scene = await scene_of(provider)
            scene.play(NAIVE[naive])
            await play(scene)
            assert await objections(scene.database, scene.side, scene.grants, DELIVERED)
            verdicts[await _loss(scene)] += 1
    words = ", ".join(f"{count} x {verdict}" for verdict, count in verdicts.items())
    figure(f"caught: {words} ({', '.join(providers)})")


async def _loss(scene: Scene) -> str:
    """What the naive implementation did with somebody's money."""
    cards, (grant_id,) = len(await scene.side.book()), scene.grants
    grant = await scene.stored(grant_id)
    assert cards > 1 or (cards == 1 and grant.status == "cancelled")
    return f"{cards} cards for one grant" if cards > 1 else "a card that nobody is given"
