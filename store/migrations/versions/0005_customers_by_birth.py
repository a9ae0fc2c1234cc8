"""customers by birth: their list is paged by created_at"""

from __future__ import annotations

from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.create_index("ix_customers_birth", "customers", ["created_at", "id"])


def downgrade() -> None:
    op.drop_index("ix_customers_birth", table_name="customers")
