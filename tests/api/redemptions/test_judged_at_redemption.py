"""In a campaign that converts on redemption no discount is given without its reward."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from domain.grants import GrantStatus
from store.database import Database
from store.outbox.enqueue import start_of
from store.qualification.qualify import qualify
from store.tables import Budget, Grant, Redemption, Referral, Voucher
from tests.api.api_bodies import (
    REDEMPTION,
    Shared,
    made,
    person,
    redemption_body,
    refused,
    share,
    tier,
)
from tests.auditing import assert_books_agree
from tests.builders import number, one, rows


async def redeem(client: httpx.AsyncClient, code: str, **customer: Any) -> httpx.Response:
    return await client.post("/v1/redemptions", json=redemption_body(code, person(**customer)))


async def uses(database: Database, code: str) -> int:
    return (await one(database, Voucher, code=code)).redeemed_quantity


async def given(database: Database) -> list[Redemption]:
    return [row for row in await rows(database, Redemption) if row.failure_code is None]


class TestWhatIsKnown:
    async def test_the_referrers_own_mailbox(
        self, service: httpx.AsyncClient, admin: httpx.AsyncClient, database: Database
    ) -> None:
        shared = await share(admin, REDEMPTION)
        email = shared.referrer["email"].replace("@", "+me@")
        answer = await redeem(service, shared.code, email=email)
        refused(answer, 400, "customer_rules_violated")
        assert "has, or had, the referrer's e-mail address" in answer.json()["detail"]
        assert await given(database) == []
        assert await rows(database, Referral) == []
        assert await uses(database, shared.code) == 0

    async def test_a_friend_who_counted_before(
        self, service: httpx.AsyncClient, admin: httpx.AsyncClient, database: Database
    ) -> None:
        shared = await share(admin, REDEMPTION)
        assert (await redeem(service, shared.code, email="bob@example.com")).status_code == 200
        answer = await redeem(service, shared.code, email="Bob+2@example.com")
        refused(answer, 400, "customer_rules_violated")
        assert len(await given(database)) == 1

    async def test_a_limit_of_the_referrers(
        self, service: httpx.AsyncClient, admin: httpx.AsyncClient, database: Database
    ) -> None:
        limits = {"grants_per_referrer": 2}
        shared = await share(admin, REDEMPTION | {"limits": limits})
        answers = [await redeem(service, shared.code) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 400]
        refused(answers[2], 400, "redemption_rules_violated")
        assert await uses(database, shared.code) == 2

    async def test_is_said_by_a_validation_as_well(
        self, service: httpx.AsyncClient, admin: httpx.AsyncClient, database: Database
    ) -> None:
        shared = await share(admin, REDEMPTION)
        body = redemption_body(shared.code, person(email=shared.referrer["email"]))
        answer = await made(service.post("/v1/validations", json=body))
        assert answer["valid"] is False
        redeemed = await service.post("/v1/redemptions", json=body)
        (told,) = answer["inapplicable_redeemables"]
        assert told["result"]["error"]["key"] == redeemed.json()["key"]
        assert await rows(database, Grant) == []

    async def test_leaves_a_friend_who_had_signed_up_waiting(
        self, service: httpx.AsyncClient, admin: httpx.AsyncClient, database: Database
    ) -> None:
        """A budget may be raised again."""
        program = REDEMPTION | {"limits": {"budget": {"amount": 3000}}}
        shared = await share(admin, program)
        friend = person()
        signed = {"code": shared.code, "customer": friend}
        await made(service.post("/v1/referrals", json=signed), 201)
        assert (await redeem(service, shared.code)).status_code == 200
        body = redemption_body(shared.code, friend)
        refused(await service.post("/v1/redemptions", json=body), 400, "budget_exhausted")
        (waiting,) = [row for row in await rows(database, Referral) if row.ordinal is None]
        assert waiting.status == "waiting"
        more = {"referral_program": {"limits": {"budget": {"amount": 9000}}}}
        await made(admin.put(f"/v1/campaigns/{shared.campaign_id}", json=more))
        again = await service.post("/v1/redemptions", json=body)
        assert again.status_code == 200, again.text
        await assert_books_agree(database)


class TestReserved:
    async def test_twenty_at_once_and_a_budget_for_five_reward_five(
        self, service: httpx.AsyncClient, admin: httpx.AsyncClient, database: Database
    ) -> None:
        """Five times 15.00 for the friend and 15.00 for the referrer."""
        shared = await share(admin, REDEMPTION | {"limits": {"budget": {"amount": 15000}}})
        answers = await asyncio.gather(*(redeem(service, shared.code) for _ in range(20)))
        taken = [answer for answer in answers if answer.status_code == 200]
        assert len(taken) == 5
        for answer in answers:
            if answer not in taken:
                refused(answer, 400, "budget_exhausted")
        assert len(await given(database)) == 5
        assert await uses(database, shared.code) == 5
        assert len(await rows(database, Grant, status=GrantStatus.ORDERING)) == 10
        budget = await one(database, Budget, campaign_id=shared.campaign_id)
        assert (budget.reserved, budget.committed) == (15000, 0)
        await assert_books_agree(database)

    async def test_several_referrers_share_the_budget(
        self, service: httpx.AsyncClient, admin: httpx.AsyncClient, database: Database
    ) -> None:
        shared = await share(admin, REDEMPTION | {"limits": {"budget": {"amount": 9000}}})
        codes = [shared.code, *[await _code(service, shared) for _ in range(4)]]
        answers = await asyncio.gather(*(redeem(service, code) for code in codes * 2))
        assert sorted(answer.status_code for answer in answers) == [200] * 3 + [400] * 7
        await assert_books_agree(database)

    async def test_the_workflow_finds_it_decided(
        self, service: httpx.AsyncClient, admin: httpx.AsyncClient, database: Database
    ) -> None:
        shared = await share(admin, REDEMPTION)
        answer = await made(
            service.post("/v1/redemptions", json=redemption_body(shared.code, person()))
        )
        referral = await one(database, Referral, id=answer["redemptions"][0]["referral"]["id"])
        before = await rows(database, Grant)
        decision = await qualify(database, start_of(referral))
        assert decision.qualified
        assert {task.grant_id for task in decision.grants} == {grant.id for grant in before}
        assert await rows(database, Grant) == before

    async def test_a_repeat_reserves_nothing_more(
        self, service: httpx.AsyncClient, admin: httpx.AsyncClient, database: Database
    ) -> None:
        shared = await share(admin, REDEMPTION)
        body = redemption_body(shared.code, person())
        answers = await asyncio.gather(
            *(service.post("/v1/redemptions", json=body) for _ in range(6))
        )
        assert {answer.status_code for answer in answers} == {200}
        assert len(await rows(database, Grant)) == 2


async def _code(client: httpx.AsyncClient, shared: Shared) -> str:
    body = {"campaign": {"name": shared.campaign}, "customer": person()}
    return str((await made(client.post("/v1/publications", json=body)))["voucher"]["code"])


class TestTheNamedReferrer:
    @pytest.mark.parametrize("shape", ["referrer_id", "referrer"])
    async def test_is_rewarded(
        self,
        service: httpx.AsyncClient,
        admin: httpx.AsyncClient,
        database: Database,
        shape: str,
    ) -> None:
        shared, partner = await self._shared(service, admin)
        named = (
            {"referrer_id": partner}
            if shape == "referrer_id"
            else {"referrer": {"source_id": partner}}
        )
        order = {"source_id": f"order-{number()}", "amount": 4000} | named
        body = redemption_body(shared.code, order=order)
        answer = await made(service.post("/v1/redemptions", json=body))
        found = await one(database, Referral, id=answer["redemptions"][0]["referral"]["id"])
        assert answer["order"]["referrer_id"] == found.referrer_id
        (grant,) = await rows(database, Grant, role="referrer")
        assert grant.recipient_id == found.referrer_id
        holder = await made(service.get(f"/v1/customers/{partner}"))
        assert holder["id"] == found.referrer_id

    async def test_a_referrer_who_does_not_hold_the_code_is_refused(
        self, service: httpx.AsyncClient, admin: httpx.AsyncClient, database: Database
    ) -> None:
        shared = await share(admin, REDEMPTION)
        order = {"source_id": "order-1", "amount": 4000, "referrer_id": "nobody"}
        body = redemption_body(shared.code, order=order)
        answer = await service.post("/v1/redemptions", json=body)
        refused(answer, 400, "invalid_payload", "/order/referrer_id")
        assert await rows(database, Referral) == []

    async def test_a_referrer_who_did_not_bring_the_friend_is_refused(
        self, service: httpx.AsyncClient, admin: httpx.AsyncClient
    ) -> None:
        shared, partner = await self._shared(service, admin)
        friend = person()
        signed = {"code": shared.code, "customer": friend}
        await made(service.post("/v1/referrals", json=signed), 201)
        order = {"source_id": "order-1", "amount": 4000, "referrer_id": partner}
        body = redemption_body(shared.code, friend, order=order)
        answer = await service.post("/v1/redemptions", json=body)
        refused(answer, 400, "already_referred")

    async def _shared(
        self, service: httpx.AsyncClient, admin: httpx.AsyncClient
    ) -> tuple[Shared, str]:
        """A code with an owner and a second holder, a partner."""
        shared = await share(admin, REDEMPTION | {"tiers": [tier()]})
        partner = person()
        published = {"voucher": shared.code, "customer": partner}
        await made(service.post("/v1/publications", json=published))
        return shared, partner["source_id"]
