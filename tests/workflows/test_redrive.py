"""What the API accepted and could not hand to Temporal is handed over by the redrive."""

from __future__ import annotations

import asyncio

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.service import RPCError

from domain.messages import REDRIVE_WORKFLOW, WORKFLOW_QUEUE
from store.tables import Intake
from tests.builders import (
    add_customer,
    add_friends,
    add_programme,
    alter,
    conversion,
    in_past,
    one,
    points,
    rows,
    sign_up,
    terms,
)
from tests.workflows.case import Case
from tests.workflows.stage import Stage

POINTS = terms(referee_reward=points(), tiers=())


async def unsent(stage: Stage) -> list[str]:
    """Messages that Temporal was not told."""
    return [row.id for row in await rows(stage.database, Intake, sent_at=None)]


async def left_behind(stage: Stage, intake_id: str, **ago: float) -> None:
    """The crash that lost the message was so long ago."""
    row = await one(stage.database, Intake, id=intake_id)
    await alter(stage.database, row, received_at=in_past(**ago))


async def untold(stage: Stage, *, minutes: float = 5) -> Case:
    """A conversion that was accepted, and that Temporal never heard of."""
    programme = await add_programme(stage.database, POINTS)
    accepted = await stage.accept(conversion(await add_customer(stage.database), programme.code))
    await left_behind(stage, accepted.intake[0].id, minutes=minutes)
    return Case(stage, accepted.referrals[0], programme.code)


async def redrive(stage: Stage, number: int = 0) -> int:
    """One sweep; how many messages it sent."""
    handle = stage.watch(f"redrive-{number}-{id(stage)}")
    sent: int = await stage.client.execute_workflow(
        REDRIVE_WORKFLOW, id=handle.id, task_queue=WORKFLOW_QUEUE, result_type=int
    )
    return sent


async def test_conversions_that_temporal_was_not_told_of_are_sent_and_complete(
    stage: Stage,
) -> None:
    cases = [await untold(stage) for _ in range(3)]
    with pytest.raises(RPCError, match="not found"):
        await cases[0].handle.describe()
    assert await redrive(stage, 1) == 3
    assert await asyncio.gather(*(case.result() for case in cases)) == ["completed"] * 3
    assert await unsent(stage) == []
    assert await redrive(stage, 2) == 0


async def test_a_sign_up_is_sent_and_waits_its_window(stage: Stage) -> None:
    programme = await add_programme(stage.database, POINTS)
    case = Case(stage, await sign_up(stage.database, programme.code), programme.code)
    await left_behind(stage, (await unsent(stage))[0], minutes=5)
    assert await redrive(stage, 3) == 1
    assert await case.skip(days=29)
    await case.convert()
    assert await case.result() == "completed"


async def test_a_message_on_its_way_is_left_to_the_dispatcher(stage: Stage) -> None:
    case = await untold(stage, minutes=0)
    assert await redrive(stage, 4) == 0
    await left_behind(stage, (await unsent(stage))[0], minutes=5)
    assert await redrive(stage, 5) == 1
    assert await case.result() == "completed"


async def test_a_message_sent_but_not_marked_is_sent_again_without_effect(stage: Stage) -> None:
    case = await stage.converted(POINTS)
    assert await case.result() == "completed"
    row = await one(stage.database, Intake, referral_id=case.id)
    await alter(stage.database, row, sent_at=None, received_at=in_past(minutes=5))
    assert await redrive(stage, 6) == 1
    assert (await case.events()).count("grant.delivered") == 1


async def test_more_than_a_batch_is_sent_in_one_sweep(stage: Stage) -> None:
    programme = await add_programme(stage.database, POINTS)
    for friend in await add_friends(stage.database, 55):
        await sign_up(stage.database, programme.code, friend)
    for n, intake_id in enumerate(await unsent(stage)):
        await left_behind(stage, intake_id, minutes=5, seconds=n)
    assert await redrive(stage, 7) == 55
    assert await unsent(stage) == []


async def test_one_bad_message_stops_no_other(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    bad, *good = [await untold(stage, minutes=9 - n) for n in range(4)]
    # Temporal refuses an id of more than a thousand characters, however often it is asked.
    await alter(stage.database, await bad.referral(), workflow_id="x" * 1_001)
    handle = stage.watch(f"redrive-bad-{id(stage)}")
    sweep = asyncio.create_task(
        stage.client.execute_workflow(
            REDRIVE_WORKFLOW, id=handle.id, task_queue=WORKFLOW_QUEUE, result_type=int
        )
    )
    await asyncio.gather(*(case.reaches("completed") for case in good))
    (bad_one,) = await unsent(stage)
    # Nobody overlooks it: each sweep fails until somebody has mended it.
    with pytest.raises(WorkflowFailureError):
        await sweep
    assert bad_one in capsys.readouterr().out
    await alter(stage.database, await bad.referral(), workflow_id=bad.handle.id)
    assert await redrive(stage, 8) == 1
    assert await bad.result() == "completed"


async def test_a_throttled_message_waits_for_its_turn_in_the_redrive(stage: Stage) -> None:
    """A dispatcher lets a hot code's conversions in few at a time."""
    programme = await add_programme(stage.database, POINTS)
    lost, sent, waits = [
        await stage.accept(conversion(friend, programme.code))
        for friend in await add_friends(stage.database, 3)
    ]
    for n, accepted in enumerate((lost, sent, waits)):
        await left_behind(stage, accepted.intake[0].id, minutes=9 - n)
    await stage.send(sent.intake)
    assert await redrive(stage, 9) == 1
    assert await unsent(stage) == [waits.intake[0].id]
    # Nothing of the referrer was sent for a while: nobody is there who would.
    for row in await rows(stage.database, Intake):
        if row.sent_at:
            await alter(stage.database, row, sent_at=in_past(minutes=5))
    assert await redrive(stage, 10) == 1
    assert await unsent(stage) == []
