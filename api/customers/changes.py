"""Changes and erases a customer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, cast

from fastapi import Body, Request
from pydantic import BaseModel, Field

from api.customers.schemas import CustomerAnswer, CustomerIn
from api.http.access import Calling, by_staff
from api.http.body import JsonRequest
from api.http.ids import VoucherId
from api.http.parameters import CustomerPath
from api.http.resources import Held
from api.http.route import GuardedRouter
from domain.customers import Address
from domain.ids import Prefix, new_id
from domain.refusals import InvalidPayload
from domain.roles import Role
from store.customers import queries as reading
from store.customers.erase import erase
from store.customers.upsert import empty, upsert
from store.messages import consents

router = GuardedRouter("/v1/customers", "Customers")


class ErasedCounts(BaseModel):
    """How much was erased. Sums, ids and what happened stay."""

    events: int = 0
    customer_events: int = 0
    daily_events: int = 0
    segments: int
    orders: int = Field(examples=[0])
    """Orders whose recipient was emptied."""
    order_events: int = 0
    customer: int = 1


class Deletion(BaseModel):
    """A person is erased. The spelling of `object` is Voucherify's."""

    id: str = Field(examples=["cpd_01jd3v5q8g6w2x4y7z9a1b3c5d"])
    created_at: datetime
    related_object_id: VoucherId
    related_object: Literal["customer"] = "customer"
    status: Literal["DONE"] = "DONE"
    data_json: ErasedCounts
    object: Literal["pernament_deletion"] = "pernament_deletion"


@router.put(
    "/{customer_id}", "resource_not_found", "duplicate_found", roles=[Role.SERVICE, Role.SUPPORT]
)
async def update_customer(
    customer_id: CustomerPath,
    body: Annotated[CustomerIn, Body(examples=[{"phone": "+4915112345678"}])],
    caller: Calling,
    held: Held,
    request: Request,
) -> CustomerAnswer:
    """Merge what is given into a customer who exists; `null` empties a member, or a line of the
    address. A `source_id` never changes. Sent by staff
    (the role `support`, or `admin` with `X-Guerdon-Actor`) it is a correction: the e-mail, phone
    or address that it replaces was never this customer's, and is held against nobody."""
    customer = await held.database.read(reading.find, customer_id)
    if body.source_id is not None and body.source_id != customer.source_id is not None:
        raise InvalidPayload("A source_id cannot be changed.", field="/source_id")
    async with held.database.transaction() as tx:
        person = body.model_copy(update={"id": customer.id})
        corrects = by_staff(caller, request)
        row = await upsert(tx, person, pointer="", corrects=corrects)
        await consents.state(tx, customer.id, body.consents.items())
        names, lines = _emptied(cast(JsonRequest, request).value)
        if names or lines:
            row = await empty(tx, customer.id, names, lines, corrects=corrects)
    return CustomerAnswer.model_validate(row)


_CAN_BE_EMPTY = {
    **{name: name for name in ("name", "email", "phone", "description", "birthdate", "address")},
    "birthday": "birthdate",
}


_EVERY_MEMBER = _CAN_BE_EMPTY.keys() | {"metadata"}


def _emptied(given: dict[str, Any]) -> tuple[set[str], set[str]]:
    """The members, and the lines of the address, that the body sets to null.

    A body that contains every member comes from the official SDK's `from_dict`, which fills them
    with null."""
    if given.keys() >= _EVERY_MEMBER:
        return set(), set()
    names = {_CAN_BE_EMPTY[name] for name, value in given.items() if _is_null(name, value)}
    address = given.get("address") or {}
    return names, {line for line in Address.model_fields if address.get(line, "") is None}


def _is_null(name: str, value: Any) -> bool:
    return value is None and name in _CAN_BE_EMPTY


@router.delete(
    "/{customer_id}",
    "resource_not_found",
    "not_allowed_in_state",
    roles=[Role.SERVICE, Role.SUPPORT],
    status_code=204,
)
async def delete_customer(customer_id: CustomerPath, held: Held) -> None:
    """Erase a person: the same as `permanent-deletion`."""
    async with held.database.transaction() as tx:
        erased = await erase(tx, customer_id, held.settings.marks_outlive_erasure)
    held.dispatcher.wake(erased.intake)


@router.post(
    "/{customer_id}/permanent-deletion",
    "resource_not_found",
    "not_allowed_in_state",
    roles=[Role.SERVICE, Role.SUPPORT],
)
async def erase_customer(customer_id: CustomerPath, held: Held) -> Deletion:
    """Erase a person. What waits for them is cancelled; refused while a card may be on its way."""
    async with held.database.transaction() as tx:
        erased = await erase(tx, customer_id, held.settings.marks_outlive_erasure)
    held.dispatcher.wake(erased.intake)
    return Deletion(
        id=new_id(Prefix.DELETION),
        created_at=datetime.now(UTC),
        related_object_id=erased.customer_id,
        data_json=ErasedCounts(segments=erased.segments, orders=erased.orders),
    )
