"""Identities over HTTP: the same content replays; other content is refused, by what differs."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import delete

from domain.refusals import IdentityReused
from domain.staff import Action
from store.database import Database
from store.grants.wallets import credit
from store.staff.requests import Asking, ask
from store.tables import Identity, LedgerEntry, Publication, Reversal
from tests.api.api_bodies import (
    REDEMPTION,
    made,
    person,
    redemption_body,
    refused,
    share,
)
from tests.builders import add_grant, credits, rows


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
