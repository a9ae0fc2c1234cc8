"""The exportable objects and their fields.

Names are Voucherify's where it has them; times are UTC, amounts minor units."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, Text, case, cast, func, null, select
from sqlmodel import col

from store.tables import Campaign, Customer, Publication, Redemption, Rollback, Voucher
from store.tables.columns import documents

Column = Any
"""A column or an expression, which SQLAlchemy types differently."""


class Exported(NamedTuple):
    """One kind of object: its fields by name, in the order of the file, and where they are read.
    `defaults` are used if no fields are requested."""

    fields: dict[str, Column]
    source: Select[*tuple[Any, ...]]
    defaults: tuple[str, ...]
    id: Column
    metadata: Column
    """The JSON column of `metadata.x`."""
    personal: frozenset[str]
    """Fields with personal data. Metadata always counts as personal."""


def _instant(column: Any) -> ColumnElement[Any]:
    return func.to_char(column, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')


def _constant(value: str | None) -> ColumnElement[Any]:
    """The same in every row. Typed, because PostgreSQL cannot sort by an untyped constant."""
    return cast(value, Text)


def _customer() -> Exported:
    address = documents(Customer, "address")
    fields: dict[str, Column] = {
        "id": col(Customer.id),
        "source_id": col(Customer.source_id),
        "name": col(Customer.name),
        "email": col(Customer.email),
        "phone": col(Customer.phone),
        "description": col(Customer.description),
        "birthdate": cast(col(Customer.birthdate), Text),
        **{
            f"address_{member}": address[member].astext
            for member in ("line_1", "line_2", "postal_code", "city", "state", "country")
        },
        "created_at": _instant(col(Customer.created_at)),
        "updated_at": _instant(col(Customer.updated_at)),
    }
    defaults = ("id", "source_id", "name", "email")
    attributes = documents(Customer, "attributes")
    personal = frozenset(fields) - {"id", "created_at", "updated_at"}
    source = select(null()).select_from(Customer).where(col(Customer.erased_at).is_(None))
    return Exported(fields, source, defaults, col(Customer.id), attributes, personal)


def _voucher() -> Exported:
    fields: dict[str, Column] = {
        "id": col(Voucher.id),
        "code": col(Voucher.code),
        "voucher_type": _constant("DISCOUNT_VOUCHER"),
        "campaign": col(Campaign.name),
        "campaign_id": col(Voucher.campaign_id),
        "category": col(Voucher.category),
        "active": cast(col(Voucher.active), Text),  # true and false; COPY writes t and f
        "is_referral_code": _constant("true"),
        "redemption_quantity": col(Voucher.quantity),
        "redemption_count": col(Voucher.redeemed_quantity),
        "start_date": _instant(col(Voucher.start_date)),
        "expiration_date": _instant(col(Voucher.expiration_date)),
        "created_at": _instant(col(Voucher.created_at)),
        "updated_at": _instant(col(Voucher.updated_at)),
    }
    source = select(null()).select_from(Voucher).join(Campaign)
    defaults = ("code", "voucher_type", "campaign", "active", "redemption_count")
    attributes = documents(Voucher, "attributes")
    return Exported(fields, source, defaults, col(Voucher.id), attributes, frozenset())


def _redemption() -> Exported:
    refused = col(Redemption.failure_code).is_not(None)
    fields: dict[str, Column] = {
        "id": col(Redemption.id),
        "object": _constant("redemption"),
        "date": _instant(col(Redemption.created_at)),
        "voucher_code": col(Redemption.code),
        "campaign": col(Campaign.name),
        "campaign_id": col(Redemption.campaign_id),
        "customer_id": col(Redemption.customer_id),
        "customer_source_id": col(Customer.source_id),
        "customer_name": col(Customer.name),
        "tracking_id": col(Redemption.tracking_id),
        "order_source_id": col(Redemption.order_source_id),
        "order_amount": col(Redemption.amount),
        "discount_amount": col(Redemption.discount_amount),
        "gift_amount": _constant(None),
        "loyalty_points": _constant(None),
        "result": case((refused, "FAILURE"), else_="SUCCESS"),
        "status": case(
            (refused, "FAILED"),
            (col(Rollback.id).is_not(None), "ROLLED_BACK"),
            else_="SUCCEEDED",
        ),
        "failure_code": col(Redemption.failure_code),
        "failure_message": col(Redemption.failure_message),
        "created_at": _instant(col(Redemption.created_at)),
    }
    source = (
        select(null())
        .select_from(Redemption)
        .outerjoin(Campaign, col(Campaign.id) == Redemption.campaign_id)
        .outerjoin(Customer, col(Customer.id) == Redemption.customer_id)
        .outerjoin(Rollback, col(Rollback.redemption_id) == Redemption.id)
    )
    defaults = (
        *("id", "object", "date", "voucher_code", "campaign", "customer_id"),
        *("customer_source_id", "customer_name", "tracking_id", "order_amount", "gift_amount"),
        *("loyalty_points", "result", "failure_code", "failure_message"),
    )
    attributes = documents(Redemption, "attributes")
    personal = frozenset({"customer_source_id", "customer_name", "tracking_id"})
    return Exported(fields, source, defaults, col(Redemption.id), attributes, personal)


def _publication() -> Exported:
    fields: dict[str, Column] = {
        "code": col(Voucher.code),
        "customer_id": col(Publication.customer_id),
        "customer_source_id": col(Customer.source_id),
        "date": _instant(col(Publication.created_at)),
        "channel": col(Publication.channel),
        "campaign": col(Campaign.name),
        "campaign_id": col(Publication.campaign_id),
        "is_winner": _constant(None),
        "id": col(Publication.id),
        "source_id": col(Publication.source_id),
        "created_at": _instant(col(Publication.created_at)),
    }
    source = (
        select(null())
        .select_from(Publication)
        .join(Voucher, col(Voucher.id) == Publication.voucher_id)
        .join(Campaign, col(Campaign.id) == Publication.campaign_id)
        .join(Customer, col(Customer.id) == Publication.customer_id)
    )
    defaults = ("code", "customer_id", "date", "channel")
    attributes = documents(Publication, "attributes")
    personal = frozenset({"customer_source_id", "source_id", "channel"})
    return Exported(fields, source, defaults, col(Publication.id), attributes, personal)


OBJECTS: dict[str, Exported] = {
    "customer": _customer(),
    "publication": _publication(),
    "redemption": _redemption(),
    "voucher": _voucher(),
}
"""By Voucherify's `exported_object`."""
