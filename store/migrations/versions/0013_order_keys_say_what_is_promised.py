"""order keys say what is promised"""

from __future__ import annotations

import secrets

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.create_table(
        "erased_names",
        sa.Column("mark", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("mark", name=op.f("pk_erased_names")),
    )
    # Empty for the grants that exist: their keys stay what they are.
    op.add_column(
        "grants", sa.Column("key_stem", sqlmodel.sql.sqltypes.AutoString(), nullable=True)
    )
    # With the schema, so that every backup from now on holds the secret.
    op.get_bind().execute(
        sa.text(
            "INSERT INTO lasting_secrets (id, secret, created_at) VALUES (1, :secret, now())"
            " ON CONFLICT DO NOTHING"
        ),
        {"secret": secrets.token_bytes(32)},
    )


def downgrade() -> None:
    op.drop_column("grants", "key_stem")
    op.drop_table("erased_names")
