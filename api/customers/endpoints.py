"""Customers: created and updated by the caller's own `source_id`."""

from __future__ import annotations

from typing import Annotated

from fastapi import Body, Query, Request

from api.customers.schemas import (
    ConsentAnswer,
    CustomerAnswer,
    CustomerIn,
    CustomerList,
    Referrals,
    SegmentName,
    SegmentNames,
)
from api.http.access import READERS, Calling, by_staff
from api.http.known_parameters import wrong_parameter
from api.http.lists import Created, Dated, Updated
from api.http.masking import PERSONAL
from api.http.parameters import CustomerPath
from api.http.resources import Held
from api.http.route import GuardedRouter
from domain.dates import Instant
from domain.roles import Role
from store.customers import holdings
from store.customers import queries as reading
from store.customers.upsert import upsert
from store.messages import consents

router = GuardedRouter("/v1/customers", "Customers")


EXAMPLE = {
    "source_id": "user-1",
    "name": "Jane Doe",
    "email": "jane@example.com",
    "address": {"line_1": "1 Main Street", "city": "Springfield", "country": "US"},
    "metadata": {"lang": "en"},
}
Described = Annotated[CustomerIn, Body(examples=[EXAMPLE])]


# Support may, because a grant without an address waits until somebody adds it.
@router.post("", "resource_not_found", "duplicate_found", roles=[Role.SERVICE, Role.SUPPORT])
async def upsert_customer(
    body: Described, caller: Calling, held: Held, request: Request
) -> CustomerAnswer:
    """Create a customer, or merge what is given into the one with this `source_id` or `id`. Sent
    by staff it is a correction, as in `PUT`."""
    async with held.database.transaction() as tx:
        row = await upsert(tx, body, pointer="", corrects=by_staff(caller, request))
        await consents.state(tx, row.id, body.consents.items())
    return CustomerAnswer.model_validate(row)


@router.get("", "invalid_payload", "resource_not_found", roles=READERS)
async def list_customers(
    held: Held,
    window: Dated,
    created: Created,
    updated: Updated,
    email: Annotated[
        str | None,
        Query(max_length=254, json_schema_extra=PERSONAL, description="Exactly this address."),
    ] = None,
    name: Annotated[
        str | None,
        Query(max_length=255, json_schema_extra=PERSONAL, description="Exactly this name."),
    ] = None,
    city: Annotated[
        str | None,
        Query(
            max_length=255,
            json_schema_extra=PERSONAL,
            description="Exactly this city of the address.",
        ),
    ] = None,
    segment_id: Annotated[
        str | None, Query(max_length=64, description="A segment that lists its customers.")
    ] = None,
    starting_after: Annotated[
        Instant | None,
        Query(
            description="Voucherify's cursor: the `created_at` of the last one of the page before. "
            "`starting_after_id` also tells those apart whom one request created."
        ),
    ] = None,
) -> CustomerList:
    """Customers, newest first."""
    if starting_after is not None and window.by != "created_at":
        raise wrong_parameter("Goes by created_at only: order by that.", ["starting_after"])
    filters = reading.Filters(email, name, city, segment_id, created, updated, starting_after)
    page = await held.database.read(reading.page, window, filters)
    return CustomerList.of([row[0] for row in page.rows], page)


@router.get("/{customer_id}", "resource_not_found", roles=READERS)
async def get_customer(customer_id: CustomerPath, held: Held) -> CustomerAnswer:
    """One customer, by `id` or `source_id`, with who referred them."""
    async with held.database.reading() as session:
        customer = await reading.find(session, customer_id)
        referrals = await reading.referrals_of(session, customer.id)
        said = await consents.of_customer(session, customer.id)
    answer = CustomerAnswer.model_validate(customer)
    by_channel = {one.channel: ConsentAnswer.model_validate(one) for one in said}
    return answer.model_copy(
        update={"referrals": Referrals.of(referrals), "consents": by_channel or None}
    )


@router.get("/{customer_id}/segments", "resource_not_found", roles=READERS)
async def list_segments(customer_id: CustomerPath, held: Held) -> SegmentNames:
    """The segments that list the customer, or whose filter fits now."""
    async with held.database.reading() as session:
        customer = await reading.find(session, customer_id)
        found = await holdings.segments_of(session, customer)
    data = [SegmentName.model_validate(segment) for segment in found]
    return SegmentNames(data=data, total=len(data))
