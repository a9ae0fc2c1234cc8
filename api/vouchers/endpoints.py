"""Referral codes, one at a time."""

from __future__ import annotations

from fastapi import APIRouter

from api.access import READERS, allow
from api.problems import responses
from api.resources import Held
from api.route import GuardedRoute
from api.vouchers.schemas import VoucherAnswer
from store.reading import codes

router = APIRouter(prefix="/v1/vouchers", tags=["Codes"], route_class=GuardedRoute)


@router.get("/{code}", dependencies=[allow(*READERS)], responses=responses("resource_not_found"))
async def get_voucher(code: str, held: Held) -> VoucherAnswer:
    """One referral code, by the code itself or its id."""
    async with held.database.reading() as session:
        return VoucherAnswer.of(await codes.find_voucher(session, code))
