"""The rights of the role that Guerdon runs as. Another role owns and migrates the tables, so that
an attacker in a process can neither rewrite history nor disable its protection."""

from __future__ import annotations

import asyncio
import re

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from store.postgres_url import parse

APPEND_ONLY = ("events", "ledger_entries", "ledger_seals", "event_seals")
_NAME = re.compile(r"^[a-z_][a-z0-9_]{0,62}$")


def grant_runtime(database_url: str, role: str) -> None:
    """Grant the role what it needs, in the database that the URL's owner has migrated. Safe to
    repeat. Raises ValueError for an invalid role name."""
    if not _NAME.match(role):
        raise ValueError("GUERDON_RUNTIME_ROLE must be a role's name: a-z, 0-9 and _")
    asyncio.run(_grant(database_url, role))


def _statements(role: str) -> list[str]:
    kept = ", ".join(APPEND_ONLY)
    return [
        # Reconciliation keeps a run's lines in a table of its own while it runs.
        f"GRANT USAGE, CREATE ON SCHEMA public TO {role}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}",
        f"REVOKE UPDATE, DELETE, TRUNCATE ON {kept} FROM {role}",
        f"REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON alembic_version FROM {role}",
    ]


async def _grant(database_url: str, role: str) -> None:
    address = parse(database_url)
    engine = create_async_engine(address.for_engine, connect_args=dict(address.options))
    try:
        async with engine.begin() as connection:
            for statement in _statements(role):
                await connection.execute(text(statement))
    finally:
        await engine.dispose()
