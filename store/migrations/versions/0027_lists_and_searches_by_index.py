"""indexes for lists (each filter together with the id) and for searches (words, phone numbers)"""

from __future__ import annotations

from alembic import op

revision: str = "0027"
down_revision: str | None = "0026"
branch_labels: str | None = None
depends_on: str | None = None

# Letters and digits are words, whatever stands between them. Each function calls only PostgreSQL's
# own: in an index another one of ours might not be found.
_SPLIT = "regexp_replace({}, '[^[:alnum:]]+', ' ', 'g')"
_FUNCTIONS = {
    "search_words(written text)": ("tsvector", "to_tsvector('simple', {})", "written"),
    "person_words(name text, email text, source_id text)": (
        "tsvector",
        "to_tsvector('simple', {})",
        "coalesce(name, '') || ' ' || coalesce(email, '') || ' ' || coalesce(source_id, '')",
    ),
    "phone_digits(phone text)": ("text", "regexp_replace({}, '[^0-9]+', '', 'g')", "phone"),
}
_BIRTH = "split_part(id, '_', 2)"
_CHANGED = "coalesce(updated_at, created_at)"
_INDEXES = {
    "ix_customers_changed": f"customers ({_CHANGED}, id)",
    "ix_customers_city_page": "customers ((address ->> 'city'), created_at, id)",
    "ix_customers_name_page": "customers (name, created_at, id)",
    "ix_customers_phone": "customers (phone_digits(phone))",
    "ix_customers_words": "customers USING gin (person_words(name, email, source_id))",
    "ix_grants_campaign_page": "grants (campaign_id, id)",
    "ix_grants_kind_page": "grants (kind, id)",
    "ix_grants_recipient_page": "grants (recipient_id, id)",
    "ix_grants_status_page": "grants (status, id)",
    "ix_orders_birth": "orders (created_at, id)",
    "ix_orders_provider_order_id": "orders (provider_order_id)",
    "ix_orders_provider_page": "orders (provider, id)",
    "ix_orders_state_page": "orders (state, id)",
    "ix_publications_campaign_page": "publications (campaign_id, id)",
    "ix_publications_customer_page": "publications (customer_id, id)",
    "ix_publications_voucher_page": "publications (voucher_id, id)",
    "ix_redemptions_created": f"redemptions (created_at, {_BIRTH})",
    "ix_redemptions_campaign_page": f"redemptions (campaign_id, {_BIRTH})",
    "ix_redemptions_code_page": f"redemptions (code, {_BIRTH})",
    "ix_redemptions_customer_page": f"redemptions (customer_id, {_BIRTH})",
    "ix_redemptions_refused_page": f"redemptions ({_BIRTH}) WHERE failure_code IS NOT NULL",
    "ix_referrals_campaign_page": "referrals (campaign_id, id)",
    "ix_referrals_referrer_page": "referrals (referrer_id, id)",
    "ix_referrals_status_page": "referrals (status, id)",
    "ix_referrals_voucher_page": "referrals (voucher_id, id)",
    "ix_vouchers_birth": "vouchers (created_at, id)",
    "ix_vouchers_campaign_page": "vouchers (campaign_id, id)",
    "ix_vouchers_changed": f"vouchers ({_CHANGED}, id)",
    "ix_vouchers_words": "vouchers USING gin (search_words(code))",
}
_REPLACED = (
    "grants.recipient_id",
    "grants.status",
    "publications.campaign_id",
    "publications.customer_id",
    "redemptions.campaign_id",
    "redemptions.code",
    "redemptions.customer_id",
    "referrals.referrer_id",
    "referrals.status",
    "vouchers.campaign_id",
)
"""Indexes of a column alone, which the new ones begin with."""


def upgrade() -> None:
    for signature, (type, body, argument) in _FUNCTIONS.items():
        what = body.format(argument if type == "text" else _SPLIT.format(argument))
        op.execute(
            f"CREATE OR REPLACE FUNCTION {signature} RETURNS {type}"
            f" LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT {what} $$"
        )
    # Writers go on meanwhile. What a broken run has left behind is made anew.
    with op.get_context().autocommit_block():
        for name, columns in _INDEXES.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {columns}")
        for column in _REPLACED:
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS ix_{column.replace('.', '_')}")


def downgrade() -> None:
    for column in _REPLACED:
        table, name = column.split(".")
        op.create_index(f"ix_{table}_{name}", table, [name])
    for name in _INDEXES:
        op.execute(f"DROP INDEX {name}")
    for signature in _FUNCTIONS:
        op.execute(f"DROP FUNCTION {signature}")
