"""Giving back what a wallet was used for: whole or in part, into the credits it came from."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import delete

from domain.rewards import GiftCredits
from store.database import Database
from store.grants import wallets
from store.staff.cancel import credit_wallet
from store.tables import WalletCredit, WalletUse
from tests.api.api_bodies import made, refused
from tests.auditing import assert_books_agree, balances
from tests.builders import add_grant, alter, credits, in_past, one, rows

USE = {"amount": 4_00, "unit": "USD", "reference": "checkout/1"}


async def used(
    client: httpx.AsyncClient, database: Database, reward: GiftCredits | None = None
) -> str:
    """A customer who used 4.00 of 10.00; the path of that use."""
    grant = await add_grant(database, reward or credits(10_00))
    async with database.transaction() as tx:
        await credit_wallet(tx, grant.id)
    path = f"/v1/customers/{grant.recipient_id}/wallet-uses"
    await made(client.post(path, json=USE))
    return f"{path}/checkout%2F1/reverse"


async def test_all_of_it_comes_back_once(service: httpx.AsyncClient, database: Database) -> None:
    path = await used(service, database)
    for _ in range(2):
        answer = await made(service.post(path))
        assert (answer["balance"], answer["used"], answer["returned"]) == (10_00, 4_00, 4_00)
    assert (await one(database, WalletCredit)).remaining == 10_00
    await assert_books_agree(database)


async def test_parts_come_back_until_nothing_is_left(
    service: httpx.AsyncClient, database: Database
) -> None:
    path = await used(service, database)
    for number, balance in ((1, 7_50), (1, 7_50), (2, 9_00)):
        part = {"amount": 1_50, "metadata": {"refund_id": f"re_{number}"}}
        assert (await made(service.post(path, json=part)))["balance"] == balance
    more = {"amount": 1_01, "metadata": {"refund_id": "re_3"}}
    refused(await service.post(path, json=more), 400, "invalid_payload", "/amount")
    assert (await made(service.post(path)))["balance"] == 10_00
    refused(await service.post(path, json=more), 409, "not_allowed_in_state")
    await assert_books_agree(database)


async def test_a_part_needs_a_name_and_says_the_same_again(
    service: httpx.AsyncClient, database: Database
) -> None:
    path = await used(service, database)
    nameless = await service.post(path, json={"amount": 1_00})
    refused(nameless, 400, "invalid_payload", "/metadata/refund_id")
    part = {"amount": 1_00, "metadata": {"refund_id": "re_1"}}
    await made(service.post(path, json=part))
    refused(await service.post(path, json=part | {"amount": 2_00}), 409, "identity_reused")
    assert (await one(database, WalletUse)).returned == 1_00


async def test_eight_at_once_give_back_once(service: httpx.AsyncClient, database: Database) -> None:
    path = await used(service, database)
    answers = await asyncio.gather(*(service.post(path) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert (await one(database, WalletUse)).returned == 4_00
    assert (await one(database, WalletCredit)).remaining == 10_00
    await assert_books_agree(database)


async def test_the_last_drawn_comes_back_first(
    service: httpx.AsyncClient, database: Database
) -> None:
    """Two credits; the one that ends earlier is drawn first, and filled last."""
    grant = await add_grant(
        database, GiftCredits(amount=3_00, currency="USD", valid_for=timedelta(days=5))
    )
    async with database.transaction() as tx:
        await credit_wallet(tx, grant.id)
    lasting = await add_grant(database, credits(3_00))
    await alter(database, lasting, recipient_id=grant.recipient_id)
    async with database.transaction() as tx:
        await credit_wallet(tx, lasting.id)
    path = f"/v1/customers/{grant.recipient_id}/wallet-uses"
    await made(service.post(path, json=USE))
    part = {"amount": 2_00, "metadata": {"refund_id": "re_1"}}
    await made(service.post(f"{path}/checkout%2F1/reverse", json=part))
    left = {credit.grant_id: credit.remaining for credit in await rows(database, WalletCredit)}
    assert left == {grant.id: 1_00, lasting.id: 3_00}


async def test_an_expired_credit_is_usable_again_for_a_while(
    service: httpx.AsyncClient, database: Database
) -> None:
    lasts = GiftCredits(amount=10_00, currency="USD", valid_for=timedelta(days=5))
    path = await used(service, database, lasts)
    await alter(database, await one(database, WalletCredit), expires_at=in_past(days=1))
    async with database.transaction() as tx:
        assert await wallets.expire(tx) == 1
    assert (await made(service.post(path)))["balance"] == 4_00
    old, new = sorted(await rows(database, WalletCredit), key=lambda credit: credit.created_at)
    assert (old.remaining, new.remaining, new.grant_id) == (0, 4_00, old.grant_id)
    await alter(database, new, expires_at=in_past(days=1))
    async with database.transaction() as tx:
        assert await wallets.expire(tx) == 1
    assert (await balances(database))["wallets/breakage", "USD"] == 10_00
    await assert_books_agree(database)


async def test_a_use_from_before_uses_had_rows(
    service: httpx.AsyncClient, database: Database
) -> None:
    path = await used(service, database)
    async with database.transaction() as tx:
        await tx.session.execute(delete(WalletUse))
    assert (await made(service.post(path)))["balance"] == 10_00
    await assert_books_agree(database)


async def test_a_use_that_never_happened_cannot_be_returned(
    service: httpx.AsyncClient, database: Database
) -> None:
    path = (await used(service, database)).replace("checkout%2F1", "checkout-2")
    refused(await service.post(path), 404, "resource_not_found")


@pytest.mark.parametrize("change", [{"amount": 0}, {"amount": "1"}, {"reason": "r" * 501}], ids=str)
async def test_a_malformed_request_is_refused(
    service: httpx.AsyncClient, database: Database, change: dict[str, object]
) -> None:
    path = await used(service, database)
    refused(await service.post(path, json=change), 400, "invalid_payload", f"/{next(iter(change))}")
