"""codes as people type them: found without regard to case, blanks and kinds of dashes"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0019"
down_revision: str | None = "0018"
branch_labels: str | None = None
depends_on: str | None = None

# Dashes first, which become "-"; what has no counterpart is dropped: blanks, then characters
# without width.
_FUNCTION = r"""
CREATE FUNCTION code_reading(code text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT lower(translate(code, U&'-\2010\2011\2012\2013\2014\2015\2212\FE58\FE63\FF0D\0009\000A\000B\000C\000D\0020\0085\00A0\1680\2000\2001\2002\2003\2004\2005\2006\2007\2008\2009\200A\2028\2029\202F\205F\3000\00AD\034F\061C\180E\200B\200C\200D\200E\200F\202A\202B\202C\202D\202E\2060\2061\2062\2063\2064\2066\2067\2068\2069\FEFF', '-----------'))
$$"""


def upgrade() -> None:
    op.execute(_FUNCTION)
    op.add_column("vouchers", sa.Column("generated", sa.Boolean(), nullable=True))
    op.create_index("ix_vouchers_reading", "vouchers", [sa.text("code_reading(code)")])
    op.create_index(
        "ux_vouchers_generated_reading",
        "vouchers",
        [sa.text("code_reading(code)")],
        unique=True,
        postgresql_where=sa.text("generated"),
    )


def downgrade() -> None:
    op.drop_index("ux_vouchers_generated_reading", table_name="vouchers")
    op.drop_index("ix_vouchers_reading", table_name="vouchers")
    op.drop_column("vouchers", "generated")
    op.execute("DROP FUNCTION code_reading(text)")
