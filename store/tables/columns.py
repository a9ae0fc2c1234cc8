"""Column types that every table uses."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import ARRAY, CheckConstraint, Column, DateTime, MetaData, String, Text, inspect
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

# Constraint names that are the same on every machine, so that migrations can use them.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
metadata: MetaData = SQLModel.metadata


def instant(*, nullable: bool = False, index: bool = False) -> Any:
    """A time with zone; Guerdon stores UTC only."""
    default: dict[str, Any] = {"default": None} if nullable else {}
    return Field(
        sa_type=DateTime(timezone=True),
        nullable=nullable,
        index=index,
        **default,
    )


def account_name(*, primary_key: bool = False) -> Any:
    """A ledger account's name, compared byte by byte, so that an index finds prefixes."""
    return Field(
        sa_column=Column("account", String(collation="C"), primary_key=primary_key, nullable=False)
    )


def document(**kwargs: Any) -> Any:
    """A JSON document. None is SQL's NULL, not JSON's, so that IS NULL and || work as expected."""
    return Field(sa_type=JSONB(none_as_null=True), **kwargs)


def one_of(column: str, words: type[StrEnum]) -> CheckConstraint:
    """Only the values of an enumeration: a CHECK, which a migration can extend in place."""
    listed = ", ".join(f"'{word}'" for word in words)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_word")


def keys() -> Any:
    """Values by which a row is found; any of them matches."""
    return Field(default=None, sa_type=ARRAY(Text), nullable=True)


def documents(table: type[SQLModel], column: str) -> Any:
    """A JSON column as SQLAlchemy sees it, so that its members can be compared in SQL."""
    return inspect(table).columns[column]
