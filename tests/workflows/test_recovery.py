"""Temporal lost its state, or PostgreSQL was set back: progress is rebuilt from the facts."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest
from sqlmodel import update
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.service import RPCError

from domain.campaigns import CampaignTerms, Review
from domain.messages import WORKFLOW_QUEUE
from store.outbox.messages import redrive
from store.recovery import recover as recovery
from store.recovery.idle import idle_workflows, stop
from store.recovery.recover import Tally, recover_referrals
from store.recovery.watch import sweep
from store.reversals.request import request_reversal
from store.tables import Intake, Referral, Reversal
from tests.auditing import assert_books_agree
from tests.builders import (
    add_customer,
    add_programme,
    alter,
    budget,
    conversion,
    gift_card,
    in_past,
    number,
    one,
    rows,
    start_of,
    terms,
)
from tests.workflows.case import Case, eventually
from tests.workflows.frontdoor import front_door
from tests.workflows.stage import Stage


def single(**changes: object) -> CampaignTerms:
    """One gift card, the friend's."""
    given = {"referee_reward": gift_card(), "tiers": (), "limits": budget(600_00)}
    return terms(**given | changes)


async def forget(stage: Stage, *cases: Case) -> None:
    """Temporal loses these workflows, as if it had never known them."""
    for case in cases:
        request = DeleteWorkflowExecutionRequest(
            namespace=stage.client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=case.handle.id),
        )
        await stage.client.workflow_service.delete_workflow_execution(request)

        async def gone(case: Case = case) -> bool:
            try:
                await case.handle.describe()
            except RPCError:
                return True
            return False

        await eventually(gone)


async def recover(stage: Stage, *, dry_run: bool = False) -> dict[str, Tally]:
    return await recovery.recover(stage.database, stage.client, dry_run=dry_run)


async def one_card(case: Case) -> None:
    """The provider's book holds one card for each of its grants."""
    keys = [card["key"] for card in await case.cards()]
    assert len(keys) == len(set(keys)) == len(await case.grants())


async def test_everything_that_is_open_goes_on_where_it_stood(stage: Stage) -> None:
    homeless = await add_customer(stage.database, email=None)
    waiting = await stage.signed_up(single())
    held = await stage.converted(single(hold=timedelta(days=14)))
    reviewed = await stage.converted(single(review=Review.ALL))
    parked = await stage.converted(single(), homeless)
    await stage.simulator.put("delivery", provider="giftcard-partners", seconds=10**6)
    flying = await stage.converted(single())
    await held.reaches("on_hold")
    await reviewed.reaches("in_review")
    grant = await parked.parked("recipient_incomplete")

    async def ordered() -> bool:
        return [order.state for order in await flying.orders()] in (["issued"], ["pending"])

    await eventually(ordered)
    everything = (waiting, held, reviewed, parked, flying)
    await forget(stage, *everything)

    assert (await recover(stage, dry_run=True))["referral"] == Tally(5, 0, 5, 0)
    with pytest.raises(RPCError, match="not found"):
        await waiting.handle.describe()
    assert (await recover(stage))["referral"] == Tally(5, 0, 5, 0)
    assert (await recover(stage))["referral"] == Tally(5, 5, 0, 0)

    await stage.simulator.put("delivery", provider="giftcard-partners", seconds=0)
    await waiting.convert()
    await held.skip(days=15)
    await stage.correct(homeless, email="found@example.com")
    await parked.retry(grant.id)
    for case in (waiting, held, parked, flying):
        assert await case.result() == "completed"
        await one_card(case)
    assert (await reviewed.referral()).status == "in_review"
    assert await reviewed.orders() == []
    await forget(stage, reviewed)
    await assert_books_agree(stage.database)


async def test_a_definitely_refused_order_is_not_ordered_anew(stage: Stage) -> None:
    case = await stage.converted(single(referee_reward=gift_card(amount=600_00)))
    grant = await case.parked("order_rejected")
    await forget(stage, case)
    await recover(stage)
    assert await case.skip(days=30)
    assert [order.generation for order in await case.orders()] == [1]
    await case.cancel(grant.id)
    assert await case.result() == "completed"


async def test_an_order_that_nobody_knows_the_outcome_of_is_asked_for_under_its_key(
    stage: Stage,
) -> None:
    await stage.simulator.put("faults", rates={"drop_after": 1.0}, seed=1)
    case = await stage.converted(single())

    async def in_doubt() -> bool:
        return [order.state for order in await case.orders()] == ["unknown"]

    await eventually(in_doubt)
    await forget(stage, case)
    await stage.simulator.put("faults", rates={})
    await recover(stage)
    assert await case.result() == "completed"
    await one_card(case)


async def test_a_reversal_that_temporal_lost_is_carried_out(stage: Stage) -> None:
    case = await stage.converted(single(hold=timedelta(days=14)))
    await case.reaches("on_hold")
    await forget(stage, case)
    async with stage.database.transaction() as tx:
        await request_reversal(tx, case.id, None, "sent back", f"refund {number()}")
        await tx.session.execute(update(Intake).values(sent_at=tx.now))
    await recover(stage)
    assert await case.result() == "completed"
    assert (await case.referral()).status == "reversed"
    assert await case.orders() == []
    (reversal,) = await rows(stage.database, Reversal, referral_id=case.id)
    assert reversal.carried_out_at is not None


