"""The attribution window: a referral waits for its conversion event, or expires."""

from __future__ import annotations

from contextlib import suppress

from temporalio.service import RPCError

from domain.messages import CONVERT, Conversion
from store.database import now
from tests.builders import conversion, points, terms
from tests.keeping import Keep
from tests.workflows.histories import events_of, kind
from tests.workflows.stage import Stage

POINTS = terms(referee_reward=points(), tiers=())


class TestWithoutConversion:
    async def test_a_referral_expires_at_the_end_of_its_30_days(
        self, stage: Stage, keep: Keep
    ) -> None:
        case = await stage.signed_up(terms())
        assert await case.skip(days=29, hours=23)
        assert (await case.referral()).status == "waiting"
        await case.skip(hours=2)
        assert await case.result() == "expired"
        referral = await case.referral()
        assert (referral.status, referral.conversion) == ("expired", None)
        assert referral.reason == "No conversion came within the attribution window."
        assert await case.grants() == []
        assert await case.events() == ["referral.attributed", "referral.expired"]
        await keep("expired", case.handle)

    async def test_the_wait_costs_no_workflow_task(self, stage: Stage) -> None:
        case = await stage.signed_up(terms())
        assert await case.skip(days=15)
        assert not any("TASK" in kind(event) for event in await events_of(case))

    async def test_a_shorter_window_is_kept_as_well(self, stage: Stage) -> None:
        case = await stage.signed_up(terms(attribution_window="PT1H"))
        await case.skip(hours=1, seconds=5)
        assert await case.result() == "expired"


class TestConversion:
    async def test_a_conversion_on_day_29_counts(self, stage: Stage, keep: Keep) -> None:
        case = await stage.signed_up(terms())
        assert await case.skip(days=29)
        assert (await case.referral()).status == "waiting"
        await case.convert()
        assert await case.result() == "completed"
        assert [grant.status for grant in await case.grants()] == ["delivered"] * 2
        assert [card["amount"] for card in await case.cards()] == [15_00, 15_00]
        await keep("signed_up_then_converted", case.handle)

    async def test_accepted_in_time_and_told_after_the_timer_wins(self, stage: Stage) -> None:
        case = await stage.signed_up(terms())
        accepted = await stage.accept(conversion(case.referee_id))
        # Temporal hears nothing of it, and the window passes.
        await case.skip(days=30, minutes=1)
        assert await case.result() == "completed"
        run_id = (await case.handle.describe()).run_id
        assert "referral.expired" not in await case.events()
        assert len(await case.cards()) == 2
        # The redrive's late message finds a closed workflow, and starts no second run.
        await stage.send(accepted.intake)
        assert (await case.handle.describe()).run_id == run_id
        assert len(await case.cards()) == 2


class TestRepeats:
    async def test_the_same_event_sent_again_changes_nothing(self, stage: Stage) -> None:
        case = await stage.signed_up(terms())
        accepted = await case.convert(event_id="order-1")
        for _ in range(3):
            await stage.send(accepted.intake)
        assert await case.result() == "completed"
        assert len(await case.cards()) == 2
        assert (await case.events()).count("referral.qualified") == 1

    async def test_another_event_of_the_pair_changes_nothing(self, stage: Stage) -> None:
        case = await stage.signed_up(terms())
        await case.convert(event_id="pair-1")
        repeated = await case.convert(event_id="pair-2")
        assert repeated.repeat
        assert repeated.intake == []
        # Even one that reaches the workflow itself, if that has not closed yet.
        with suppress(RPCError):
            await case.handle.signal(CONVERT, Conversion(event_id="pair-3", received_at=now()))
        assert await case.result() == "completed"
        assert len(await case.grants()) == 2
        assert len(await case.cards()) == 2

    async def test_after_the_end_an_event_starts_no_second_run(self, stage: Stage) -> None:
        case = await stage.converted(POINTS)
        first = await case.handle.describe()
        assert await case.result() == "completed"
        assert (await case.convert(code=case.code, event_id="order-4")).repeat
        assert (await case.handle.describe()).run_id == first.run_id
