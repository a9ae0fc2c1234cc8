"""The codes of a campaign."""

from __future__ import annotations

from typing import Annotated

from fastapi import Body, Path, Query

from api.campaigns.codes import FixedText
from api.http.access import PROGRAMME, READERS
from api.http.lists import Windowed
from api.http.parameters import CampaignPath
from api.http.resources import Held
from api.http.route import GuardedRouter
from api.vouchers.schemas import CodeIn, CodesAdded, CodesIn, VoucherAnswer, VoucherList
from store import metadata_schemas
from store.campaigns import queries as campaigns
from store.codes import pool
from store.codes import queries as codes

router = GuardedRouter("/v1/campaigns/{campaign_id}/vouchers", "Codes")


@router.get("", "invalid_payload", "resource_not_found", roles=READERS)
async def list_campaign_vouchers(
    campaign_id: CampaignPath, held: Held, window: Windowed
) -> VoucherList:
    """A campaign's codes, newest first. The campaign by id or name."""
    async with held.database.reading() as session:
        campaign = (await campaigns.find(session, campaign_id)).campaign
        filters = codes.Filters(campaign_id=campaign.id)
        found, page = await codes.page_vouchers(session, window, filters)
    return VoucherList.of([VoucherAnswer.of(read) for read in found], page)


@router.post("", "resource_not_found", "no_voucher_suitable_for_publication", roles=PROGRAMME)
async def add_vouchers(
    campaign_id: CampaignPath,
    held: Held,
    vouchers_count: Annotated[
        int, Query(ge=1, le=pool.MAX_CODES, description="How many codes to make.")
    ] = 1,
    body: Annotated[CodesIn | None, Body()] = None,
) -> VoucherAnswer | CodesAdded:
    """Add codes to a campaign's pool. One is answered whole, several by their number."""
    given = body or CodesIn()
    found, terms, *_ = await held.database.read(campaigns.find, campaign_id)
    making = given.making(terms.windows.zone)
    async with held.database.transaction() as tx:
        await metadata_schemas.check(tx, "voucher", given.metadata)
        made = await pool.add_codes(tx, found.id, vouchers_count, given.config(), making)
    if len(made) > 1:
        return CodesAdded(campaign_id=found.id, vouchers_count=len(made))
    return await _answer(held, made[0])


@router.post("/{code}", "resource_not_found", "duplicate_found", roles=PROGRAMME)
async def add_voucher(
    campaign_id: CampaignPath,
    code: Annotated[
        FixedText, Path(min_length=1, max_length=200, description="The code itself, or its id.")
    ],
    held: Held,
    body: Annotated[CodeIn | None, Body()] = None,
) -> VoucherAnswer:
    """Add this very code to a campaign's pool."""
    given = body or CodeIn()
    found, terms, *_ = await held.database.read(campaigns.find, campaign_id)
    making = given.making(terms.windows.zone)
    async with held.database.transaction() as tx:
        await metadata_schemas.check(tx, "voucher", given.metadata)
        voucher_id = await pool.add_code(tx, found.id, code, making)
    return await _answer(held, voucher_id)


async def _answer(held: Held, voucher_id: str) -> VoucherAnswer:
    return VoucherAnswer.of(await held.database.read(codes.find_voucher, voucher_id))
