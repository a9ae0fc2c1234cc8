"""every id of an order: conversions and uses are found by each

NULL means: recorded before, and known by `order_source_id` alone.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0021"
down_revision: str | None = "0020"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    for table in ("referrals", "redemptions"):
        op.add_column(table, sa.Column("order_ids", sa.ARRAY(sa.Text()), nullable=True))
        op.create_index(f"ix_{table}_order_ids", table, ["order_ids"], postgresql_using="gin")


def downgrade() -> None:
    for table in ("referrals", "redemptions"):
        op.drop_index(f"ix_{table}_order_ids", table_name=table)
        op.drop_column(table, "order_ids")
