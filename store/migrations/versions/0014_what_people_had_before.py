"""what people had before"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.create_table(
        "erased_marks",
        sa.Column("customer_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("mark", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("forget_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_erased_marks_customer_id_customers")
        ),
        sa.PrimaryKeyConstraint("customer_id", "mark", name=op.f("pk_erased_marks")),
    )
    op.create_index(op.f("ix_erased_marks_forget_at"), "erased_marks", ["forget_at"], unique=False)
    op.create_index(op.f("ix_erased_marks_mark"), "erased_marks", ["mark"], unique=False)
    op.create_table(
        "person_marks",
        sa.Column("customer_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("mark", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("value", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cleared_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_person_marks_customer_id_customers")
        ),
        sa.PrimaryKeyConstraint("customer_id", "mark", name=op.f("pk_person_marks")),
    )
    op.create_index(op.f("ix_person_marks_mark"), "person_marks", ["mark"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_person_marks_mark"), table_name="person_marks")
    op.drop_table("person_marks")
    op.drop_index(op.f("ix_erased_marks_mark"), table_name="erased_marks")
    op.drop_index(op.f("ix_erased_marks_forget_at"), table_name="erased_marks")
    op.drop_table("erased_marks")
