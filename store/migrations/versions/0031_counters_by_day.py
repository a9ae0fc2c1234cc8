"""counters by day, for summaries: each fact appends what it changes, in its own transaction"""

from __future__ import annotations

from alembic import op

revision: str = "0031"
down_revision: str | None = "0030"
branch_labels: str | None = None
depends_on: str | None = None

# Each step may be run again, for some cannot be in one transaction with the others.
_TABLES = {
    "count_changes": """
        id bigint GENERATED ALWAYS AS IDENTITY, campaign_id varchar NOT NULL, day date NOT NULL,
        name varchar NOT NULL, unit varchar NOT NULL, amount bigint NOT NULL, referrer_id varchar,
        CONSTRAINT pk_count_changes PRIMARY KEY (id)""",
    "daily_counts": """
        campaign_id varchar NOT NULL, name varchar NOT NULL, unit varchar NOT NULL,
        day date NOT NULL, amount bigint NOT NULL,
        CONSTRAINT pk_daily_counts PRIMARY KEY (campaign_id, name, unit, day)""",
    "referrer_counts": """
        campaign_id varchar NOT NULL, referrer_id varchar NOT NULL, referred bigint NOT NULL,
        qualified bigint NOT NULL,
        CONSTRAINT pk_referrer_counts PRIMARY KEY (campaign_id, referrer_id)""",
    "referrer_daily_counts": """
        campaign_id varchar NOT NULL, day date NOT NULL, referrer_id varchar NOT NULL,
        referred bigint NOT NULL, qualified bigint NOT NULL,
        CONSTRAINT pk_referrer_daily_counts PRIMARY KEY (campaign_id, day, referrer_id)""",
}
_INDEXES = {
    "ix_count_changes_campaign_id": "count_changes (campaign_id)",
    "ix_referrer_counts_top": (
        "referrer_counts (campaign_id, qualified DESC, referred DESC, referrer_id)"
    ),
}
# A release that still runs may do so as a role of its own, before that is granted anything here.
_GRANTS = """
DO $$ DECLARE role text; BEGIN
    FOR role IN SELECT DISTINCT grantee FROM information_schema.role_table_grants
        WHERE table_name = 'referrals' AND privilege_type = 'INSERT' AND grantee <> current_user
    LOOP EXECUTE format(
        'GRANT SELECT, INSERT, UPDATE, DELETE ON count_changes, daily_counts, referrer_counts,'
        ' referrer_daily_counts, counted_facts TO %I', role);
    END LOOP;
END $$"""

# What one row counts for: the triggers and the check read the same functions.
_COUNTED = "campaign_id varchar, day date, name text, unit text, amount bigint, referrer_id varchar"
_DAY = "(one.created_at AT TIME ZONE 'UTC')::date"
_FUNCTIONS = {
    "referrals": f"""
        SELECT one.campaign_id, {_DAY}, 'referral',
               one.campaign_version || '|' || one.status
                   || CASE WHEN one.converted_at IS NOT NULL THEN '/converted' ELSE '' END
                   || CASE WHEN one.ordinal IS NOT NULL THEN '/qualified' ELSE '' END
                   || CASE WHEN one.reversed_at IS NOT NULL THEN '/undone' ELSE '' END,
               1::bigint, one.referrer_id""",
    "grants": f"""
        SELECT one.campaign_id, {_DAY},
               CASE one.status WHEN 'delivered' THEN 'grant_delivered' ELSE 'grant_open' END,
               coalesce(one.currency, one.kind), one.amount, NULL::varchar
        WHERE one.status NOT IN ('cancelled', 'failed')""",
    "redemptions": f"""
        SELECT one.campaign_id, {_DAY}, counted.name, '', counted.amount, NULL::varchar
        FROM (VALUES
            (CASE WHEN one.failure_code IS NULL THEN 'use' ELSE 'refused_use' END, 1::bigint),
            ('use_amount', CASE WHEN one.failure_code IS NULL THEN one.amount END),
            ('use_discount', CASE WHEN one.failure_code IS NULL THEN one.discount_amount END)
        ) AS counted (name, amount)
        WHERE one.campaign_id IS NOT NULL AND counted.amount <> 0""",
    "rollbacks": """
        SELECT used.campaign_id, (used.created_at AT TIME ZONE 'UTC')::date, counted.name, '',
               counted.amount, NULL::varchar
        FROM redemptions used, LATERAL (VALUES
            ('rollback', 1::bigint), ('rollback_amount', one.amount),
            ('rollback_discount', used.discount_amount)
        ) AS counted (name, amount)
        WHERE used.id = one.redemption_id AND used.campaign_id IS NOT NULL
            AND counted.amount <> 0""",
    "events": """
        SELECT one.campaign_id, (one.at AT TIME ZONE 'UTC')::date, 'refused_publication', '',
               1::bigint, NULL::varchar
        WHERE one.type = 'publication.failed' AND one.campaign_id IS NOT NULL""",
    "publications": f"""
        SELECT one.campaign_id, {_DAY}, 'publication', '', 1::bigint, NULL::varchar""",
    "vouchers": f"""
        SELECT one.campaign_id, {_DAY}, 'code', '', 1::bigint, NULL::varchar""",
    "coupons": """
        SELECT code.campaign_id, (code.created_at AT TIME ZONE 'UTC')::date, 'coupon', '',
               1::bigint, NULL::varchar
        FROM vouchers code WHERE code.id = one.voucher_id""",
}
"""By table, of its row `one`. Coupons are codes, but none of their campaign's."""
_REFUSED = "type = 'publication.failed'"

