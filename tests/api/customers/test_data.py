"""A customer changed, shown with what they hold, and erased."""

from __future__ import annotations

import httpx
import pytest
from sqlalchemy import text
from voucherify.models.customers_activity_list_response_body import (
    CustomersActivityListResponseBody,
)
from voucherify.models.customers_permanent_deletion_create_response_body import (
    CustomersPermanentDeletionCreateResponseBody,
)
from voucherify.models.customers_redeemables_list_response_body import (
    CustomersRedeemablesListResponseBody,
)

from domain.grants import GrantStatus
from domain.messages import ReferralStart
from store.database import Database
from store.qualification.qualify import qualify
from store.staff.cancel import credit_wallet
from store.tables import Budget, Event, Grant, IdempotentAnswer, Referral
from tests.api.api_bodies import card, event_body, made, person, refused, share, tier
from tests.builders import rows

HELD = {"hold": "P14D", "limits": {"budget": {"amount": 100_000, "currency": "USD"}}}
CREDITS = {"kind": "gift_credits", "amount": 500, "currency": "USD"}


async def qualified(database: Database) -> list[Grant]:
    """Every waiting conversion judged, as its workflow would."""
    for referral in await rows(database, Referral):
        await qualify(
            database,
            ReferralStart(
                referral_id=referral.id,
                campaign_id=referral.campaign_id,
                referrer_id=referral.referrer_id,
                referee_id=referral.referee_id,
                expires_at=referral.expires_at,
            ),
        )
    return await rows(database, Grant)


class TestUpdate:
    async def test_merges_into_the_one_in_the_path(self, service: httpx.AsyncClient) -> None:
        jane = person(name="Jane", metadata={"a": 1})
        created = await made(service.post("/v1/customers", json=jane))
        body = {"source_id": jane["source_id"], "phone": "+491", "metadata": {"b": 2}}
        changed = await made(service.put(f"/v1/customers/{jane['source_id']}", json=body))
        assert changed["id"] == created["id"]
        assert (changed["name"], changed["phone"]) == ("Jane", "+491")
        assert changed["metadata"] == {"a": 1, "b": 2}

    async def test_a_source_id_never_changes(self, service: httpx.AsyncClient) -> None:
        jane = person()
        await made(service.post("/v1/customers", json=jane))
        answer = await service.put(f"/v1/customers/{jane['source_id']}", json={"source_id": "x"})
        refused(answer, 400, "invalid_payload", "/source_id")

    async def test_updating_an_unknown_customer_creates_nobody(
        self, unchanged: httpx.AsyncClient
    ) -> None:
        answer = await unchanged.put("/v1/customers/nobody", json={"name": "X"})
        refused(answer, 404, "resource_not_found")


