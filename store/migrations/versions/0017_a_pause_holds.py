"""a pause holds: what a disabled campaign or code stops is kept, and says so"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0017"
down_revision: str | None = "0016"
branch_labels: str | None = None
depends_on: str | None = None

_ATTENTION = (
    "insufficient_funds",
    "provider_misconfigured",
    "order_rejected",
    "key_conflict",
    "outcome_unknown",
    "recipient_incomplete",
    "order_lost",
    "delivery_failed",
    "delivery_overdue",
    "callout_refused",
    "callout_unanswered",
    "tax_form_missing",
    "unexpected",
)
_STOPS = ("campaign_paused", "code_disabled")
_TABLES = ("grants", "lanes")


def upgrade() -> None:
    for table in ("campaigns", "vouchers"):
        op.add_column(
            table,
            sa.Column("grants_stopped", sa.Boolean(), server_default="false", nullable=False),
        )
    op.add_column("campaigns", sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE campaigns SET opened_at = created_at")
    _allow(*_ATTENTION, *_STOPS)


def downgrade() -> None:
    op.execute(
        "UPDATE grants SET attention = 'unexpected' "
        "WHERE attention IN ('campaign_paused', 'code_disabled')"
    )
    _allow(*_ATTENTION)
    op.drop_column("campaigns", "opened_at")
    for table in ("vouchers", "campaigns"):
        op.drop_column(table, "grants_stopped")


def _allow(*words: str) -> None:
    """Widen the list of words in place."""
    listed = ", ".join(f"'{word}'" for word in words)
    for table in _TABLES:
        name = op.f(f"ck_{table}_attention_word")
        op.drop_constraint(name, table, type_="check")
        op.create_check_constraint(name, table, f"attention IN ({listed})")
