"""Claim links over HTTP: for support and admins, told in the timeline, cached nowhere."""

from __future__ import annotations

import base64
import logging

import httpx
import pytest
import pytest_asyncio

from domain.orders import DeliveryState
from domain.rewards import Delivery
from store.access.vault import Vault
from store.database import Database
from store.orders import claim_links
from store.tables import ClaimLink, Order
from tests.api.api_bodies import made, refused
from tests.builders import add_grant, gift_card, one
from tests.ordering import SECRET, attempt, record, snapshot
from tests.said.notes import NOTES, here

API_VAULT = Vault(f"k1:{base64.b64encode(b'0' * 32).decode()}")


@pytest_asyncio.fixture
async def path(database: Database) -> str:
    """Of the claim of a card that was issued by link."""
    grant = await add_grant(database, gift_card(delivery=Delivery.LINK))
    claimed = await attempt(database, grant.id)
    await record(
        database, claimed.order_id, snapshot(claimed, delivery=DeliveryState.NOT_APPLICABLE)
    )
    async with database.transaction() as tx:
        await claim_links.keep(tx, claimed.order_id, SECRET, API_VAULT)
    return f"/v1/grants/{grant.id}/claim"


async def test_support_gets_the_link(
    support: httpx.AsyncClient, database: Database, path: str
) -> None:
    response = await support.get(path)
    assert response.headers["cache-control"] == "no-store"
    body = await made(support.get(path))
    assert (body["link"], body["challenge_answer"]) == (SECRET.link, SECRET.challenge_answer)
    assert body["order_id"] == (await one(database, Order)).id


async def test_the_timeline_shows_who_saw_the_link_but_not_the_link(
    support: httpx.AsyncClient, path: str
) -> None:
    await made(support.get(path))
    timeline = await support.get(path.replace("claim", "timeline"))
    (entry,) = [e for e in timeline.json()["data"] if "Claim link" in e["title"]]
    assert (entry["source"], entry["title"]) == ("staff", "Claim link handed out to staff")
    assert SECRET.link not in timeline.text


async def test_an_admin_gets_it_too(admin: httpx.AsyncClient, path: str) -> None:
    assert (await made(admin.get(path)))["link"] == SECRET.link


async def test_services_and_finance_do_not(
    service: httpx.AsyncClient, finance: httpx.AsyncClient, path: str
) -> None:
    refused(await service.get(path), 403, "forbidden")
    refused(await finance.get(path), 403, "forbidden")


async def test_a_claim_link_needs_credentials(anonymous: httpx.AsyncClient, path: str) -> None:
    refused(await anonymous.get(path), 401, "unauthorized")


async def test_the_grant_and_its_order_do_not_show_it(
    admin: httpx.AsyncClient, database: Database, path: str
) -> None:
    order = await one(database, Order)
    for elsewhere in (path.removesuffix("/claim"), f"/v1/gift-card-orders/{order.id}"):
        assert SECRET.link not in (await admin.get(elsewhere)).text


async def test_a_card_sent_by_mail_has_no_claim_link(
    support: httpx.AsyncClient, database: Database
) -> None:
    grant = await add_grant(database)
    response = await support.get(f"/v1/grants/{grant.id}/claim")
    refused(response, 404, "resource_not_found")


async def test_a_card_not_issued_yet_has_no_claim_link(
    support: httpx.AsyncClient, database: Database
) -> None:
    grant = await add_grant(database, gift_card(delivery=Delivery.LINK))
    response = await support.get(f"/v1/grants/{grant.id}/claim")
    refused(response, 409, "not_allowed_in_state")
    assert "once it is issued" in response.json()["detail"]


async def test_one_that_no_key_opens_is_not_quoted(
    support: httpx.AsyncClient,
    database: Database,
    path: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    claim = await one(database, ClaimLink)
    async with database.transaction() as tx:
        (await tx.session.merge(claim)).ciphertext = b"k9:" + claim.ciphertext[3:]
    NOTES.planted(f"row {claim.order_id} of {here()}")
    with caplog.at_level(logging.DEBUG):
        response = await support.get(path)
    refused(response, 500, "internal_error")
    assert SECRET.link not in response.text + caplog.text
