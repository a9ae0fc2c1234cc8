"""links: a campaign's landing address and text to share; visits of short links"""

from __future__ import annotations

from alembic import op

revision: str = "0034"
down_revision: str | None = "0033"
branch_labels: str | None = None
depends_on: str | None = None

_COUNTED_BEFORE = (
    "referrals",
    "grants",
    "redemptions",
    "rollbacks",
    "events",
    "publications",
    "vouchers",
    "coupons",
)
_REFUSED = "type = 'publication.failed'"
_GRANTS = """
DO $$ DECLARE role text; BEGIN
    FOR role IN SELECT DISTINCT grantee FROM information_schema.role_table_grants
        WHERE table_name = 'referrals' AND privilege_type = 'INSERT' AND grantee <> current_user
    LOOP EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON link_visits TO %I', role);
    END LOOP;
END $$"""


def upgrade() -> None:
    op.execute("ALTER TABLE campaigns ADD COLUMN IF NOT EXISTS landing_url varchar")
    op.execute("ALTER TABLE campaigns ADD COLUMN IF NOT EXISTS share_text varchar")
    op.execute(
        """
        CREATE TABLE IF NOT EXISTS link_visits (
            voucher_id varchar NOT NULL, day date NOT NULL, part integer NOT NULL,
            campaign_id varchar NOT NULL, visits bigint NOT NULL,
            CONSTRAINT pk_link_visits PRIMARY KEY (voucher_id, day, part),
            CONSTRAINT fk_link_visits_voucher_id_vouchers FOREIGN KEY (voucher_id)
                REFERENCES vouchers (id) ON DELETE CASCADE)"""
    )
    op.execute(
        """
        CREATE OR REPLACE FUNCTION counted(one link_visits) RETURNS TABLE (
            campaign_id varchar, day date, name text, unit text, amount bigint,
            referrer_id varchar) LANGUAGE sql STABLE AS $$
        SELECT one.campaign_id, one.day, 'visit', '', one.visits, NULL::varchar $$"""
    )
    op.execute(f"CREATE OR REPLACE VIEW counted_facts AS {_facts(*_COUNTED_BEFORE, 'link_visits')}")
    op.execute(_GRANTS)
    for name, what in (("made", "INSERT"), ("changed", "UPDATE"), ("deleted", "DELETE")):
        op.execute(
            f"CREATE OR REPLACE TRIGGER count_{name} AFTER {what} ON link_visits"
            " FOR EACH ROW EXECUTE FUNCTION count_row()"
        )


def _facts(*tables: str) -> str:
    return " UNION ALL ".join(
        f"SELECT counted.* FROM {table} one CROSS JOIN LATERAL counted(one) counted"
        + (f" WHERE one.{_REFUSED}" if table == "events" else "")
        for table in tables
    )


def downgrade() -> None:
    op.execute(f"CREATE OR REPLACE VIEW counted_facts AS {_facts(*_COUNTED_BEFORE)}")
    op.execute("DROP FUNCTION counted(link_visits)")
    op.drop_table("link_visits")
    op.drop_column("campaigns", "share_text")
    op.drop_column("campaigns", "landing_url")
