"""words that people wrote stand beside events, where they can be erased; stored answers know whom
they concern"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision: str = "0018"
down_revision: str | None = "0017"
branch_labels: str | None = None
depends_on: str | None = None

# What domain.feed.written_by_a_person says of older events that are about somebody.
_MOVE = """
WITH moved AS (
    SELECT seq, 'wrd_' || replace(gen_random_uuid()::text, '-', '') AS id, detail AS words,
           uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) AS key
    FROM events
    WHERE detail IS NOT NULL AND (source = 'staff' OR type = 'referral.reversal_asked')
      AND coalesce(customer_id, referral_id, grant_id, order_id) IS NOT NULL
), kept AS (
    INSERT INTO event_words (id, key, words) SELECT id, key, words FROM moved
)
UPDATE events SET detail = NULL, words_id = moved.id,
    words_hash = sha256(moved.key || convert_to(moved.words, 'UTF8'))
FROM moved WHERE events.seq = moved.seq"""


def upgrade() -> None:
    op.create_table(
        "event_words",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("words", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_words")),
    )
    op.add_column(
        "events", sa.Column("words_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True)
    )
    op.add_column("events", sa.Column("words_hash", sa.LargeBinary(), nullable=True))
    op.execute(_MOVE)
    op.add_column("idempotent_answers", sa.Column("subjects", sa.ARRAY(sa.String()), nullable=True))
    op.create_index(
        "ix_idempotent_answers_subjects",
        "idempotent_answers",
        ["subjects"],
        unique=False,
        postgresql_using="gin",
    )
    for table in ("events", "ledger_entries"):
        # NOT VALID first: adding it takes a lock for a moment only, checking takes none.
        name = f"ck_{table}_xid_is_sealed"
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK (xid > 0) NOT VALID")
        op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")


def downgrade() -> None:
    for table in ("events", "ledger_entries"):
        op.drop_constraint(op.f(f"ck_{table}_xid_is_sealed"), table, type_="check")
    op.drop_index("ix_idempotent_answers_subjects", table_name="idempotent_answers")
    op.drop_column("idempotent_answers", "subjects")
    op.execute(
        "UPDATE events SET detail = event_words.words FROM event_words "
        "WHERE event_words.id = events.words_id"
    )
    op.drop_column("events", "words_hash")
    op.drop_column("events", "words_id")
    op.drop_table("event_words")
