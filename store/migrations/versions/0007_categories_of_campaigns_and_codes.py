"""categories of campaigns and codes"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    for table in ("campaigns", "vouchers"):
        op.add_column(
            table, sa.Column("category", sqlmodel.sql.sqltypes.AutoString(), nullable=True)
        )
    # Imports have kept it among the metadata, where it stays: it may be the caller's own word too.
    op.execute(
        "UPDATE vouchers SET category = attributes ->> 'category' WHERE attributes ? 'category'"
        " AND jsonb_typeof(attributes -> 'category') = 'string'"
    )


def downgrade() -> None:
    for table in ("vouchers", "campaigns"):
        op.drop_column(table, "category")
