"""Referrals: attribution at sign-up, and reading their progress."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from api.http.access import READERS
from api.http.lists import Windowed
from api.http.masking import PERSONAL, PERSONAL_UNLESS_OURS
from api.http.parameters import CampaignIdQuery, ExactCodeQuery, OrderSourceIdQuery, ReferralPath
from api.http.resources import Held
from api.http.route import GuardedRouter
from api.http.timelines import Timeline
from api.referrals.schemas import ReferralAnswer, ReferralIn, ReferralList
from domain.referrals import ReferralStatus
from domain.roles import Role
from store.codes.typed import as_stored
from store.customers.upsert import upsert
from store.events import timelines
from store.redemptions.refused import RefusableRequest, noting_refusal
from store.referrals import queries as reading
from store.referrals.attribute import sign_up
from store.referrals.queries import Filters

router = GuardedRouter("/v1/referrals", "Referrals")


_BEGUN = {
    "id": "ref_01jd3v5q8g6w2x4y7z9a1b3c5d",
    "object": "referral",
    "status": "waiting",
    "rewarded": True,
    "campaign_id": "camp_01jd3v5q8g6w2x4y7z9a1b3c5d",
    "campaign_version": 1,
    "code": "REF-8KZQ7WXP",
    "referrer_id": "cust_01jd3v5q8g6w2x4y7z9a1b3c5j",
    "referee_id": "cust_01jd3v5q8g6w2x4y7z9a1b3c5b",
    "referrer": {
        "id": "cust_01jd3v5q8g6w2x4y7z9a1b3c5j",
        "source_id": "user-1",
        "name": "Jane Doe",
        "email": "jane@example.com",
    },
    "referee": {
        "id": "cust_01jd3v5q8g6w2x4y7z9a1b3c5b",
        "source_id": "user-2",
        "name": "Bob Roe",
        "email": "bob@example.com",
    },
    "verdicts": [],
    "grants": [],
    "actions": [],
    "due_at": "2026-12-20T09:30:00Z",
    "expires_at": "2026-12-20T09:30:00Z",
    "workflow_id": "referral:camp_01jd3v5q8g6w2x4y7z9a1b3c5d:cust_01jd3v5q8g6w2x4y7z9a1b3c5b",
    "metadata": {},
    "created_at": "2026-11-20T09:30:00Z",
}

_Party = Annotated[
    str | None,
    Query(
        max_length=255,
        description="Our id, or the caller's source_id.",
        json_schema_extra=PERSONAL_UNLESS_OURS,
    ),
]


@router.post(
    "",
    "missing_customer",
    "referrer_not_permitted_to_redeem",
    "voucher_disabled",
    "voucher_expired",
    "voucher_not_active",
    "already_referred",
    "campaign_not_live",
    "voucher_not_active_now",
    "customer_rules_violated",
    "redemption_rules_violated",
    "budget_exhausted",
    "resource_not_found",
    roles=[Role.SERVICE],
    status_code=201,
    responses={
        200: {"model": ReferralAnswer, "description": "Attributed before, by the same code."},
        201: {"content": {"application/json": {"example": _BEGUN}}},
    },
)
async def create_referral(body: ReferralIn, held: Held, response: Response) -> ReferralAnswer:
    """Attribute a friend to a code at sign-up. The first code that a friend uses holds."""
    code = await as_stored(held.database, body.code)
    asked = RefusableRequest("referral.refused", body.customer, code)
    async with noting_refusal(held.database, asked) as tx:
        referee = await upsert(tx, body.customer)
        attributed = await sign_up(tx, code=code, referee_id=referee.id, metadata=body.metadata)
    held.dispatcher.wake(attributed.intake)
    if not attributed.created:
        response.status_code = 200
    read = await held.database.read(reading.find, attributed.referral.id)
    return ReferralAnswer.of(read)


@router.get("", roles=READERS)
async def list_referrals(
    held: Held,
    window: Windowed,
    campaign_id: CampaignIdQuery = None,
    status: Annotated[ReferralStatus | None, Query(description="Only those in this state.")] = None,
    referrer_id: _Party = None,
    referee_id: _Party = None,
    code: ExactCodeQuery = None,
    order_source_id: OrderSourceIdQuery = None,
    email: Annotated[
        str | None,
        Query(max_length=254, description="Of either party.", json_schema_extra=PERSONAL),
    ] = None,
    q: Annotated[
        str | None,
        Query(
            min_length=2,
            max_length=255,
            description=(
                "The beginnings of words in a name, e-mail, source_id or code; or the whole of an "
                "e-mail, phone number or order's id, of any id of Guerdon's, or of a provider's."
            ),
            json_schema_extra=PERSONAL,
        ),
    ] = None,
) -> ReferralList:
    """Referrals, newest first."""
    filters = Filters(campaign_id, status, referrer_id, referee_id, code, order_source_id, email, q)
    found, page = await held.database.read(reading.page, window, filters)
    return ReferralList.of([ReferralAnswer.of(read) for read in found], page)


@router.get("/{referral_id}", "resource_not_found", roles=READERS)
async def get_referral(referral_id: ReferralPath, held: Held) -> ReferralAnswer:
    """One referral."""
    return ReferralAnswer.of(await held.database.read(reading.find, referral_id))


@router.get("/{referral_id}/timeline", "resource_not_found", roles=READERS)
async def get_timeline(referral_id: ReferralPath, held: Held) -> Timeline:
    """The whole story of a referral, oldest first, in plain words."""
    return Timeline.of(await held.database.read(timelines.of_referral, referral_id))
