"""messages that people receive"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

_CHANNEL = "channel IN ('email', 'sms', 'http', 'alarm')"
_STATUS = (
    "status IN ('waiting', 'sending', 'sent', 'doubtful', 'bounced', 'suppressed', 'cancelled')"
)


def _text(name: str, *more: object, nullable: bool = True) -> sa.Column:
    return sa.Column(name, sqlmodel.sql.sqltypes.AutoString(), *more, nullable=nullable)


def _time(name: str, nullable: bool = True) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _json(name: str) -> sa.Column:
    return sa.Column(
        name, postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
    )


def upgrade() -> None:
    op.create_table(
        "message_templates",
        _text("id", nullable=False),
        _text("name", nullable=False),
        _text("channel", nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        _time("created_at", nullable=False),
        _time("updated_at"),
        _time("deleted_at"),
        sa.CheckConstraint(_CHANNEL, name=op.f("ck_message_templates_channel_word")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_templates")),
    )
    op.create_index(
        "ux_message_templates_name",
        "message_templates",
        ["name"],
        unique=True,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_table(
        "message_template_versions",
        _text("template_id", nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        _json("template"),
        _text("actor"),
        _time("created_at", nullable=False),
        sa.ForeignKeyConstraint(
            ["template_id"],
            ["message_templates.id"],
            name=op.f("fk_message_template_versions_template_id_message_templates"),
        ),
        sa.PrimaryKeyConstraint(
            "template_id", "version", name=op.f("pk_message_template_versions")
        ),
    )
    op.create_table(
        "distributions",
        _text("id", nullable=False),
        _text("name", nullable=False),
        _text("event_type", nullable=False),
        _text("channel", nullable=False),
        _text("campaign_id"),
        _text("template_id", nullable=False),
        _json("plan"),
        sa.Column("active", sa.Boolean(), nullable=False),
        _text("url"),
        _text("secret_id"),
        sa.Column("xid", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        _time("created_at", nullable=False),
        _time("updated_at"),
        _time("deleted_at"),
        sa.CheckConstraint(_CHANNEL, name=op.f("ck_distributions_channel_word")),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_distributions_campaign_id_campaigns")
        ),
        sa.ForeignKeyConstraint(
            ["template_id"],
            ["message_templates.id"],
            name=op.f("fk_distributions_template_id_message_templates"),
        ),
        sa.ForeignKeyConstraint(
            ["secret_id"],
            ["signing_secrets.id"],
            name=op.f("fk_distributions_secret_id_signing_secrets"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_distributions")),
    )
    op.create_index(
        "ux_distributions_name",
        "distributions",
        ["name"],
        unique=True,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(op.f("ix_distributions_template_id"), "distributions", ["template_id"])
    op.create_table(
        "message_position",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("xid", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_position")),
    )
    op.create_table(
        "messages",
        _text("id", nullable=False),
        _text("distribution_id", nullable=False),
        _text("recipient", nullable=False),
        _text("subject_id", nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        _text("customer_id"),
        _text("campaign_id"),
        _text("referral_id"),
        _text("grant_id"),
        _text("event_id", nullable=False),
        _text("trigger", nullable=False),
        _text("channel", nullable=False),
        sa.Column("marketing", sa.Boolean(), nullable=False),
        _text("status", nullable=False),
        _text("detail"),
        _time("due_at", nullable=False),
        _time("next_at", nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        _time("claimed_until"),
        _time("first_sent_at"),
        _time("sent_at"),
        _text("template_id"),
        sa.Column("template_version", sa.Integer(), nullable=True),
        _text("language"),
        sa.Column("address", sa.LargeBinary(), nullable=True),
        sa.Column("carries_claim", sa.Boolean(), nullable=False),
        _text("resend_of"),
        _text("actor"),
        _time("created_at", nullable=False),
        _time("updated_at"),
        sa.CheckConstraint(_CHANNEL, name=op.f("ck_messages_channel_word")),
        sa.CheckConstraint(_STATUS, name=op.f("ck_messages_status_word")),
        *(
            sa.ForeignKeyConstraint(
                [column], [f"{table}.id"], name=op.f(f"fk_messages_{column}_{table}")
            )
            for column, table in (
                ("distribution_id", "distributions"),
                ("customer_id", "customers"),
                ("campaign_id", "campaigns"),
                ("referral_id", "referrals"),
                ("grant_id", "grants"),
                ("template_id", "message_templates"),
            )
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
        sa.UniqueConstraint(
            "distribution_id",
            "recipient",
            "subject_id",
            "generation",
            name=op.f("uq_messages_distribution_id_recipient_subject_id_generation"),
        ),
    )
    op.create_index("ix_messages_customer_page", "messages", ["customer_id", "id"])
    op.create_index("ix_messages_distribution_page", "messages", ["distribution_id", "id"])
    op.create_index("ix_messages_status_page", "messages", ["status", "id"])
    op.create_index("ix_messages_subject", "messages", ["subject_id"])
    op.create_index(
        "ix_messages_open",
        "messages",
        ["next_at"],
        postgresql_where=sa.text("status IN ('waiting', 'sending')"),
    )
    op.create_index(op.f("ix_messages_referral_id"), "messages", ["referral_id"])
    op.create_index(op.f("ix_messages_grant_id"), "messages", ["grant_id"])
    op.create_table(
        "consents",
        _text("customer_id", nullable=False),
        _text("channel", nullable=False),
        sa.Column("granted", sa.Boolean(), nullable=False),
        _text("source"),
        _time("at", nullable=False),
        _time("recorded_at", nullable=False),
        sa.CheckConstraint(_CHANNEL, name=op.f("ck_consents_channel_word")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_consents_customer_id_customers")
        ),
        sa.PrimaryKeyConstraint("customer_id", "channel", name=op.f("pk_consents")),
    )
    op.create_table(
        "suppressions",
        _text("channel", nullable=False),
        sa.Column("address", sa.LargeBinary(), nullable=False),
        _text("reason", nullable=False),
        _text("message_id"),
        _time("created_at", nullable=False),
        sa.CheckConstraint(_CHANNEL, name=op.f("ck_suppressions_channel_word")),
        sa.PrimaryKeyConstraint("channel", "address", name=op.f("pk_suppressions")),
    )


def downgrade() -> None:
    for table in (
        "suppressions",
        "consents",
        "messages",
        "message_position",
        "distributions",
        "message_template_versions",
        "message_templates",
    ):
        op.drop_table(table)
