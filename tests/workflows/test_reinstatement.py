"""Reinstatement end to end: real Temporal, real PostgreSQL, a provider over HTTP."""

from __future__ import annotations

from datetime import timedelta

from temporalio.client import WorkflowExecutionStatus

from domain.ids import aftercare_workflow_id
from store.referrals.reinstatement import request_reinstatement
from store.reversals.request import request_reversal
from tests.auditing import assert_books_agree
from tests.builders import budget, gift_card, many_friends, number, points, terms
from tests.workflows.case import Case, eventually
from tests.workflows.stage import Stage

PROVIDERS = ["giftcard-partners", "giftbit"]
GIFTBIT = {"provider": "giftbit", "product_id": "amazonus", "delivery": "email"}


async def reverse(stage: Stage, case: Case) -> str:
    async with stage.database.transaction() as tx:
        accepted = await request_reversal(tx, case.id, None, "sent back", f"refund {number()}")
    await stage.send(accepted.intake)
    return accepted.intake[0].id


async def reinstate(stage: Stage, case: Case) -> str:
    async with stage.database.transaction() as tx:
        messages = await request_reinstatement(tx, case.id, "a mistake", actor="act_1")
    await stage.send(messages)
    stage.watch(aftercare_workflow_id(case.id, messages[0].id))
    return messages[0].id


async def reaches(case: Case, *statuses: str) -> None:
    async def there() -> bool:
        return (await case.referral()).status in statuses

    await eventually(there)


async def test_after_the_referral_has_closed_an_aftercare_carries_it(stage: Stage) -> None:
    held = terms(tiers=(), limits=budget(600_00), hold=timedelta(days=14))
    case = await stage.converted(held)
    await case.reaches("on_hold")
    await reverse(stage, case)
    await case.result()
    assert (await case.referral()).status == "reversed"
    request = await reinstate(stage, case)
    await reaches(case, "on_hold")
    handle = stage.watch(aftercare_workflow_id(case.id, request))
    await stage.temporal.fast_forward(handle, timedelta(days=14, hours=1))
    await handle.result()
    assert (await case.referral()).status == "completed"
    assert len(await case.cards()) == 1
    await assert_books_agree(stage.database)


async def test_a_card_that_was_taken_back_is_ordered_anew(stage: Stage) -> None:
    """Giftbit cancels cards; the second one has a key of its own."""
    card = gift_card(**GIFTBIT)
    case = await stage.converted(terms(referee_reward=card, tiers=(), limits=budget(600_00)))
    assert await case.result() == "completed"
    request = await reverse(stage, case)
    await stage.watch(aftercare_workflow_id(case.id, request)).result()
    assert (await case.referral()).status == "reversed"
    request = await reinstate(stage, case)
    await stage.watch(aftercare_workflow_id(case.id, request)).result()
    assert (await case.referral()).status == "completed"
    cards = await case.cards()
    assert sorted(card["state"] for card in cards) != [cards[0]["state"]] * 2
    assert len({card["key"] for card in cards}) == 2
    await assert_books_agree(stage.database)


async def test_a_refund_that_is_taken_back_before_it_is_carried_out_undoes_nothing(
    stage: Stage,
) -> None:
    held = terms(limits=budget(600_00), hold=timedelta(days=14))
    case = await stage.converted(held)
    await case.reaches("on_hold")
    async with stage.database.transaction() as tx:
        accepted = await request_reversal(tx, case.id, None, "sent back", f"refund {number()}")
        messages = await request_reinstatement(tx, case.id, "a mistake", actor="act_1")
    await stage.send([*messages, *accepted.intake])
    await case.skip(days=14, hours=1)
    assert await case.result() == "completed"
    assert len(await case.cards()) == 2
    await assert_books_agree(stage.database)


async def test_rewards_that_are_reopened_while_the_workflow_is_still_open_are_delivered(
    stage: Stage,
) -> None:
    """A milestone that a reversal keeps is on hold, and the workflow with it."""
    kept = many_friends(1, points(100))
    held = terms(kept, limits=budget(600_00), hold=timedelta(days=14))
    case = await stage.converted(held)
    await case.reaches("on_hold")
    (card,) = await case.grants(kind="gift_card")
    await reverse(stage, case)

    async def undone() -> bool:
        return [grant.status for grant in await case.grants(kind="gift_card")] == ["cancelled"]

    await eventually(undone)
    assert (await case.handle.describe()).status is WorkflowExecutionStatus.RUNNING
    await reinstate(stage, case)

    async def reopened() -> bool:
        return [grant.status for grant in await case.grants(kind="gift_card")] == ["held"]

    await eventually(reopened)
    await case.skip(days=14, hours=1)
    assert await case.result() == "completed"
    (again,) = await case.grants(kind="gift_card")
    assert (again.id, again.status) == (card.id, "delivered")
    assert [(one["state"], one["amount"]) for one in await case.cards()] == [("issued", 15_00)]
    assert (await case.referral()).status == "completed"
    await assert_books_agree(stage.database)


async def test_a_part_that_is_refunded_before_it_is_judged_anew_makes_the_card_smaller(
    stage: Stage,
) -> None:
    """The share of the new round is taken off before anything is ordered."""
    held = terms(tiers=(), limits=budget(600_00), hold=timedelta(days=14))
    case = await stage.converted(held)
    await case.reaches("on_hold")
    await reverse(stage, case)
    await case.result()
    async with stage.database.transaction() as tx:
        messages = await request_reinstatement(tx, case.id, "a mistake", actor="act_1")
        part = await request_reversal(
            tx, case.id, 100_00, "sent back", f"refund {number()}", order_amount=300_00
        )
    await stage.send(messages)
    handle = stage.watch(aftercare_workflow_id(case.id, messages[0].id))
    await reaches(case, "on_hold")
    await stage.temporal.fast_forward(handle, timedelta(days=14, hours=1))
    await handle.result()
    await stage.send(part.intake)
    stage.watch(aftercare_workflow_id(case.id, part.intake[0].id))
    assert [card["amount"] for card in await case.cards()] == [10_00]
    await assert_books_agree(stage.database)
