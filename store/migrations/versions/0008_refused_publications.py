"""refused publications: a campaign's summary counts them"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.create_index(
        "ix_events_refused_publications",
        "events",
        ["campaign_id"],
        postgresql_where=sa.text("type = 'publication.failed'"),
    )


def downgrade() -> None:
    op.drop_index("ix_events_refused_publications", table_name="events")