# Row by row, and only where something changes that is counted.
_CHANGED = {
    "referrals": """
        (OLD.status, OLD.converted_at IS NULL, OLD.ordinal IS NULL, OLD.reversed_at IS NULL,
         OLD.campaign_version)
        IS DISTINCT FROM
        (NEW.status, NEW.converted_at IS NULL, NEW.ordinal IS NULL, NEW.reversed_at IS NULL,
         NEW.campaign_version)""",
    "grants": """
        OLD.amount <> NEW.amount OR OLD.status <> NEW.status AND
        (OLD.status IN ('delivered', 'cancelled', 'failed')
         OR NEW.status IN ('delivered', 'cancelled', 'failed'))""",
    "redemptions": """
        (OLD.amount, OLD.discount_amount, OLD.failure_code)
        IS DISTINCT FROM (NEW.amount, NEW.discount_amount, NEW.failure_code)""",
    "rollbacks": "OLD.amount <> NEW.amount",
}
# Made or removed by the thousand, in one statement: counted at its end.
_MANY = ("vouchers", "publications", "coupons")
_INTO = "INSERT INTO count_changes (campaign_id, day, name, unit, amount, referrer_id)"


def upgrade() -> None:
    for table, columns in _TABLES.items():
        op.execute(f"CREATE TABLE IF NOT EXISTS {table} ({columns})")
    for name, on in _INDEXES.items():
        op.execute(f"CREATE INDEX IF NOT EXISTS {name} ON {on}")
    for table, body in _FUNCTIONS.items():
        op.execute(
            f"CREATE OR REPLACE FUNCTION counted(one {table}) RETURNS TABLE ({_COUNTED})"
            f" LANGUAGE sql STABLE AS $$ {body} $$"
        )
    op.execute(f"CREATE OR REPLACE VIEW counted_facts AS {_all_facts()}")
    op.execute(_GRANTS)
    _trigger_functions()
    with op.get_context().autocommit_block():
        # One table a transaction: writers take several, in orders of their own.
        for table in _FUNCTIONS:
            _triggers(table)
        # From here on every change is appended. What was there before is the difference.
        for statement in _RECOUNT:
            op.execute(statement)


def _all_facts() -> str:
    return " UNION ALL ".join(
        f"SELECT counted.* FROM {table} one CROSS JOIN LATERAL counted(one) counted"
        + (f" WHERE one.{_REFUSED}" if table == "events" else "")
        for table in _FUNCTIONS
    )


def _trigger_functions() -> None:
    op.execute(
        f"""
        CREATE OR REPLACE FUNCTION count_row() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP <> 'INSERT' THEN
                {_INTO} SELECT campaign_id, day, name, unit, -amount, referrer_id
                FROM counted(OLD);
            END IF;
            IF TG_OP <> 'DELETE' THEN
                {_INTO} SELECT campaign_id, day, name, unit, amount, referrer_id
                FROM counted(NEW);
            END IF;
            RETURN NULL;
        END $$"""
    )
    for table in _MANY:
        for name, sign in (("added", ""), ("removed", "-")):
            op.execute(
                f"""
                CREATE OR REPLACE FUNCTION count_{name}_{table}() RETURNS trigger
                LANGUAGE plpgsql AS $$
                BEGIN
                    {_INTO} SELECT c.campaign_id, c.day, c.name, c.unit, {sign}sum(c.amount), NULL
                    FROM moved one CROSS JOIN LATERAL ({_FUNCTIONS[table]})
                        AS c (campaign_id, day, name, unit, amount, referrer_id)
                    GROUP BY 1, 2, 3, 4;
                    RETURN NULL;
                END $$"""
            )


