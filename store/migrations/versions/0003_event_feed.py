"""events are followed by transaction and number"""

from __future__ import annotations

from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.create_index("ix_events_feed", "events", ["xid", "seq"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_events_feed", table_name="events")
