"""Using a wallet over HTTP."""

from __future__ import annotations

import httpx
import pytest

from store.database import Database
from store.staff.cancel import credit_wallet
from tests.api.api_bodies import campaign_body, made, refused, tier
from tests.auditing import assert_books_agree
from tests.builders import add_grant, credits


async def wallet(database: Database) -> str:
    """A customer whose wallet holds 10.00 USD; the id."""
    grant = await add_grant(database, credits(10_00))
    async with database.transaction() as tx:
        await credit_wallet(tx, grant.id)
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
    async def test_a_malformed_request_is_refused(
        self,
        service: httpx.AsyncClient,
        database: Database,
        change: dict[str, object],
        pointer: str,
    ) -> None:
        path = f"/v1/customers/{await wallet(database)}/wallet-uses"
        body = {"amount": 4_00, "unit": "USD", "reference": "checkout-1"} | change
        refused(await service.post(path, json=body), 400, "invalid_payload", pointer)

    async def test_an_unknown_id_is_not_found(self, service: httpx.AsyncClient) -> None:
        body = {"amount": 1, "unit": "USD", "reference": "checkout-1"}
        response = await service.post("/v1/customers/cust_none/wallet-uses", json=body)
        refused(response, 404, "resource_not_found")


class TestExpiry:
    async def test_is_part_of_the_reward(self, admin: httpx.AsyncClient) -> None:
        for reward in (
            {"kind": "gift_credits", "amount": 500, "valid_for": "P90D"},
            {"kind": "loyalty_points", "points": 500, "valid_for": "P90D"},
        ):
            body = campaign_body({"referee_reward": reward, "tiers": [tier(reward)]})
            campaign = await made(admin.post("/v1/campaigns", json=body))
            program = campaign["referral_program"]
            assert program["referee_reward"]["valid_for"] == "P90D"
            assert program["tiers"][0]["reward"]["valid_for"] == "P90D"
        wrong = campaign_body({"referee_reward": reward | {"valid_for": "P0D"}})
        refused(await admin.post("/v1/campaigns", json=wrong), 400, "invalid_payload")
