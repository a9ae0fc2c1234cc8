"""One set of scenarios, played with every provider. The judge is the provider's own book."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from tests.auditing import assert_books_agree
from tests.conformance.order_judge import objections
from tests.conformance.scenario_table import CASES, SCENARIOS, Scenario, name_of
from tests.conformance.scene import Scene


@pytest.mark.parametrize(
    ("scenario", "provider"),
    CASES,
    ids=[f"{name_of(scenario)}-{provider}" for scenario, provider in CASES],
)
async def test_exactly_one_card_whatever_happens(
    scenario: Scenario, provider: str, scene_of: Callable[[str], Awaitable[Scene]]
) -> None:
    scene = await scene_of(provider)
    await scenario.run(scene)
    assert await objections(scene.database, scene.side, scene.grants, scenario.end) == []
    await assert_books_agree(scene.database)


def test_every_case_is_counted(figure: Callable[[str], None]) -> None:
    providers = len({provider for _, provider in CASES})
    absent = len(SCENARIOS) * providers - len(CASES)
    figure(
        f"{len(CASES)} cases: {len(SCENARIOS)} scenarios x {providers} providers,"
        f" less {absent} that cannot exist"
    )
    assert len(CASES) > 100
