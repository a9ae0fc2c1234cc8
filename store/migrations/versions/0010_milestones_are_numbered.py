"""milestones are numbered: an edited threshold neither pays one again nor skips it"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | None = None
depends_on: str | None = None

_IDENTITY = ["campaign_id", "reason", "recipient_id", "ordinal"]
_OLD = "uq_grants_campaign_id_reason_recipient_id_ordinal"
# Until now a milestone's ordinal was the count of friends that earned it. It stays in the order
# keys: the first order may have gone out under it.
_RENUMBER = """
UPDATE grants SET friends_counted = ordinal, key_ordinal = ordinal, ordinal = milestones.number
FROM (
    SELECT grants.id, row_number() OVER (
        PARTITION BY grants.campaign_id, grants.reason, grants.recipient_id
        ORDER BY grants.ordinal
    ) AS number
    FROM grants
    JOIN referrals ON referrals.id = grants.referral_id
    JOIN campaign_versions AS versions
        ON versions.campaign_id = referrals.campaign_id
        AND versions.version = referrals.campaign_version
    CROSS JOIN LATERAL jsonb_array_elements(CAST(versions.terms AS jsonb) -> 'tiers') AS tier
    WHERE grants.role = 'referrer'
        AND tier ->> 'id' = grants.reason
        AND tier ->> 'criterion' = 'min_unique_referees'
) AS milestones
WHERE milestones.id = grants.id
"""
_TO_COUNTS = """
UPDATE grants SET ordinal = coalesce(key_ordinal, friends_counted)
WHERE friends_counted IS NOT NULL
"""


def upgrade() -> None:
    op.add_column("grants", sa.Column("friends_counted", sa.Integer(), nullable=True))
    op.add_column("grants", sa.Column("key_ordinal", sa.Integer(), nullable=True))
    op.drop_constraint(op.f(_OLD), "grants", type_="unique")
    op.execute(_RENUMBER)
    for name, milestones in (
        ("ux_grants_friend", "IS NULL"),
        ("ux_grants_milestone", "IS NOT NULL"),
    ):
        op.create_index(
            name,
            "grants",
            _IDENTITY,
            unique=True,
            postgresql_where=sa.text(f"friends_counted {milestones}"),
        )


def downgrade() -> None:
    op.drop_index("ux_grants_milestone", table_name="grants")
    op.drop_index("ux_grants_friend", table_name="grants")
    op.execute(_TO_COUNTS)
    op.create_unique_constraint(op.f(_OLD), "grants", _IDENTITY)
    op.drop_column("grants", "key_ordinal")
    op.drop_column("grants", "friends_counted")
