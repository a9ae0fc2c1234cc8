"""indexes: ledger transactions by account and time, late grants, codes read alike; ledger by day"""

from __future__ import annotations

from alembic import op

revision: str = "0032"
down_revision: str | None = "0031"
branch_labels: str | None = None
depends_on: str | None = None

_OPEN = "status NOT IN ('delivered', 'cancelled', 'failed')"
_INDEXES = {
    "ix_ledger_entries_account_page": "ledger_entries (account, transaction_id)",
    "ix_ledger_entries_page": "ledger_entries (transaction_id) INCLUDE (at)",
    "ix_grants_open_since": f"grants (status, coalesce(updated_at, created_at)) WHERE {_OPEN}",
    "ix_customers_updated": "customers (updated_at, id) WHERE updated_at IS NOT NULL",
    "ix_vouchers_updated": "vouchers (updated_at, id) WHERE updated_at IS NOT NULL",
    "ix_vouchers_brought": "vouchers (code_reading(code)) WHERE generated IS NOT TRUE",
    "ix_grants_open_due": f"grants (status, due_at) WHERE due_at IS NOT NULL AND {_OPEN}",
}
_REPLACED = {
    "ix_ledger_entries_account": "ledger_entries (account, currency)",
    "ix_ledger_entries_transaction_id": "ledger_entries (transaction_id)",
    "ix_grants_open": f"grants (id) WHERE {_OPEN}",
}


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE IF NOT EXISTS currency_days (
            currency varchar NOT NULL, day date NOT NULL, amount bigint NOT NULL,
            CONSTRAINT pk_currency_days PRIMARY KEY (currency, day))"""
    )
    op.execute(
        """
        DO $$ DECLARE role text; BEGIN
            FOR role IN SELECT DISTINCT grantee FROM information_schema.role_table_grants
                WHERE table_name = 'account_days' AND privilege_type = 'INSERT'
                AND grantee <> current_user
            LOOP EXECUTE format(
                'GRANT SELECT, INSERT, UPDATE, DELETE ON currency_days TO %I', role);
            END LOOP;
        END $$"""
    )
    # No round of sums runs meanwhile: it holds this lock as well.
    op.execute("SELECT pg_advisory_xact_lock(hashtext('guerdon.ledger.sums'))")
    # A day's entries come to nothing, also those that a release before this one sums up later.
    op.execute(
        """
        INSERT INTO currency_days (currency, day, amount)
        SELECT currency, day, sum(amount) FROM account_days GROUP BY currency, day
        ON CONFLICT DO NOTHING"""
    )
    # Writers go on meanwhile. What a broken run has left behind is made anew.
    with op.get_context().autocommit_block():
        for name, columns in _INDEXES.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {columns}")
        for name in _REPLACED:
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")


def downgrade() -> None:
    for name, columns in _REPLACED.items():
        op.execute(f"CREATE INDEX {name} ON {columns}")
    for name in _INDEXES:
        op.execute(f"DROP INDEX {name}")
    op.drop_table("currency_days")