class TestHoldings:
    async def test_a_code_and_a_wallet(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        shared = await share(service, {"tiers": [tier(CREDITS)], "referee_reward": None})
        await made(service.post("/v1/events", json=event_body(shared.code)))
        for grant in await qualified(database):
            async with database.transaction() as tx:
                await credit_wallet(tx, grant.id)
        path = f"/v1/customers/{shared.referrer['source_id']}/redeemables"
        listed = await made(service.get(path))
        code, wallet = listed["data"]
        assert code["redeemable"]["voucher"]["code"] == shared.code
        assert wallet["redeemable"]["voucher"]["gift"] == {
            "amount": 500,
            "balance": 500,
            "subtracted_amount": 0,
            "currency": "USD",
        }
        read = CustomersRedeemablesListResponseBody.from_dict(listed)
        assert read is not None
        assert read.total == 2

    async def test_activity_in_pages(self, service: httpx.AsyncClient) -> None:
        shared = await share(service)
        friend = person()
        await made(service.post("/v1/events", json=event_body(shared.code, friend)))
        path = f"/v1/customers/{friend['source_id']}/activity"
        listed = await made(service.get(path))
        assert [each["type"] for each in listed["data"]] == [
            "customer.custom_event",
            "customer.referred",
            "customer.created",
        ]
        assert CustomersActivityListResponseBody.from_dict(listed) is not None
        first = await made(service.get(f"{path}?limit=2"))
        assert first["has_more"]
        rest = await made(service.get(f"{path}?starting_after_id={first['more_starting_after']}"))
        assert [each["type"] for each in rest["data"]] == ["customer.created"]
        refused(await service.get("/v1/customers/nobody/activity"), 404, "resource_not_found")


class TestErasure:
    async def test_empties_every_place_and_keeps_the_sums(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        shared = await share(service, HELD)
        friend = person(name="Zoe Quux", email="zoe.quux@acme.com", phone="+49777000111")
        headers = {"Idempotency-Key": "key-1"}
        await made(
            service.post("/v1/events", json=event_body(shared.code, friend), headers=headers)
        )
        before = await qualified(database)
        erased = await made(
            service.post(f"/v1/customers/{friend['source_id']}/permanent-deletion", json={})
        )
        assert CustomersPermanentDeletionCreateResponseBody.from_dict(erased) is not None
        for name in ("zoe.quux", "Quux", "777000111", friend["source_id"]):
            assert await _found(database, name) == []
        after = {grant.id: grant for grant in await rows(database, Grant)}
        (theirs,) = [grant for grant in before if grant.role == "referee"]
        (other,) = [grant for grant in before if grant.role == "referrer"]
        assert after[theirs.id].status == GrantStatus.CANCELLED
        assert after[other.id].status == GrantStatus.HELD
        (budget,) = await rows(database, Budget)
        assert budget.reserved == other.amount
        assert (await rows(database, Event, type="customer.deleted"))[0].customer_id == (
            erased["related_object_id"]
        )
        refused(
            await service.get(f"/v1/customers/{friend['source_id']}"), 404, "resource_not_found"
        )
        refused(
            await service.post("/v1/customers", json={"id": erased["related_object_id"]}),
            404,
            "resource_not_found",
        )
        assert erased["related_object_id"] not in (await service.get("/v1/customers")).text

    async def test_a_friend_who_waits_goes_on_waiting_for_their_own_reward(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        shared = await share(service)
        body = {"code": shared.code, "customer": person()}
        referral = await made(service.post("/v1/referrals", json=body), 201)
        answer = await service.delete(f"/v1/customers/{shared.referrer['source_id']}")
        assert answer.status_code == 204
        waiting = await made(service.get(f"/v1/referrals/{referral['id']}"))
        assert waiting["status"] == "waiting"
        refused(
            await service.post("/v1/events", json=event_body(shared.code)),
            400,
            "voucher_disabled",
        )

    async def test_waits_while_a_card_may_be_on_its_way(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        shared = await share(service, {"referee_reward": card(), "tiers": []})
        friend = person()
        await made(service.post("/v1/events", json=event_body(shared.code, friend)))
        path = f"/v1/customers/{friend['source_id']}"
        refused(await service.delete(path), 409, "not_allowed_in_state")
        (grant,) = await qualified(database)
        assert grant.status == GrantStatus.ORDERING
        answer = await service.delete(path)
        refused(answer, 409, "not_allowed_in_state")
        assert grant.id in answer.json()["detail"]

    @pytest.mark.parametrize("source_id", ["7", "a", "first_purchase", "USD"])
    async def test_answers_about_others_are_kept(
        self, service: httpx.AsyncClient, database: Database, source_id: str
    ) -> None:
        """However short the id is, and wherever else its text stands."""
        shared = await share(service)
        friend = person(name="Seven 7", metadata={"shoe": "7", "unit": source_id})
        event = event_body(shared.code, friend, metadata={"order_source_id": source_id})
        others = {"Idempotency-Key": "others"}
        first = await made(service.post("/v1/events", json=event, headers=others))
        theirs = {"Idempotency-Key": "theirs"}
        body = {"source_id": source_id}
        await made(service.post("/v1/customers", json=body, headers=theirs))
        assert (await service.delete(f"/v1/customers/{source_id}")).status_code == 204
        again = await service.post("/v1/events", json=event, headers=others)
        assert again.headers["idempotent-replayed"] == "true"
        assert again.json() == first
        assert [each.key for each in await rows(database, IdempotentAnswer)] == ["others"]

    async def test_an_answer_that_only_names_their_own_id_is_forgotten(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        """A refusal holds nobody's id of ours; what was asked for does."""
        asked = event_body("REF-NOSUCH", person(source_id="jane-7"))
        headers = {"Idempotency-Key": "refused"}
        answer = await service.post("/v1/events", json=asked, headers=headers)
        refused(answer, 404, "resource_not_found")
        await made(service.post("/v1/customers", json={"source_id": "jane-7"}))
        assert (await service.delete("/v1/customers/jane-7")).status_code == 204
        assert await rows(database, IdempotentAnswer) == []

    async def test_a_refund_of_their_order_is_still_taken(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        shared = await share(service, {"referee_reward": None, "tiers": [tier(CREDITS)]})
        friend = person()
        order = {"order": {"source_id": "order-of-7", "amount": 4000}}
        await made(service.post("/v1/events", json=event_body(shared.code, friend, **order)))
        await qualified(database)
        assert (await service.delete(f"/v1/customers/{friend['source_id']}")).status_code == 204
        (referral,) = await rows(database, Referral)
        assert (referral.order_source_id or "").startswith("erased:")
        refund = {"order_source_id": "order-of-7", "reason": "sent back"}
        await made(service.post("/v1/reversals", json=refund))

    async def test_only_once(self, service: httpx.AsyncClient) -> None:
        jane = person()
        await made(service.post("/v1/customers", json=jane))
        path = f"/v1/customers/{jane['source_id']}"
        assert (await service.delete(path)).status_code == 204
        refused(await service.delete(path), 404, "resource_not_found")


async def _found(database: Database, words: str) -> list[str]:
    """The tables with a row that holds these words, as text or inside a stored answer."""
    async with database.reading() as session:
        names = await session.scalars(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        )
        found = []
        for name in list(names):
            hit = await session.scalar(
                text(f'SELECT count(*) FROM "{name}" t WHERE t::text ILIKE :words'),
                {"words": f"%{words}%"},
            )
            found += [name] if hit else []
        stored = await session.scalar(
            text("SELECT count(*) FROM idempotent_answers WHERE position(:w IN body) > 0"),
            {"w": words.encode()},
        )
        return found + (["idempotent_answers"] if stored else [])
