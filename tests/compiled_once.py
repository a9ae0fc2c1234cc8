"""Statements are compiled once a process. SQLAlchemy keeps what it compiled for one engine, and
each test opens two or three: compiling anew took a quarter of the suite's time in Python."""

from __future__ import annotations

from functools import partial
from typing import Any
from unittest.mock import patch

from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.util import LRUCache

from store import database

_STATEMENTS: LRUCache[Any, Any] = LRUCache(5000)


def share_compiled_statements() -> None:
    """From now on, between all databases. The dialect is part of a cache's key; ours are alike."""
    creating = partial(
        database.create_async_engine, execution_options={"compiled_cache": _STATEMENTS}
    )
    patch.object(database, "create_async_engine", creating).start()
    patch.object(PGDialect_asyncpg, "__eq__", _alike).start()
    patch.object(PGDialect_asyncpg, "__hash__", lambda dialect: hash(type(dialect))).start()


def _alike(dialect: PGDialect_asyncpg, other: object) -> bool:
    return type(other) is type(dialect)
