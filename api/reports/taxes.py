"""Tax thresholds, and who has submitted a form."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from pydantic import BaseModel, Field

from api.http.access import Calling
from api.http.fields import MAX_MINOR, with_examples
from api.http.lists import Listed
from api.http.parameters import CustomerPath
from api.http.resources import Held
from api.http.route import GuardedRouter
from domain.money import Currency
from domain.roles import Role
from store.customers import queries as customers
from store.database import ReadSession
from store.ledger import taxes

router = GuardedRouter("/v1", "Taxes")

FormName = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[\w .-]+$")]


class ThresholdBody(BaseModel):
    """From `amount` minor units a calendar year on, a person's form is needed."""

    model_config = with_examples({"amount": 60000, "form": "W-9"}, extra="forbid")

    amount: Annotated[int, Field(strict=True, gt=0, le=MAX_MINOR)]
    form: FormName


class ThresholdAnswer(ThresholdBody):
    """The same, with its currency."""

    model_config = with_examples(
        {"id": "USD", "currency": "USD", "amount": 60000, "form": "W-9"}, extra="ignore"
    )

    id: str
    currency: str


class ThresholdList(Listed[ThresholdAnswer]):
    """Thresholds by currency."""


class FormBody(BaseModel):
    """A form that the person has handed in; Guerdon keeps only that there is one."""

    model_config = with_examples({"form": "W-9"}, extra="forbid")

    form: FormName


class FormAnswer(FormBody):
    """The same, with the person's id."""

    model_config = with_examples(
        {"customer_id": "cust_01jd3v5q8g6w2x4y7z9a1b3c5d", "form": "W-9"}, extra="ignore"
    )

    customer_id: str


@router.get("/tax-thresholds", roles=[Role.FINANCE])
async def list_thresholds(held: Held) -> ThresholdList:
    """The threshold of each currency; a currency without one has none."""
    found = await held.database.read(taxes.thresholds)
    data = [ThresholdAnswer(id=one.currency, **one.model_dump()) for one in found]
    return ThresholdList(data=data, total=len(data), has_more=False)


@router.put("/tax-thresholds/{currency}", roles=[Role.FINANCE])
async def set_threshold(
    currency: Annotated[Currency, Path(description="ISO 4217, such as `USD`.")],
    body: ThresholdBody,
    caller: Calling,
    held: Held,
) -> ThresholdAnswer:
    """Set a currency's threshold. Cards and credits that would reach it are held as
    `tax_form_missing` until the person's form is recorded."""
    async with held.database.transaction() as tx:
        await taxes.set_threshold(tx, currency, body.amount, body.form, actor=caller.actor)
    return ThresholdAnswer(id=currency, currency=currency, **body.model_dump())


@router.put(
    "/customers/{customer_id}/tax-form", "resource_not_found", roles=[Role.FINANCE, Role.SUPPORT]
)
async def record_form(
    customer_id: CustomerPath, body: FormBody, caller: Calling, held: Held
) -> FormAnswer:
    """Record that the person has handed in a form; then `retry` the grants that waited for it."""
    async with held.database.transaction() as tx:
        person = await customers.find(ReadSession(tx.session), customer_id)
        await taxes.record_form(tx, person.id, body.form, actor=caller.actor)
    return FormAnswer(customer_id=person.id, form=body.form)