def _triggers(table: str) -> None:
    if table in _MANY:
        for name, what, rows in (("added", "INSERT", "NEW"), ("removed", "DELETE", "OLD")):
            op.execute(
                f"CREATE OR REPLACE TRIGGER count_{name} AFTER {what} ON {table}"
                f" REFERENCING {rows} TABLE AS moved"
                f" FOR EACH STATEMENT EXECUTE FUNCTION count_{name}_{table}()"
            )
        return
    when = f"WHEN (NEW.{_REFUSED})" if table == "events" else ""
    op.execute(
        f"CREATE OR REPLACE TRIGGER count_made AFTER INSERT ON {table}"
        f" FOR EACH ROW {when} EXECUTE FUNCTION count_row()"
    )
    if table in _CHANGED:
        op.execute(
            f"CREATE OR REPLACE TRIGGER count_changed AFTER UPDATE ON {table}"
            f" FOR EACH ROW WHEN ({_CHANGED[table]}) EXECUTE FUNCTION count_row()"
        )
        op.execute(
            f"CREATE OR REPLACE TRIGGER count_deleted AFTER DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION count_row()"
        )


# As store/counts/check.py finds and mends differences.
_QUALIFIED = "sum(amount) FILTER (WHERE unit LIKE '%/qualified%')"
_RECOUNT = (
    """
    INSERT INTO daily_counts AS kept (campaign_id, name, unit, day, amount)
    SELECT campaign_id, name, unit, day, sum(amount) FROM (
        SELECT campaign_id, name, unit, day, amount FROM counted_facts
        UNION ALL SELECT campaign_id, name, unit, day, -amount FROM count_changes
        UNION ALL SELECT campaign_id, name, unit, day, -amount FROM daily_counts
    ) AS difference
    GROUP BY campaign_id, name, unit, day HAVING sum(amount) <> 0
    ON CONFLICT (campaign_id, name, unit, day)
    DO UPDATE SET amount = kept.amount + excluded.amount""",
    f"""
    INSERT INTO referrer_daily_counts AS kept (campaign_id, day, referrer_id, referred, qualified)
    SELECT campaign_id, day, referrer_id, sum(referred), sum(qualified) FROM (
        SELECT campaign_id, day, referrer_id, sum(amount) AS referred,
               coalesce({_QUALIFIED}, 0) AS qualified
        FROM (SELECT campaign_id, day, referrer_id, unit, amount FROM counted_facts
              WHERE referrer_id IS NOT NULL
              UNION ALL SELECT campaign_id, day, referrer_id, unit, -amount FROM count_changes
              WHERE referrer_id IS NOT NULL) AS facts
        GROUP BY campaign_id, day, referrer_id
        UNION ALL
        SELECT campaign_id, day, referrer_id, -referred, -qualified FROM referrer_daily_counts
    ) AS difference
    GROUP BY campaign_id, day, referrer_id HAVING sum(referred) <> 0 OR sum(qualified) <> 0
    ON CONFLICT (campaign_id, day, referrer_id)
    DO UPDATE SET referred = kept.referred + excluded.referred,
                  qualified = kept.qualified + excluded.qualified""",
    f"""
    INSERT INTO referrer_counts AS kept (campaign_id, referrer_id, referred, qualified)
    SELECT campaign_id, referrer_id, sum(referred), sum(qualified) FROM (
        SELECT campaign_id, referrer_id, sum(amount) AS referred,
               coalesce({_QUALIFIED}, 0) AS qualified
        FROM (SELECT campaign_id, referrer_id, unit, amount FROM counted_facts
              WHERE referrer_id IS NOT NULL
              UNION ALL SELECT campaign_id, referrer_id, unit, -amount FROM count_changes
              WHERE referrer_id IS NOT NULL) AS facts
        GROUP BY campaign_id, referrer_id
        UNION ALL
        SELECT campaign_id, referrer_id, -referred, -qualified FROM referrer_counts
    ) AS difference
    GROUP BY campaign_id, referrer_id HAVING sum(referred) <> 0 OR sum(qualified) <> 0
    ON CONFLICT (campaign_id, referrer_id)
    DO UPDATE SET referred = kept.referred + excluded.referred,
                  qualified = kept.qualified + excluded.qualified""",
)


def downgrade() -> None:
    for table in _FUNCTIONS:
        for name in ("added", "removed", "made", "changed", "deleted"):
            op.execute(f"DROP TRIGGER IF EXISTS count_{name} ON {table}")
    op.execute("DROP VIEW counted_facts")
    for table in _MANY:
        op.execute(f"DROP FUNCTION count_added_{table}, count_removed_{table}")
    op.execute("DROP FUNCTION count_row")
    for table in _FUNCTIONS:
        op.execute(f"DROP FUNCTION counted({table})")
    for table in _TABLES:
        op.drop_table(table)