async def test_a_reversal_is_carried_out_though_temporal_has_forgotten_the_referral(
    stage: Stage,
) -> None:
    """A retention of days has passed, the window of weeks has not."""
    case = await stage.converted(single())
    assert await case.result() == "completed"
    # As if it had never known the id: to delete a run that has closed takes it minutes.
    anew = stage.watch(f"{case.handle.id}:anew").id
    await alter(stage.database, await case.referral(), workflow_id=anew)
    for grant in await case.grants():
        await alter(stage.database, grant, workflow_id=anew)
    async with stage.database.transaction() as tx:
        accepted = await request_reversal(tx, case.id, None, "sent back", f"refund {number()}")
    await stage.send(accepted.intake)
    await case.reaches("reversed")
    await assert_books_agree(stage.database)


class TestARunThatHasClosedWhileItsFactsAreOpen:
    """PostgreSQL was set back, Temporal was not."""

    async def test_gets_a_successor_for_the_conversion_that_comes_for_it(
        self, stage: Stage
    ) -> None:
        case = await stage.signed_up(single())
        await case.handle.terminate()
        accepted = await stage.accept(conversion(case.referee_id))
        follow_up = partial(recover_referrals, stage.database, stage.client)
        # Without anybody who looks at the facts the message stays.
        await redrive(stage.database, stage.client, older_than=timedelta(0))
        (message,) = accepted.intake
        assert (await one(stage.database, Intake, id=message.id)).sent_at is None
        await redrive(stage.database, stage.client, older_than=timedelta(0), follow_up=follow_up)
        assert (await one(stage.database, Intake, id=message.id)).sent_at is not None
        assert await case.result() == "completed"
        await one_card(case)

    async def test_gets_one_from_recover(self, stage: Stage) -> None:
        case = await stage.signed_up(single())
        await case.handle.terminate()
        assert (await recover(stage))["referral"].started == 1
        await case.convert()
        assert await case.result() == "completed"

    async def test_gets_none_where_they_are_final(self, stage: Stage) -> None:
        case = await stage.converted(single())
        assert await case.result() == "completed"
        first = (await case.handle.describe()).run_id
        (message,) = await rows(stage.database, Intake, referral_id=case.id)
        await alter(stage.database, message, sent_at=None)
        follow_up = partial(recover_referrals, stage.database, stage.client)
        await redrive(stage.database, stage.client, older_than=timedelta(0), follow_up=follow_up)
        assert (await one(stage.database, Intake, id=message.id)).sent_at is not None
        assert (await case.handle.describe()).run_id == first


async def test_workflows_for_facts_at_rest_or_unknown_are_noticed_and_ended(stage: Stage) -> None:
    open_one = await stage.signed_up(single())
    at_rest = await stage.signed_up(single())
    referral = await one(stage.database, Referral, id=at_rest.id)
    await alter(stage.database, referral, status="expired")
    programme = await add_programme(stage.database, single())
    unknown = start_of(referral).model_copy(
        update={"referral_id": "ref_lost", "referee_id": "cust_lost"}
    )
    lost = stage.watch(f"referral:{programme.campaign_id}:cust_lost")
    await stage.client.start_workflow(
        "ReferralWorkflow", unknown, id=lost.id, task_queue=WORKFLOW_QUEUE
    )
    mine = {open_one.handle.id, at_rest.handle.id, lost.id}

    async def noticed() -> dict[str, bool]:
        found = await idle_workflows(stage.database, stage.client, older_than=timedelta(0))
        return {each.workflow_id: each.known for each in found if each.workflow_id in mine}

    async def both() -> bool:
        return await noticed() == {at_rest.handle.id: True, lost.id: False}

    await eventually(both)
    found = await idle_workflows(stage.database, stage.client, older_than=timedelta(0))
    await stop(stage.client, [each for each in found if each.workflow_id in mine])
    assert await noticed() == {}
    assert await open_one.skip(days=1), "what is open runs on"


async def test_a_missing_workflow_is_noticed_and_reported(stage: Stage) -> None:
    await recover(stage)
    case = await stage.signed_up(single())
    async with stage.database.transaction() as tx:
        await tx.session.execute(update(Intake).values(sent_at=in_past(minutes=10)))
    assert (await sweep(stage.database, stage.client)).missing == 0
    await forget(stage, case)
    assert (await sweep(stage.database, stage.client)).missing == 1
    async with front_door(stage) as door:
        ready = await door.get("/readyz")
        assert ready["details"][0] == "1 workflows are missing: run guerdon recover"
        assert "guerdon_workflows_missing 1.0" in await door.metrics()
        await recover(stage)
        assert (await sweep(stage.database, stage.client)).missing == 0
        assert "guerdon_workflows_missing 0.0" in await door.metrics()
    # A history without a single workflow task cannot be replayed in the end.
    await case.convert()
    assert await case.result() == "completed"
