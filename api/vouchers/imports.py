"""Codes that an application imports: accepted at once, processed by a workflow."""

from __future__ import annotations

from typing import Annotated

from fastapi import Body, Request
from pydantic import Field

from api.async_actions.accept import accept
from api.async_actions.schemas import Accepted
from api.http.access import PROGRAMME
from api.http.files import CsvFile, FileRoute, rows_of
from api.http.parameters import CampaignPath
from api.http.resources import Held
from api.http.route import GuardedRouter, Rows, RowsRoute, listed
from domain.code_imports import code_reader
from domain.imports import WrongHeader
from domain.refusals import InvalidPayload
from store.campaigns import queries as campaigns
from store.imports.handlers import CODES_CSV, CODES_LIST

router = GuardedRouter("/v1/campaigns/{campaign_id}", "Codes", route_class=RowsRoute)
files = GuardedRouter("/v1/campaigns/{campaign_id}", "Codes", route_class=FileRoute)


@router.post("/import", "resource_not_found", roles=PROGRAMME, status_code=202)
async def import_vouchers(
    campaign_id: CampaignPath,
    body: Annotated[
        Rows,
        Body(examples=[[{"code": "JANE-1", "active": True}]]),
    ],
    request: Request,
    held: Held,
) -> Accepted:
    """Add codes of your own. For a code that the campaign has, only `active` and `category`
    change; one of another campaign is listed as wrong."""
    campaign = await _campaign(held, campaign_id)
    return await accept(held, request, CODES_LIST, listed(body), campaign_id=campaign)


@files.post("/importCSV", "resource_not_found", roles=PROGRAMME, status_code=202)
async def import_vouchers_csv(
    campaign_id: CampaignPath,
    file: Annotated[CsvFile, Field(examples=["Code,Active,Category\nREF-8KZQ7WXP,true,spring\n"])],
    request: Request,
    held: Held,
) -> Accepted:
    """The same from a CSV file: Code, Active, Category, Redeemed quantity, Start date, Expiration
    date; other columns are metadata."""
    campaign = await _campaign(held, campaign_id)
    header, rows = await rows_of(file)
    try:
        code_reader(header)
    except WrongHeader as wrong:
        raise InvalidPayload(f"The file: {wrong}.", field="/file") from None
    return await accept(held, request, CODES_CSV, rows, header=header, campaign_id=campaign)


async def _campaign(held: Held, ref: str) -> str:
    return (await held.database.read(campaigns.find, ref)).campaign.id
