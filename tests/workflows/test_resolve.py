"""Nobody knows whether the card exists: a person says so, and the provider's own word goes first.
Whatever is said, no grant gets two cards."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

import tests.workflows.standings as standings
from store.tables import Grant, Order, StaffAction
from tests.auditing import assert_books_agree
from tests.builders import alter, in_future, one, rows
from tests.keeping import Keep
from tests.workflows.case import Case, eventually
from tests.workflows.frontdoor import FrontDoor, front_door
from tests.workflows.histories import readable
from tests.workflows.stage import Stage

EVIDENCE = "Zyxqvut of their support: ticket 88"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def door(running: Stage) -> AsyncIterator[FrontDoor]:
    async with front_door(running) as door:
        yield door


async def say(door: FrontDoor, grant: Grant, **said: Any) -> None:
    """A person says it again where an attempt of the workflow's own is just under way."""

    async def taken() -> bool:
        answer = await door.post(f"/v1/grants/{grant.id}/resolve", **said | {"evidence": EVIDENCE})
        assert answer.status_code == 200 or "This one is ordering" in answer.text, answer.text
        return answer.status_code == 200

    await eventually(taken)


async def told(door: FrontDoor, grant: Grant) -> tuple[str, str]:
    """The last thing that staff did, once it is carried out."""

    async def done() -> Any:
        timeline = (await door.get(f"/v1/grants/{grant.id}/timeline"))["data"]
        return [each for each in timeline if each["type"].endswith("resolved")]

    last = (await eventually(done))[-1]
    assert (last["source"], last["actor"]) == ("staff", door.app_id)
    return last["title"], last["detail"]


async def numbers(stage: Stage, case: Case) -> list[dict[str, Any]]:
    keys = [order.key for order in await case.orders()]
    return await stage.simulator.book(*keys)


class TestNotIssued:
    async def test_the_key_is_dead_and_a_retry_orders_anew(
        self, stage: Stage, door: FrontDoor, keep: Keep
    ) -> None:
        case, grant = await standings.unknown(stage)
        await say(door, grant, issued=False)
        parked = await case.parked("order_rejected")
        assert "Retry orders anew" in (parked.attention_detail or "")
        assert await told(door, grant) == (
            "Resolved by staff: not issued",
            f"Evidence: {EVIDENCE}",
        )
        assert await numbers(stage, case) == []
        await door.ask("retry", grant.id)
        assert await case.result() == "completed"
        first, second = await case.orders()
        assert (first.state, second.state) == ("failed", "issued")
        assert [card["key"] for card in await numbers(stage, case)] == [second.key]
        await assert_books_agree(stage.database)
        await keep("resolved_not_issued", case.handle)

    async def test_an_order_resolved_as_not_issued_can_be_cancelled(
        self, stage: Stage, door: FrontDoor
    ) -> None:
        case, grant = await standings.unknown(stage)
        await say(door, grant, issued=False)
        await case.parked("order_rejected")
        await door.ask("cancel", grant.id)
        assert await case.result() == "completed"
        assert await numbers(stage, case) == []
        await assert_books_agree(stage.database)

    async def test_where_the_provider_shows_the_card_it_is_adopted_instead(
        self, stage: Stage, door: FrontDoor
    ) -> None:
        case, grant = await standings.unknown(stage, "error_after")
        await say(door, grant, issued=False)
        assert await case.result() == "completed"
        title, detail = await told(door, grant)
        assert title == "Resolved by staff: issued"
        assert "Said not to be issued, but the provider shows it." in detail
        assert len(await numbers(stage, case)) == 1
        await assert_books_agree(stage.database)

    async def test_where_the_provider_shows_another_amount_it_stays_in_conflict(
        self, stage: Stage, door: FrontDoor
    ) -> None:
        case, grant = await standings.in_conflict(stage)
        await say(door, grant, issued=False)
        title, detail = await told(door, grant)
        assert title == "Staff's resolution was not possible"
        assert "our key stands for a card of 99.00 USD" in detail
        assert (await case.parked("key_conflict")).status == "needs_attention"
        assert len(await numbers(stage, case)) == 1

    async def test_not_issued_is_refused_while_an_attempt_may_be_running(
        self, stage: Stage, door: FrontDoor
    ) -> None:
        case, grant = await standings.unknown(stage)
        (order,) = await case.orders()
        await alter(stage.database, order, claimed_until=in_future(hours=1))
        await say(door, grant, issued=False)
        await eventually(case.failed_once)
        assert [order.state for order in await case.orders()] == ["unknown"]
        await alter(stage.database, order, claimed_until=None)
        await case.parked("order_rejected")

    async def test_not_issued_is_refused_while_the_provider_does_not_answer(
        self, stage: Stage, door: FrontDoor
    ) -> None:
        case, grant = await standings.unknown(stage)
        await stage.simulator.put("credentials", accept=False, status=503)
        await say(door, grant, issued=False)
        await eventually(case.failed_once)
        assert [order.state for order in await case.orders()] == ["unknown"]
        await stage.simulator.put("credentials", accept=True)
        await case.parked("order_rejected")


