"""Validations: whether a code would count, and what the order would then cost."""

from __future__ import annotations

from fastapi import Request

from api.http.resources import Held
from api.http.route import GuardedRouter
from api.redemptions.schemas import RedemptionIn
from api.redemptions.use import read_code, to_request
from api.validations.schemas import ValidationAnswer
from domain.refusals import CannotCount, IdentityReused, NotFound
from domain.roles import Role
from store.customers.upsert import upsert
from store.database import ReadSession, Transaction
from store.redemptions import queries as reading
from store.redemptions.redeem import redeem
from store.terms import terms_of

router = GuardedRouter("/v1/validations", "Redemptions")


@router.post("", "missing_customer", roles=[Role.SERVICE])
async def validate_code(body: RedemptionIn, held: Held, request: Request) -> ValidationAnswer:
    """What redeeming this code now would answer. It is redeemed, and undone before anybody sees
    it: nothing is consumed, nobody is created or referred, and a refusal is not kept."""
    await read_code(body, held.database)
    code = body.redeemables[0].id
    try:
        async with held.database.rehearsal() as tx:
            return await _rehearse(tx, body, request)
    except (CannotCount, IdentityReused, NotFound) as refusal:
        return ValidationAnswer.inapplicable(
            code, refusal, request.state.request_id, body.tracking_id
        )


async def _rehearse(tx: Transaction, body: RedemptionIn, request: Request) -> ValidationAnswer:
    customer = await upsert(tx, body.customer)
    asked = to_request(body, request, customer.id, tx.now)
    redeemed = await redeem(tx, asked, rehearsed=True)
    read = await reading.find(ReadSession(tx.session), redeemed.redemption_id)
    referral = read.referral
    terms = referral and await terms_of(tx, referral.campaign_id, referral.campaign_version)
    return ValidationAnswer.applicable(
        body.redeemables[0].id,
        read,
        terms.discount if terms else read.voucher and read.voucher.discount,
        body.tracking_id,
        known=customer.created_at < tx.now,
    )
