"""Referral codes, one at a time."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from api.campaigns.codes import DisableCodeIn
from api.http.access import PROGRAMME, READERS, Calling
from api.http.lists import Created, Dated, Updated
from api.http.parameters import (
    CampaignIdQuery,
    CampaignQuery,
    CodePath,
    CustomerQuery,
    ExactCodeQuery,
)
from api.http.resources import Held
from api.http.route import GuardedRouter
from api.vouchers.schemas import AllVouchers, VoucherAnswer
from store.campaigns.switch import set_code_active
from store.codes import queries as codes

router = GuardedRouter("/v1/vouchers", "Codes")


@router.get("", roles=READERS)
async def list_vouchers(
    held: Held,
    window: Dated,
    created: Created,
    updated: Updated,
    campaign: CampaignQuery = None,
    campaign_id: CampaignIdQuery = None,
    customer: CustomerQuery = None,
    code: ExactCodeQuery = None,
    alike: Annotated[
        bool,
        Query(description="Only codes that are read like another: they are found as typed only."),
    ] = False,
) -> AllVouchers:
    """Codes, newest first. `campaign` by name, `customer` (who holds it) by id or source_id."""
    filters = codes.Filters(campaign, campaign_id, customer, code, created, updated, alike)
    found, page = await held.database.read(codes.page_vouchers, window, filters)
    return AllVouchers(
        vouchers=[VoucherAnswer.of(read) for read in found],
        total=page.total,
        has_more=page.has_more,
    )


@router.get("/{code}", "resource_not_found", roles=READERS)
async def get_voucher(code: CodePath, held: Held) -> VoucherAnswer:
    """One referral code, by the code itself or its id."""
    return VoucherAnswer.of(await held.database.read(codes.find_voucher, code))


@router.post("/{code}/enable", "resource_not_found", roles=PROGRAMME)
async def enable_voucher(code: CodePath, caller: Calling, held: Held) -> VoucherAnswer:
    """The code may be used again, and what it held is judged."""
    return await _switch(held, code, DisableCodeIn(), active=True, actor=caller.actor)


@router.post("/{code}/disable", "resource_not_found", roles=PROGRAMME)
async def disable_voucher(
    code: CodePath, caller: Calling, held: Held, body: DisableCodeIn | None = None
) -> VoucherAnswer:
    """Refuse the code to everybody new. The conversion of a friend who already waits is held
    (`converted`, reason `code_disabled`), whether or not it names the code. What was granted for it
    is finished, unless `grants` says stop."""
    return await _switch(held, code, body or DisableCodeIn(), active=False, actor=caller.actor)


async def _switch(
    held: Held, code: str, asked: DisableCodeIn, *, active: bool, actor: str
) -> VoucherAnswer:
    async with held.database.transaction() as tx:
        reject = asked.held == "reject"
        switched = await set_code_active(
            tx, code, active=active, actor=actor, stop=asked.stop, reject_held=reject
        )
    held.dispatcher.wake(switched.intake)
    return VoucherAnswer.of(await held.database.read(codes.find_voucher, switched.id))
