"""indexes: ledger transactions by kind, for their list; open grants, for the promises report"""

from __future__ import annotations

from alembic import op

revision: str = "0028"
down_revision: str | None = "0027"
branch_labels: str | None = None
depends_on: str | None = None

_INDEXES = {
    "ix_ledger_entries_kind_page": "ledger_entries (kind, transaction_id)",
    "ix_grants_open": "grants (id) WHERE status NOT IN ('delivered', 'cancelled', 'failed')",
}


def upgrade() -> None:
    # Writers go on meanwhile. What a broken run has left behind is made anew.
    with op.get_context().autocommit_block():
        for name, columns in _INDEXES.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {columns}")


def downgrade() -> None:
    for name in _INDEXES:
        op.execute(f"DROP INDEX {name}")
