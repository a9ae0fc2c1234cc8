"""A purchase in time that is told of late reopens a referral that expired meanwhile."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from store.database import now
from store.outbox.messages import redrive
from store.recovery.recover import recover_referrals
from tests.auditing import assert_books_agree
from tests.builders import conversion, terms
from tests.workflows.case import Case
from tests.workflows.stage import Stage


async def expired(stage: Stage) -> Case:
    """Nobody bought anything for a month; the workflow has ended."""
    case = await stage.signed_up(terms())
    await case.skip(days=31)
    assert await case.result() == "expired"
    assert (await case.referral()).status == "expired"
    return case


async def redriven(stage: Stage) -> None:
    """A workflow that has closed takes no message: the redrive looks at the facts."""
    follow_up = partial(recover_referrals, stage.database, stage.client)
    await redrive(stage.database, stage.client, older_than=timedelta(0), follow_up=follow_up)


async def test_a_successor_judges_it_and_carries_the_rewards(stage: Stage) -> None:
    case = await expired(stage)
    await stage.accept(conversion(case.referee_id, case.code, occurred_at=now()))
    assert (await case.referral()).status == "converted"
    await redriven(stage)
    await case.reaches("completed")
    assert len(await case.cards()) == 2
    await assert_books_agree(stage.database)


async def test_told_again_it_changes_nothing(stage: Stage) -> None:
    case = await expired(stage)
    request = conversion(case.referee_id, occurred_at=now(), event_id=f"late-{case.id}")
    await stage.accept(request)
    await redriven(stage)
    await redriven(stage)
    await case.reaches("completed")
    again = await stage.accept(request)
    assert (again.repeat, again.intake) == (True, [])
    assert len(await case.cards()) == 2
