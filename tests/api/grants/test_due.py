"""Due times over HTTP: each state that a grant passes through says until when."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import httpx

from domain.orders import DeliveryState, OrderState
from store.database import Database
from store.tables import Grant, Referral
from tests.api.api_bodies import made
from tests.builders import (
    add_campaign,
    add_code,
    add_customer,
    add_grant,
    alter,
    convert,
    in_past,
    one,
)
from tests.ordering import attempt, record, snapshot


async def _due(client: httpx.AsyncClient, grant_id: str) -> timedelta | None:
    """How long after its last change."""
    answer = await made(client.get(f"/v1/grants/{grant_id}"))
    referral = await made(client.get(f"/v1/referrals/{answer['referral_id']}"))
    (listed,) = referral["grants"]
    assert listed["due_at"] == referral["due_at"] == answer["due_at"]
    if answer["due_at"] is None:
        return None
    return _at(answer, "due_at") - _at(
        answer, "updated_at" if answer["updated_at"] else "created_at"
    )


def _at(answer: dict[str, Any], name: str) -> datetime:
    return datetime.fromisoformat(answer[name])


async def test_an_order_and_a_delivery_have_due_times(
    support: httpx.AsyncClient, database: Database
) -> None:
    grant = await add_grant(database)
    assert await _due(support, grant.id) == timedelta(days=1)
    claimed = await attempt(database, grant.id)
    await record(database, claimed.order_id, snapshot(claimed, OrderState.PENDING))
    assert (await one(database, Grant, id=grant.id)).status == "ordered"
    assert await _due(support, grant.id) == timedelta(days=7)
    await record(database, claimed.order_id, snapshot(claimed, delivery=DeliveryState.SENT))
    assert await _due(support, grant.id) is None


async def test_a_conversion_that_nobody_judged_yet(
    support: httpx.AsyncClient, database: Database
) -> None:
    code = await add_code(database, await add_campaign(database), await add_customer(database))
    referral = (await convert(database, code)).referrals[0]
    await alter(
        database, await one(database, Referral, id=referral.id), converted_at=in_past(hours=3)
    )
    answer = await made(support.get(f"/v1/referrals/{referral.id}"))
    assert _at(answer, "due_at") - _at(answer, "converted_at") == timedelta(hours=1)
