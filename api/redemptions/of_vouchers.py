"""How one code was used."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Path, Request
from pydantic import BaseModel, Field

from api.http.access import READERS
from api.http.lists import Windowed
from api.http.parameters import CodePath
from api.http.resources import Held
from api.http.route import GuardedRouter
from api.redemptions.endpoints import REFUSALS
from api.redemptions.schemas import RedemptionAnswer, VoucherRedemptionIn
from api.redemptions.use import use_code
from api.vouchers.schemas import VoucherAnswer
from domain.roles import Role
from store.codes import queries as codes
from store.redemptions import queries as reading

router = GuardedRouter("/v1/vouchers", "Codes")


class VoucherRedemptions(BaseModel):
    """The uses of a code, refused ones among them, newest first."""

    object: Literal["list"] = "list"
    quantity: int | None
    redeemed_quantity: int
    url: str = Field(examples=["/v1/vouchers/REF-8KZQ7WXP/redemption"])
    data_ref: Literal["redemption_entries"] = "redemption_entries"
    total: int
    has_more: bool = Field(examples=[False])
    redemption_entries: list[RedemptionAnswer]


@router.post("/{code}/redemption", *REFUSALS, "identity_reused", roles=[Role.SERVICE])
async def redeem_voucher(
    code: Annotated[str, Path(max_length=200, description="The code itself, or its id.")],
    body: VoucherRedemptionIn,
    held: Held,
    request: Request,
) -> RedemptionAnswer:
    """Redeem this code: the same as `POST /v1/redemptions`, answered by the redemption alone."""
    return RedemptionAnswer.of(await use_code(body.of_code(code), held, request))


@router.get("/{code}/redemption", "invalid_payload", "resource_not_found", roles=READERS)
async def list_voucher_redemptions(
    code: CodePath, held: Held, window: Windowed
) -> VoucherRedemptions:
    """Who used a code, and who was refused it."""
    async with held.database.reading() as session:
        voucher = VoucherAnswer.of(await codes.find_voucher(session, code))
        filters = reading.Filters(voucher=voucher.code)
        found, page = await reading.page(session, window, filters)
    return VoucherRedemptions(
        quantity=voucher.redemption.quantity,
        redeemed_quantity=voucher.redemption.redeemed_quantity,
        url=voucher.redemption.url,
        total=page.total,
        has_more=page.has_more,
        redemption_entries=[RedemptionAnswer.of(read) for read in found],
    )
