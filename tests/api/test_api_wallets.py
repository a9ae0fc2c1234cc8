"""Using a wallet over HTTP."""

from __future__ import annotations

import httpx
import pytest
from api_bodies import made, refused
from auditing import assert_books_agree
from builders import add_grant, credits

from store import grants
from store.database import Database


async def wallet(database: Database) -> str:
    """A customer whose wallet holds 10.00 USD; the id."""
    grant = await add_grant(database, credits(10_00))
    async with database.transaction() as tx:
        await grants.credit_wallet(tx, grant.id)
    return grant.recipient_id


class TestUse:
    async def test_takes_it_out_once(self, service: httpx.AsyncClient, database: Database) -> None:
        path = f"/v1/customers/{await wallet(database)}/wallet-uses"
        body = {"amount": 4_00, "unit": "USD", "reference": "checkout-1"}
        for _ in range(2):
            assert (await made(service.post(path, json=body)))["balance"] == 6_00
        more = body | {"amount": 6_01, "reference": "checkout-2"}
        refused(await service.post(path, json=more), 409, "not_allowed_in_state")
        await assert_books_agree(database)

    @pytest.mark.parametrize(
        ("change", "pointer"),
        [({"amount": 0}, "/amount"), ({"unit": ""}, "/unit"), ({"reference": None}, "/reference")],
        ids=str,
    )
    async def test_malformed(
        self,
        service: httpx.AsyncClient,
        database: Database,
        change: dict[str, object],
        pointer: str,
    ) -> None:
        path = f"/v1/customers/{await wallet(database)}/wallet-uses"
        body = {"amount": 4_00, "unit": "USD", "reference": "checkout-1"} | change
        refused(await service.post(path, json=body), 400, "invalid_payload", pointer)

    async def test_unknown(self, service: httpx.AsyncClient) -> None:
        body = {"amount": 1, "unit": "USD", "reference": "checkout-1"}
        response = await service.post("/v1/customers/cust_none/wallet-uses", json=body)
        refused(response, 404, "resource_not_found")
