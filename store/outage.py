"""Distinguishes "PostgreSQL is down, or too busy" from all its other errors."""

from __future__ import annotations

from asyncpg import exceptions as pg
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeout

_PASSING = (
    pg.PostgresConnectionError,
    pg.CannotConnectNowError,
    pg.AdminShutdownError,
    pg.CrashShutdownError,
    pg.TooManyConnectionsError,
    pg.LockNotAvailableError,
    pg.DeadlockDetectedError,
    pg.SerializationError,
    pg.ReadOnlySQLTransactionError,
    pg.DiskFullError,
    # A message that asyncpg could not finish because the socket was closed.
    pg.InterfaceError,
)


def is_outage(error: BaseException) -> bool:
    """Whether repeating the request soon may succeed. Nothing was committed, unless the connection
    broke during the commit; repeats are safe either way."""
    if isinstance(error, DBAPIError):
        cause = error.orig.__cause__ if error.orig else None
        return error.connection_invalidated or (cause is not None and is_outage(cause))
    if isinstance(error, ValueError):  # also an InterfaceError if asyncpg cannot encode a value
        return False
    return isinstance(error, (*_PASSING, PoolTimeout, DisconnectionError, OSError))


_VALUE = (pg.DataError, pg.IntegrityConstraintViolationError, ValueError, OverflowError)
"""Errors about a value that PostgreSQL cannot store, or that violates a constraint. asyncpg's own
DataError, for a value that it cannot encode, is a ValueError."""


def is_refused_value(error: BaseException) -> bool:
    """Whether the statement's values are at fault: a repeat would fail the same way."""
    if isinstance(error, DBAPIError):
        cause = error.orig.__cause__ if error.orig else None
        return cause is not None and is_refused_value(cause)
    return isinstance(error, _VALUE)


FAILURES = (OSError, DBAPIError, pg.PostgresError, pg.InterfaceError)
"""The errors of working with PostgreSQL."""


def in_words(error: Exception) -> str:
    """PostgreSQL's message, or that there is none, in one line and without a password."""
    if isinstance(error, DBAPIError):
        cause = error.orig.__cause__ if error.orig else None
        return f"PostgreSQL says: {str(cause or error.orig).splitlines()[0]}"
    if isinstance(error, OSError):
        return f"PostgreSQL does not answer: {error or type(error).__name__}"
    return f"PostgreSQL says: {str(error).splitlines()[0]}"
