"""Identities over HTTP: the same content replays; other content is refused, by what differs."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import delete

from domain.ids import digest
from domain.refusals import IdentityReused
from domain.staff import Action
from store.database import Database
from store.grants.wallets import credit
from store.staff.requests import Asking, ask
from store.tables import Identity, LedgerEntry, Publication, Redemption, Referral, Reversal
from tests.api.api_bodies import (
    REDEMPTION,
    event_body,
    made,
    person,
    redemption_body,
    refused,
    share,
)
from tests.builders import add_grant, alter, credits, one, rows


async def forget_contents(database: Database) -> None:
    """As if everything had been recorded before contents were kept."""
    async with database.transaction() as tx:
        await tx.session.execute(delete(Identity))


async def wallet(database: Database, amount: int = 500_00) -> str:
    """The path for using a wallet that holds this much."""
    grant = await add_grant(database, credits(amount))
    async with database.transaction() as tx:
        credit(tx, grant)
    return f"/v1/customers/{grant.recipient_id}/wallet-uses"


async def converted(client: httpx.AsyncClient, order: str = "order-77") -> str:
    """The path for reversing a referral that an order of 40.00 converted."""
    shared = await share(client, REDEMPTION)
    body = redemption_body(shared.code, person(), order={"source_id": order, "amount": 4000})
    answer = await made(client.post("/v1/redemptions", json=body))
    return f"/v1/referrals/{answer['redemptions'][0]['referral']['id']}/reverse"


def use(amount: int, **changes: Any) -> dict[str, Any]:
    return {"amount": amount, "unit": "USD", "reference": "checkout-1"} | changes


def refund(amount: int | None, id: Any = "re_1") -> dict[str, Any]:
    body = {"reason": "Sent back.", "metadata": {"refund_id": id}}
    return body | ({} if amount is None else {"amount": amount})


def event(code: str | None, customer: dict[str, Any], **changes: Any) -> Any:
    given = {"metadata": {"event_id": "evt-1"}, "order": {"source_id": "order-1", "amount": 4000}}
    return event_body(code, customer, **given | changes)


class TestEvent:
    @pytest.mark.parametrize(
        ("change", "pointer"),
        [
            ({"customer": {"source_id": "somebody-else"}}, "/customer"),
            ({"order": {"source_id": "order-2", "amount": 4000}}, "/order"),
            ({"order": {"source_id": "order-1", "amount": 4001}}, "/order/amount"),
            ({"order": None}, "/order"),
            ({"event": "second_purchase"}, "/event"),
        ],
        ids=str,
    )
    async def test_other_content_is_refused_and_earns_nothing(
        self, service: httpx.AsyncClient, database: Database, change: Any, pointer: str
    ) -> None:
        shared, friend = await share(service), person()
        first = await made(service.post("/v1/events", json=event(shared.code, friend)))
        response = await service.post("/v1/events", json=event(shared.code, friend) | change)
        refused(response, 409, "identity_reused", pointer)
        assert len(await rows(database, Referral)) == 1
        again = await made(service.post("/v1/events", json=event(shared.code, friend)))
        assert again["referral"] == first["referral"]

    async def test_another_code_or_referrer_is_refused(self, service: httpx.AsyncClient) -> None:
        shared, other, friend = await share(service), await share(service), person()
        await made(service.post("/v1/events", json=event(shared.code, friend)))
        response = await service.post("/v1/events", json=event(other.code, friend))
        refused(response, 409, "identity_reused", "/referral/code")
        second = person()
        body = {"voucher": shared.code, "customer": second}
        await made(service.post("/v1/publications", json=body))
        sent = event(shared.code, friend)
        sent["referral"]["referrer_id"] = second["source_id"]
        response = await service.post("/v1/events", json=sent)
        refused(response, 409, "identity_reused", "/referral/referrer_id")
        sent["referral"]["referrer_id"] = shared.referrer["source_id"]
        await made(service.post("/v1/events", json=sent))

    async def test_the_code_may_be_left_out_of_a_repeat(self, service: httpx.AsyncClient) -> None:
        shared, friend = await share(service), person()
        first = await made(service.post("/v1/events", json=event(shared.code, friend)))
        again = await made(service.post("/v1/events", json=event(None, friend)))
        assert again["referrals"] == first["referrals"]

    async def test_profile_fields_and_times_are_not_compared(
        self, service: httpx.AsyncClient
    ) -> None:
        shared, friend = await share(service), person()
        await made(service.post("/v1/events", json=event(shared.code, friend)))
        again = event(
            shared.code,
            friend | {"email": "new@example.com", "metadata": {"vip": True}},
            order={"source_id": "order-1", "amount": 4000, "status": "PAID", "items": []},
            metadata={"event_id": " evt-1 ", "sent_at": "2027-01-01T00:00:00Z"},
        )
        await made(service.post("/v1/events", json=again))

    async def test_a_repeat_converts_nothing_that_began_after_it(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        friend = person()
        for begun in range(2):
            shared = await share(service)
            sent = {"code": shared.code, "customer": friend}
            await made(service.post("/v1/referrals", json=sent), 201)
            answer = await made(service.post("/v1/events", json=event(None, friend)))
            assert len(answer["referrals"]) == 1, begun
        assert sorted(one.status for one in await rows(database, Referral)) == [
            "converted",
            "waiting",
        ]

    async def test_one_that_matched_nothing_may_be_corrected(
        self, service: httpx.AsyncClient
    ) -> None:
        shared, friend = await share(service), person()
        wrong = event(shared.code, friend, event="first_purchsae")
        assert (await made(service.post("/v1/events", json=wrong)))["referral"] is None
        answer = await made(service.post("/v1/events", json=event(shared.code, friend)))
        assert answer["referral"]["status"] == "converted"

    async def test_two_friends_at_once_under_one_id(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        shared = await share(service)
        bodies = [event(shared.code, person(), order=None) for _ in range(6)]
        answers = await asyncio.gather(*(service.post("/v1/events", json=b) for b in bodies))
        assert sorted(answer.status_code for answer in answers) == [200] + [409] * 5
        assert len(await rows(database, Referral)) == 1

    async def test_a_key_is_an_identity_within_its_credential(
        self, service: httpx.AsyncClient, admin: httpx.AsyncClient
    ) -> None:
        shared, key = await share(service), {"Idempotency-Key": "1"}
        for client in (service, admin):
            await made(client.post("/v1/events", json=event_body(shared.code), headers=key))

    async def test_a_further_purchase_without_an_id_stays_a_success(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        shared, friend = await share(service), person()
        answers = []
        for number, code in ((1, shared.code), (2, shared.code), (3, None)):
            order = {"source_id": f"order-{number}", "amount": number * 100}
            body = event_body(code, friend, order=order)
            answers.append(await made(service.post("/v1/events", json=body)))
        assert len({answer["referral"]["id"] for answer in answers}) == 1
        assert (await one(database, Referral)).order_source_id == "order-1"

    async def test_one_recorded_before_contents_were_kept_replays_as_it_did(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        shared, friend = await share(service), person()
        first = await made(service.post("/v1/events", json=event(shared.code, friend)))
        await forget_contents(database)
        order = {"source_id": "order-2", "amount": 1}
        for code in (shared.code, None):
            answer = await made(service.post("/v1/events", json=event(code, friend, order=order)))
            assert answer["referral"] == first["referral"]
            await forget_contents(database)


class TestRedemption:
    @pytest.mark.parametrize(
        ("order", "pointer"),
        [
            ({"source_id": "o-1", "amount": 50_000}, "/order/amount"),
            ({"source_id": "o-1", "amount": 10_000, "currency": "EUR"}, "/order/currency"),
            ({"source_id": "o-1", "id": "9", "amount": 10_000}, "/order"),
        ],
        ids=str,
    )
    async def test_other_content_is_refused_and_listed(
        self, service: httpx.AsyncClient, database: Database, order: Any, pointer: str
    ) -> None:
        shared, friend = await share(service, REDEMPTION), person()
        first = {"source_id": "o-1", "id": "7", "amount": 10_000}
        body = redemption_body(shared.code, friend, order=first)
        redeemed = await made(service.post("/v1/redemptions", json=body))
        response = await service.post("/v1/redemptions", json=body | {"order": order})
        refused(response, 409, "identity_reused", pointer)
        listed = await made(service.get("/v1/redemptions?result=FAILURE"))
        assert [one["failure_code"] for one in listed["data"]] == ["identity_reused"]
        for same in ({"source_id": "o-1"}, {"id": 7}, {"source_id": " o-1", "status": "PAID"}):
            sent = body | {"order": same | {"amount": 10_000}}
            answer = await made(service.post("/v1/redemptions", json=sent))
            assert answer["redemptions"][0]["id"] == redeemed["redemptions"][0]["id"]
        assert len(await rows(database, Redemption, failure_code=None)) == 1

    async def test_one_order_may_take_several_codes(self, service: httpx.AsyncClient) -> None:
        friend, order = person(), {"source_id": "o-1", "amount": 10_000}
        for _ in range(2):
            shared = await share(service, REDEMPTION)
            body = redemption_body(shared.code, friend, order=order)
            await made(service.post("/v1/redemptions", json=body))

    async def test_ids_of_two_sorts_are_two_orders(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        shared = await share(service, {"limits": {"redemptions_per_customer": 2}})
        friend = person()
        for order in ({"id": "7"}, {"source_id": "7"}, {"id": "7"}, {"source_id": "7"}):
            body = redemption_body(shared.code, friend, order=order | {"amount": 1})
            await made(service.post("/v1/redemptions", json=body))
        assert len(await rows(database, Redemption)) == 2

    async def test_a_nameless_use_is_refused_where_several_are_allowed(
        self, service: httpx.AsyncClient
    ) -> None:
        shared = await share(service, {"limits": {"redemptions_per_customer": 2}})
        body = redemption_body(shared.code, order={"amount": 100})
        response = await service.post("/v1/redemptions", json=body)
        refused(response, 400, "invalid_payload", "/order/source_id")
        await made(service.post("/v1/redemptions", json=body | {"tracking_id": "t-1"}))

    @pytest.mark.parametrize("order", [{"source_id": "o-1"}, {"id": "o-1"}], ids=str)
    async def test_one_recorded_before_contents_were_kept_replays_as_it_did(
        self, service: httpx.AsyncClient, database: Database, order: dict[str, str]
    ) -> None:
        shared, friend = await share(service, REDEMPTION), person()
        body = redemption_body(shared.code, friend, order=order | {"amount": 10_000})
        first = await made(service.post("/v1/redemptions", json=body))
        await forget_contents(database)
        stored = await one(database, Redemption)
        scope = (shared.code, stored.customer_id or "")
        await alter(database, stored, order_ids=None, identity=digest("order:o-1", *scope))
        sent = body | {"order": order | {"amount": 50_000}}
        answer = await made(service.post("/v1/redemptions", json=sent))
        assert answer["redemptions"][0]["id"] == first["redemptions"][0]["id"]


class TestWalletUse:
    async def test_another_amount_is_refused_and_takes_nothing(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        path = await wallet(database)
        await made(service.post(path, json=use(1_00)))
        response = await service.post(path, json=use(400_00))
        refused(response, 409, "identity_reused", "/amount")
        assert "first 1.00 USD, now 400.00 USD" in response.json()["detail"]
        assert (await made(service.post(path, json=use(1_00))))["balance"] == 499_00

    async def test_another_unit_is_refused(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        path = await wallet(database)
        await made(service.post(path, json=use(1_00)))
        response = await service.post(path, json=use(1_00, unit="POINTS"))
        refused(response, 409, "identity_reused", "/unit")

    async def test_blanks_around_a_reference_tell_no_two_apart(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        path = await wallet(database)
        for reference in ("checkout-1", " checkout-1", "checkout-1 "):
            answer = await made(service.post(path, json=use(1_00, reference=reference)))
            assert answer["balance"] == 499_00
        refused(await service.post(path, json=use(1, reference="  ")), 400, "invalid_payload")

    async def test_ten_at_once_with_two_amounts_book_one(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        path = await wallet(database)
        sent = [use(amount) for amount in (1_00, 2_00)] * 5
        answers = await asyncio.gather(*(service.post(path, json=body) for body in sent))
        assert sorted(answer.status_code for answer in answers) == [200] * 5 + [409] * 5
        assert len(await rows(database, LedgerEntry, kind="use")) == 2

    async def test_one_recorded_before_contents_were_kept_replays_as_it_did(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        path = await wallet(database)
        await made(service.post(path, json=use(1_00)))
        await forget_contents(database)
        for amount in (400_00, 1_00):
            assert (await made(service.post(path, json=use(amount))))["balance"] == 499_00
        assert await rows(database, Identity) == []


class TestRefund:
    @pytest.mark.parametrize("again", [3900, None])
    async def test_another_amount_is_refused_and_books_nothing(
        self, admin: httpx.AsyncClient, database: Database, again: int | None
    ) -> None:
        path = await converted(admin)
        await made(admin.post(path, json=refund(100)))
        refused(await admin.post(path, json=refund(again)), 409, "identity_reused", "/amount")
        assert [row.refunded for row in await rows(database, Reversal)] == [100]
        await made(admin.post(path, json=refund(100)))

    async def test_a_part_after_the_whole_is_refused(self, admin: httpx.AsyncClient) -> None:
        path = await converted(admin)
        await made(admin.post(path, json=refund(None)))
        refused(await admin.post(path, json=refund(100)), 409, "identity_reused", "/amount")

    async def test_a_part_needs_a_name(self, admin: httpx.AsyncClient, database: Database) -> None:
        path = await converted(admin)
        for metadata in ({}, {"refund_id": "  "}, {"refund_id": ""}):
            body = {"reason": "Sent back.", "amount": 100, "metadata": metadata}
            response = await admin.post(path, json=body)
            refused(response, 400, "invalid_payload", "/metadata/refund_id")
        assert await rows(database, Reversal) == []
        body = {"reason": "Sent back.", "amount": 100}
        await made(admin.post(path, json=body, headers={"Idempotency-Key": "k-1"}))

    async def test_the_whole_needs_none(self, admin: httpx.AsyncClient, database: Database) -> None:
        path = await converted(admin)
        for _ in range(2):
            await made(admin.post(path, json={"reason": "Sent back."}))
        assert len(await rows(database, Reversal)) == 1

    async def test_blanks_and_numbers_are_the_same_name(
        self, admin: httpx.AsyncClient, database: Database
    ) -> None:
        path = await converted(admin)
        for id in ("17", " 17 ", 17, 17.0):
            await made(admin.post(path, json=refund(100, id)))
        assert len(await rows(database, Reversal)) == 1

    async def test_one_recorded_before_contents_were_kept_replays_as_it_did(
        self, admin: httpx.AsyncClient, database: Database
    ) -> None:
        path = await converted(admin)
        await made(admin.post(path, json=refund(100)))
        await forget_contents(database)
        await made(admin.post(path, json=refund(3900)))
        assert [row.refunded for row in await rows(database, Reversal)] == [100]


class TestPublication:
    async def test_another_campaign_or_code_is_refused(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        first, other = await share(service, join_once=False), await share(service)
        body = {
            "campaign": {"name": first.campaign},
            "customer": person(),
            "source_id": "publication-1",
        }
        code = (await made(service.post("/v1/publications", json=body)))["voucher"]["code"]
        elsewhere = body | {"campaign": {"name": other.campaign}}
        response = await service.post("/v1/publications", json=elsewhere)
        refused(response, 409, "identity_reused", "/campaign/name")
        named = {name: value for name, value in body.items() if name != "campaign"}
        response = await service.post("/v1/publications", json=named | {"voucher": first.code})
        refused(response, 409, "identity_reused", "/voucher")
        by_id = {"campaign": {"name": first.campaign_id}}
        for same in (
            body,
            body | by_id,
            named | {"voucher": code},
            body | {"source_id": " publication-1 "},
        ):
            answer = await made(service.post("/v1/publications", json=same))
            assert answer["voucher"]["code"] == code
        assert len(await rows(database, Publication, source_id="publication-1")) == 1

    async def test_replays_after_its_campaign_was_renamed(
        self, service: httpx.AsyncClient, admin: httpx.AsyncClient
    ) -> None:
        shared = await share(service)
        body = {
            "campaign": {"name": shared.campaign},
            "customer": person(),
            "source_id": "publication-1",
        }
        first = await made(service.post("/v1/publications", json=body))
        renamed = {"name": f"{shared.campaign}, renamed"}
        await made(admin.put(f"/v1/campaigns/{shared.campaign_id}", json=renamed))
        assert (await made(service.post("/v1/publications", json=body)))["id"] == first["id"]

    async def test_one_recorded_before_contents_were_kept_replays_as_it_did(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        first, other = await share(service), await share(service)
        customer = person()
        body = {"campaign": {"name": first.campaign}, "customer": customer, "source_id": "p-1"}
        made_first = await made(service.post("/v1/publications", json=body))
        await forget_contents(database)
        elsewhere = body | {"campaign": {"name": other.campaign}}
        again = await made(service.post("/v1/publications", json=elsewhere))
        assert again["id"] == made_first["id"]


class TestDeposit:
    async def test_blanks_around_a_reference_tell_no_two_apart(
        self, finance: httpx.AsyncClient
    ) -> None:
        body = {"provider": "giftbit", "amount": 5000, "currency": "USD", "reference": "wire 17"}
        for reference in ("wire 17", " wire 17 "):
            answer = await made(
                finance.post("/v1/ledger/deposits", json=body | {"reference": reference}), 201
            )
            assert answer["balance"] == 5000
        response = await finance.post("/v1/ledger/deposits", json=body | {"currency": "EUR"})
        refused(response, 409, "identity_reused", "/currency")


class TestStaff:
    async def test_one_key_asks_for_one_address(self, database: Database) -> None:
        """An answer that was not definite is not stored, so that the key may come again."""
        grant = await add_grant(database, credits(5_00), hold=timedelta(days=1))
        asking = Asking(Action.CANCEL, "app_1", "key-1", grant_id=grant.id)
        async with database.transaction() as tx:
            await ask(tx, asking, {})
        async with database.transaction() as tx:
            await ask(tx, asking, {})
        with pytest.raises(IdentityReused):
            async with database.transaction() as tx:
                await ask(tx, asking._replace(email="other@example.com"), {})
