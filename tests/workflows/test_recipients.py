"""A recipient who has changed since the conversion was judged is judged again before an order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from domain.campaigns import Review
from domain.customers import Person
from store.customers.upsert import upsert
from store.tables import Customer, Grant
from tests.auditing import assert_books_agree
from tests.builders import add_customer, add_programme, number, one, terms
from tests.keeping import Keep
from tests.workflows.case import Case, eventually
from tests.workflows.frontdoor import FrontDoor, front_door
from tests.workflows.stage import Stage

HELD = terms(hold=timedelta(days=14))
"""No review; both sides' cards wait for two weeks."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def door(running: Stage) -> AsyncIterator[FrontDoor]:
    async with front_door(running) as door:
        yield door


async def change(stage: Stage, customer_id: str, **changes: Any) -> None:
    """The customer changes it, not staff."""
    async with stage.database.transaction() as tx:
        await upsert(tx, Person.model_validate({"id": customer_id} | changes))


async def known(stage: Stage, customer_id: str) -> Customer:
    return await one(stage.database, Customer, id=customer_id)


async def over(case: Case) -> None:
    """The hold is over."""
    await case.skip(days=14, hours=1)


async def in_review(case: Case, count: int) -> list[Grant]:
    async def there() -> list[Grant]:
        found = await case.grants(status="in_review")
        return found if len(found) == count else []

    return await eventually(there)


async def hits(case: Case) -> list[dict[str, Any]]:
    return [one for one in (await case.referral()).verdicts if one["flagged"]]


@pytest.mark.parametrize("kind", ["email", "phone"])
async def test_four_friends_who_turn_out_to_be_the_referrer_wait_for_a_person(
    stage: Stage, kind: str
) -> None:
    programme = await add_programme(stage.database, HELD)
    jane = await known(stage, programme.referrer_id)
    cases = [await stage.converted_with(programme.code) for _ in range(4)]
    for case in cases:
        await case.reaches("on_hold")
        await change(stage, case.referee_id, **{kind: getattr(jane, kind)})
    for case in cases:
        await over(case)
        await in_review(case, 2)
        assert await case.orders() == []
        (hit,) = await hits(case)
        assert (hit["check"], hit["passed"]) == (f"same_{kind}", True)
        assert set(hit["numbers"].values()) == {case.referee_id, case.referrer_id}
        assert hit["detail"] in str((await case.referral()).reason)


async def test_approved_they_are_ordered_and_not_asked_about_again(
    stage: Stage, door: FrontDoor, keep: Keep
) -> None:
    case = await stage.converted(HELD)
    await case.reaches("on_hold")
    jane = await known(stage, case.referrer_id)
    await change(stage, case.referee_id, phone=jane.phone)
    await over(case)
    await in_review(case, 2)
    answer = await door.post(f"/v1/referrals/{case.id}/approve", reason="one household")
    assert answer.status_code == 200, answer.text
    assert await case.result() == "completed"
    assert len(await case.cards()) == 2
    await assert_books_agree(stage.database)
    await keep("recipient_approved", case.handle)


async def test_nothing_is_ordered_after_a_denial(stage: Stage, door: FrontDoor, keep: Keep) -> None:
    case = await stage.converted(HELD)
    await case.reaches("on_hold")
    jane = await known(stage, case.referrer_id)
    await change(stage, case.referee_id, email=jane.email)
    await over(case)
    await in_review(case, 2)
    answer = await door.post(f"/v1/referrals/{case.id}/deny", reason="her own mailbox")
    assert answer.status_code == 200, answer.text
    await case.result()
    assert {grant.status for grant in await case.grants()} == {"cancelled"}
    assert await case.orders() == []
    await assert_books_agree(stage.database)
    await keep("recipient_denied", case.handle)


async def test_friends_who_move_to_one_mailbox_all_wait_for_a_person(stage: Stage) -> None:
    programme = await add_programme(stage.database, terms(tiers=(), hold=timedelta(days=14)))
    cases = [await stage.converted_with(programme.code) for _ in range(3)]
    mailbox = f"everybody{number()}@example.com"
    for case in cases:
        await case.reaches("on_hold")
        await change(stage, case.referee_id, email=mailbox)
    await asyncio.gather(*(over(case) for case in cases))
    friends = {case.referee_id for case in cases}
    for case in cases:
        await in_review(case, 1)
        (hit,) = await hits(case)
        assert hit["numbers"]["customer_id"] == case.referee_id
        assert hit["numbers"]["same_as"] in friends - {case.referee_id}
    assert [await case.orders() for case in cases] == [[], [], []]


async def test_the_referrer_who_moves_to_the_friends_mailbox_is_seen_as_well(
    stage: Stage,
) -> None:
    case = await stage.converted(HELD)
    await case.reaches("on_hold")
    friend = await known(stage, case.referee_id)
    await change(stage, case.referrer_id, email=friend.email)
    await over(case)
    await in_review(case, 2)


async def test_an_honest_change_is_sent_where_it_says(stage: Stage) -> None:
    case = await stage.converted(HELD)
    await case.reaches("on_hold")
    mailbox = f"moved{number()}@example.com"
    await change(stage, case.referee_id, email=mailbox)
    await over(case)
    assert await case.result() == "completed"
    (order,) = [
        one for one in await case.orders() if one.request["recipient"]["email"][:5] == "moved"
    ]
    assert order.state == "issued"


async def test_a_match_known_from_the_start_is_not_judged_again(stage: Stage) -> None:
    """`same_phone` flags, and under `review: none` nobody asked to look."""
    friend = await add_customer(stage.database, phone="+12175550142")
    programme = await add_programme(stage.database, HELD)
    await change(stage, programme.referrer_id, phone="+12175550142")
    case = await stage.converted_with(programme.code, friend)
    await case.reaches("on_hold")
    await over(case)
    assert await case.result() == "completed"
    assert len(await case.cards()) == 2


async def test_cancelled_while_in_review_it_ends(stage: Stage, door: FrontDoor) -> None:
    case = await stage.converted(HELD)
    await case.reaches("on_hold")
    jane = await known(stage, case.referrer_id)
    await change(stage, case.referee_id, email=jane.email)
    await over(case)
    for grant in await in_review(case, 2):
        await door.ask("cancel", grant.id)
    assert await case.result() == "completed"
    assert await case.orders() == []
    await assert_books_agree(stage.database)


async def test_after_a_first_review_a_second_one_decides_anew(
    stage: Stage, door: FrontDoor
) -> None:
    """Approved under `review: all`; before the order goes out, the friend moves."""
    await stage.simulator.funds(0)
    case = await stage.converted(terms(review=Review.ALL))
    await case.reaches("in_review")
    jane = await known(stage, case.referrer_id)
    await change(stage, case.referee_id, email=jane.email)
    answer = await door.post(f"/v1/referrals/{case.id}/approve", reason="seen")
    assert answer.status_code == 200, answer.text
    await in_review(case, 2)
    answer = await door.post(f"/v1/referrals/{case.id}/approve", reason="seen again")
    assert answer.status_code == 200, answer.text
    await case.parked("insufficient_funds")
