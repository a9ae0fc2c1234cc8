"""The properties that a condition may use: Voucherify's names, as far as they are judged.

Others are refused when a rule is created, so that every stored rule is evaluated."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from domain.rules import operators
from domain.rules.counters import Counter, Period, What, Whose
from domain.rules.operators import Operator


class Concern(StrEnum):
    """What a refusal is about; the key of the answer (CONTRACT §6)."""

    CUSTOMER = "customer_rules_violated"
    ORDER = "order_rules_violated"
    REDEMPTION = "redemption_rules_violated"


class Source(StrEnum):
    """Where the value is read."""

    SEGMENT = "segment"
    CUSTOMER_METADATA = "customer_metadata"
    ORDER = "order"
    ORDER_METADATA = "order_metadata"
    ITEM = "item"
    """Each line of the order; one that holds is enough."""
    EACH_ITEM = "each_item"
    """Each line of the order; all must hold."""
    METADATA = "metadata"
    """The metadata of the redemption or event."""
    EVENT_METADATA = "event_metadata"
    API_KEY = "api_key"
    COUNT = "count"


class Property(NamedTuple):
    """One property: where it is read, what a refusal by it is about, which operators it allows."""

    source: Source
    concern: Concern
    operators: frozenset[Operator]
    member: str = ""
    """The member of the order or item."""
    named: bool = False
    """The condition's `property` names the metadata member."""
    counter: Counter | None = None


_NUMBER = operators.EQUALITY | operators.MAGNITUDE
_ANY = frozenset(Operator)


def _order(member: str) -> Property:
    return Property(Source.ORDER, Concern.ORDER, _NUMBER, member)


def _item(member: str, source: Source = Source.ITEM) -> Property:
    return Property(source, Concern.ORDER, _NUMBER, member)


def _item_metadata(source: Source = Source.ITEM) -> Property:
    return Property(source, Concern.ORDER, _ANY, "metadata", named=True)


def _metadata(source: Source, concern: Concern) -> Property:
    return Property(source, concern, _ANY, named=True)


def _counted(name: str, what: What, whose: Whose, *periods: Period) -> dict[str, Property]:
    return {
        name if period is Period.TOTAL else f"{name}.{period}": Property(
            Source.COUNT, Concern.REDEMPTION, _NUMBER, counter=Counter(what, whose, period)
        )
        for period in periods
    }


PROPERTIES: dict[str, Property] = {
    "customer.segment": Property(Source.SEGMENT, Concern.CUSTOMER, operators.EQUALITY),
    "customer.metadata": _metadata(Source.CUSTOMER_METADATA, Concern.CUSTOMER),
    "order.amount": _order("amount"),
    "order.initial_amount": _order("amount"),
    "order.total_amount": _order("total_amount"),
    "order.items.count": _order("items_count"),
    "order.metadata": _metadata(Source.ORDER_METADATA, Concern.ORDER),
    "order.items.price_any": _item("price"),
    "order.items.price_each": _item("price", Source.EACH_ITEM),
    "order.items.metadata_any": _item_metadata(),
    "order.items.metadata_each": _item_metadata(Source.EACH_ITEM),
    "product.id": Property(Source.ITEM, Concern.ORDER, operators.EQUALITY, "product"),
    "product.price": _item("price"),
    "product.quantity": _item("quantity"),
    "product.metadata": _item_metadata(),
    "sku.id": Property(Source.ITEM, Concern.ORDER, operators.EQUALITY, "sku"),
    "sku.price": _item("price"),
    "sku.quantity": _item("quantity"),
    "sku.metadata": _item_metadata(),
    "redemption.metadata": _metadata(Source.METADATA, Concern.REDEMPTION),
    "redemption.api_key": Property(Source.API_KEY, Concern.REDEMPTION, operators.EQUALITY),
    "custom_event.metadata": _metadata(Source.EVENT_METADATA, Concern.REDEMPTION),
    **_counted("campaign.orders.amount", What.ORDERS, Whose.CAMPAIGN, Period.TOTAL),
    **_counted("campaign.orders.amount_discounted", What.DISCOUNTS, Whose.CAMPAIGN, Period.TOTAL),
    **_counted("campaign.redemptions.count", What.USES, Whose.CAMPAIGN, *Period),
    **_counted("campaign.redemptions.customers_count", What.USES, Whose.CUSTOMER, *Period),
    **_counted(
        "redemption.count", What.USES, Whose.CODE, Period.DAILY, Period.WEEKLY, Period.MONTHLY
    ),
    **_counted("redemption.count.per_customer", What.USES, Whose.CUSTOMER_AND_CODE, *Period),
}
"""By name. Order values are in minor units; counts include the current use."""
