"""A cause that concerns every order of a provider stops its lane: one order at a time tries
whether the cause is gone, and the first that gets through opens the lane for all."""

from __future__ import annotations

import asyncio

from domain.roles import Role
from store.tables import Event, Lane
from tests.auditing import assert_books_agree
from tests.builders import PROVIDER, gift_card, one, rows, terms
from tests.workflows.case import Case, eventually
from tests.workflows.frontdoor import FrontDoor, front_door
from tests.workflows.stage import Stage

SINGLE = terms(referee_reward=gift_card(), tiers=())


async def attempts(stage: Stage) -> int:
    """Order-creating requests that reached the provider."""
    return (await stage.simulator.stats())["attempted"]


async def lane_events(stage: Stage, since: int) -> list[str]:
    """What was told of lanes after that event."""
    told = await rows(stage.database, Event)
    return [e.type for e in told if e.type.startswith("lane.") and (e.seq or 0) > since]


async def last_event(stage: Stage) -> int:
    return max((event.seq or 0 for event in await rows(stage.database, Event)), default=0)


async def end_of_log(door: FrontDoor) -> str:
    """Where the event log ends now."""
    page = await door.get("/v1/event-log")
    while page["has_more"]:
        page = await door.get(f"/v1/event-log?after={page['next']}")
    return str(page["next"])


class TestInsufficientFunds:
    async def test_parks_stops_the_lane_and_goes_out_by_itself_when_funded(
        self, stage: Stage
    ) -> None:
        since = await last_event(stage)
        await stage.simulator.funds(10_00)
        case = await stage.converted(SINGLE)
        grant = await case.parked("insufficient_funds")
        assert grant.attention_detail == "the deposit account does not cover the order"
        assert (await case.referral()).status == "needs_attention"
        lane = await one(stage.database, Lane)
        assert (lane.provider, lane.attention) == (PROVIDER, "insufficient_funds")
        await stage.simulator.funds(20_00)
        assert await case.result() == "completed"
        assert await rows(stage.database, Lane) == []
        assert await lane_events(stage, since) == ["lane.stopped", "lane.reopened"]
        assert await case.events(source="staff") == []
        (order,) = await case.orders()
        assert (order.generation, len(await case.cards())) == (1, 1)
        await assert_books_agree(stage.database)

    async def test_holds_a_crowd_back_without_asking_for_each(self, stage: Stage) -> None:
        await stage.simulator.funds(0)
        first = await stage.converted(SINGLE)
        await first.parked("insufficient_funds")
        asked = await attempts(stage)
        crowd = await asyncio.gather(*(stage.converted(SINGLE) for _ in range(8)))
        for case in crowd:
            await case.parked("insufficient_funds")
        # A probe each two seconds at most, whoever waits.
        assert await attempts(stage) - asked <= 4
        await stage.simulator.funds(1_000_00)
        assert await asyncio.gather(*(case.result(30) for case in [first, *crowd])) == (
            ["completed"] * 9
        )
        assert [len(await case.cards()) for case in crowd] == [1] * 8
        await assert_books_agree(stage.database)

    async def test_a_deposit_for_one_order_serves_one_and_stops_the_lane_again(
        self, stage: Stage
    ) -> None:
        await stage.simulator.funds(0)
        cases = await asyncio.gather(*(stage.converted(SINGLE) for _ in range(2)))
        for case in cases:
            await case.parked("insufficient_funds")
        await stage.simulator.funds(20_00)

        async def served() -> list[Case]:
            return [case for case in cases if await case.grants(status="delivered")]

        (first,) = await eventually(served, 30)
        (second,) = set(cases) - {first}
        assert (await second.parked("insufficient_funds")).attention_detail
        await stage.simulator.funds(20_00)
        await second.retry((await second.grants())[0].id)
        assert await second.result() == "completed"
        assert [len(await case.cards()) for case in cases] == [1, 1]


class TestRefusedCredentials:
    async def test_park_stop_the_lane_and_go_out_by_themselves_when_mended(
        self, stage: Stage
    ) -> None:
        await stage.simulator.put("credentials", accept=False)
        case = await stage.converted(SINGLE)
        grant = await case.parked("provider_misconfigured")
        assert "credential" in (grant.attention_detail or "")
        assert (await one(stage.database, Lane)).attention == "provider_misconfigured"
        await stage.simulator.put("credentials", accept=True)
        assert await case.result() == "completed"
        assert await rows(stage.database, Lane) == []
        assert len(await case.cards()) == 1

    async def test_a_revoked_token_is_renewed_and_parks_nothing(self, stage: Stage) -> None:
        await (await stage.converted(SINGLE)).result()
        await stage.simulator.put("tokens", revoke=True)
        case = await stage.converted(SINGLE)
        assert await case.result() == "completed"
        assert "grant.provider_misconfigured" not in await case.events()


class TestRetryWhileStopped:
    async def test_a_person_who_has_funded_the_deposit_need_not_wait_for_the_next_probe(
        self, stage: Stage
    ) -> None:
        await stage.simulator.funds(0)
        case = await stage.converted(SINGLE)
        grant = await case.parked("insufficient_funds")
        await stage.delay_probes()
        await stage.simulator.funds(100_00)
        await case.retry(grant.id)
        assert await case.result() == "completed"


class TestStanding:
    async def test_is_shown_while_the_lane_is_stopped_and_gone_when_it_resumed(
        self, stage: Stage
    ) -> None:
        await stage.simulator.funds(0)
        async with front_door(stage, Role.FINANCE) as finance:
            begun = await end_of_log(finance)
            case = await stage.converted(SINGLE)
            await case.parked("insufficient_funds")
            (lane,) = (await finance.get("/v1/lanes"))["data"]
            assert (lane["provider"], lane["state"]) == (PROVIDER, "stopped")
            assert (lane["reason"], lane["grants_waiting"]) == ("insufficient_funds", 1)
            assert lane["amounts_waiting"] == [{"amount": 15_00, "currency": "USD"}]
            assert lane["since"] <= lane["next_try_at"]
            assert "Fund the deposit" in lane["resumes"]
            shown = await finance.metrics()
            labels = f'{{provider="{PROVIDER}",reason="insufficient_funds"}}'
            assert f"guerdon_lane_stopped{labels} 1.0" in shown
            waiting = 'guerdon_grants_needing_attention{reason="insufficient_funds"} 1.0'
            assert waiting in shown
            await stage.simulator.funds(1_000_00)
            assert await case.result() == "completed"
            for lane in (await finance.get("/v1/lanes"))["data"]:
                assert (lane["state"], lane["reason"]) == ("open", None)
                assert (lane["grants_waiting"], lane["resumes"]) == (0, None)
            assert not [line for line in await finance.metrics() if f"stopped{labels}" in line]
            told = (await finance.get(f"/v1/event-log?after={begun}&type=lane.*"))["data"]
            assert [event["type"] for event in told] == ["lane.stopped", "lane.reopened"]
            assert told[0]["data"] == {"provider": PROVIDER, "reason": "insufficient_funds"}
            assert told[0]["detail"]
