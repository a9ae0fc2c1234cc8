"""A customer's activity, with Voucherify's event names and shapes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import BaseModel, Field

from api.http.access import READERS
from api.http.known_parameters import wrong_parameter
from api.http.lists import Ordered
from api.http.parameters import CustomerPath
from api.http.resources import Held
from api.http.route import GuardedRouter
from domain.dates import Instant
from store.customers import holdings
from store.customers import queries as customers
from store.lists.pages import Between
from store.tables import Event

router = GuardedRouter("/v1/customers", "Customers")

_ABOUT = ("voucher_id", "redemption_id", "failure_code")


class Activity(BaseModel):
    """One thing that happened around a customer, under Voucherify's word for it."""

    id: str = Field(examples=["evt_1204"])
    type: str = Field(examples=["customer.rewarded"])
    data: dict[str, Any] = Field(
        examples=[
            {
                "campaign_id": "camp_01jd3v5q8g6w2x4y7z9a1b3c5d",
                "grant_id": "gr_01jd3v5q8g6w2x4y7z9a1b3c5d",
                "customer_id": "cust_01jd3v5q8g6w2x4y7z9a1b3c5b",
                "title": "Reward delivered",
                "detail": "15.00 USD by giftcard-partners; delivery state: delivered",
            }
        ]
    )
    created_at: datetime
    group_id: None = None

    @classmethod
    def of(cls, event: Event) -> Activity:
        ids = {
            name: value
            for name in ("campaign_id", "referral_id", "grant_id", "order_id", "customer_id")
            if (value := getattr(event, name))
        }
        ids |= {name: event.data[name] for name in _ABOUT if event.data.get(name)}
        data = ids | {"title": event.title, "detail": event.detail}
        type = holdings.ACTIVITIES[event.type]
        return cls(id=f"evt_{event.seq}", type=type, data=data, created_at=event.at)


class ActivityList(BaseModel):
    """What happened around a customer, newest first."""

    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"
    data: list[Activity]
    has_more: bool = Field(examples=[False])
    more_starting_after: str | None


_ACTIVITIES = ", ".join(holdings.ACTIVITIES.values())


@router.get("/{customer_id}/activity", "resource_not_found", "invalid_payload", roles=READERS)
async def list_activity(
    customer_id: CustomerPath,
    held: Held,
    window: Ordered,
    type: Annotated[str | None, Query(max_length=100, description=f"One of {_ACTIVITIES}.")] = None,
    campaign_id: Annotated[str | None, Query(max_length=64, description="A campaign's id.")] = None,
    campaign_type: Annotated[
        Literal["REFERRAL_PROGRAM"] | None,
        Query(description="Voucherify's kinds; there are referral programmes only."),
    ] = None,
    start_date: Annotated[Instant | None, Query(description="Later than then.")] = None,
    end_date: Annotated[Instant | None, Query(description="Before then.")] = None,
) -> ActivityList:
    """What happened around the customer, newest first."""
    if type is not None and type not in holdings.ACTIVITIES.values():
        raise wrong_parameter(f"One of {_ACTIVITIES}.", ["type"])
    filters = holdings.ActivityFilters(type, campaign_id, Between(end_date, start_date))
    async with held.database.reading() as session:
        customer = await customers.find(session, customer_id)
        events, more = await holdings.activity_of(session, customer.id, window, filters)
    data = [Activity.of(event) for event in events]
    return ActivityList(
        data=data, has_more=more, more_starting_after=data[-1].id if more and data else None
    )
