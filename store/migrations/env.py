"""Runs migrations on the connection that store/migrate.py hands over."""

from __future__ import annotations

from alembic import context

from store.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    compare_type=True,
    compare_server_default=True,
    # One that makes indexes beside running writers commits in between.
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
