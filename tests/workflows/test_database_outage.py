"""PostgreSQL goes away under a workflow: it waits on durable timers, and goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import asyncpg
import pytest

from store.outbox.messages import send
from tests.auditing import assert_books_agree
from tests.builders import add_customer, add_programme, conversion, gift_card, terms
from tests.workflows.case import Case, Refused, eventually
from tests.workflows.histories import readable
from tests.workflows.stage import Stage

Away = Callable[[], AbstractAsyncContextManager[None]]


@pytest.fixture
def away(stage: Stage, postgres_url: str) -> Away:
    """The stage's database cuts its connections, and takes no new ones."""
    name = stage.database.engine.url.database

    @asynccontextmanager
    async def away() -> AsyncIterator[None]:
        admin = await asyncpg.connect(postgres_url)
        try:
            await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            await admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name
            )
            yield
        finally:
            await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
            await admin.close()

    return away


async def test_during_qualification_the_workflow_waits_and_finishes(
    stage: Stage, away: Away
) -> None:
    programme = await add_programme(stage.database, terms())
    friend = await add_customer(stage.database)
    accepted = await stage.accept(conversion(friend, programme.code))
    case = Case(stage, accepted.referrals[0], programme.code)
    async with away():
        await send(stage.client, accepted.intake[0])
        await case.postponed()
    await case.skip(seconds=10)
    assert await case.result() == "completed"
    assert len(await case.cards()) == 2
    assert (await case.events()).count("referral.qualified") == 1
    await assert_books_agree(stage.database)
    history = readable(await case.handle.fetch_history())
    assert str(stage.database.engine.url.password) not in history


async def test_between_the_purchase_and_its_record_no_second_card_is_bought(
    stage: Stage, away: Away
) -> None:
    await stage.simulator.put("hold", point="committed")
    case = await stage.converted(terms(referee_reward=gift_card(), tiers=()))
    await eventually(stage.simulator.held)
    async with away():
        await stage.simulator.put("hold", point=None)
        await eventually(case.failed_once)
    assert await case.result(30) == "completed"
    assert len(await case.cards()) == 1
    await assert_books_agree(stage.database)


async def test_a_retry_under_way_cannot_be_overtaken_by_a_cancellation(
    stage: Stage, away: Away
) -> None:
    case = await stage.converted(terms(referee_reward=gift_card(600_00), tiers=()))
    grant = await case.parked("order_rejected")
    async with away():
        await case.retry(grant.id)
        await case.postponed()
        with pytest.raises(Refused, match="no card"):
            await case.cancel(grant.id)
        with pytest.raises(Refused, match="needs attention"):
            await case.retry(grant.id)
    await case.skip(seconds=10)

    async def tried_again() -> bool:
        return len(await case.orders()) == 2

    await eventually(tried_again)
    assert await case.events(source="staff") == ["grant.retry"]
