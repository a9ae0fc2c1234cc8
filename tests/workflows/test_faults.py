"""What fails for another reason than an outage: it is parked, or operators see it."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from temporalio.client import WorkflowFailureError

from domain.messages import WATCH_WORKFLOW, WORKFLOW_QUEUE
from domain.rewards import DiscountCoupon
from store.recovery.failing import failing
from store.tables import FailingWork
from tests.builders import every_friend, gift_card, points, terms
from tests.workflows.case import Case, eventually
from tests.workflows.frontdoor import front_door
from tests.workflows.stage import Stage


async def administer(stage: Stage, statement: str) -> None:
    async with stage.database.transaction() as tx:
        await tx.session.execute(text(statement))


async def fails_of(stage: Stage, case: Case) -> list[FailingWork]:
    async with stage.database.reading() as session:
        found = await failing(session)
    return [each for each in found if each.workflow_id == case.handle.id]


async def summaries(case: Case) -> str:
    history = await case.handle.fetch_history()
    return " ".join(event.user_metadata.summary.data.decode() for event in history.events)


async def test_a_conversion_that_cannot_be_recorded_is_shown_and_is_no_outage(stage: Stage) -> None:
    await administer(stage, "ALTER TABLE grants ADD CONSTRAINT none CHECK (false) NOT VALID")
    case = await stage.converted(terms(referee_reward=points(), tiers=()))

    async def shown() -> bool:
        return bool(await fails_of(stage, case))

    await eventually(shown, 30)
    (fails,) = await fails_of(stage, case)
    assert (fails.activity, fails.error) == ("qualify", "IntegrityError")
    async with front_door(stage) as door:
        (said,) = [line for line in (await door.get("/readyz"))["details"] if "qualify" in line]
        assert said.startswith("1 workflows fail at qualify with IntegrityError")
        line = 'guerdon_work_failing{activity="qualify",error="IntegrityError"} 1.0'
        assert line in await door.metrics()

    async def waits() -> bool:
        return "fails, and not for an outage: unforeseen IntegrityError" in await summaries(case)

    await eventually(waits, 30)
    assert "database unavailable" not in await summaries(case)
    await administer(stage, "ALTER TABLE grants DROP CONSTRAINT none")
    await case.skip(seconds=10)
    assert await case.result() == "completed"
    assert await fails_of(stage, case) == []


async def test_a_reward_of_our_own_that_cannot_be_given_is_parked_and_retried(
    stage: Stage,
) -> None:
    for table, reward in (("wallet_credits", points()), ("coupons", _coupon())):
        await administer(stage, f"ALTER TABLE {table} ADD CONSTRAINT none CHECK (false) NOT VALID")
        case = await stage.converted(terms(every_friend(reward), referee_reward=None))
        grant = await case.parked("unexpected")
        assert grant.attention_detail == "unforeseen IntegrityError"
        await administer(stage, f"ALTER TABLE {table} DROP CONSTRAINT none")
        await case.retry(grant.id)
        assert await case.result() == "completed"


async def test_an_order_that_cannot_be_written_down_is_shown_while_it_is_tried_again(
    stage: Stage,
) -> None:
    await administer(stage, "ALTER TABLE orders ADD CONSTRAINT none CHECK (false) NOT VALID")
    case = await stage.converted(terms(referee_reward=gift_card(), tiers=()))

    async def shown() -> bool:
        return bool(await fails_of(stage, case))

    await eventually(shown, 60)
    (fails,) = await fails_of(stage, case)
    assert (fails.activity, fails.error) == ("place_order", "IntegrityError")
    await administer(stage, "ALTER TABLE orders DROP CONSTRAINT none")
    assert await case.result(60) == "completed"
    assert await fails_of(stage, case) == []


async def test_a_sweep_that_fails_is_shown_under_its_schedule_until_one_succeeds(
    stage: Stage,
) -> None:
    await administer(
        stage, "ALTER TABLE progress_checks ADD CONSTRAINT none CHECK (false) NOT VALID"
    )
    first, second = (f"watch-of-the-test-2026-01-01T00:0{minute}:00Z" for minute in (1, 2))
    with pytest.raises(WorkflowFailureError):
        await stage.client.execute_workflow(WATCH_WORKFLOW, id=first, task_queue=WORKFLOW_QUEUE)
    async with stage.database.reading() as session:
        (fails,) = [each for each in await failing(session) if each.activity == "watch_progress"]
    assert (fails.workflow_id, fails.error) == ("watch-of-the-test", "IntegrityError")
    await administer(stage, "ALTER TABLE progress_checks DROP CONSTRAINT none")
    await stage.client.execute_workflow(WATCH_WORKFLOW, id=second, task_queue=WORKFLOW_QUEUE)
    async with stage.database.reading() as session:
        assert "watch_progress" not in {each.activity for each in await failing(session)}


def _coupon() -> DiscountCoupon:
    discount = {"type": "PERCENT", "percent_off": 10}
    return DiscountCoupon.model_validate({"discount": discount, "prefix": "THX-"})
