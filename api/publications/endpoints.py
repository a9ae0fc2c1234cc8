"""Publications: a code must be given to a customer before it can refer anybody."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query

from api.http.access import READERS
from api.http.lists import Ordered
from api.http.masking import PERSONAL
from api.http.parameters import CustomerQuery, IsReferralCodeQuery
from api.http.resources import Held
from api.http.route import GuardedRouter
from api.publications.schemas import PublicationAnswer, PublicationIn, PublicationList
from domain.roles import Role
from store import metadata_schemas
from store.codes import queries as reading
from store.codes.typed import as_stored
from store.customers.upsert import upsert
from store.publications.publish import PublicationRequest, publish
from store.redemptions.refused import RefusableRequest, noting_refusal

router = GuardedRouter("/v1/publications", "Codes")


@router.post(
    "",
    "missing_customer",
    "no_voucher_suitable_for_publication",
    "voucher_disabled",
    "campaign_not_live",
    "customer_rules_violated",
    "resource_not_found",
    "duplicate_found",
    "identity_reused",
    roles=[Role.SERVICE],
)
async def publish_code(
    body: PublicationIn,
    held: Held,
    join_once: Annotated[
        bool, Query(description="Give the code that the customer holds already, if any.")
    ] = False,
) -> PublicationAnswer:
    """Give a customer a code. The same `source_id` always answers the same code."""
    name = body.campaign.name if body.campaign else None
    code = await as_stored(held.database, body.voucher) if body.voucher else None
    asked = RefusableRequest("publication.failed", body.customer, code, name)
    async with noting_refusal(held.database, asked) as tx:
        await metadata_schemas.check(tx, "publication", body.metadata)
        customer = await upsert(tx, body.customer)
        request = PublicationRequest(
            customer_id=customer.id,
            campaign=name,
            code=code,
            source_id=body.source_id if body.source_id and body.source_id.strip() else None,
            join_once=join_once,
            channel=body.channel or "API",
            metadata=body.metadata,
        )
        publication_id = await publish(tx, request)
    read = await held.database.read(reading.find_publication, publication_id)
    # Voucherify's SDK accepts no other channel here; the list shows the one that was given.
    return PublicationAnswer.of(read, "API")


@router.get("", roles=READERS)
async def list_publications(
    held: Held,
    window: Ordered,
    campaign: Annotated[
        str | None, Query(max_length=200, description="A campaign's name or id.")
    ] = None,
    customer: CustomerQuery = None,
    voucher: Annotated[
        str | None, Query(max_length=200, description="The code itself, or its id.")
    ] = None,
    source_id: Annotated[
        str | None,
        Query(
            max_length=255,
            json_schema_extra=PERSONAL,
            description="The publication's own `source_id`.",
        ),
    ] = None,
    result: Annotated[
        Literal["SUCCESS", "FAILURE"],
        Query(description="Only those that went well, or were refused."),
    ] = "SUCCESS",
    voucher_type: Annotated[
        Literal["DISCOUNT_VOUCHER"] | None, Query(description="Voucherify's kinds of codes.")
    ] = None,
    is_referral_code: IsReferralCodeQuery = True,
) -> PublicationList:
    """Publications, newest first. One that was refused is told in the event log and the
    customer's activity, and every code given out is a referral code: asked for others, the list
    is empty."""
    found, page = await held.database.read(
        reading.page_publications,
        window,
        campaign=campaign,
        customer=customer,
        voucher=voucher,
        source_id=source_id,
        none=result == "FAILURE" or not is_referral_code,
    )
    data = [PublicationAnswer.of(read, read.publication.channel) for read in found]
    return PublicationList.of(data, page)
