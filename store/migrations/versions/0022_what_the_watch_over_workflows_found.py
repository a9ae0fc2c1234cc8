"""what the watch over workflows found"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision: str = "0022"
down_revision: str | None = "0021"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.create_table(
        "progress_checks",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("missing", sa.Integer(), nullable=False),
        sa.Column("idle", sa.Integer(), nullable=False),
        sa.Column("so_far", sa.Integer(), nullable=False),
        sa.Column("behind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_progress_checks")),
    )


def downgrade() -> None:
    op.drop_table("progress_checks")
