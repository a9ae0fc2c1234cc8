"""Holders of a referral code: who owns it, who shares it, and whom it referred."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from api.http.access import READERS, Calling
from api.http.fields import FromRow, NamedPerson, with_examples
from api.http.ids import CampaignId, CustomerId, ReferralId, VoucherId
from api.http.lists import Listed, Ordered
from api.http.masking import About
from api.http.parameters import CodePath, HolderPath
from api.http.resources import Held
from api.http.route import GuardedRouter
from domain.customers import Metadata
from domain.roles import Role
from store.database import ReadSession
from store.holders import queries as reading
from store.holders import referees


class HoldersIn(BaseModel):
    """Friends who come by the code: all are attributed to it, or none."""

    model_config = with_examples({"holders": [{"source_id": "user-2"}, {"source_id": "user-3"}]})

    holders: list[NamedPerson] = Field(min_length=1, max_length=100)
    metadata: Metadata = {}


class HolderAnswer(FromRow):
    """Who holds a code: its OWNER, a REFERRER who shares it, or a REFEREE who came by it."""

    id: str = Field(examples=["rh_01jd3v5q8g6w2x4y7z9a1b3c5d"])
    object: Literal["redeemable_holder"] = "redeemable_holder"
    created_at: datetime
    redeemable_id: VoucherId = Field(validation_alias="voucher_id")
    redeemable_object: Literal["voucher"] = "voucher"
    customer_id: CustomerId
    holder_role: Literal["OWNER", "REFERRER", "REFEREE"] = Field(validation_alias="role")
    campaign_id: CampaignId
    campaign_type: Literal["REFERRAL_PROGRAM"] = "REFERRAL_PROGRAM"
    voucher_type: Literal["DISCOUNT_VOUCHER"] = "DISCOUNT_VOUCHER"
    metadata: About
    referral_id: ReferralId | None = Field(description="Of a REFEREE.")


class HoldersAnswer(BaseModel):
    """The friends that were added, in the order given."""

    holders: list[HolderAnswer]


class HolderList(Listed[HolderAnswer]):
    """Holders, the latest first."""


router = GuardedRouter("/v1/referrals", "Codes")

_LONG = "/{campaign_id}/members/{member_id}/holders"
_SHORT = "/members/{member_id}/holders"
_Campaign = Annotated[str | None, Field(description="The campaign's id or its name.")]
"""In the path of one route, in the query of the other."""
_POSTED = (
    "missing_customer",
    "referrer_not_permitted_to_redeem",
    "already_referred",
    "voucher_disabled",
    "voucher_expired",
    "voucher_not_active",
    "voucher_not_active_now",
    "customer_rules_violated",
    "campaign_not_live",
    "budget_exhausted",
    "resource_not_found",
)
_LISTED = ("invalid_payload", "resource_not_found")
_DELETED = ("resource_not_found", "not_allowed_in_state")


@router.post(_LONG, *_POSTED, roles=[Role.SERVICE])
@router.post(_SHORT, *_POSTED, roles=[Role.SERVICE])
async def add_holders(
    member_id: CodePath,
    body: HoldersIn,
    held: Held,
    campaign_id: _Campaign = None,
) -> HoldersAnswer:
    """Attribute friends to a code, all of them or none: as if each had signed up with it. The
    code by itself or its id."""
    async with held.database.transaction() as tx:
        voucher = await reading.find_code(ReadSession(tx.session), member_id, campaign_id)
        added = await referees.add_referees(tx, voucher.code, body.holders, body.metadata)
    held.dispatcher.wake(added.intake)
    found = await held.database.read(reading.of_referrals, voucher.id, added.referral_ids)
    return HoldersAnswer(holders=[HolderAnswer.model_validate(read) for read in found])


@router.get(_LONG, *_LISTED, roles=READERS)
@router.get(_SHORT, *_LISTED, roles=READERS)
async def list_holders(
    member_id: CodePath,
    held: Held,
    window: Ordered,
    campaign_id: _Campaign = None,
) -> HolderList:
    """Who holds a code, the latest first."""
    async with held.database.reading() as session:
        voucher = await reading.find_code(session, member_id, campaign_id)
        found, page = await reading.page(session, window, voucher.id)
    return HolderList.of(found, page)


@router.get(_LONG + "/{holder_id}", "resource_not_found", roles=READERS)
@router.get(_SHORT + "/{holder_id}", "resource_not_found", roles=READERS)
async def get_holder(
    member_id: CodePath,
    holder_id: HolderPath,
    held: Held,
    campaign_id: _Campaign = None,
) -> HolderAnswer:
    """One holder of a code."""
    async with held.database.reading() as session:
        voucher = await reading.find_code(session, member_id, campaign_id)
        return HolderAnswer.model_validate(await reading.find(session, voucher.id, holder_id))


@router.delete(_LONG + "/{holder_id}", *_DELETED, roles=[Role.SERVICE], status_code=204)
@router.delete(_SHORT + "/{holder_id}", *_DELETED, roles=[Role.SERVICE], status_code=204)
async def remove_holder(
    member_id: CodePath,
    holder_id: HolderPath,
    caller: Calling,
    held: Held,
    campaign_id: _Campaign = None,
) -> None:
    """Take back the attribution of a friend who has not converted yet. No other code can refer
    this friend in the campaign later: the first touch holds."""
    async with held.database.transaction() as tx:
        session = ReadSession(tx.session)
        voucher = await reading.find_code(session, member_id, campaign_id)
        holder = await reading.find(session, voucher.id, holder_id)
        intake = await referees.remove_referee(tx, holder, caller.actor)
    held.dispatcher.wake(intake)