class TestAdverseWord:
    async def test_parks_and_a_person_who_asked_the_provider_frees_it(
        self, stage: Stage, door: FrontDoor
    ) -> None:
        await stage.simulator.put("delivery", seconds=0, outcome="Voided")
        case = await stage.converted(standings.single())
        grant = await case.parked("outcome_unknown")
        assert "'Voided'" in (grant.attention_detail or "")
        assert [order.state for order in await case.orders()] == ["pending"]
        await say(door, grant, issued=False)
        await case.parked("order_rejected")
        assert len(await case.orders()) == 1
        await stage.simulator.put("delivery", seconds=0, outcome="delivered")
        await door.ask("retry", grant.id)
        assert await case.result() == "completed"
        first, second = await case.orders()
        assert (first.state, second.state) == ("failed", "issued")
        await assert_books_agree(stage.database)


class TestIssued:
    async def test_found_under_our_key_it_is_adopted_and_followed(
        self, stage: Stage, door: FrontDoor, keep: Keep
    ) -> None:
        case, grant = await standings.unknown(stage, "error_after")
        await say(door, grant, issued=True)
        assert await case.result() == "completed"
        title, detail = await told(door, grant)
        assert title == "Resolved by staff: issued"
        assert detail.startswith("Adopted the provider's order ")
        assert detail.endswith(f"Evidence: {EVIDENCE}")
        assert len(await numbers(stage, case)) == 1
        await assert_books_agree(stage.database)
        await keep("resolved_issued", case.handle)

    async def test_named_by_its_number_likewise(self, stage: Stage, door: FrontDoor) -> None:
        case, grant = await standings.unknown(stage, "error_after")
        (card,) = await numbers(stage, case)
        await say(door, grant, issued=True, provider_order_id=card["provider_order_id"])
        assert await case.result() == "completed"
        (order,) = await case.orders()
        assert order.provider_order_id == card["provider_order_id"]
        await assert_books_agree(stage.database)

    async def test_not_found_it_stays_parked_and_asks_for_the_number(
        self, stage: Stage, door: FrontDoor
    ) -> None:
        case, grant = await standings.unknown(stage)
        await say(door, grant, issued=True)
        title, detail = await told(door, grant)
        assert title == "Staff's resolution was not possible"
        assert "Name the provider's own order id." in detail
        assert (await case.parked("outcome_unknown")).attention_detail == (
            "No order is found under our key. Name the provider's own order id."
        )
        assert [order.state for order in await case.orders()] == ["unknown"]

    async def test_another_grants_order_is_never_adopted(
        self, stage: Stage, door: FrontDoor
    ) -> None:
        other = await stage.converted(standings.single())
        await other.result()
        (taken,) = await other.orders()
        case, grant = await standings.unknown(stage)
        await say(door, grant, issued=True, provider_order_id=taken.provider_order_id)
        title, _ = await told(door, grant)
        assert title == "Staff's resolution was not possible"
        assert (await case.parked("outcome_unknown")).status == "needs_attention"
        stands = await one(stage.database, Order, provider_order_id=taken.provider_order_id)
        assert stands.grant_id == taken.grant_id

    async def test_of_another_amount_is_adopted_by_name_and_says_so(
        self, stage: Stage, door: FrontDoor
    ) -> None:
        case, grant = await standings.in_conflict(stage)
        await say(door, grant, issued=True)
        assert await case.result() == "completed"
        _, detail = await told(door, grant)
        assert "It is worth 99.00 USD, not 15.00 USD." in detail


class TestAfterTheEnd:
    async def test_an_aftercare_resolves_and_the_retry_is_its_own(
        self, stage: Stage, door: FrontDoor
    ) -> None:
        case, grant = await standings.unknown(stage)
        await case.handle.terminate()
        await say(door, grant, issued=False)
        await case.parked("order_rejected")
        await door.ask("retry", grant.id)
        await case.reaches("completed")
        assert len(await numbers(stage, case)) == 1
        carried = await one(stage.database, Grant, id=grant.id)
        assert carried.workflow_id.startswith(f"aftercare:{case.id}:")
        await stage.watch(carried.workflow_id).result()
        await assert_books_agree(stage.database)


async def test_evidence_is_kept_and_in_no_history(stage: Stage, door: FrontDoor) -> None:
    case, grant = await standings.unknown(stage, "error_after")
    await say(door, grant, issued=True)
    await case.result()
    (kept,) = await rows(stage.database, StaffAction, grant_id=grant.id)
    assert (kept.evidence, kept.actor) == (EVIDENCE, door.app_id)
    said = readable(await case.handle.fetch_history()).lower()
    assert "resolve" in said
    assert "zyxqvut" not in said


async def test_a_missing_member_of_the_resolution_is_named(stage: Stage, door: FrontDoor) -> None:
    case, grant = await standings.unknown(stage)
    for body, pointer in (
        ({"evidence": "x"}, "/issued"),
        ({"issued": True}, "/evidence"),
        ({"issued": "yes", "evidence": "x"}, "/issued"),
    ):
        answer = await door.post(f"/v1/grants/{grant.id}/resolve", **body)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, pointer)
    assert await rows(stage.database, StaffAction, referral_id=case.id) == []
