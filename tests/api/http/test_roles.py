"""Every route with every role, by real requests that the role alone can refuse."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from fastapi import APIRouter
from fastapi.routing import APIRoute

from domain.roles import Role
from store.database import Database
from tests.api.api_app import client_of, described, headers_for, running
from tests.databases import cloned

LETTERS = {
    "s": Role.SERVICE,
    "u": Role.SUPPORT,
    "f": Role.FINANCE,
    "m": Role.MANAGER,
    "o": Role.OPERATOR,
}
# Method, who may beside `admin` (-: nobody), path. Written by hand: a new route has to be decided.
TABLE = """
GET    sufm /v1/async-actions
GET    sufm /v1/async-actions/{action_id}
GET    sufm /v1/campaigns
POST   sm   /v1/campaigns
DELETE sm   /v1/campaigns/{campaign_id}
GET    sufm /v1/campaigns/{campaign_id}
PUT    sm   /v1/campaigns/{campaign_id}
POST   sm   /v1/campaigns/{campaign_id}/disable
POST   sm   /v1/campaigns/{campaign_id}/enable
POST   sm   /v1/campaigns/{campaign_id}/end
POST   sm   /v1/campaigns/{campaign_id}/import
POST   sm   /v1/campaigns/{campaign_id}/importCSV
GET    sufm /v1/campaigns/{campaign_id}/moves
GET    sufm /v1/campaigns/{campaign_id}/summary
GET    sufm /v1/campaigns/{campaign_id}/tiers
POST   sm   /v1/campaigns/{campaign_id}/tiers
DELETE sm   /v1/campaigns/{campaign_id}/tiers/{tier_id}
GET    sufm /v1/campaigns/{campaign_id}/tiers/{tier_id}
PUT    sm   /v1/campaigns/{campaign_id}/tiers/{tier_id}
GET    sufm /v1/campaigns/{campaign_id}/versions
POST   -    /v1/campaigns/{campaign_id}/versions/{version}/move
GET    sufm /v1/campaigns/{campaign_id}/vouchers
POST   sm   /v1/campaigns/{campaign_id}/vouchers
POST   sm   /v1/campaigns/{campaign_id}/vouchers/{code}
GET    sufm /v1/customers
POST   su   /v1/customers
POST   s    /v1/customers/bulk/async
POST   s    /v1/customers/importCSV
POST   s    /v1/customers/metadata/async
DELETE su   /v1/customers/{customer_id}
GET    sufm /v1/customers/{customer_id}
PUT    su   /v1/customers/{customer_id}
GET    sufm /v1/customers/{customer_id}/activity
POST   su   /v1/customers/{customer_id}/permanent-deletion
GET    sufm /v1/customers/{customer_id}/redeemables
GET    sufm /v1/customers/{customer_id}/segments
PUT    uf   /v1/customers/{customer_id}/tax-form
POST   s    /v1/customers/{customer_id}/wallet-uses
POST   su   /v1/customers/{customer_id}/wallet-uses/{reference:path}/reverse
GET    sufm /v1/distributions
POST   sm   /v1/distributions
DELETE sm   /v1/distributions/{distribution_id}
GET    sufm /v1/distributions/{distribution_id}
PUT    sm   /v1/distributions/{distribution_id}
POST   sm   /v1/distributions/{distribution_id}/dry-run
GET    f    /v1/event-log
GET    sufmo /v1/event-types
POST   s    /v1/events
GET    sufm /v1/evidence-key
GET    sf   /v1/exports
POST   sf   /v1/exports
DELETE sf   /v1/exports/{export_id}
GET    sf   /v1/exports/{export_id}
GET    uf   /v1/gift-card-orders
GET    uf   /v1/gift-card-orders/{order_id}
GET    sufm /v1/grants
GET    sufm /v1/grants/{grant_id}
POST   u    /v1/grants/{grant_id}/cancel
GET    u    /v1/grants/{grant_id}/claim
GET    uf   /v1/grants/{grant_id}/evidence
POST   u    /v1/grants/{grant_id}/resend
POST   u    /v1/grants/{grant_id}/resolve
POST   u    /v1/grants/{grant_id}/retry
GET    sufm /v1/grants/{grant_id}/timeline
GET    f    /v1/incidents
GET    f    /v1/incidents/{incident_id}
GET    -    /v1/keys
POST   -    /v1/keys
DELETE -    /v1/keys/{app_id}
GET    -    /v1/keys/{app_id}
GET    ufo  /v1/lanes
GET    f    /v1/ledger/balances
POST   f    /v1/ledger/deposits
GET    f    /v1/ledger/transactions
GET    sufm /v1/messages
GET    sufm /v1/messages/{message_id}
POST   su   /v1/messages/{message_id}/report
POST   u    /v1/messages/{message_id}/resend
GET    sufm /v1/metadata-schemas
DELETE -    /v1/metadata-schemas/{resource}
GET    sufm /v1/metadata-schemas/{resource}
PUT    -    /v1/metadata-schemas/{resource}
GET    sufm /v1/publications
POST   s    /v1/publications
GET    f    /v1/reconciliations
POST   f    /v1/reconciliations
GET    f    /v1/reconciliations/mappings/{provider}
PUT    f    /v1/reconciliations/mappings/{provider}
POST   f    /v1/reconciliations/statements
GET    f    /v1/reconciliations/{reconciliation_id}
GET    f    /v1/reconciliations/{reconciliation_id}/items
GET    f    /v1/reconciliations/{reconciliation_id}/items/{item_id}
POST   f    /v1/reconciliations/{reconciliation_id}/items/{item_id}/repair
GET    sufm /v1/redemptions
POST   s    /v1/redemptions
GET    sufm /v1/redemptions/{redemption_id}
POST   su   /v1/redemptions/{redemption_id}/rollback
POST   su   /v1/redemptions/{redemption_id}/rollbacks
GET    sufm /v1/referrals
POST   s    /v1/referrals
GET    sufm /v1/referrals/members/{member_id}/holders
POST   s    /v1/referrals/members/{member_id}/holders
DELETE s    /v1/referrals/members/{member_id}/holders/{holder_id}
GET    sufm /v1/referrals/members/{member_id}/holders/{holder_id}
GET    sufm /v1/referrals/{campaign_id}/members/{member_id}/holders
POST   s    /v1/referrals/{campaign_id}/members/{member_id}/holders
DELETE s    /v1/referrals/{campaign_id}/members/{member_id}/holders/{holder_id}
GET    sufm /v1/referrals/{campaign_id}/members/{member_id}/holders/{holder_id}
GET    sufm /v1/referrals/{referral_id}
POST   u    /v1/referrals/{referral_id}/approve
POST   u    /v1/referrals/{referral_id}/deny
POST   u    /v1/referrals/{referral_id}/reinstate
POST   u    /v1/referrals/{referral_id}/reverse
GET    sufm /v1/referrals/{referral_id}/timeline
GET    f    /v1/reports/acquisition
GET    f    /v1/reports/budgets
GET    f    /v1/reports/delivery-times
GET    f    /v1/reports/liability
GET    f    /v1/reports/orders
GET    uf   /v1/reports/promises
GET    f    /v1/reports/taxes
GET    f    /v1/reports/unmatched-refunds
POST   su   /v1/reversals
GET    sufm /v1/rewards
POST   sm   /v1/rewards
DELETE sm   /v1/rewards/{reward_id}
GET    sufm /v1/rewards/{reward_id}
PUT    sm   /v1/rewards/{reward_id}
GET    sufm /v1/segments
POST   s    /v1/segments
DELETE s    /v1/segments/{segment_id}
GET    sufm /v1/segments/{segment_id}
PUT    s    /v1/segments/{segment_id}
GET    f    /v1/tax-thresholds
PUT    f    /v1/tax-thresholds/{currency}
GET    sufm /v1/templates
POST   sm   /v1/templates
POST   sm   /v1/templates/ready
DELETE sm   /v1/templates/{template_id}
GET    sufm /v1/templates/{template_id}
PUT    sm   /v1/templates/{template_id}
POST   sum  /v1/templates/{template_id}/preview
GET    sufm /v1/templates/{template_id}/versions
GET    sufm /v1/validation-rules
POST   sm   /v1/validation-rules
GET    sufm /v1/validation-rules-assignments
DELETE sm   /v1/validation-rules/{rule_id}
GET    sufm /v1/validation-rules/{rule_id}
PUT    sm   /v1/validation-rules/{rule_id}
GET    sufm /v1/validation-rules/{rule_id}/assignments
POST   sm   /v1/validation-rules/{rule_id}/assignments
DELETE sm   /v1/validation-rules/{rule_id}/assignments/{assignment_id}
POST   s    /v1/validations
GET    sufm /v1/vouchers
GET    sufm /v1/vouchers/{code}
POST   sm   /v1/vouchers/{code}/disable
POST   sm   /v1/vouchers/{code}/enable
GET    sufm /v1/vouchers/{code}/qr
GET    sufm /v1/vouchers/{code}/redemption
POST   s    /v1/vouchers/{code}/redemption
GET    sufm /v1/vouchers/{code}/share
GET    o    /v1/webhooks
POST   o    /v1/webhooks
DELETE o    /v1/webhooks/{webhook_id}
GET    o    /v1/webhooks/{webhook_id}
PUT    o    /v1/webhooks/{webhook_id}
"""
ROWS = [line.split() for line in TABLE.split("\n") if line]
_MULTIPART = ("/importCSV", "/reconciliations/statements")

Clients = dict[Role, httpx.AsyncClient]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def clients(postgres_url: str) -> AsyncIterator[Clients]:
    """A client of each role."""
    async with cloned(postgres_url, "test_api_roles") as url:
        database = Database(url)
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
            async with running(url) as app:
                yield {role: client_of(app, await headers_for(database, role)) for role in Role}
        await database.dispose()


def test_every_route_stands_in_the_table() -> None:
    routers = [each for route in described().routes if (each := _router(route))]
    found = {
        (method, route.path)
        for router in routers
        for route in router.routes
        if isinstance(route, APIRoute) and route.path.startswith("/v1")
        for method in route.methods
    }
    assert found == {(method, path) for method, _, path in ROWS}


def _router(route: object) -> APIRouter | None:
    # Routers are included as a whole, and made ready at their first use.
    return getattr(route, "original_router", None)


@pytest.mark.parametrize(("method", "letters", "path"), ROWS, ids=lambda part: part)
async def test_only_these_roles_get_past_the_door(
    clients: Clients, method: str, letters: str, path: str
) -> None:
    allowed = {Role.ADMIN, *(LETTERS[letter] for letter in letters if letter != "-")}
    answers = {role: (await _send(client, method, path)) for role, client in clients.items()}
    statuses = {role: answer.status_code for role, answer in answers.items()}
    assert {role for role, status in statuses.items() if status != 403} == allowed, statuses
    assert not {401, 405, 415, 500} & set(statuses.values()), statuses
    for role in set(Role) - allowed:
        assert answers[role].json()["key"] == "forbidden"


async def _send(client: httpx.AsyncClient, method: str, path: str) -> httpx.Response:
    path = path.replace("{", "").replace("}", "")
    if method == "POST" and path.endswith(_MULTIPART):
        return await client.post(path, files={"file": ("rows.csv", b"Source_ID\n", "text/csv")})
    if method in ("POST", "PUT"):
        return await client.request(method, path, json={})
    return await client.request(method, path)
